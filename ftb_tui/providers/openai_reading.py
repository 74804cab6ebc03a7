"""What the OpenAI wire's objects mean, as our records. Nothing that a service sends is taken for granted."""

from __future__ import annotations

import base64
import binascii
import csv
import io
import math
from collections.abc import Iterable, Mapping
from typing import Any

from ftb_tui.providers.base import ErrorKind, JobEvent, ProviderError, RemoteCheckpoint, RemoteJob
from ftb_tui.providers.dialect import Dialect
from ftb_tui.providers.failures import cleaned

# Result files name the same thing in several ways.
_COLUMNS = {
    "train_accuracy": "train_mean_token_accuracy",
    "validation_mean_token_accuracy": "valid_mean_token_accuracy",
    "valid_accuracy": "valid_mean_token_accuracy",
}


def id_of(answer: object, host: str, what: str) -> str:
    """The id that an answer must have. Raises `ProviderError` for one without."""
    found = getattr(answer, "id", None)
    if not isinstance(found, str) or not found:
        raise ProviderError(ErrorKind.BAD_RESPONSE, f"{host} answered {what} without an id", host=host)
    return found


def job_of(job: Any, dialect: Dialect, host: str, secrets: tuple[str, ...] = ()) -> RemoteJob:
    """A fine-tuning job. What of it is of another kind than it should be is not known; secrets are taken out of words."""
    results = _of(job, "result_files")
    error = _job_error(_of(job, "error"))
    return RemoteJob(
        job_id=id_of(job, host, "about a job"),
        state=dialect.state(str(_of(job, "status"))),
        raw_state=str(_of(job, "status")),
        base_model=text(_of(job, "model")) or "",
        tuned_model=text(_of(job, "fine_tuned_model")),
        created_at=number(_of(job, "created_at")),
        finished_at=number(_of(job, "finished_at")),
        # Servers say 0 where they mean that they do not know.
        estimated_finish=number(_of(job, "estimated_finish")) or None,
        trained_tokens=whole(_of(job, "trained_tokens")),
        error=cleaned(error, *secrets) if error else None,
        tag=text(record(_of(job, "metadata")).get("ftb_intent")),
        hyperparameters={
            name: value
            for name, value in record(_of(job, "hyperparameters")).items()
            if isinstance(value, str | int | float)
        },
        training_file=text(_of(job, "training_file")),
        result_files=tuple(one for one in results if isinstance(one, str)) if isinstance(results, list) else (),
    )


def event_of(item: Any, secrets: tuple[str, ...] = ()) -> JobEvent:
    """One line of a job's log, without secrets."""
    data = record(_of(item, "data"))
    metrics = metrics_of(data)
    step, total = whole(data.get("step")), whole(data.get("total_steps"))
    for name in ("step", "total_steps"):
        metrics.pop(name, None)
    return JobEvent(
        event_id=str(item.id),
        created_at=number(_of(item, "created_at")) or 0.0,
        level=text(_of(item, "level")) or "info",
        message=cleaned(str(_of(item, "message") or ""), *secrets),
        step=step,
        total_steps=total,
        metrics=metrics,
    )


def in_order(events: Iterable[JobEvent]) -> list[JobEvent]:
    """Events that came oldest first, but within a second in no sure order: steps by their number.

    What has no step, as "the job has completed", stays behind the step that it came after.
    """
    after, keyed = 0, []
    for event in events:
        after = after if event.step is None else event.step
        keyed.append((event.created_at, after, event))
    return [event for _, _, event in sorted(keyed, key=lambda one: one[:2])]


def checkpoint_of(item: Any, dialect: Dialect, job_id: str) -> RemoteCheckpoint | None:
    """A checkpoint; None for one that nothing can be asked of."""
    name = text(_of(item, "fine_tuned_model_checkpoint"))
    if dialect.checkpoint_model:
        name = dialect.checkpoint_model.format(job=job_id, checkpoint=item.id)
    if not name:
        return None
    metrics = metrics_of(record(_of(item, "metrics")))
    step = whole(_of(item, "step_number")) or int(metrics.get("step", 0))
    metrics.pop("step", None)
    return RemoteCheckpoint(
        checkpoint_id=str(item.id), model=name, step=step, created_at=number(_of(item, "created_at")), metrics=metrics
    )


def result_rows(content: bytes) -> list[tuple[int, dict[str, float]]]:
    """(step, metrics) of a result file: CSV, or base64 of it as OpenAI sends; empty when it is neither."""
    table = content.decode("utf-8-sig", "replace")
    if "," not in table.split("\n", 1)[0]:
        try:
            table = base64.b64decode("".join(table.split()), validate=True).decode("utf-8-sig", "replace")
        except (binascii.Error, ValueError):
            return []
    rows = []
    for line in csv.DictReader(io.StringIO(table)):
        values = {str(name or "").strip(): _cell(value) for name, value in line.items() if isinstance(value, str)}
        step = values.pop("step", None)
        if step is not None:
            found = {_COLUMNS.get(name, name): value for name, value in values.items() if value is not None and name}
            rows.append((int(step), found))
    return rows


def quota_words(answer: object) -> str:
    """`model: 1 of 3 running, 10 in all` from a service's limits; its figures as they are where they look otherwise."""
    if not isinstance(answer, Mapping):
        return ""
    inner = answer.get("data", answer)
    if not isinstance(inner, Mapping):
        return str(inner)[:300]
    words = []
    for model, limits in inner.items():
        if isinstance(limits, Mapping):
            words.append(f"{model}: " + ", ".join(f"{name} {value}" for name, value in limits.items()))
    return "; ".join(words)[:600]


def metrics_of(values: Mapping[str, Any]) -> dict[str, float]:
    """The finite numbers of a mapping; NaN, infinity and null are gaps."""
    return {name: value for name, raw in values.items() if (value := number(raw)) is not None}


def record(value: object) -> Mapping[str, Any]:
    """The parts of one of the wire's objects by name; none where there is something else in its place."""
    if isinstance(value, Mapping):
        return value
    # Not `model_dump`, which warns on stderr of every value that is of another type than the SDK has it.
    return {**value.__dict__, **(value.__pydantic_extra__ or {})} if hasattr(value, "__pydantic_extra__") else {}


def text(value: object) -> str | None:
    """A text that is not empty, or None."""
    return value if isinstance(value, str) and value else None


def number(value: object) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def whole(value: object) -> int | None:
    """A whole number, or None."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _cell(written: str) -> float | None:
    try:
        return number(float(written))
    except ValueError:
        return None


def _of(item: object, name: str) -> Any:
    """A part of one of the SDK's objects; where the service left it out there is no such attribute."""
    return getattr(item, name, None)


def _job_error(error: Any) -> str | None:
    """The words of a job's error; a healthy job may carry an empty one."""
    if isinstance(error, str):
        return error or None
    message, code = record(error).get("message"), record(error).get("code")
    return str(message or code) if message or code else None
