"""What the tests of the dataset's screens share: a store with datasets of ours, and the app with one chosen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable

from ftb_tui.benchmark.model import Dataset
from ftb_tui.store.database import open_store
from ftb_tui.store.datasets import list_datasets, save_dataset
from tests.ui.pilot import SIZES, demo_app, fill_demo, filled, settled, text_of

Snap = Callable[..., bool]
sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")


async def stored(*datasets: Dataset) -> None:
    await fill_demo()
    db = await open_store()
    try:
        for dataset in datasets:
            await save_dataset(db, dataset)
    finally:
        await db.close()


async def names() -> list[str]:
    db = await open_store()
    try:
        return [row.name for row in await list_datasets(db)]
    finally:
        await db.close()


async def choose(pilot: Pilot[None], name: str) -> None:
    """Move to a dataset in the list on the left."""
    await filled(pilot)
    table = pilot.app.screen.query_one("#datasets", DataTable)
    place = next(row for row in range(table.row_count) if str(table.get_row_at(row)[0]) == name)
    table.focus()
    table.move_cursor(row=place)
    await pilot.pause()


def says(pilot: Pilot[None], words: str) -> Callable[[], bool]:
    """Whether the dialog shows these words, wherever its lines are broken."""

    def shown() -> bool:
        inside = [line.split("│")[1] for line in text_of(pilot.app).splitlines() if line.count("│") == 2]
        return words in " ".join(" ".join(inside).split())

    return shown


def says_anywhere(pilot: Pilot[None], words: str) -> Callable[[], bool]:
    """Whether the screen shows these words, wherever its lines are broken."""
    return lambda: words in " ".join(text_of(pilot.app).split())


@asynccontextmanager
async def opened(
    name: str = "fictional_people", *keys: str, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Pilot[None]]:
    """The app with this dataset chosen and these keys pressed."""
    app = demo_app()
    async with app.run_test(size=size, notifications=True) as pilot:
        await choose(pilot, name)
        await pilot.press(*keys)
        yield pilot


def snap(snap_compare: Snap, size: tuple[int, int], name: str, steps: Callable[[Pilot[None]], Awaitable[Any]]) -> bool:
    async def run(pilot: Pilot[None]) -> None:
        await choose(pilot, name)
        await steps(pilot)
        await settled(pilot)

    return snap_compare(demo_app(), terminal_size=size, run_before=run)
