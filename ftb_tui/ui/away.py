"""Reading and computing away from the screen's event loop, so that keys never wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import aiosqlite

_T = TypeVar("_T")


async def away(work: Callable[[aiosqlite.Connection], Awaitable[_T]]) -> _T:
    """What `work` gives, done in a thread with an event loop and a reading connection of its own.

    Raises what `work` raises, and `StoreError` where there is no store.
    """
    return await asyncio.to_thread(lambda: asyncio.run(_with_store(work)))


def kept(work: Callable[[aiosqlite.Connection], Awaitable[_T]]) -> _T:
    """What `work` gives, done at once with a writing connection of its own: for code that is in a thread already."""
    return asyncio.run(_with_store(work, readonly=False))


async def _with_store(work: Callable[[aiosqlite.Connection], Awaitable[_T]], *, readonly: bool = True) -> _T:
    from ftb_tui.store.database import open_store

    db = await open_store(readonly=readonly)
    try:
        return await work(db)
    finally:
        await db.close()
