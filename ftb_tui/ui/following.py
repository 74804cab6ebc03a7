"""A screen that is filled again whenever somebody has changed the store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ftb_tui.ui.screens.opened import OpenedScreen

LOOK_SECONDS = 1.0
"""Seconds between two looks at whether the store was changed."""


async def follow(screen: OpenedScreen, fill: Callable[[], Awaitable[None]]) -> None:
    """Fill a screen now, and again when another connection has changed the store, as long as the screen is open.

    The modes' screens are filled by the app; this is for those that are opened from one.
    """
    seen: object = None

    async def look() -> None:
        nonlocal seen
        version = screen.ftb.looking.version
        if screen.ftb.db is not None and version != seen and screen.is_attached:
            seen = version
            await fill()

    await look()
    screen.set_interval(LOOK_SECONDS, look)
