"""What is known of one dataset beside its questions; and datasets that were put away, which can be brought back."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import aiosqlite

from ftb_tui.benchmark.model import Provenance, Task
from ftb_tui.benchmark.statistics import TrivialBaselines, baselines_of_counts
from ftb_tui.store.database import transaction
from ftb_tui.store.provenance import load_provenance


@dataclass(frozen=True, slots=True)
class DatasetDetails:
    """Where a dataset was taken from, what knowing nothing scores on its yes/no tasks, and what rests on it."""

    provenance: Provenance | None
    baselines: Mapping[Task, TrivialBaselines]
    n_jobs: int
    n_evaluations: int
    n_answers: int


@dataclass(frozen=True, slots=True)
class PutAway:
    """A dataset that was deleted, and when."""

    dataset_id: str
    deleted_at: float


async def dataset_details(db: aiosqlite.Connection, dataset_id: str) -> DatasetDetails:
    """The details of a dataset; one that nobody knows has none."""
    counts: dict[Task, dict[tuple[str, str], int]] = {}
    for row in await db.execute_fetchall(
        "SELECT task, template, answer, count(*) FROM questions WHERE dataset_id = ? AND answer IN ('Yes', 'No')"
        " GROUP BY task, template, answer",
        (dataset_id,),
    ):
        counts.setdefault(Task(row[0]), {})[row[1], row[2]] = row[3]
    found = {task: baselines_of_counts(its) for task, its in counts.items()}
    [rest] = await db.execute_fetchall(
        "SELECT (SELECT count(*) FROM jobs WHERE dataset_id = :dataset),"
        " (SELECT count(*) FROM evaluations WHERE dataset_id = :dataset AND deleted_at IS NULL),"
        " (SELECT count(*) FROM responses JOIN evaluations USING (evaluation_key)"
        "   WHERE dataset_id = :dataset AND deleted_at IS NULL AND answer IS NOT NULL)",
        {"dataset": dataset_id},
    )
    return DatasetDetails(
        provenance=await load_provenance(db, dataset_id),
        baselines={task: one for task in Task if (one := found.get(task)) is not None},
        n_jobs=rest[0],
        n_evaluations=rest[1],
        n_answers=rest[2],
    )


async def put_away(db: aiosqlite.Connection, dataset_id: str) -> bool:
    """Delete a dataset so that it can be brought back: it is listed and found no more. Whether it was there."""
    async with transaction(db):
        cursor = await db.execute(
            "UPDATE datasets SET deleted_at = ? WHERE dataset_id = ? AND deleted_at IS NULL", (time.time(), dataset_id)
        )
    return cursor.rowcount > 0


async def bring_back(db: aiosqlite.Connection, dataset_id: str) -> bool:
    """Undo `put_away`. Whether there was something to bring back."""
    async with transaction(db):
        cursor = await db.execute(
            "UPDATE datasets SET deleted_at = NULL WHERE dataset_id = ? AND deleted_at IS NOT NULL", (dataset_id,)
        )
    return cursor.rowcount > 0


async def list_put_away(db: aiosqlite.Connection) -> list[PutAway]:
    """Every dataset that was deleted and can be brought back, the last one first."""
    rows = await db.execute_fetchall(
        "SELECT dataset_id, deleted_at FROM datasets d WHERE deleted_at IS NOT NULL"
        " AND EXISTS (SELECT 1 FROM questions q WHERE q.dataset_id = d.dataset_id) ORDER BY deleted_at DESC, dataset_id"
    )
    return [PutAway(row[0], row[1]) for row in rows]
