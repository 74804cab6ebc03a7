"""A fault of the configuration, the catalogue or the store is told where it is met; it never ends the app."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from ftb_tui.paths import paths
from ftb_tui.ui.screens.choose import ChooseScreen
from ftb_tui.ui.screens.learning import LearningScreen
from tests.ui.pilot import demo_app, fill_demo, filled, until

FAULTS = {"catalogue.toml": "[[models]\n", "config.toml": "[providers.x\n"}


def told(pilot: Pilot[None]) -> list[str]:
    return [one.message for one in pilot.app._notifications if one.severity == "error"]


@pytest.fixture
def home(home: Path) -> Path:
    (home / "config").mkdir(parents=True)
    return home


@pytest.fixture
def locks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[sqlite3.Connection]]:
    """Whoever is put here is let go of at the end; the store is waited for a moment only."""
    monkeypatch.setattr("ftb_tui.store.database.BUSY_SECONDS", 0.1)
    held: list[sqlite3.Connection] = []
    yield held
    for one in held:
        one.close()


@pytest.mark.parametrize("file", FAULTS)
async def test_a_job_s_model_is_not_asked_while_a_file_of_the_configuration_is_broken(home: Path, file: str) -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(160, 45), notifications=True) as pilot:
        await filled(pilot)
        await pilot.press("2")
        await filled(pilot)
        (home / "config" / file).write_text(FAULTS[file])
        await pilot.press("j", "v")
        await until(pilot, lambda: bool(told(pilot)))
        assert file in told(pilot)[0]
        (home / "config" / file).unlink()
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, ChooseScreen))


async def test_checkpoints_are_not_asked_while_the_catalogue_is_broken(home: Path) -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(160, 45), notifications=True) as pilot:
        await filled(pilot)
        await pilot.press("4")
        await filled(pilot)
        await pilot.press("l")
        await until(pilot, lambda: isinstance(app.screen, LearningScreen))
        await filled(pilot)
        (home / "config" / "catalogue.toml").write_text(FAULTS["catalogue.toml"])
        await pilot.press("v")
        await until(pilot, lambda: bool(told(pilot)))
        assert "catalogue.toml" in told(pilot)[0]
        assert isinstance(app.screen, LearningScreen)


async def test_a_store_that_another_program_keeps_locked_is_told(locks: list[sqlite3.Connection]) -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(160, 45), notifications=True) as pilot:
        await filled(pilot)
        await pilot.press("2")
        await filled(pilot)
        locks.append(sqlite3.connect(paths().store, isolation_level=None))
        locks[0].execute("BEGIN IMMEDIATE")
        await pilot.press("j", "v")
        await until(pilot, lambda: isinstance(app.screen, ChooseScreen))
        await pilot.press("enter")
        await until(pilot, lambda: bool(told(pilot)))
        assert "another program keeps it locked" in told(pilot)[0]


@pytest.mark.parametrize(("mode", "action"), [("2", "evaluate"), ("4", "judge"), ("1", "train")])
async def test_a_key_pressed_twice_at_once_opens_one_dialog(mode: str, action: str) -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        await pilot.press(mode)
        await filled(pilot)
        await pilot.press("j")
        screen = app.screen
        for _ in range(2):
            getattr(screen, f"action_{action}")()
        await until(pilot, lambda: app.screen is not screen)
        await pilot.pause()
        assert len(app.screen_stack) == 2
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        await until(pilot, lambda: not any(one.name == f"action_{action}" for one in app.workers))
        getattr(screen, f"action_{action}")()
        await until(pilot, lambda: app.screen is not screen)
