"""A job that is being launched belongs to who launches it: others wait until it is known what came of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiosqlite

from ftb_tui.store import intents
from ftb_tui.store.database import StoreError
from ftb_tui.store.jobs import get_job

_LOOK_SECONDS = 0.2


@contextlib.asynccontextmanager
async def sending(db: aiosqlite.Connection, job_key: int, owner: str) -> AsyncIterator[None]:
    """Keep the lease of `owner` on sending a job for as long as the body runs, then give it back."""
    keeping = asyncio.create_task(_keep(db, job_key, owner))
    try:
        yield
    finally:
        keeping.cancel()
        await intents.release_sending(db, job_key, owner)


async def _keep(db: aiosqlite.Connection, job_key: int, owner: str) -> None:
    while True:
        await asyncio.sleep(intents.LEASE_SECONDS / 4)
        # The launch itself meets and tells what keeps the store from being written.
        with contextlib.suppress(StoreError):
            await intents.claim_sending(db, job_key, owner)


async def until_sent(db: aiosqlite.Connection, job_key: int) -> None:
    """Wait while somebody is launching the job."""
    while (await get_job(db, job_key)).is_being_sent:  # noqa: ASYNC110 - it may be another process
        await asyncio.sleep(_LOOK_SECONDS)
