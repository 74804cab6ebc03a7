"""Answers on their way to the disk: gathered for a moment, then committed together, and let go only when they are there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiosqlite

from ftb_tui.store import evaluations as store

FLUSH_SECONDS = 0.1
FLUSH_ROWS = 500


class Committing:
    """What was settled of one evaluation and is not on disk yet."""

    def __init__(self, db: aiosqlite.Connection, evaluation_key: int) -> None:
        self._db, self._key = db, evaluation_key
        self._settled: list[tuple[store.ResponseRecord, Callable[[], None]]] = []
        self._flushing = asyncio.Lock()

    async def add(self, record: store.ResponseRecord, on_kept: Callable[[], None]) -> None:
        """Take a record, which is on disk within `FLUSH_SECONDS` while `keep_on` runs; `on_kept` is called then."""
        self._settled.append((record, on_kept))
        if len(self._settled) >= FLUSH_ROWS:
            await self.flush()

    async def keep_on(self) -> None:
        """Commit what comes, for ever. Raises `StoreError` where it cannot be kept."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Commit what is settled, to the end even when the caller is cancelled.

        A statement that is cut short would keep the connection from ever committing again.
        """
        commit = asyncio.create_task(self._commit())
        # Who was cancelled does not hear how it went; the flush at the run's end meets the same trouble and tells it.
        commit.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.wait([commit])
        commit.result()

    async def _commit(self) -> None:
        """What is settled is let go only when it is on disk, so that a write that failed is made again."""
        async with self._flushing:
            batch = list(self._settled)
            if batch:
                await store.write_responses(self._db, self._key, [record for record, _ in batch])
                del self._settled[: len(batch)]
                for _, on_kept in batch:
                    on_kept()
