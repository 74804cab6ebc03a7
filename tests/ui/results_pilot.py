"""Waiting for the results and their tables."""

from __future__ import annotations

from typing import Any

from textual.pilot import Pilot
from textual.widgets import DataTable

from tests.ui.pilot import filled, until


async def on_results(pilot: Pilot[None]) -> None:
    await filled(pilot)
    await pilot.press("4")
    await until(pilot, lambda: pilot.app.screen.query("#results") and filled_table(pilot, "#results").row_count > 0)
    await pilot.pause()


def filled_table(pilot: Pilot[None], name: str) -> DataTable[Any]:
    return pilot.app.screen.query_one(name, DataTable)
