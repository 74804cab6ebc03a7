"""Facts found by name."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import aiosqlite


class FactNotFoundError(Exception):
    """No fact, or facts of several datasets, go by that name."""


@dataclass(frozen=True, slots=True)
class FoundFact:
    """A fact and where it stands."""

    dataset_id: str
    dataset: str
    fact_id: str
    text: str


async def find_fact(db: aiosqlite.Connection, reference: str, *, dataset_id: str | None = None) -> FoundFact:
    """The fact of that id, or the one that the question of that id rests on; of a dataset's versions the newest.

    Raises `FactNotFoundError`, which says what is near, or in which datasets it stands.
    """
    rows = await db.execute_fetchall(
        "SELECT d.dataset_id, d.name, f.fact_id, f.text FROM facts f JOIN datasets d USING (dataset_id)"
        " WHERE d.deleted_at IS NULL AND (:dataset IS NULL OR d.dataset_id = :dataset) AND (f.fact_id = :wanted OR"
        " EXISTS (SELECT 1 FROM questions q WHERE q.dataset_id = d.dataset_id AND q.fact_id = f.fact_id"
        " AND q.question_id = :wanted)) ORDER BY d.created_at",
        {"dataset": dataset_id, "wanted": reference},
    )
    found = {row[1]: FoundFact(*row) for row in rows}
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        raise FactNotFoundError(
            f"Several datasets have a fact {reference!r}: {', '.join(sorted(found))}. Add --dataset NAME."
        )
    known = [
        row[0]
        for row in await db.execute_fetchall(
            "SELECT DISTINCT fact_id FROM facts WHERE ? IS NULL OR dataset_id = ?", (dataset_id, dataset_id)
        )
    ]
    near = difflib.get_close_matches(reference, known, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise FactNotFoundError(f"There is no fact {reference!r} here.{hint} ftb wrong --json lists each answer's fact_id.")
