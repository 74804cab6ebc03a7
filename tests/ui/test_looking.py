"""The store is read beside everything else that the app does."""

from __future__ import annotations

import asyncio

import pytest

from ftb_tui.ui.screens.evaluations import EvaluationsScreen
from tests.ui.pilot import demo_app, fill_demo, filled, until


async def test_keys_are_heard_while_a_screen_still_waits_for_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    read = asyncio.Event()
    waits: list[EvaluationsScreen] = []

    async def fill(screen: EvaluationsScreen) -> None:
        waits.append(screen)
        await read.wait()

    monkeypatch.setattr(EvaluationsScreen, "fill", fill)
    await fill_demo()
    async with demo_app().run_test(size=(80, 24), notifications=True) as pilot:
        await filled(pilot)
        await pilot.press("3")
        await until(pilot, lambda: bool(waits))
        await pilot.press("2")
        await until(pilot, lambda: pilot.app.current_mode == "jobs")
        read.set()
        await filled(pilot)
