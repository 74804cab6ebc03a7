"""Keeping the visible screen in step with the store, beside everything else that the app does: no key waits for it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from textual.css.query import NoMatches

from ftb_tui.ui.pace import Pace

if TYPE_CHECKING:
    import aiosqlite

    from ftb_tui.ui.app import FtbApp
    from ftb_tui.ui.sweeping import Sweeper

EVERY = 0.4
"""Seconds between two looks for what anybody wrote into the store."""

CLOSE_SECONDS = 2.0
"""How long a screen that is being filled may keep the app from closing."""


class Looking:
    """Looks for one app, as long as its store is open."""

    def __init__(self, app: FtbApp) -> None:
        self._app = app
        self._asked = asyncio.Event()
        self._turn = asyncio.Lock()
        self._dirty = True
        self._filled = -1
        self.version = -1
        """SQLite's `data_version` at the last look: another number after another connection, of whatever process, has
        written into the store. What this app writes over its own connection does not change it."""
        self._closed = False
        self.pace = Pace()
        self.has_results = False
        self.sweeper: Sweeper | None = None

    def ask(self) -> None:
        """The visible screen wants to be filled now, whether the store changed or not."""
        self._dirty = True
        self._asked.set()

    async def go_on(self) -> None:
        """Look again and again, until the app is closed."""
        while not self._closed:
            await self.look()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), EVERY)
            self._asked.clear()
            if self.sweeper is not None and self.sweeper.is_due(self.pace.idle):
                self.sweeper.sweep()

    async def look(self) -> None:
        """Fill the visible screen when the store changed since the last look (by anybody), or it was asked for."""
        async with self._turn:
            if self._app.db is not None and not self._closed:
                await self._look(self._app.db)

    async def _look(self, db: aiosqlite.Connection) -> None:
        from ftb_tui.ui.screens.mode import ModeScreen

        [row] = await db.execute_fetchall("PRAGMA data_version")
        self.version = row[0]
        screen = self._app.screen_stack[0] if self._app.screen_stack else None
        if not isinstance(screen, ModeScreen) or not screen.is_mounted:
            return
        # Below another screen nobody sees it; it asks for a look when it is shown again.
        covered = screen is not self._app.screen
        if not covered and (self._dirty or (self.version != self._filled and self.pace.is_due())):
            self._filled, self._dirty = self.version, False
            began_at = self.pace.now()
            if not self.has_results:
                found = await db.execute_fetchall("SELECT 1 FROM grades LIMIT 1")
                self.has_results = bool(list(found))
            try:
                await screen.fill()
            except NoMatches:
                # The app was closed while the store was read.
                if screen.query("#tabs"):
                    raise
            self.pace.filled(began_at)
        if screen.query("#status"):
            screen.show_status()
            screen.tick()

    async def close(self) -> None:
        """Look no more; a screen that is being filled is waited for, for a moment."""
        self._closed = True
        self._asked.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._turn.acquire(), CLOSE_SECONDS)
