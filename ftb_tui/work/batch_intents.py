"""Being sure of batches that were intended: each is one that the service has, or there is none and never will be."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import aiosqlite

from ftb_tui.providers.base import ProviderError
from ftb_tui.providers.batches import Batching, RemoteBatch
from ftb_tui.store import batches
from ftb_tui.work.asking import EvaluationStoppedError

LISTED_WITHIN_SECONDS = 60.0
"""So long after it was sent a creation without an answer may still turn up in the service's list."""
DOUBT_SECONDS = 2.0
Rest = Callable[[float], Awaitable[bool]]
"""Waits so many seconds; False when somebody asked for a stop meanwhile."""


async def reconcile(db: aiosqlite.Connection, batching: Batching, evaluation_key: int, rest: Rest) -> None:
    """Be sure of every batch of an evaluation. Raises `EvaluationStoppedError` where that cannot be told yet."""
    for batch in await batches.open_batches(db, evaluation_key):
        if batch.intent == "intended":
            await _abandon(db, batching, batch)
        elif batch.intent == "sent":
            if (found := await _find(batching, batch, rest)) is None:
                await _abandon(db, batching, batch)
            else:
                await confirm(db, batch.batch_key, found)


async def confirm(db: aiosqlite.Connection, batch_key: int, remote: RemoteBatch) -> None:
    """Keep that the service has this batch."""
    await batches.set_intent(db, batch_key, "confirmed", remote_batch_id=remote.batch_id, raw_state=remote.raw_state)


async def cancel_batches(db: aiosqlite.Connection, batching: Batching, evaluation_key: int) -> int:
    """Ask the service to end the batches that it has; gives how many. What they answered is still to be read."""
    asked = 0
    for batch in await batches.open_batches(db, evaluation_key):
        assert batch.remote_batch_id is not None
        try:
            remote = await batching.cancel(batch.remote_batch_id)
        except ProviderError as error:
            # It has ended meanwhile, which is what was wanted.
            remote = await batching.get(batch.remote_batch_id)
            if not remote.state.is_final:
                raise error
        await confirm(db, batch.batch_key, remote)
        asked += 1
    return asked


async def _find(batching: Batching, batch: batches.BatchRow, rest: Rest) -> RemoteBatch | None:
    """Look for a batch until it would certainly be listed; None when it is not there."""
    until = (batch.sent_at or time.time()) + LISTED_WITHIN_SECONDS
    while True:
        try:
            found = await batching.find(batch.intent_id)
        except ProviderError as error:
            raise _unsure(batch, error) from error
        if found:
            return found[0]
        if time.time() >= until:
            return None
        if not await rest(DOUBT_SECONDS):
            raise _unsure(batch)


async def _abandon(db: aiosqlite.Connection, batching: Batching, batch: batches.BatchRow) -> None:
    """Give an intent up. Its file goes first, so that a creation that is late can make nothing of it."""
    if batch.remote_file_id is not None:
        try:
            await batching.delete_file(batch.remote_file_id)
            found = await batching.find(batch.intent_id) if batch.intent == "sent" else []
        except ProviderError as error:
            raise _unsure(batch, error) from error
        if found:
            await confirm(db, batch.batch_key, found[0])
            return
    await batches.set_intent(db, batch.batch_key, "abandoned")


def _unsure(batch: batches.BatchRow, error: ProviderError | None = None) -> EvaluationStoppedError:
    why = f" ({error.message})" if error else ""
    return EvaluationStoppedError(
        "It is not known yet whether a batch was created. Nothing was sent again; look once more with: "
        f"ftb evaluate --resume {batch.evaluation_key}{why}"
    )
