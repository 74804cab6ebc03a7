"""What the tests of the app share: waiting for what a person would wait for, and an app on the demo store."""

from __future__ import annotations

import asyncio
import atexit
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.app import App
from textual.pilot import Pilot
from textual.strip import Strip
from textual.widgets import DataTable, Static

from ftb_tui.benchmark.load import bundled_names, load_bundled
from ftb_tui.paths import paths
from ftb_tui.store.database import open_store
from ftb_tui.store.datasets import save_dataset
from ftb_tui.ui.app import FtbApp
from tests.demo import CLOCK, fill_demo_store

SIZES = ((80, 24), (160, 45))


async def until(pilot: Pilot[None], true: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something is true on the screen; fails with the screen's text."""
    end, pause = time.monotonic() + seconds, 0.02
    while True:
        await pilot.pause()
        if true():
            return
        assert time.monotonic() < end, f"This never came; the screen shows:\n{text_of(pilot.app)}"
        # A look draws the whole screen: who waits long looks less often, and leaves the processor to what is waited for.
        await asyncio.sleep(pause)
        pause = min(0.2, pause * 1.5)


def text_of(app: object) -> str:
    """Everything that the app shows, as lines."""
    assert isinstance(app, FtbApp)
    return "\n".join("".join(segment.text for strip in line for segment in strip) for line in painted(app))


def painted(app: App[Any]) -> list[list[Strip]]:
    """What a terminal would show: the strips of every line, dialogs with the screens behind them."""
    if not app.screen.size:
        return []
    update: Any = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)
    return [list(line) for line in update.strips]


def shows(pilot: Pilot[None], words: str) -> Callable[[], bool]:
    """Whether the screen shows these words."""
    return lambda: words in text_of(pilot.app)


def demo_app() -> FtbApp:
    """The app on whatever store is in FTB_HOME, with a frozen clock and nothing in the background."""
    return FtbApp(clock=lambda: CLOCK, background=False)


_TEMPLATE = Path(tempfile.mkdtemp(prefix="ftb-demo-")) / "ftb.db"
atexit.register(shutil.rmtree, _TEMPLATE.parent, ignore_errors=True)


async def fill_demo() -> None:
    """Put the demo data and the bundled datasets into this home's store. Made once, then copied."""
    if not _TEMPLATE.exists():
        db = await open_store(_TEMPLATE)
        try:
            await fill_demo_store(db)
            for name in bundled_names():
                await save_dataset(db, load_bundled(name))
        finally:
            await db.close()
    store = paths().store
    store.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_TEMPLATE, store)


async def filled(pilot: Pilot[None]) -> None:
    """Wait until the screen's table has rows (or says that it has none)."""

    def ready() -> bool:
        tables = pilot.app.screen.query(DataTable)
        empty = pilot.app.screen.query("#empty")
        full = [table for table in tables if table.row_count]
        return (len(tables) > 0 and len(full) == len(tables)) or any(
            isinstance(one, Static) and one.display for one in empty
        )

    await until(pilot, ready)
    await pilot.pause()


async def settled(pilot: Pilot[None]) -> None:
    """Wait until the screen no longer changes: columns have their widths, logs stand at their ends."""
    before: object = None
    same = 0
    while same < 2:
        await pilot.pause()
        await asyncio.sleep(0.02)
        now = painted(pilot.app)
        same = same + 1 if now == before else 0
        before = now
