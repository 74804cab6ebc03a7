"""Google's tuning jobs in our words.

The service has no events and no loss by step. What it says of a job (phase, data statistics, epochs) is made into
events here, each with an id of its own, so that what was seen once is recorded once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ftb_tui.providers.base import JobEvent, JobState, RemoteCheckpoint, RemoteJob
from ftb_tui.providers.google_settings import location_of

if TYPE_CHECKING:
    from google.genai import types

TAG = "ftb_intent"
"""The label that carries the intent's id."""

_STATES = {
    "JOB_STATE_QUEUED": JobState.QUEUED, "JOB_STATE_PENDING": JobState.QUEUED, "JOB_STATE_RUNNING": JobState.RUNNING,
    "JOB_STATE_UPDATING": JobState.RUNNING, "JOB_STATE_PAUSED": JobState.PAUSED,
    "JOB_STATE_CANCELLING": JobState.CANCELLING, "JOB_STATE_CANCELLED": JobState.CANCELLED,
    "JOB_STATE_SUCCEEDED": JobState.SUCCEEDED, "JOB_STATE_PARTIALLY_SUCCEEDED": JobState.PARTIAL,
    "JOB_STATE_FAILED": JobState.FAILED, "JOB_STATE_EXPIRED": JobState.EXPIRED,
}  # fmt: skip
_PHASES = {
    "TUNING_JOB_STATE_WAITING_FOR_QUOTA": (JobState.QUEUED, "Waiting for quota (one job at a time is the default)"),
    "TUNING_JOB_STATE_PROCESSING_DATASET": (JobState.PREPARING, "Processing the dataset"),
    "TUNING_JOB_STATE_WAITING_FOR_CAPACITY": (JobState.QUEUED, "Waiting for capacity"),
    "TUNING_JOB_STATE_TUNING": (JobState.RUNNING, "Tuning"),
    "TUNING_JOB_STATE_POST_PROCESSING": (JobState.RUNNING, "Post-processing: making the model ready to be asked"),
}


def remote_job(job: types.TuningJob) -> RemoteJob:
    """The job as we record it; states that are not known are `unknown`, which never ends a job.

    `trained_tokens` is what is billed once a job is through: tokens of the dataset times its epochs.
    """
    raw, phase = _word(job.state), _word(job.tuning_job_state)
    state = _STATES.get(raw, JobState.UNKNOWN)
    if state is JobState.RUNNING and phase in _PHASES:
        state = _PHASES[phase][0]
    stats = _statistics(job)
    epochs = _epochs(job)
    through = state in (JobState.SUCCEEDED, JobState.PARTIAL)
    tokens = _whole(getattr(stats, "total_billable_token_count", None)) if through else None
    error = job.error.message or (f"code {job.error.code}" if job.error.code else None) if job.error else None
    return RemoteJob(
        job_id=str(job.name),
        state=state,
        raw_state=f"{raw} {phase}".strip() if state is not JobState.UNKNOWN and not state.is_final else raw,
        base_model=str(job.base_model or ""),
        tuned_model=_endpoint(job) if through else None,
        created_at=_seconds(job.create_time),
        finished_at=_seconds(job.end_time) if state.is_final else None,
        trained_tokens=tokens * epochs if tokens is not None and epochs else None,
        error=error,
        tag=(job.labels or {}).get(TAG),
        hyperparameters=_hyperparameters(job),
        training_file=job.supervised_tuning_spec.training_dataset_uri if job.supervised_tuning_spec else None,
    )


def remote_checkpoints(job: types.TuningJob) -> list[RemoteCheckpoint]:
    """The models after each epoch, oldest first; each has an endpoint of its own."""
    saved = (job.tuned_model.checkpoints or []) if job.tuned_model else []
    found = [
        RemoteCheckpoint(
            checkpoint_id=str(entry.checkpoint_id or entry.endpoint),
            model=entry.endpoint,
            step=_whole(entry.step) or 0,
            epoch=_whole(entry.epoch),
        )
        for entry in saved
        if entry.endpoint
    ]
    return sorted(found, key=lambda checkpoint: (checkpoint.step, checkpoint.epoch or 0))


def job_events(job: types.TuningJob) -> list[JobEvent]:
    """What the job says of itself now, as events in the order in which it happened."""
    return list(_events(job))


