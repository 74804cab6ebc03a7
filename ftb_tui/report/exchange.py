"""The request that was posted for an answer and what was kept of the response, as JSON."""

from __future__ import annotations

from datetime import UTC, datetime

from ftb_tui.report.plain import json_text
from ftb_tui.store.drilldown import ResponseRecord


def request_text(record: ResponseRecord) -> str:
    """The request as it was posted, put together again from what is kept; for imported answers, that there was none."""
    parameters = record.parameters
    if "imported_from" in parameters:
        return f"The answer was imported; nothing was asked from here.\n{json_text(parameters)}"
    if "maxOutputTokens" in parameters:
        from ftb_tui.providers.google_answering import posted as posted_to_google

        return f"POST {record.model}:generateContent\n{json_text(posted_to_google(record.prompt, parameters))}"
    from ftb_tui.providers.openai_asking import posted

    path, body = posted(record.model, record.prompt, parameters)
    lines = [f"POST {path}{', as a line of a batch' if parameters.get('batch') else ''}", json_text(body)]
    if left_out := parameters.get("left_out"):
        lines.append(f"Left out, since the model refuses it: {', '.join(map(str, left_out))}")  # type: ignore[call-overload]
    return "\n".join(lines)


def response_text(record: ResponseRecord) -> str:
    """All that was kept of the response; control characters of the answer are escaped."""
    kept: dict[str, object] = {
        "answer": record.answer,
        "finish_reason": record.finish_reason,
        "model": record.model_reported,
        "request_id": record.request_id,
        "usage": {"prompt_tokens": record.prompt_tokens, "completion_tokens": record.completion_tokens},
        "latency_ms": record.latency_ms,
        "attempts": record.attempts,
        "kept_at": datetime.fromtimestamp(record.created_at, UTC).isoformat(timespec="seconds"),
    }
    if record.tokens_estimated:
        kept["usage_is_estimated"] = True
    if record.yes is not None or record.no is not None:
        kept["first_word_log_probabilities"] = {"Yes": record.yes, "No": record.no, "least_listed": record.floor}
    if record.error_kind is not None:
        kept["error"] = {"kind": record.error_kind, "message": record.error}
    return json_text(kept)
