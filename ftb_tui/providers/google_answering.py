"""Questions to Gemini models: what is sent, and what of a reply is an answer.

Thinking is off wherever the model lets us: supervised tuning learns without it, and it would use up the tokens of a
short answer. Models differ in the switch they take, so a refusal moves on to the next, once a model.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ftb_tui.providers.base import NOTES, Answer, AskRequest, ErrorKind, ProviderError
from ftb_tui.providers.google_failures import google_errors

if TYPE_CHECKING:
    from google import genai

_THINKING_OFF: tuple[Mapping[str, object] | None, ...] = ({"thinkingBudget": 0}, {"thinkingLevel": "MINIMAL"}, None)
_WITHHELD = frozenset(
    {"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "MODEL_ARMOR", "IMAGE_SAFETY"}
)


class ThinkingSwitches:
    """Which way of turning thinking off each model takes, as far as it was learned."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def of(self, model: str) -> Mapping[str, object] | None:
        """The `thinkingConfig` to send to a model now; None for none."""
        return _THINKING_OFF[self._places.get(model, 0)]

    def refused(self, model: str, switch: Mapping[str, object] | None) -> bool:
        """The model refused this switch. Whether there is another way to try."""
        if switch is None:
            return False
        place = _THINKING_OFF.index(switch) + 1
        self._places[model] = max(self._places.get(model, 0), place)
        return True


def generation_config(request: AskRequest, switch: Mapping[str, object] | None) -> dict[str, object]:
    """The `generationConfig` of a question, as it is sent and recorded."""
    values: dict[str, object] = {"maxOutputTokens": request.max_tokens, "candidateCount": 1}
    if request.temperature is not None:
        values["temperature"] = request.temperature
    if request.seed is not None:
        values["seed"] = request.seed
    if switch is not None:
        values["thinkingConfig"] = dict(switch)
    return values


def posted(prompt: str, parameters: Mapping[str, object]) -> dict[str, object]:
    """The body of a question that was asked, from the `parameters` that are kept with its answer."""
    config = {name: value for name, value in parameters.items() if name not in NOTES}
    return {"contents": [{"parts": [{"text": prompt}], "role": "user"}], "generationConfig": config}


async def ask_gemini(
    client: genai.Client,
    request: AskRequest,
    switches: ThinkingSwitches,
    *,
    host: str,
    secrets: Callable[[], tuple[str, ...]],
) -> Answer:
    """One answer. Raises `ProviderError`; `blocked` and `no_answer` where there is no text, with the reason given."""
    from google.genai import types

    while True:
        switch = switches.of(request.model)
        sent = generation_config(request, switch)
        started = time.perf_counter()
        try:
            with google_errors(host, secrets):
                # The typed reply costs as much as the call; the body alone is enough.
                config = types.GenerateContentConfig.model_validate({**sent, "shouldReturnHttpResponse": True})
                reply = await client.aio.models.generate_content(
                    model=request.model, contents=request.prompt, config=config
                )
                body = reply.sdk_http_response.body if reply.sdk_http_response else None
                values = json.loads(body or "")
        except ProviderError as error:
            is_about_thinking = error.kind is ErrorKind.INVALID_REQUEST and "think" in error.message.lower()
            if is_about_thinking and switches.refused(request.model, switch):
                continue
            raise
        return read_answer(values, request.model, sent, (time.perf_counter() - started) * 1000, host)


def read_answer(values: object, model: str, sent: Mapping[str, object], latency_ms: float, host: str) -> Answer:
    """The text of a GenerateContentResponse, thoughts left out. Thinking tokens are billed as output, so they count."""
    if not isinstance(values, dict):
        raise _bad(values, host)
    candidates = values.get("candidates") or []
    feedback = values.get("promptFeedback")
    if not candidates and isinstance(feedback, dict) and feedback.get("blockReason"):
        words = feedback.get("blockReasonMessage") or feedback["blockReason"]
        raise ProviderError(ErrorKind.BLOCKED, f"The question was blocked: {words}", host=host)
    usage = values.get("usageMetadata")
    if not candidates:
        if not isinstance(usage, dict) and feedback is None:
            raise _bad(values, host)
        raise ProviderError(ErrorKind.NO_ANSWER, "The reply holds no candidate and no reason why.", host=host)
    usage = usage if isinstance(usage, dict) else {}
    try:
        first = candidates[0]
        reason = str(first.get("finishReason") or "")
        parts = (first.get("content") or {}).get("parts") or []
        texts = [part["text"] for part in parts if isinstance(part.get("text"), str) and not part.get("thought")]
    except (AttributeError, KeyError, IndexError, TypeError):
        raise _bad(values, host) from None
    if not texts:
        raise _without_text(first, reason, usage, host)
    output = [_whole(usage.get(name)) for name in ("candidatesTokenCount", "thoughtsTokenCount")]
    return Answer(
        text="".join(texts),
        model_reported=str(values.get("modelVersion") or model),
        finish_reason=_finish(reason),
        prompt_tokens=_whole(usage.get("promptTokenCount")),
        completion_tokens=sum(filter(None, output)) if usage else None,
        latency_ms=latency_ms,
        request_id=str(values["responseId"]) if values.get("responseId") else None,
        parameters=dict(sent),
    )


def _without_text(candidate: Mapping[str, Any], reason: str, usage: Mapping[str, Any], host: str) -> ProviderError:
    words = candidate.get("finishMessage")
    told = f"{reason}: {words}" if words else reason or "no reason given"
    if reason in _WITHHELD:
        return ProviderError(ErrorKind.BLOCKED, f"The answer was withheld: {told}", host=host)
    thoughts = _whole(usage.get("thoughtsTokenCount"))
    if reason == "MAX_TOKENS" and thoughts:
        told += f"; {thoughts} tokens went into thinking before the first word. Allow more answer tokens"
    return ProviderError(ErrorKind.NO_ANSWER, f"The reply has no text: {told}", host=host)


def _bad(values: object, host: str) -> ProviderError:
    return ProviderError(ErrorKind.BAD_RESPONSE, f"{host} answered without a candidate: {str(values)[:200]}", host=host)


def _finish(reason: str) -> str:
    return {"STOP": "stop", "MAX_TOKENS": "length"}.get(reason, reason)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
