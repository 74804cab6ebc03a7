"""Waiting for the results and their tables, and pictures of what opens from them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable

from tests.ui.pilot import SIZES, demo_app, filled, settled, until

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


def snap(snap_compare: Snap, size: tuple[int, int], steps: Steps) -> bool:
    """Whether what the steps lead to from the results looks as it did."""

    async def run(pilot: Pilot[None]) -> None:
        await on_results(pilot)
        await steps(pilot)
        await settled(pilot)

    return snap_compare(demo_app(), terminal_size=size, run_before=run)
