"""Make the pictures of the documentation from a demo store, so that they cannot go stale.

Run from the checkout: .venv/bin/python docs/make_pictures.py
The demo store is invented: its answers follow a fixed rule, not a model. Pictures show what screens look like, no figures.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

PICTURES = Path(__file__).resolve().parent / "pictures"
SIZE = (120, 30)


async def main() -> None:
    """One SVG a screen."""
    from ftb_tui.store.database import open_store
    from ftb_tui.ui.app import FtbApp
    from tests.demo import CLOCK, fill_demo_store

    db = await open_store()
    await fill_demo_store(db)
    await db.close()
    app = FtbApp(clock=lambda: CLOCK, background=False)
    async with app.run_test(size=SIZE) as pilot:
        for key, name in (("1", "datasets"), ("2", "jobs"), ("3", "evaluations"), ("4", "results")):
            await pilot.press(key)
            await pilot.pause(1.0)
            await save(app, name)
        await pilot.press("right", "enter")
        await pilot.pause(1.0)
        await save(app, "answers")
        await pilot.press("escape")
        await pilot.pause(1.0)
        await pilot.press("c")
        await pilot.pause(1.0)
        await save(app, "comparing")


async def save(app: object, name: str) -> None:
    """Write the screen as SVG."""
    from ftb_tui.ui.app import FtbApp

    assert isinstance(app, FtbApp)
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / f"{name}.svg").write_text(app.export_screenshot(title="ftb"), encoding="utf-8")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ["FTB_HOME"] = home
        os.environ["TZ"] = "UTC"
        asyncio.run(main())
