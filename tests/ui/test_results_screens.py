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
