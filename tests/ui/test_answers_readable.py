"""Answers of nothing but blanks or line breaks are told in words wherever answers are shown, and hide nothing."""

from __future__ import annotations

import re

import pytest

from tests.demo import change_store
from tests.ui.pilot import demo_app, fill_demo, filled, shows, text_of, until

BREAKS, GAP = "(nothing but 20 line breaks)", "‹20 line breaks›"


async def _say(base: str, tuned: str) -> None:
    for kind, answer in (("base", base), ("tuned", tuned)):
        await change_store(
            "UPDATE responses SET answer = ? WHERE evaluation_key IN (SELECT evaluation_key FROM evaluations"
            " JOIN models USING (model_key) WHERE kind = ?)",
            (answer, kind),
        )


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_blank_answers_are_told_in_words_on_every_screen_that_shows_answers(size: tuple[int, int]) -> None:
    await fill_demo()
    await _say("", "\n" * 20)
    app = demo_app()
    async with app.run_test(size=size) as pilot:
        await filled(pilot)
        await pilot.press("4")
        await filled(pilot)
        await pilot.press("right", "c")
        await until(pilot, shows(pilot, "Gold: "))
        assert all(words in text_of(app) for words in ("(empty)", "✓ (nothing but 20", "Gold: "))
        await pilot.press("enter", "enter")
        await until(pilot, lambda: re.search(f"│ +{re.escape(BREAKS)}", text_of(app)) is not None)
        await pilot.press("escape", "escape", "escape")
        await filled(pilot)
        await pilot.press("enter")
        await until(pilot, shows(pilot, "(nothing but 20 line br…"))
        await pilot.press("a")
        await until(pilot, shows(pilot, "(empty)"))


async def test_gaps_in_an_answer_are_told_in_the_whole_texts_too() -> None:
    await fill_demo()
    await _say("no", "one" + "\n" * 20 + "two")
    app = demo_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        await pilot.press("4")
        await filled(pilot)
        await pilot.press("right", "c")
        await until(pilot, shows(pilot, "Gold: "))
        await until(pilot, lambda: re.search(r"B . [a-z]+: no\b", text_of(app)) is not None)
        await pilot.press("enter", "enter")
        await until(pilot, shows(pilot, "--- A said"))
        assert GAP in text_of(app)
        await pilot.press("escape", "escape", "escape")
        await filled(pilot)
        await pilot.press("enter")
        await until(pilot, shows(pilot, "· rephrased ·"))
        await pilot.press("a")
        await until(pilot, shows(pilot, "Taught: "))
        await pilot.press("G", "space")
        await until(pilot, shows(pilot, "--- asked, "))
        assert GAP in text_of(app)