def _events(job: types.TuningJob) -> Iterator[JobEvent]:
    now = _seconds(job.update_time) or _seconds(job.create_time) or 0.0
    raw, phase = _word(job.state), _word(job.tuning_job_state)
    yield _event("created", _seconds(job.create_time) or now, f"Created {job.name} from {job.base_model}")
    if job.experiment:
        yield _event(
            "experiment", _seconds(job.start_time) or now, f"Loss curves are in the experiment {job.experiment}"
        )
    if phase in _PHASES and raw == "JOB_STATE_RUNNING":
        yield _event(f"phase:{phase}", now, _PHASES[phase][1])
    elif raw and raw not in _STATES:
        yield _event(f"state:{raw}", now, f"The service says {raw}, which is not known here; the job is followed on")
    stats = _statistics(job)
    total = _whole(getattr(stats, "tuning_step_count", None))
    if stats is not None:
        yield from _told_statistics(stats, now, total)
    yield from _told_progress(job, now, total)
    if _STATES.get(raw, JobState.UNKNOWN).is_final:
        yield from _told_end(job, raw, _seconds(job.end_time) or now)


def _told_statistics(stats: Any, now: float, total: int | None) -> Iterator[JobEvent]:
    """Examples, billable tokens and dropped rows, as soon as the service knows them: before the bill is made."""
    examples = _whole(stats.tuning_dataset_example_count)
    tokens = _whole(stats.total_billable_token_count)
    words = [f"{examples} examples"] if examples is not None else []
    words += [f"{tokens} billable tokens an epoch"] if tokens is not None else []
    words += [f"{total} steps"] if total else []
    if words:
        text = "Data: " + ", ".join(words)
        yield _event(f"data:{_short(text)}", now, text, step=0 if total else None, total=total)
    dropped = _whole(stats.total_truncated_example_count)
    reasons = [str(reason) for reason in stats.dropped_example_reasons or ()]
    if dropped or reasons:
        places = ", ".join(str(index) for index in stats.truncated_example_indices or ())
        count = dropped or len(reasons)
        text = f"{count} training example{' was' if count == 1 else 's were'} dropped by the service"
        text += f" (line{'' if count == 1 else 's'} {places})" if places else ""
        text += f": {'; '.join(dict.fromkeys(reasons))}" if reasons else ""
        yield _event(f"dropped:{_short(text)}", now, text, level="warn")


def _told_progress(job: types.TuningJob, now: float, total: int | None) -> Iterator[JobEvent]:
    """Finished epochs, and steps where the service counts them."""
    progress = job.tuning_job_metadata
    if progress is None:
        return
    done, of = _whole(progress.completed_epoch_count), _epochs(job)
    steps = _whole(progress.completed_step_count)
    if steps:
        yield _event(f"step:{steps}", now, f"Step {steps}" + (f" of {total}" if total else ""), step=steps, total=total)
    if done:
        step = total * done // of if total and of else None
        text = f"Epoch {done} of {of} is done" if of else f"Epoch {done} is done"
        yield _event(f"epoch:{done}", now, text, step=step, total=total)


def _told_end(job: types.TuningJob, raw: str, at: float) -> Iterator[JobEvent]:
    error = job.error.message if job.error else None
    endpoint = _endpoint(job)
    if error:
        yield _event(f"error:{_short(error)}", at, error, level="error")
    if raw == "JOB_STATE_PARTIALLY_SUCCEEDED":
        yield _event("partial", at, "Partially succeeded: some of the job's results are missing", level="warn")
    if endpoint:
        yield _event("model", at, f"The tuned model answers in {location_of(endpoint) or '?'}: {endpoint}")


def _event(
    event_id: str, at: float, message: str, *, level: str = "info", step: int | None = None, total: int | None = None
) -> JobEvent:
    return JobEvent(event_id=event_id, created_at=at, level=level, message=message, step=step, total_steps=total)


def _statistics(job: types.TuningJob) -> Any:
    return job.tuning_data_stats.supervised_tuning_data_stats if job.tuning_data_stats else None


def _endpoint(job: types.TuningJob) -> str | None:
    return (job.tuned_model.endpoint or None) if job.tuned_model else None


def _hyperparameters(job: types.TuningJob) -> dict[str, object]:
    asked = job.supervised_tuning_spec.hyper_parameters if job.supervised_tuning_spec else None
    if asked is None:
        return {}
    values: dict[str, object] = {
        "n_epochs": _whole(asked.epoch_count),
        "learning_rate_multiplier": asked.learning_rate_multiplier,
        "adapter_size": _word(asked.adapter_size) or None,
    }
    return {name: value for name, value in values.items() if value is not None}


def _epochs(job: types.TuningJob) -> int | None:
    epochs = _hyperparameters(job).get("n_epochs")
    return epochs if isinstance(epochs, int) else None


def _word(value: object) -> str:
    """The service's own word, of an enumeration that may not know it."""
    return str(getattr(value, "value", value) or "")


def _seconds(value: datetime | None) -> float | None:
    return value.timestamp() if value is not None else None


def _whole(value: object) -> int | None:
    """A count; 64-bit numbers travel as text."""
    try:
        return int(value) if isinstance(value, int | str) and not isinstance(value, bool) else None
    except ValueError:
        return None


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
