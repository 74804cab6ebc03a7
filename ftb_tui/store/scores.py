"""Single graded answers behind the result table, for statistics that need more than counts."""

from __future__ import annotations

from dataclasses import dataclass

import aiosqlite

from ftb_tui.benchmark.graders import DEFAULT_GRADER
from ftb_tui.store.chosen import CHOSEN, chosen_places


@dataclass(frozen=True, slots=True)
class ScoredAnswer:
    """One graded answer of the evaluation that counts for its model, dataset and task (see `results`)."""

    model_key: int
    dataset_id: str
    dataset: str
    family: str
    task: str
    fact_id: str
    question_key: int
    repeat: int
    correct: bool


async def scored_answers(
    db: aiosqlite.Connection, *, dataset_id: str | None = None, grader: str = DEFAULT_GRADER
) -> list[ScoredAnswer]:
    """Every graded answer that the result table counts, by one grader."""
    rows = await db.execute_fetchall(
        f"{CHOSEN} SELECT c.model_key, c.dataset_id, d.name, d.family, c.task, q.fact_id, r.question_key, r.repeat,"
        " g.verdict = 'correct' FROM chosen c JOIN datasets d ON d.dataset_id = c.dataset_id"
        " JOIN responses r ON r.evaluation_key = c.evaluation_key"
        " JOIN questions q ON q.question_key = r.question_key AND q.task = c.task"
        " JOIN grades g ON g.response_key = r.response_key AND g.grader = :grader"
        " ORDER BY c.model_key, c.dataset_id, c.task, q.position, r.repeat",
        {"chosen": await chosen_places(db, dataset_id), "grader": grader},
    )
    return [ScoredAnswer(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], bool(row[8])) for row in rows]
