"""Verdicts and tags are kept on all the answers they were given to or on none, and taken back as they were before."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from ftb_tui.benchmark.graders import Verdict
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.grading import overrule
from ftb_tui.ui.widgets.table import Table
from tests.demo import change_store
from tests.ui.answers_pilot import ftb_of, in_store, rephrased, told
from tests.ui.pilot import filled, shows, until


def _keys(pilot: Pilot[None]) -> list[int]:
    return [int(key) for key in pilot.app.screen.query_one("#answers", Table).shown_keys]


async def _locked(pilot: Pilot[None], *keys: str) -> None:
    """Press keys that change something, while another program writes."""
    other = await open_store()
    try:
        async with transaction(other):
            await pilot.press(*keys)
            await until(pilot, told(pilot, "another program"))
    finally:
        await other.close()


async def test_while_another_program_writes_nothing_is_overruled_or_tagged_and_that_istold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ftb_tui.store.database.BUSY_SECONDS", 0.05)
    async with rephrased() as pilot:
        await pilot.press("m", "m", "o")
        await until(pilot, shows(pilot, "2 marked answers"))
        await _locked(pilot, "c")
        await pilot.press("t")
        await until(pilot, shows(pilot, "Tags of 2 marked answers"))
        await _locked(pilot, "space", "enter")
        assert await in_store() == ([], {})
        assert ftb_of(pilot).changes == []
        await pilot.press("o", "c")
        await until(pilot, told(pilot, "Kept: verdict correct on 2 answers. z takes it back."))


async def test_answers_that_are_gone_are_left_out_of_a_change_andtold() -> None:
    async with rephrased() as pilot:
        await pilot.press("m", "m", "o")
        await until(pilot, shows(pilot, "2 marked answers"))
        await change_store("DELETE FROM responses WHERE response_key = ?", [_first(pilot)])
        await pilot.press("w")
        await until(pilot, told(pilot, "Kept: verdict wrong on 1 answer. 1 answer is no longer in the store."))
        assert (await in_store())[0] == [("wrong", "")]


async def test_undoing_skips_the_answers_that_are_gone_and_says_how_many() -> None:
    async with rephrased() as pilot:
        first, second, third, *_ = _keys(pilot)
        await pilot.press("m", "m", "m", "t", "space", "enter")
        await until(pilot, told(pilot, "Kept: tag wrong value on 3 answers."))
        await pilot.press("p", "p", "p", "m", "m", "m", "o", "w")
        await until(pilot, told(pilot, "Kept: verdict wrong on 3 answers."))
        await change_store("DELETE FROM responses WHERE response_key = ?", [first])
        await pilot.press("z")
        await until(pilot, told(pilot, "Taken back: verdict wrong on 3 answers of"))
        await until(pilot, told(pilot, "1 answer is no longer"))
        assert await in_store() == ([], {"wrong value": 2})
        await change_store("DELETE FROM responses WHERE response_key IN (?, ?)", [second, third])
        await pilot.press("z")
        await until(pilot, told(pilot, "Could not be taken back: tag wrong value on 3 answers of"))
        assert ftb_of(pilot).changes == [], "there is nothing left that could be undone"


async def test_undoing_in_the_list_of_a_literal_grader_brings_the_earlier_verdict_back() -> None:
    async with rephrased() as pilot:
        await pilot.press("o", "n", *"fair", "enter", "c")
        await until(pilot, shows(pilot, "showing wrong: 7"))
        await pilot.press("escape")
        await filled(pilot)
        await pilot.press("r")
        await until(pilot, shows(pilot, "by exact"))
        await pilot.press("enter")
        await until(pilot, shows(pilot, "showing wrong: 8"))
        await pilot.press("o")
        await until(pilot, shows(pilot, "counts by other graders; exact"))
        await pilot.press("w")
        await until(pilot, told(pilot, "It counts by other graders; exact leaves it aside."))
        assert (await in_store())[0] == [("wrong", "fair")]
        await pilot.press("z")
        await until(pilot, told(pilot, "Taken back: verdict wrong on 1 answer"))
        assert (await in_store())[0] == [("correct", "fair")]


async def test_undoing_brings_back_what_somebody_said_while_the_dialog_was_open() -> None:
    async with rephrased() as pilot:
        await pilot.press("o")
        await until(pilot, shows(pilot, "Your verdict counts"))
        db = await open_store()
        await overrule(db, _first(pilot), Verdict.WRONG, "by command")
        await db.close()
        await pilot.press("c")
        await until(pilot, told(pilot, "Kept: verdict correct"))
        await pilot.press("z")
        await until(pilot, told(pilot, "Taken back: verdict correct"))
        assert (await in_store())[0] == [("wrong", "by command")]


def _first(pilot: Pilot[None]) -> int:
    return int(pilot.app.screen_stack[1].query_one("#answers", Table).shown_keys[0])
