"""What the first screen tells is of the dataset and the question one stands on, however slow the store."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest
from textual.widgets import Static

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.benchmark.people import build_fictional_people
from ftb_tui.store.database import open_store
from ftb_tui.store.datasets import save_dataset
from ftb_tui.ui.bench_offer import chosen_dataset, welcome
from ftb_tui.ui.screens import datasets
from ftb_tui.ui.widgets.table import Table
from tests.ui.datasets_pilot import choose
from tests.ui.pilot import demo_app, fill_demo, filled, shows, text_of, until


class Late:
    """A reading of the store whose first answer comes when it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        self.asked, self.go_on, self.answered = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._read = getattr(datasets, name)
        monkeypatch.setattr(datasets, name, self)

    async def __call__(self, *place: Any, **which: Any) -> Any:
        first = not self.asked.is_set()
        found = await self._read(*place, **which)
        if first:
            self.asked.set()
            await self.go_on.wait()
            self.answered.set()
        return found


@pytest.mark.parametrize(
    ("reading", "pane", "table", "of_the_first", "of_the_second"),
    [
        ("dataset_details", "#about", "#datasets", "Fictional People", "Renamed scikit-learn"),
        ("question_page", "#questions", "#datasets", "centimetres", "sklearn"),
        ("questions_of_fact", "#fact", "#questions", "centimetres", "kilograms"),
    ],
)
async def test_what_is_read_late_of_one_is_not_told_of_another(
    monkeypatch: pytest.MonkeyPatch, reading: str, pane: str, table: str, of_the_first: str, of_the_second: str
) -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(160, 45)) as pilot:
        await choose(pilot, "fictional_people")

        def told() -> str:
            place = app.screen.query_one(pane)
            if isinstance(place, Table):
                return " ".join(str(cell) for row in range(place.row_count) for cell in place.get_row_at(row))
            assert isinstance(place, Static)
            return str(place.content)

        await until(pilot, lambda: of_the_first in told())
        app.screen.query_one(table).focus()
        late = Late(monkeypatch, reading)
        app.ask_for_refresh()
        await until(pilot, late.asked.is_set)
        await pilot.press("down")
        await until(pilot, lambda: of_the_second in told())
        late.go_on.set()
        await until(pilot, late.answered.is_set)
        await pilot.pause()
        assert of_the_second in told()
        assert of_the_first not in told()


async def test_a_newcomer_begins_with_the_people_and_is_told_of_what_he_stands_on() -> None:
    app = demo_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        await until(pilot, shows(pilot, "quick benchmark: 8 people, about"))
        table = app.screen.query_one("#datasets", Table)
        await until(pilot, lambda: table.row_count > 2)
        assert chosen_dataset(app.screen) == load_bundled("fictional_people").dataset_id
        await choose(pilot, "medical")
        await until(pilot, shows(pilot, "quick benchmark: 48 facts, about"))
        assert f"learns the facts of {load_bundled('medical').title}" in " ".join(text_of(app).split())
        assert chosen_dataset(app.screen) == load_bundled("medical").dataset_id, "which is what b offers"
        await choose(pilot, "fictional_people")
        await until(pilot, shows(pilot, "quick benchmark: 8 people, about"))


async def test_the_first_dataset_in_a_new_store_is_the_one_to_begin_with() -> None:
    """The screen may be filled when only one is in."""
    from ftb_tui.store.datasets import list_datasets
    from ftb_tui.ui.opening import take_missing

    db = await open_store()
    try:
        taken = asyncio.create_task(take_missing(db))
        while not (found := await list_datasets(db)):
            await asyncio.sleep(0)
        await taken
        assert {row.name for row in found} == {"fictional_people"}
    finally:
        await db.close()


async def test_a_world_of_ones_own_and_a_dataset_that_cannot_be_asked_are_told_truly() -> None:
    db = await open_store()
    try:
        world = build_fictional_people(seed=3, people=9)
        await save_dataset(db, world)
        told = await welcome(db, world.dataset_id)
        assert "quick benchmark: 8 people, about" in told
        assert "whole benchmark: 9 people, about" in told
        empty = dataclasses.replace(load_bundled("medical"), name="mute", questions=())
        await save_dataset(db, empty)
        assert (
            await welcome(db, empty.dataset_id)
            == "mute has no question of the chosen facts to ask; its tasks are none."
        )
    finally:
        await db.close()
