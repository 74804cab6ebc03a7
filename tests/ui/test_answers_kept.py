"""What a person did to answers can be taken back, and where they stood is where they come back to, after a crash too."""

from __future__ import annotations

import asyncio

import pytest
from textual.widgets import Input

from ftb_tui.store.database import open_store
from ftb_tui.store.tags import change_tags
from ftb_tui.ui.remembered import load
from ftb_tui.ui.widgets.table import Table
from tests.demo import change_store
from tests.ui.answers_pilot import ftb_of, in_store, rephrased, rephrased_with
from tests.ui.pilot import demo_app, filled, shows, text_of, until


async def test_a_change_is_taken_back_after_coming_back_and_from_another_scores_answers() -> None:
    async with rephrased() as pilot:
        await pilot.press("m", "m", "t", "space", "enter")
        await until(pilot, shows(pilot, "Kept: tag wrong value on 2 answers. z takes it back."))
        await pilot.press("o", "n", *"fair", "enter", "w")
        await until(pilot, shows(pilot, "Kept: verdict wrong on 1 answer."))
        await pilot.press("escape")
        await filled(pilot)
        await pilot.press("right", "enter")
        await until(pilot, shows(pilot, "· secondary ·"))
        await pilot.press("z")
        await until(pilot, shows(pilot, "Taken back: verdict wrong on 1 answer of"))
        await pilot.press("z")
        await until(pilot, shows(pilot, "Taken back: tag wrong value on 2 answers of"))
        assert await in_store() == ([], {})
        assert ftb_of(pilot).changes == []


async def test_taking_a_verdict_back_brings_the_one_before_with_its_note() -> None:
    async with rephrased() as pilot:
        await pilot.press("o", "n", *"fair", "enter", "w")
        await until(pilot, shows(pilot, "Kept: verdict wrong"))
        await pilot.press("o", "x")
        await until(pilot, shows(pilot, "Kept: the grader's verdict again"))
        await pilot.press("z")
        await until(pilot, shows(pilot, "Taken back: the grader's verdict again"))
        assert (await in_store())[0] == [("wrong", "fair")]


async def test_tags_that_an_answer_got_since_stay_when_a_change_is_taken_back() -> None:
    async with rephrased() as pilot:
        await pilot.press("t", "space", "enter")
        await until(pilot, shows(pilot, "Kept: tag wrong value on 1 answer."))
        key = int(pilot.app.screen.query_one("#answers", Table).chosen or "")
        db = await open_store()
        await change_tags(db, [key], on=["format"], off=[])
        await db.close()
        await pilot.press("z")
        await until(pilot, shows(pilot, "Taken back"))
        assert (await in_store())[1] == {"format": 1}


async def test_a_score_is_opened_again_as_it_was_left() -> None:
    async with rephrased() as pilot:
        await pilot.press("f", "f", "f", "f", "f", "f", "f", "f")
        await until(pilot, shows(pilot, "showing correct: 16"))
        await pilot.press("slash", *"what", "enter", "n", "n")
        table = pilot.app.screen.query_one("#answers", Table)
        await until(pilot, lambda: table.cursor_row == 2)
        chosen = table.chosen
        await pilot.press("escape", "escape")
        await filled(pilot)
        await pilot.press("enter")
        await until(pilot, shows(pilot, "showing correct: 16"))
        assert not pilot.app.screen.query("#search"), "escape has taken the search away"
        assert pilot.app.screen.query_one("#answers", Table).chosen == chosen
        await pilot.press("escape")
        await filled(pilot)
        await pilot.press("right", "enter")
        await until(pilot, shows(pilot, "· secondary ·"))
        assert "showing wrong" in text_of(pilot.app), "another score is another list"


async def test_an_answer_far_down_is_stood_on_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ftb_tui.ui.screens.answers.PAGE", 5)
    async with rephrased_with("showing wrong: 5+") as pilot:
        table = pilot.app.screen.query_one("#answers", Table)
        await pilot.press("G")
        await until(pilot, lambda: table.row_count == 8)
        await pilot.press("G")
        await until(pilot, lambda: table.cursor_row == 7)
        chosen = table.chosen
        await pilot.press("escape")
        await filled(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "AnswersScreen" and pilot.app.focused is not None)
        await until(pilot, lambda: pilot.app.screen.query_one("#answers", Table).chosen == chosen)


async def test_after_a_crash_the_answers_stand_as_they_were_left() -> None:
    async with rephrased() as pilot:
        await pilot.press("slash", *"163", "enter", "n")
        table = pilot.app.screen.query_one("#answers", Table)
        await until(pilot, lambda: table.cursor_row == 1)
        chosen = table.chosen
        # Nobody leaves the screen or quits: what there is was kept by itself.
        await until(pilot, lambda: _kept_row() == chosen)
    app = demo_app()
    async with app.run_test(size=(120, 40)) as again:
        await until(again, lambda: type(app.screen).__name__ == "AnswersScreen" and app.focused is not None)
        await until(again, lambda: app.screen.query_one("#answers", Table).chosen == chosen)
        assert app.screen.query_one("#search", Input).value == "163"
        await again.press("escape", "escape")
        await until(again, lambda: app.current_mode == "results" and len(app.screen_stack) == 1)
    app = demo_app()
    async with app.run_test(size=(120, 40)) as third:
        await filled(third)
        await third.pause(0.3)
        assert len(app.screen_stack) == 1, "what was closed stays closed"


async def test_answers_of_a_score_that_is_gone_are_not_opened_again() -> None:
    async with rephrased() as pilot:
        ftb_of(pilot).keep_memory()
    await change_store("UPDATE evaluations SET deleted_at = 1")
    app = demo_app()
    async with app.run_test(size=(120, 40)) as again:
        await until(again, lambda: app.current_mode == "results")
        await until(again, shows(again, "No result yet"))
        assert len(app.screen_stack) == 1


async def test_a_score_that_is_opened_a_second_time_is_opened_again_after_a_crash() -> None:
    async with rephrased() as pilot:
        await pilot.press("escape")
        await until(pilot, lambda: "open" not in load() and bool(load().get("answers")))
        await pilot.press("enter")
        await until(pilot, shows(pilot, "showing wrong: 8"))
        # Nothing in it is new but that it is open.
        await until(pilot, lambda: "open" in load())
    app = demo_app()
    async with app.run_test(size=(120, 40)) as again:
        await until(again, lambda: type(app.screen).__name__ == "AnswersScreen")


async def test_open_answers_are_not_forgotten_where_the_app_tells_something_or_ends_before_it_opened_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with rephrased() as pilot:
        ftb_of(pilot).keep_memory()
    app, stored = demo_app(), asyncio.Event()
    look = app.looking.look

    async def wait_and_look() -> None:
        await stored.wait()
        await look()

    monkeypatch.setattr(app.looking, "look", wait_and_look)
    async with app.run_test(size=(120, 40)) as again:
        await until(again, lambda: app.current_mode == "results" and app.db is not None)
        app._tell_news("information", "A job has ended.")
        assert load()["open"]["mode"] == "results"
        stored.set()
        await until(again, lambda: type(app.screen).__name__ == "AnswersScreen")
        await again.press("escape")
        await until(again, lambda: "open" not in load())


def _kept_row() -> object:
    [kept] = load().get("answers", {"": {}}).values()
    return kept.get("chosen") if kept.get("search") == "163" else None
