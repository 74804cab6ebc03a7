"""Runs of the whole job: what was asked for, and which job and evaluations do it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import aiosqlite

from ftb_tui.store import holding, jobs, leases
from ftb_tui.store.database import transaction


@dataclass(frozen=True, slots=True)
class BenchRow:
    """One run. Keys are None until that part was begun."""

    bench_key: int
    plan: dict[str, object]
    dataset_id: str
    job_key: int | None
    base_evaluation_key: int | None
    tuned_evaluation_key: int | None
    created_at: float
    finished_at: float | None
    owner: str | None
    lease_until: float | None

    @property
    def is_held(self) -> bool:
        """Whether somebody is running it now."""
        return holding.is_held(self.owner, self.lease_until)


async def begin_bench(
    db: aiosqlite.Connection,
    plan: Mapping[str, object],
    dataset_id: str,
    owner: str,
    *,
    same: Callable[[BenchRow], bool],
) -> BenchRow | None:
    """Take the newest unfinished run that is the `same`, or begin one; None when another process holds that run.

    One whose job has ended without a model cannot be finished: it is closed, and a new one takes its place. All in one
    step, so that two commands at once never begin two runs.
    """
    async with transaction(db):
        for row in await unfinished_benches(db):
            if not same(row):
                continue
            if row.is_held:
                return None
            if await can_be_finished(db, row):
                key = row.bench_key
                break
            await db.execute("UPDATE benches SET finished_at = ? WHERE bench_key = ?", (time.time(), row.bench_key))
        else:
            cursor = await db.execute(
                "INSERT INTO benches (plan, dataset_id, created_at) VALUES (?, ?, ?)",
                (json.dumps(plan, sort_keys=True), dataset_id, time.time()),
            )
            assert cursor.lastrowid is not None
            key = cursor.lastrowid
        await leases.take(db, leases.Lease("benches", key), owner)
    return await get_bench(db, key)


async def can_be_finished(db: aiosqlite.Connection, row: BenchRow) -> bool:
    """Whether the run's job may still give a model: not where it was cancelled or has failed."""
    job = None if row.job_key is None else await jobs.get_job(db, row.job_key)
    return job is None or not job.is_final or bool(job.tuned_model)


async def is_sent(db: aiosqlite.Connection, row: BenchRow) -> bool:
    """Whether the run's job is at its service, or may be."""
    return row.job_key is not None and (await jobs.get_job(db, row.job_key)).intent != "intended"


async def update_bench(
    db: aiosqlite.Connection,
    bench_key: int,
    *,
    base_evaluation_key: int | None = None,
    tuned_evaluation_key: int | None = None,
    finished: bool = False,
) -> None:
    """Record the parts of a run as they begin, and its end."""
    async with transaction(db):
        await db.execute(
            "UPDATE benches SET base_evaluation_key = coalesce(?, base_evaluation_key),"
            " tuned_evaluation_key = coalesce(?, tuned_evaluation_key),"
            " finished_at = CASE WHEN ? THEN ? ELSE finished_at END WHERE bench_key = ?",
            (base_evaluation_key, tuned_evaluation_key, finished, time.time(), bench_key),
        )


async def get_bench(db: aiosqlite.Connection, bench_key: int) -> BenchRow:
    """The run with this key."""
    [row] = await db.execute_fetchall("SELECT * FROM benches WHERE bench_key = ?", (bench_key,))
    return _bench(row)


async def unfinished_benches(db: aiosqlite.Connection) -> list[BenchRow]:
    """Runs that have begun and not ended, the newest first."""
    rows = await db.execute_fetchall("SELECT * FROM benches WHERE finished_at IS NULL ORDER BY bench_key DESC")
    return [_bench(row) for row in rows]


def _bench(row: aiosqlite.Row) -> BenchRow:
    return BenchRow(row[0], json.loads(row[1]), row[2], row[3], row[4], row[5], row[6], row[7], row[8], row[9])
