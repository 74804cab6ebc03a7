"""What a person does in the app, on the real engine with the tiny model."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.screen import ModalScreen
from textual.widgets import DataTable, Input

from ftb_tui.engine.tiny import write_tiny_model
from ftb_tui.store.database import open_store
from ftb_tui.store.evaluations import list_evaluations
from ftb_tui.store.jobs import list_jobs
from ftb_tui.ui.app import FtbApp
from ftb_tui.work.local_engine import running_engine, stop_engine
from tests.demo import change_store
from tests.ui.pilot import fill_demo, filled, shows, text_of, until


@pytest.fixture
def tiny_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The engine is started by the app itself, with the tiny model."""
    monkeypatch.setenv("FTB_WEIGHTS", str(write_tiny_model(tmp_path / "tiny.gguf")))
    yield
    stop_engine()


async def test_one_key_runs_the_benchmark_to_a_table_and_on_to_the_wrong_answers(tiny_engine: None) -> None:
    app = FtbApp()
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, shows(pilot, "quick benchmark"))
        await until(pilot, lambda: app._supervisor is not None)
        await pilot.press("b")
        await until(pilot, lambda: app.current_mode == "jobs")
        await until(pilot, lambda: app.current_mode == "results", seconds=120)
        await until(pilot, shows(pilot, "memorization"))
        await until(pilot, lambda: app.screen.query_one("#results", DataTable).row_count == 3)
        await pilot.press("enter")
        await until(pilot, shows(pilot, "Taught"))


async def test_quitting_in_mid_job_loses_nothing_and_coming_back_finishes_it_once(tiny_engine: None) -> None:
    app = FtbApp()
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app._supervisor is not None)
        await pilot.press("b")
        await until(pilot, shows(pilot, "running"), seconds=60)
        await pilot.press("q")
    db = await open_store()
    [before] = await list_jobs(db)
    await db.close()
    assert running_engine() is not None, "the job goes on in the engine"
    again = FtbApp()
    async with again.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: again.current_mode == "results", seconds=180)
    db = await open_store()
    [after] = await list_jobs(db)
    rows = await list_evaluations(db)
    await db.close()
    assert (after.remote_job_id, after.state) == (before.remote_job_id, "succeeded")
    assert sorted(row.n_answered for row in rows) == [96, 96]


MODES = {"1": "datasets", "2": "jobs", "3": "evaluations", "4": "results", "5": "providers"}


@pytest.mark.parametrize("key", MODES)
async def test_every_key_in_the_footer_does_something(
    key: str, tiny_engine: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill_demo()
    await change_store("UPDATE jobs SET state = 'cancelled' WHERE state = 'running'")
    monkeypatch.chdir(tmp_path)
    app = FtbApp()
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: app._supervisor is not None)
        await pilot.press(key)
        await filled(pilot)
        home = app.screen
        shown = [active.binding for active in home.active_bindings.values() if active.binding.show]
        keys = [binding.key for binding in shown if binding.action != "quit"]
        assert len(keys) >= 4
        for footer_key in keys:
            await filled(pilot)
            before = text_of(app)
            told = len(app._notifications)

            def acted(before: str = before, told: int = told) -> bool:
                return app.screen is not home or len(app._notifications) != told or text_of(app) != before

            await pilot.press(footer_key)
            await until(pilot, acted)
            if isinstance(app.focused, Input):
                await pilot.press("escape")
            while isinstance(app.screen, ModalScreen) or app.screen is not home:
                if app.current_mode != MODES[key]:
                    await pilot.press(key)
                else:
                    await pilot.press("escape")
                await pilot.pause()
            app.clear_notifications()


async def test_a_database_from_the_future_is_refused_in_a_sentence(home: Path) -> None:
    await change_store("PRAGMA user_version = 9999")
    app = FtbApp()
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.return_code is not None)
    assert app.return_code == 1


HEAVY = """
import asyncio, sys
from ftb_tui.ui.app import FtbApp

async def main():
    app = FtbApp(background=False)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.pause()
    print(" ".join(sys.modules))

asyncio.run(main())
"""


def test_the_first_frame_needs_no_service_and_no_arithmetic(home: Path) -> None:
    done = subprocess.run([sys.executable, "-c", HEAVY], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "ftb_tui.ui.screens.datasets" in loaded
    heavy = {"openai", "google.genai", "numpy", "aiohttp", "tiktoken", "ftb_tui.engine"}
    assert not heavy & loaded
