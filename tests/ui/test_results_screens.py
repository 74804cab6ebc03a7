"""The screens that open from the results: how they look, and what every key of theirs does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable

from tests.ui.pilot import SIZES, demo_app, fill_demo, filled, shows, text_of, until

Snap = Callable[..., bool]
Steps = Callable[[Pilot[None]], Awaitable[Any]]
both_sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")


async def on_results(pilot: Pilot[None]) -> None:
    await filled(pilot)
    await pilot.press("4")
    await until(pilot, lambda: pilot.app.screen.query("#results") and filled_table(pilot, "#results").row_count > 0)
    await pilot.pause()


def filled_table(pilot: Pilot[None], name: str) -> DataTable[Any]:
    return pilot.app.screen.query_one(name, DataTable)


async def settled(pilot: Pilot[None]) -> None:
    """Two equal pictures after each other: columns have their widths."""
    before = ""
    while (now := text_of(pilot.app)) != before:
        before = now
        for _ in range(4):
            await pilot.pause()


def snap(snap_compare: Snap, size: tuple[int, int], steps: Steps) -> bool:
    async def run(pilot: Pilot[None]) -> None:
        await on_results(pilot)
        await steps(pilot)
        await settled(pilot)

    return snap_compare(demo_app(), terminal_size=size, run_before=run)


async def paper(pilot: Pilot[None]) -> None:
    await pilot.press("p")
    await until(pilot, shows(pilot, "figures have ours"))


@both_sizes
@pytest.mark.parametrize("keys", [(), ("a",)], ids=["held", "all"])
def test_the_papers_figures_beside_ours_look_as_they_did(
    snap_compare: Snap, keys: tuple[str, ...], size: tuple[int, int]
) -> None:
    asyncio.run(fill_demo())

    async def steps(pilot: Pilot[None]) -> None:
        await paper(pilot)
        await pilot.press(*keys)

    assert snap(snap_compare, size, steps)


async def test_only_figures_with_ours_stand_there_first_and_a_shows_all() -> None:
    await fill_demo()
    async with demo_app().run_test(size=(120, 40), notifications=True) as pilot:
        await on_results(pilot)
        await paper(pilot)
        held = filled_table(pilot, "#paper").row_count
        assert held == 6
        assert "another model than any of the paper's" in text_of(pilot.app)
        await pilot.press("a")
        await until(pilot, lambda: filled_table(pilot, "#paper").row_count > 70)
        assert "nothing in the store" in text_of(pilot.app)
        await pilot.press("a")
        await until(pilot, lambda: filled_table(pilot, "#paper").row_count == held)
        await pilot.press("down", "y")
        await until(pilot, lambda: pilot.app.clipboard.count("\n") == held)
        assert pilot.app.clipboard.startswith("family\ttask\tmodel")
        await pilot.press("question_mark")
        await until(pilot, shows(pilot, "Every figure of the paper"))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: bool(pilot.app.screen.query("#results")))


async def compare(pilot: Pilot[None]) -> None:
    await pilot.press("c")
    await until(pilot, shows(pilot, "McNemar p"))
    await until(pilot, lambda: filled_table(pilot, "#questions").row_count > 0)


@both_sizes
@pytest.mark.parametrize("keys", [(), ("enter",), ("o",)], ids=["grid", "questions", "other"])
def test_two_models_side_by_side_look_as_they_did(
    snap_compare: Snap, keys: tuple[str, ...], size: tuple[int, int]
) -> None:
    asyncio.run(fill_demo())

    async def steps(pilot: Pilot[None]) -> None:
        await compare(pilot)
        await pilot.press(*keys)

    assert snap(snap_compare, size, steps)


async def test_two_models_are_compared_question_by_question() -> None:
    await fill_demo()
    async with demo_app().run_test(size=(120, 40), notifications=True) as pilot:
        await on_results(pilot)
        await pilot.press("right", "right")
        await compare(pilot)
        assert "A − B  −.04" in text_of(pilot.app)
        assert "not sure: this may be chance" in text_of(pilot.app)
        assert filled_table(pilot, "#questions").row_count == 4, "what tuning mended comes first"
        await pilot.press("right", "up")
        await until(pilot, lambda: filled_table(pilot, "#questions").row_count == 5)
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen.focused is filled_table(pilot, "#questions"))
        assert "A – abstained" in text_of(pilot.app)
        assert "B ✓ correct: No." in text_of(pilot.app)
        await pilot.press("enter")
        await until(pilot, shows(pilot, "--- B said"))
        await pilot.press("escape", "y")
        await until(pilot, lambda: "broken: B right, A wrong" in pilot.app.clipboard)
        assert pilot.app.clipboard.count("\tNo.\t") == 5
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen.focused is filled_table(pilot, "#grid"))
        await pilot.press("x")
        await until(pilot, shows(pilot, "A − B  +.04"))
        await pilot.press("x", "t")
        await until(pilot, shows(pilot, "comparison · by choice"))
        await pilot.press("o")
        await until(pilot, shows(pilot, "Compare A with"))
        await pilot.press("j", "k", "enter")
        await until(pilot, shows(pilot, "McNemar p"))
        await pilot.press("question_mark")
        await until(pilot, shows(pilot, "Exchange A and B"))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: bool(pilot.app.screen.query("#results")))


async def test_a_base_is_compared_with_its_tuned_model() -> None:
    await fill_demo()
    async with demo_app().run_test(size=(120, 40)) as pilot:
        await on_results(pilot)
        await pilot.press("up")
        await compare(pilot)
        assert "A  smollm2-135m 0a1b2c3d (tuned)" in text_of(pilot.app)
