"""Where a model was asked a task more than once, the run that counts is the one that knows most."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiosqlite
import pytest

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.store import evaluations
from ftb_tui.store.chosen import chosen_evaluation
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.datasets import questions_by_key, save_dataset
from ftb_tui.store.evaluations import ResponseRecord
from ftb_tui.store.models import ensure_model

WORLD = load_bundled("fictional_people")
TASK = "memorization"


@pytest.fixture
async def db() -> AsyncIterator[aiosqlite.Connection]:
    db = await open_store()
    await save_dataset(db, WORLD)
    yield db
    await db.close()


async def ran(db: aiosqlite.Connection, *, answered: int, failed: int = 0, planned: int = 20) -> int:
    """An evaluation of the one model that there is."""
    async with transaction(db):
        model = await ensure_model(db, provider="p", name="m", kind="base", base_model="m")
    stored = await questions_by_key(db, WORLD.dataset_id)
    keys = [key for key, question in stored.items() if question.task == TASK][:planned]
    evaluation = await evaluations.create_evaluation(
        db, model_key=model, dataset_id=WORLD.dataset_id, question_keys=keys, parameters={"max_tokens": 1}
    )
    records = [ResponseRecord(key, {}, answer="Yes") for key in keys[:answered]]
    records += [
        ResponseRecord(key, {}, error_kind="server", error="oops") for key in keys[answered : answered + failed]
    ]
    await evaluations.write_responses(db, evaluation, records)
    return evaluation


@pytest.mark.parametrize(
    ("later", "counts"),
    [
        ({"answered": 0, "failed": 20}, "earlier"),
        ({"answered": 17, "failed": 3}, "earlier"),
        ({"answered": 18, "failed": 2}, "later"),
        ({"answered": 18}, "earlier"),
        ({"answered": 19}, "later"),
        ({"answered": 0}, "earlier"),
    ],
    ids=["all failed", "fewer answers", "as many", "as many so far", "more answers", "just begun"],
)
async def test_what_failed_hides_no_answers(db: aiosqlite.Connection, later: dict[str, int], counts: str) -> None:
    runs = {"earlier": await ran(db, answered=18, failed=2), "later": await ran(db, **later)}
    assert await chosen_evaluation(db, 1, WORLD.dataset_id, TASK) == runs[counts]


async def test_of_two_complete_runs_the_later_one_counts(db: aiosqlite.Connection) -> None:
    _, later = await ran(db, answered=20), await ran(db, answered=20)
    assert await chosen_evaluation(db, 1, WORLD.dataset_id, TASK) == later
