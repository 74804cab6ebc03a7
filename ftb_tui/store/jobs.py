"""Training files, jobs (intents first), their events, metrics and checkpoints."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import aiosqlite

from ftb_tui.providers.base import JobEvent, JobState, RemoteCheckpoint, RemoteJob
from ftb_tui.store import holding
from ftb_tui.store.database import transaction
from ftb_tui.store.models import ensure_model


class JobNotFoundError(Exception):
    """No stored job, or more than one, goes by a reference."""


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as the store knows it. Times are seconds since 1970; `heard_at` is when the service last answered."""

    job_key: int
    intent_id: str
    intent: str
    provider: str
    host: str
    base_model: str
    dataset_id: str
    training_file_key: int
    remote_file_id: str | None
    remote_job_id: str | None
    state: JobState
    raw_state: str
    n_epochs: int | None
    batch_size: int | None
    learning_rate_multiplier: float | None
    seed: int | None
    suffix: str | None
    tuned_model: str | None
    step: int | None
    total_steps: int | None
    trained_tokens: int | None
    estimated_finish: float | None
    error: str | None
    follow_error: str | None
    created_at: float
    started_at: float | None
    finished_at: float | None
    heard_at: float | None
    method: str
    estimated_tokens: int | None
    estimated_cost: float | None
    price: float | None
    price_as_of: str | None
    adopted: int
    validation_file_key: int | None
    remote_validation_id: str | None
    beta: float | None
    owner: str | None
    lease_until: float | None
    dataset: str
    n_examples: int
    last_loss: float | None

    @property
    def is_final(self) -> bool:
        """Whether nothing will change any more."""
        return self.state.is_final or self.intent in ("refused", "abandoned")

    def is_same(self, base_model: str, training_file_key: int) -> bool:
        """Whether a launch of this base on this training file, at the same provider, would be a second one of this."""
        return (self.base_model, self.training_file_key) == (base_model, training_file_key)

    @property
    def is_being_sent(self) -> bool:
        """Whether somebody is launching it at this moment, so that what came of it is not known yet."""
        return self.intent in ("intended", "sent") and holding.is_held(self.owner, self.lease_until)

    @property
    def is_never_sent(self) -> bool:
        """Whether it was planned and then left, before anything but a file was sent: nothing was started."""
        return self.intent == "intended" and not self.is_being_sent


@dataclass(frozen=True, slots=True)
class EventRow:
    """One line of a job's log, as the service wrote it."""

    job_event_key: int
    event_id: str
    created_at: float
    level: str
    message: str
    step: int | None


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """A checkpoint and the model that it is."""

    checkpoint_id: str
    model_key: int
    model: str
    epoch: int | None
    step: int
    metrics: dict[str, float]
    created_at: float | None


_JOB = """
  SELECT j.*, d.name AS dataset, t.n_examples,
         (SELECT value FROM job_metrics m WHERE m.job_key = j.job_key AND m.name = 'train_loss'
           ORDER BY step DESC LIMIT 1) AS last_loss
    FROM jobs j JOIN datasets d USING (dataset_id) JOIN training_files t USING (training_file_key)
"""


def _job(row: aiosqlite.Row) -> JobRow:
    values = {key: row[key] for key in row.keys()}  # noqa: SIM118 - a Row iterates over values
    return JobRow(**{**values, "state": JobState(values["state"])})


async def list_jobs(db: aiosqlite.Connection) -> list[JobRow]:
    """Every job, the newest first."""
    return [_job(row) for row in await db.execute_fetchall(f"{_JOB} ORDER BY j.job_key DESC")]


async def get_job(db: aiosqlite.Connection, job_key: int) -> JobRow:
    """The job with this key."""
    rows = list(await db.execute_fetchall(f"{_JOB} WHERE j.job_key = ?", (job_key,)))
    if not rows:
        raise JobNotFoundError(f"There is no job {job_key} in the store.")
    return _job(rows[0])


async def find_job(db: aiosqlite.Connection, reference: str) -> JobRow:
    """The job with that number, id at the service, or beginning of the intent's id; `last` is the newest."""
    jobs = await list_jobs(db)
    if reference == "last" and jobs:
        return jobs[0]
    found = [job for job in jobs if reference in (str(job.job_key), job.remote_job_id)]
    found = found or [job for job in jobs if len(reference) >= 4 and job.intent_id.startswith(reference)]
    if len(found) == 1:
        return found[0]
    if not jobs:
        raise JobNotFoundError("No job was launched here yet. Begin with: ftb bench --quick")
    known = ", ".join(str(job.job_key) for job in jobs[:10])
    raise JobNotFoundError(f"There is no job {reference!r}. The newest are {known}; see: ftb jobs list")


