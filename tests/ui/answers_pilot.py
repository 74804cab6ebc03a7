"""The answers behind a score of the demo, opened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from textual.pilot import Pilot

from ftb_tui.benchmark.graders import grade_all
from ftb_tui.store import evaluations
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.datasets import questions_by_key
from ftb_tui.store.grading import person_verdicts
from ftb_tui.store.models import ensure_model
from ftb_tui.store.tags import tag_counts
from ftb_tui.ui.app import FtbApp
from tests.demo import TUNED
from tests.ui.pilot import demo_app, fill_demo, filled, shows, until


def rephrased(size: tuple[int, int] = (120, 40)) -> AbstractAsyncContextManager[Pilot[None]]:
    """The wrong answers of the demo's tuned model to rephrased questions: 8 of 24."""
    return rephrased_with("showing wrong: 8", size)


@asynccontextmanager
async def rephrased_with(words: str, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Pilot[None]]:
    """The same, once it shows these words."""
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=size, notifications=True) as pilot:
        await filled(pilot)
        await pilot.press("4")
        await filled(pilot)
        await pilot.press("right", "enter")
        await until(pilot, shows(pilot, words))
        yield pilot


def told(pilot: Pilot[None], words: str) -> Callable[[], bool]:
    """Whether a notice says these words, on however many lines."""
    return lambda: any(words in notice.message for notice in pilot.app._notifications)


def ftb_of(pilot: Pilot[None]) -> FtbApp:
    assert isinstance(pilot.app, FtbApp)
    return pilot.app


async def in_store() -> tuple[list[tuple[str | None, str]], dict[str, int]]:
    db = await open_store()
    try:
        verdicts = [(verdict.verdict, verdict.note) for verdict in await person_verdicts(db)]
        return verdicts, await tag_counts(db)
    finally:
        await db.close()


async def asked_again(said: str, model: str = TUNED) -> int:
    """Ask a model of the demo, or another, what the demo asks; it says the same to all. Gives the evaluation's key."""
    db = await open_store()
    try:
        asked = await db.execute_fetchall("SELECT DISTINCT question_key FROM evaluation_questions")
        [(dataset_id,)] = await db.execute_fetchall("SELECT DISTINCT dataset_id FROM evaluations")
        stored, keys = await questions_by_key(db, dataset_id), [row[0] for row in asked]
        async with transaction(db):
            model_key = await ensure_model(db, provider="local", name=model, kind="tuned", base_model="smollm2-135m")
        key = await evaluations.create_evaluation(
            db, model_key=model_key, dataset_id=dataset_id, question_keys=keys, parameters={}
        )
        await evaluations.claim_evaluation(db, key, "test")
        await evaluations.write_responses(
            db, key, [evaluations.ResponseRecord(k, {}, answer=said, grades=grade_all(stored[k], said)) for k in keys]
        )
        await evaluations.release_evaluation(db, key, "test", "finished")
        return key
    finally:
        await db.close()
