"""The curves of many jobs at once, as coarse as they are drawn, and when steps were done, answers came and runs ended."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import aiosqlite


@dataclass(frozen=True, slots=True)
class Ended:
    """A job or an evaluation that has ended: what it is called, how it ended, and when (seconds since 1970)."""

    kind: str
    key: int
    state: str
    at: float
    about: str


async def coarse_losses(
    db: aiosqlite.Connection, job_keys: Collection[int], buckets: int
) -> dict[int, list[float | None]]:
    """The mean training loss in each of so many equal spans of each job's steps, to the newest step; None: a gap."""
    if not job_keys:
        return {}
    marks = ", ".join("?" * len(job_keys))
    rows = await db.execute_fetchall(
        "SELECT m.job_key, (m.step - 1) * ? / max(coalesce(j.total_steps, j.step, m.step), 1) AS bucket, avg(m.value)"
        f" FROM job_metrics m JOIN jobs j USING (job_key) WHERE m.name = 'train_loss' AND m.job_key IN ({marks})"
        " GROUP BY m.job_key, bucket ORDER BY m.job_key, bucket",
        (buckets, *job_keys),
    )
    found: dict[int, list[float | None]] = {key: [] for key in job_keys}
    for key, bucket, value in rows:
        line = found[key]
        line.extend([None] * (min(bucket, buckets - 1) - len(line)))
        if len(line) < buckets:
            line.append(value)
    return found


async def step_times(db: aiosqlite.Connection, job_key: int, newest: int) -> list[tuple[int, float]]:
    """(step, seconds since 1970) of a job's newest steps, by step."""
    rows = await db.execute_fetchall(
        "SELECT step, min(created_at) FROM job_events WHERE job_key = ? AND step IS NOT NULL"
        " GROUP BY step ORDER BY step DESC LIMIT ?",
        (job_key, newest),
    )
    return [(row[0], row[1]) for row in reversed(list(rows))]


async def answered_since(db: aiosqlite.Connection, evaluation_key: int, moment: float) -> int:
    """How many answers to an evaluation came since a moment (seconds since 1970). Looks at each of its answers."""
    [row] = await db.execute_fetchall(
        "SELECT count(*) FROM responses WHERE evaluation_key = ? AND answer IS NOT NULL AND created_at >= ?",
        (evaluation_key, moment),
    )
    return int(row[0])


async def ended_since(db: aiosqlite.Connection, moment: float) -> list[Ended]:
    """Jobs and evaluations that ended after a moment (seconds since 1970), the oldest first."""
    jobs = await db.execute_fetchall(
        "SELECT job_key, state, finished_at, base_model FROM jobs WHERE finished_at > ? ORDER BY finished_at", (moment,)
    )
    evaluations = await db.execute_fetchall(
        "SELECT e.evaluation_key, e.state, e.finished_at, m.name FROM evaluations e JOIN models m USING (model_key)"
        " WHERE e.finished_at > ? AND e.state IN ('finished', 'failed') AND e.deleted_at IS NULL"
        " ORDER BY e.finished_at",
        (moment,),
    )
    ended = [Ended("job", *row) for row in jobs] + [Ended("evaluation", *row) for row in evaluations]
    return sorted(ended, key=lambda one: one.at)
