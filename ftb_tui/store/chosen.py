"""Which evaluation counts where a model was asked a task more than once."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import aiosqlite

from ftb_tui.store.counts import Counts, task_counts

CHOSEN = """
  WITH chosen AS (
    SELECT value ->> 0 AS evaluation_key, value ->> 1 AS model_key, value ->> 2 AS dataset_id, value ->> 3 AS task
      FROM json_each(:chosen)
  )
"""
"""Begins a statement over the evaluations that count; `:chosen` is what `chosen_places` gives."""


def choose(cells: Sequence[Counts], *, only: Collection[int] | None = None) -> list[Counts]:
    """For each model, dataset and task the evaluation with the most answers; of equals the one that has more settled,
    then more planned, then the latest. So a run that has just begun, was left half way, or failed does not hide a
    finished one.

    With `only` no other evaluations are chosen from.
    """
    best: dict[tuple[int, str, str], Counts] = {}
    for cell in cells:
        place = (cell.model_key, cell.dataset_id, cell.task)
        if (only is None or cell.evaluation_key in only) and (place not in best or _rank(cell) > _rank(best[place])):
            best[place] = cell
    return list(best.values())


def _rank(cell: Counts) -> tuple[int, int, int, int]:
    return (cell.answered, cell.answered + cell.failed, cell.planned, cell.evaluation_key)


async def chosen_places(db: aiosqlite.Connection, dataset_id: str | None) -> str:
    """The evaluations that count, as JSON for `CHOSEN`."""
    cells = choose(await task_counts(db, dataset_id=dataset_id))
    return json.dumps([(cell.evaluation_key, cell.model_key, cell.dataset_id, cell.task) for cell in cells])


async def chosen_evaluation(db: aiosqlite.Connection, model_key: int, dataset_id: str, task: str) -> int | None:
    """The evaluation that counts for a model, dataset and task."""
    chosen = choose(await task_counts(db, model_key=model_key, dataset_id=dataset_id, task=task))
    return chosen[0].evaluation_key if chosen else None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The evaluation that counts for a model, and the base's that stands beside it; None where there is none."""

    evaluation_key: int
    base_key: int | None


async def chosen_with_base(db: aiosqlite.Connection, model_key: int, dataset_id: str, task: str) -> Chosen | None:
    """The evaluation that counts for a model, dataset and task, with its base's; None where nothing was asked."""
    own = await chosen_evaluation(db, model_key, dataset_id, task)
    if own is None:
        return None
    bases = await db.execute_fetchall(
        "SELECT b.model_key FROM models m JOIN models b ON b.provider = m.provider AND b.name = m.base_model"
        " WHERE m.model_key = ? AND m.kind <> 'base' AND b.kind = 'base'",
        (model_key,),
    )
    for [base] in bases:
        return Chosen(own, await chosen_evaluation(db, base, dataset_id, task))
    return Chosen(own, None)
