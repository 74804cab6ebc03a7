"""What changed since last time: how it looks, and what every key of it does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable

from ftb_tui.store.database import open_store
from ftb_tui.ui.remembered import load, memory_file
from ftb_tui.ui.screens import history as history_screen
from tests.demo import CLOCK
from tests.demo_history import DAY, LATER, ask_again
from tests.ui.pilot import SIZES, demo_app, fill_demo, filled, settled, shows, text_of, until

both_sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")


async def fill_history() -> None:
    """The demo store, asked again a day later."""
    await fill_demo()
    db = await open_store()
    try:
        await ask_again(db)
    finally:
        await db.close()


def remember(seen: object) -> None:
    """The results were there to be seen at this time."""
    memory_file().parent.mkdir(parents=True, exist_ok=True)
    memory_file().write_text(json.dumps({"screens": {"results": {"own": {"seen": seen}}}}))


async def on_history(pilot: Pilot[None]) -> None:
    await filled(pilot)
    await pilot.press("4")
    await until(pilot, lambda: bool(pilot.app.screen.query("#results")) and rows(pilot, "#results") > 0)
    await pilot.press("h")
    await until(pilot, shows(pilot, "What changed since"))


def rows(pilot: Pilot[None], name: str) -> int:
    table: DataTable[Any] = pilot.app.screen.query_one(name, DataTable)
    return table.row_count


@both_sizes
@pytest.mark.parametrize("seen", [CLOCK + 60, CLOCK + 2 * DAY], ids=["changes", "nothing"])
def test_history_looks_as_it_did(snap_compare: Callable[..., bool], seen: float, size: tuple[int, int]) -> None:
    asyncio.run(fill_history())
    remember(seen)

    async def run(pilot: Pilot[None]) -> None:
        await on_history(pilot)
        await pilot.press("down")
        await settled(pilot)

    assert snap_compare(demo_app(), terminal_size=size, run_before=run)


async def test_it_begins_at_the_last_visit_and_goes_from_change_to_questions_and_back() -> None:
    await fill_history()
    remember(CLOCK + 60)
    async with demo_app().run_test(size=(120, 40), notifications=True) as pilot:
        await on_history(pilot)
        await until(pilot, shows(pilot, "since you were here last (2026-09-21 14:14)"))
        assert rows(pilot, "#history") == 6, "one evaluation, its dataset and its four tasks"
        assert "judged by hand: 1 answer" in text_of(pilot.app)
        await pilot.press("down")
        await until(pilot, shows(pilot, "6 fixed, 0 broken of 24, exact McNemar p .031: better."))
        assert "evaluation 2, 2026-09-21 14:13" in " ".join(text_of(pilot.app).split())
        await pilot.press("enter")
        await until(pilot, shows(pilot, "(tuned), 2026-09-22 14:13"))
        assert "(tuned), 2026-09-21 14:13" in text_of(pilot.app)
        await until(pilot, lambda: rows(pilot, "#questions") == 6)
        await pilot.press("t")
        await until(pilot, shows(pilot, "exact McNemar p 1 (0 against 0 of 24)"))
        await pilot.press("escape")
        await until(pilot, shows(pilot, "What changed since"))
        await pilot.press("up", "enter")
        await until(pilot, shows(pilot, "exact McNemar p 1 (0 against 1 of 24)"))
        await until(pilot, lambda: rows(pilot, "#questions") == 1)
        await pilot.press("escape", "escape")
        await until(pilot, lambda: bool(pilot.app.screen.query("#results")))


async def test_one_can_look_further_back_and_a_first_score_opens_its_answers() -> None:
    await fill_history()
    async with demo_app().run_test(size=(80, 24), notifications=True) as pilot:
        await on_history(pilot)
        await until(pilot, shows(pilot, "since the run before"))
        await pilot.press("w")
        await until(pilot, shows(pilot, "since a day ago"))
        await pilot.press("w", "w")
        await until(pilot, shows(pilot, "since the beginning"))
        await until(pilot, lambda: rows(pilot, "#history") == 18)
        await pilot.press("y")
        await until(pilot, lambda: pilot.app.clipboard.count("\n") == 13)
        assert pilot.app.clipboard.startswith("evaluation_key\tfinished_at\t")
        await pilot.press("g", "enter")
        await until(pilot, shows(pilot, "Move to a score"))
        await pilot.press("G")
        await until(pilot, shows(pilot, "the first score of this model here."))
        await pilot.press("enter")
        await until(pilot, lambda: bool(pilot.app.screen.query("#answers")))
        await pilot.press("escape")
        await until(pilot, shows(pilot, "What changed since"))
        await pilot.press("question_mark")
        await until(pilot, shows(pilot, "Look further back, or less far"))


async def test_nothing_new_says_so_and_what_to_press() -> None:
    await fill_history()
    remember(LATER + DAY)
    async with demo_app().run_test(size=(80, 24), notifications=True) as pilot:
        await on_history(pilot)
        await until(pilot, shows(pilot, "No evaluation has finished since you were here last. w looks further back."))
        await pilot.press("y")
        await until(pilot, shows(pilot, "There is nothing to copy"))
        await pilot.press("w")
        await until(pilot, shows(pilot, "since the run before"))
        await until(pilot, lambda: rows(pilot, "#history") == 6)


@pytest.mark.parametrize("seen", ["yesterday", True, None, [1]])
async def test_a_memory_that_makes_no_sense_is_no_visit(seen: object) -> None:
    await fill_history()
    remember(seen)
    async with demo_app().run_test(size=(80, 24)) as pilot:
        await on_history(pilot)
        await until(pilot, shows(pilot, "since the run before"))


async def test_the_time_of_a_visit_is_kept_for_the_next_one() -> None:
    await fill_demo()
    async with demo_app().run_test(size=(80, 24)) as pilot:
        await on_history(pilot)
        await until(pilot, shows(pilot, "since the beginning"))
        await pilot.press("escape", "q")
    assert load()["screens"]["results"]["own"]["seen"] == CLOCK


async def test_the_heading_is_of_the_rows_that_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading takes a moment, in which a window may be resized: then all is filled again with what there is."""
    await fill_history()
    remember(CLOCK + 60)
    go_on = asyncio.Event()
    read = history_screen.away

    async def late(work: Any) -> Any:
        found = await read(work)
        await go_on.wait()
        return found

    async with demo_app().run_test(size=(120, 40)) as pilot:
        await on_history(pilot)
        monkeypatch.setattr(history_screen, "away", late)
        await pilot.press("w")
        await until(pilot, shows(pilot, "What changed: reading"))
        await pilot.resize_terminal(130, 40)
        await until(pilot, shows(pilot, "What changed since you were here last (2026-09-21 14:14)"))
        go_on.set()
        await until(pilot, shows(pilot, "What changed since the run before"))
