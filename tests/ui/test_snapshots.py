"""How every screen looks, narrow and wide. `pytest tests/ui --snapshot-update` after looking at the difference."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from ftb_tui.ui.screens.confirm import ConfirmScreen
from ftb_tui.ui.screens.fetch import FetchScreen
from tests.ui.pilot import SIZES, demo_app, fill_demo, filled, settled, shows, until

Snap = Callable[..., bool]
KEYS = {"datasets": "1", "jobs": "2", "evaluations": "3", "results": "4", "providers": "5"}


def snap(snap_compare: Snap, size: tuple[int, int], steps: Callable[[Pilot[None]], Awaitable[Any]]) -> bool:
    async def run(pilot: Pilot[None]) -> None:
        await filled(pilot)
        await steps(pilot)
        await settled(pilot)

    return snap_compare(demo_app(), terminal_size=size, run_before=run)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("mode", KEYS)
def test_a_mode_with_results_looks_as_it_did(snap_compare: Snap, mode: str, size: tuple[int, int]) -> None:
    asyncio.run(fill_demo())

    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press(KEYS[mode])
        await filled(pilot)

    assert snap(snap_compare, size, steps)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("mode", ["datasets", "jobs", "evaluations", "results"])
def test_an_empty_mode_says_what_to_do(snap_compare: Snap, mode: str, size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press(KEYS[mode])
        await until(pilot, shows(pilot, "quick benchmark"))

    assert snap(snap_compare, size, steps)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("keys", ["", "space", "question_mark"], ids=["list", "whole", "help"])
def test_the_answers_behind_a_score_look_as_they_did(snap_compare: Snap, keys: str, size: tuple[int, int]) -> None:
    asyncio.run(fill_demo())

    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("4")
        await filled(pilot)
        await pilot.press("right", "enter")
        await until(pilot, shows(pilot, "showing wrong"))
        if keys:
            await pilot.press(keys)

    assert snap(snap_compare, size, steps)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_help_looks_as_it_did(snap_compare: Snap, size: tuple[int, int]) -> None:
    asyncio.run(fill_demo())

    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("2")
        await filled(pilot)
        await settled(pilot)
        await pilot.press("question_mark")

    assert snap(snap_compare, size, steps)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("what", ["confirm", "fetch"])
def test_a_dialog_looks_as_it_did(snap_compare: Snap, what: str, size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        text = "Quick benchmark, about 50 s on two cores\n\n" + "Every word of a long sentence can be read here. " * 4
        pilot.app.push_screen(ConfirmScreen(text, yes="start") if what == "confirm" else FetchScreen())
        await pilot.pause()

    assert snap(snap_compare, size, steps)
