"""Evaluations of the demo store's checkpoints over whatever questions a test wants; no figure in it was measured."""

from __future__ import annotations

from collections.abc import Sequence

import aiosqlite

from ftb_tui.benchmark.graders import grade_all
from ftb_tui.store import evaluations, jobs
from ftb_tui.store.datasets import questions_by_key

PARAMETERS = {"max_tokens": 16, "temperature": 0.0, "seed": 42}


async def checkpoint_keys(db: aiosqlite.Connection) -> list[int]:
    """The models of the finished job's checkpoints, in the order of training."""
    return [one.model_key for one in await jobs.job_checkpoints(db, 1)]


async def question_keys(db: aiosqlite.Connection, kind: str = "tuned") -> list[int]:
    """What the demo's base or tuned model was asked."""
    rows = await db.execute_fetchall(
        "SELECT question_key FROM evaluation_questions JOIN evaluations USING (evaluation_key)"
        " JOIN models USING (model_key) WHERE kind = ? ORDER BY question_key",
        (kind,),
    )
    return [row[0] for row in rows]


async def ask(
    db: aiosqlite.Connection,
    model_key: int,
    asked: Sequence[int],
    *,
    right: int | None = None,
    settled: int | None = None,
) -> int:
    """An evaluation of these questions, of which the first `settled` were answered, the first `right` rightly."""
    [[dataset_id]] = await db.execute_fetchall("SELECT DISTINCT dataset_id FROM evaluations")
    questions = await questions_by_key(db, dataset_id)
    key = await evaluations.create_evaluation(
        db, model_key=model_key, dataset_id=dataset_id, question_keys=asked, parameters=PARAMETERS
    )
    await evaluations.claim_evaluation(db, key, "demo")
    records = []
    for place, question_key in enumerate(asked[:settled]):
        text = questions[question_key].answer if right is None or place < right else "no idea"
        grades = grade_all(questions[question_key], text)
        records.append(evaluations.ResponseRecord(question_key, PARAMETERS, answer=text, grades=grades))
    await evaluations.write_responses(db, key, records)
    await evaluations.release_evaluation(db, key, "demo", "finished" if settled is None else "paused")
    return key