async def save_training_file(
    db: aiosqlite.Connection, dataset_id: str, recipe: Mapping[str, object], lines: Sequence[tuple[str, str]]
) -> int:
    """Keep a training file as (fact id, line) pairs; the same lines of the same dataset are kept once."""
    content = _content(lines)
    digest = hashlib.sha256(content).hexdigest()
    async with transaction(db):
        if (known := await find_training_file(db, dataset_id, lines)) is not None:
            return known
        cursor = await db.execute(
            "INSERT INTO training_files (dataset_id, recipe, sha256, n_examples, n_bytes, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (dataset_id, json.dumps(recipe, sort_keys=True), digest, len(lines), len(content), time.time()),
        )
        key = cursor.lastrowid
        await db.executemany(
            "INSERT INTO training_examples VALUES (?, ?, ?, ?)",
            [(key, position, fact_id, line) for position, (fact_id, line) in enumerate(lines)],
        )
    assert key is not None
    return key


async def find_training_file(db: aiosqlite.Connection, dataset_id: str, lines: Sequence[tuple[str, str]]) -> int | None:
    """The key of the training file with these (fact id, line) pairs; None where it was not kept yet."""
    rows = await db.execute_fetchall(
        "SELECT training_file_key FROM training_files WHERE dataset_id = ? AND sha256 = ?",
        (dataset_id, hashlib.sha256(_content(lines)).hexdigest()),
    )
    return next((int(row[0]) for row in rows), None)


def _content(lines: Sequence[tuple[str, str]]) -> bytes:
    return "".join(f"{line}\n" for _, line in lines).encode()


async def training_file_content(db: aiosqlite.Connection, training_file_key: int) -> bytes:
    """The file's bytes, exactly as they were hashed."""
    rows = await db.execute_fetchall(
        "SELECT line FROM training_examples WHERE training_file_key = ? ORDER BY position", (training_file_key,)
    )
    return "".join(f"{row[0]}\n" for row in rows).encode()


async def examples_of_fact(db: aiosqlite.Connection, training_file_key: int, fact_id: str) -> list[str]:
    """What exactly the training file says about a fact; an example that teaches several names them a line each."""
    rows = await db.execute_fetchall(
        "SELECT line FROM training_examples WHERE training_file_key = ?"
        " AND instr(char(10) || fact_id || char(10), char(10) || ? || char(10)) ORDER BY position",
        (training_file_key, fact_id),
    )
    return [row[0] for row in rows]


async def update_job(db: aiosqlite.Connection, job_key: int, remote: RemoteJob) -> None:
    """Record a job as the service describes it now; this confirms its intent."""
    now = time.time()
    final = remote.state.is_final
    async with transaction(db):
        await db.execute(
            "UPDATE jobs SET intent = 'confirmed', remote_job_id = ?, state = ?, raw_state = ?,"
            " tuned_model = coalesce(?, tuned_model), trained_tokens = coalesce(?, trained_tokens),"
            " estimated_finish = ?, error = CASE WHEN ? THEN coalesce(?, error) ELSE ? END, follow_error = NULL, heard_at = ?,"
            " started_at = CASE WHEN ? = 'running' THEN coalesce(started_at, ?) ELSE started_at END,"
            " n_epochs = coalesce(?, n_epochs), batch_size = coalesce(?, batch_size),"
            " finished_at = CASE WHEN ? THEN coalesce(finished_at, ?, ?) ELSE NULL END WHERE job_key = ?",
            (
                remote.job_id, str(remote.state), remote.raw_state, remote.tuned_model, remote.trained_tokens,
                None if final else remote.estimated_finish,
                # What was wrong with a job that goes on again is over.
                final and not remote.tuned_model, remote.error, remote.error, now, str(remote.state), now,
                _whole(remote.hyperparameters.get("n_epochs")), _whole(remote.hyperparameters.get("batch_size")),
                final, remote.finished_at, now, job_key,
            ),
        )  # fmt: skip
        if remote.tuned_model:
            [job] = await db.execute_fetchall(
                "SELECT provider, base_model, n_epochs, total_steps FROM jobs WHERE job_key = ?", (job_key,)
            )
            await ensure_model(
                db, provider=job[0], name=remote.tuned_model, kind="tuned", base_model=job[1], job_key=job_key,
                epoch=job[2], step=job[3],
            )  # fmt: skip


async def set_follow_error(db: aiosqlite.Connection, job_key: int, message: str) -> None:
    """Record why there is no news of a job; cleared by the next answer."""
    async with transaction(db):
        await db.execute("UPDATE jobs SET follow_error = ? WHERE job_key = ?", (message, job_key))


async def add_events(db: aiosqlite.Connection, job_key: int, events: Iterable[JobEvent]) -> None:
    """Record events and their metrics; what is known already is left as it is."""
    listed = list(events)
    if not listed:
        return
    async with transaction(db):
        await db.executemany(
            "INSERT OR IGNORE INTO job_events (job_key, event_id, created_at, level, message, step)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [(job_key, e.event_id, e.created_at, e.level, e.message, e.step) for e in listed],
        )
        await db.executemany(
            "INSERT OR REPLACE INTO job_metrics VALUES (?, ?, ?, ?)",
            [(job_key, name, e.step, value) for e in listed if e.step is not None for name, value in e.metrics.items()],
        )
        steps = [e.step for e in listed if e.step is not None]
        totals = [e.total_steps for e in listed if e.total_steps is not None]
        await db.execute(
            "UPDATE jobs SET step = max(coalesce(step, 0), ?), total_steps = coalesce(?, total_steps)"
            " WHERE job_key = ? AND ?",
            (max(steps, default=0), max(totals, default=None), job_key, bool(steps)),
        )


