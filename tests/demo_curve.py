"""The demo store with every checkpoint of its finished job evaluated; no figure in it was measured."""

from __future__ import annotations

from unittest.mock import patch

import aiosqlite

from ftb_tui.benchmark.graders import grade_all
from ftb_tui.store import evaluations, jobs
from ftb_tui.store.database import open_store
from ftb_tui.store.datasets import questions_by_key
from tests.demo import CLOCK, EPOCHS, demo_answer, fill_demo_store


async def fill_demo_curve() -> None:
    """Put it into this home's store."""
    db = await open_store()
    try:
        await fill_demo_store(db)
        with patch("time.time", lambda: CLOCK):
            await _ask_checkpoints(db)
    finally:
        await db.close()


async def _ask_checkpoints(db: aiosqlite.Connection) -> None:
    """A checkpoint answers as the tuned model does to the first so many questions, and as the base to the others."""
    [[tuned, dataset_id]] = await db.execute_fetchall(
        "SELECT max(evaluation_key), dataset_id FROM evaluations JOIN models USING (model_key) WHERE kind = 'tuned'"
    )
    asked = [
        row[0]
        for row in await db.execute_fetchall(
            "SELECT question_key FROM evaluation_questions WHERE evaluation_key = ? ORDER BY question_key", (tuned,)
        )
    ]
    questions = await questions_by_key(db, dataset_id)
    parameters = {"max_tokens": 16, "temperature": 0.0, "seed": 42}
    for checkpoint in await jobs.job_checkpoints(db, 1):
        key = await evaluations.create_evaluation(
            db, model_key=checkpoint.model_key, dataset_id=dataset_id, question_keys=asked, parameters=parameters
        )
        await evaluations.claim_evaluation(db, key, "demo")
        learned = (checkpoint.epoch or 0) * 7 / EPOCHS
        records = []
        for place, question_key in enumerate(asked):
            kind = "tuned" if place % 7 < learned else "base"
            text = demo_answer(questions[question_key], place, kind)
            records.append(
                evaluations.ResponseRecord(
                    question_key, parameters, answer=text, grades=grade_all(questions[question_key], text),
                    prompt_tokens=31, completion_tokens=5,
                )
            )  # fmt: skip
        await evaluations.write_responses(db, key, records)
        await evaluations.release_evaluation(db, key, "demo", "finished")
