"""Keeping a lease for the length of a piece of work."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiosqlite

from ftb_tui.store import leases
from ftb_tui.store.database import StoreError
from ftb_tui.store.leases import Lease


@asynccontextmanager
async def keeping(db: aiosqlite.Connection, lease: Lease, owner: str) -> AsyncIterator[asyncio.Event]:
    """Renew the lease that `owner` has for as long as the body runs, then give it back.

    Gives an event that is set when somebody else has taken the lease. That the lease cannot be given back, on a full
    disk say, is not raised: how the work ended counts, and the lease runs out by itself.
    """
    lost = asyncio.Event()
    keeper = asyncio.create_task(_keep(db, lease, owner, lost))
    try:
        yield lost
    finally:
        keeper.cancel()
        with contextlib.suppress(StoreError):
            await leases.release(db, lease, owner)


async def _keep(db: aiosqlite.Connection, lease: Lease, owner: str, lost: asyncio.Event) -> None:
    while True:
        await asyncio.sleep(leases.LEASE_SECONDS / 4)
        # The work itself meets and tells what keeps the store from being written.
        with contextlib.suppress(StoreError):
            if not await leases.renew(db, lease, owner):
                lost.set()