async def add_metrics(
    db: aiosqlite.Connection, job_key: int, measured: Iterable[tuple[int, Mapping[str, float]]]
) -> None:
    """Record (step, metrics) pairs that came otherwise than by events."""
    async with transaction(db):
        await db.executemany(
            "INSERT OR REPLACE INTO job_metrics VALUES (?, ?, ?, ?)",
            [(job_key, name, step, value) for step, metrics in measured for name, value in metrics.items()],
        )


async def known_events(db: aiosqlite.Connection, job_key: int) -> frozenset[str]:
    """The ids of the events that are recorded."""
    rows = await db.execute_fetchall("SELECT event_id FROM job_events WHERE job_key = ?", (job_key,))
    return frozenset(row[0] for row in rows)


async def add_checkpoints(db: aiosqlite.Connection, job_key: int, checkpoints: Sequence[RemoteCheckpoint]) -> None:
    """Record checkpoints (all of the job, oldest first) as models, with their epoch where it can be told."""
    [job] = await db.execute_fetchall(
        "SELECT provider, base_model, n_epochs, total_steps FROM jobs WHERE job_key = ?", (job_key,)
    )
    async with transaction(db):
        for checkpoint in sorted(checkpoints, key=lambda c: c.step):
            epoch = checkpoint.epoch or _epoch(checkpoint.step, job["total_steps"], job["n_epochs"])
            model_key = await ensure_model(
                db, provider=job["provider"], name=checkpoint.model, kind="checkpoint", base_model=job["base_model"],
                job_key=job_key, epoch=epoch, step=checkpoint.step,
            )  # fmt: skip
            await db.execute(
                "INSERT OR IGNORE INTO job_checkpoints VALUES (?, ?, ?, ?, ?, ?)",
                (
                    job_key, checkpoint.checkpoint_id, model_key, checkpoint.step,
                    json.dumps(dict(checkpoint.metrics)), checkpoint.created_at,
                ),
            )  # fmt: skip


async def job_events(db: aiosqlite.Connection, job_key: int, *, after_key: int = 0, limit: int = 500) -> list[EventRow]:
    """A job's log after an event, oldest first; the newest `limit` when there are more.

    Services date events by the second. Within one they are in the order of their steps; what has no step stands behind
    the steps that were told before it.
    """
    rows = await db.execute_fetchall(
        "SELECT job_event_key, event_id, created_at, level, message, step FROM (SELECT *,"
        " coalesce(step, max(step) OVER (ORDER BY job_event_key), 0) AS reached FROM job_events"
        " WHERE job_key = ? AND job_event_key > ?) ORDER BY created_at DESC, reached DESC, job_event_key DESC LIMIT ?",
        (job_key, after_key, limit),
    )
    return [EventRow(*row) for row in reversed(list(rows))]


async def last_event_key(db: aiosqlite.Connection, job_key: int) -> int:
    """The key of the event that was recorded last; 0 where there is none."""
    [row] = await db.execute_fetchall(
        "SELECT coalesce(max(job_event_key), 0) FROM job_events WHERE job_key = ?", (job_key,)
    )
    return int(row[0])


async def job_metrics(db: aiosqlite.Connection, job_key: int, name: str) -> list[tuple[int, float]]:
    """(step, value) pairs of one metric, by step."""
    rows = await db.execute_fetchall(
        "SELECT step, value FROM job_metrics WHERE job_key = ? AND name = ? ORDER BY step", (job_key, name)
    )
    return [(row[0], row[1]) for row in rows]


async def metric_names(db: aiosqlite.Connection, job_key: int) -> list[str]:
    """The metrics that a job has."""
    rows = await db.execute_fetchall(
        "SELECT DISTINCT name FROM job_metrics WHERE job_key = ? ORDER BY name", (job_key,)
    )
    return [row[0] for row in rows]


async def job_checkpoints(db: aiosqlite.Connection, job_key: int) -> list[CheckpointRow]:
    """A job's checkpoints by step."""
    rows = await db.execute_fetchall(
        "SELECT c.checkpoint_id, c.model_key, m.name, m.epoch, c.step, c.metrics, c.created_at"
        " FROM job_checkpoints c JOIN models m USING (model_key) WHERE c.job_key = ? ORDER BY c.step",
        (job_key,),
    )
    return [CheckpointRow(row[0], row[1], row[2], row[3], row[4], json.loads(row[5]), row[6]) for row in rows]


def _epoch(step: int, total_steps: int | None, n_epochs: int | None) -> int | None:
    if not total_steps or not n_epochs or total_steps % n_epochs or step % (total_steps // n_epochs):
        return None
    return step // (total_steps // n_epochs)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
