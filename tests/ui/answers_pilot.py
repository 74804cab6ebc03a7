"""The answers behind a score of the demo, opened."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from textual.pilot import Pilot

from ftb_tui.store.database import open_store
from ftb_tui.store.grading import person_verdicts
from ftb_tui.store.tags import tag_counts
from ftb_tui.ui.app import FtbApp
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
