"""Batches of questions: intents first, then what the service says of them, at last settled together with the answers."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiosqlite

from ftb_tui.store.database import transaction
from ftb_tui.store.evaluations import ResponseRecord, insert_responses, parameters_key


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A batch as the store knows it. Times are seconds since 1970."""

    batch_key: int
    intent_id: str
    intent: str
    evaluation_key: int
    host: str
    remote_file_id: str | None
    remote_batch_id: str | None
    raw_state: str
    error: str | None
    created_at: float
    sent_at: float | None
    n_questions: int


_BATCH = """
  SELECT batch_key, intent_id, intent, evaluation_key, host, remote_file_id, remote_batch_id, raw_state, error, created_at,
         sent_at, (SELECT count(*) FROM batch_questions q WHERE q.batch_key = b.batch_key) AS n_questions
    FROM batches b
"""


async def list_batches(db: aiosqlite.Connection, evaluation_key: int) -> list[BatchRow]:
    """Every batch of an evaluation, the oldest first."""
    rows = await db.execute_fetchall(f"{_BATCH} WHERE evaluation_key = ? ORDER BY batch_key", (evaluation_key,))
    return [BatchRow(*row) for row in rows]


async def open_batches(db: aiosqlite.Connection, evaluation_key: int) -> list[BatchRow]:
    """Those of which something may still come, the oldest first."""
    listed = await list_batches(db, evaluation_key)
    return [batch for batch in listed if batch.intent in ("intended", "sent", "confirmed")]


async def set_mode(db: aiosqlite.Connection, evaluation_key: int, *, batch: bool) -> None:
    """Record whether an evaluation is asked in batches."""
    async with transaction(db):
        await db.execute("UPDATE evaluations SET batch = ? WHERE evaluation_key = ?", (batch, evaluation_key))


async def insert_intent(
    db: aiosqlite.Connection,
    *,
    intent_id: str,
    evaluation_key: int,
    host: str,
    parameters: Mapping[str, object],
    places: Sequence[tuple[int, int]],
    worst_cost: float | None,
) -> int:
    """Commit the intent to ask these (question key, repeat) pairs, before anything is sent; gives the batch's key."""
    async with transaction(db):
        cursor = await db.execute(
            "INSERT INTO batches (intent_id, intent, evaluation_key, host, parameters_key, worst_cost, created_at)"
            " VALUES (?, 'intended', ?, ?, ?, ?, ?)",
            (intent_id, evaluation_key, host, await parameters_key(db, parameters), worst_cost, time.time()),
        )
        key = cursor.lastrowid
        await db.executemany("INSERT INTO batch_questions VALUES (?, ?, ?)", [(key, *place) for place in places])
    assert key is not None
    return key


async def set_intent(
    db: aiosqlite.Connection,
    batch_key: int,
    intent: str,
    *,
    remote_file_id: str | None = None,
    remote_batch_id: str | None = None,
    raw_state: str | None = None,
    error: str | None = None,
) -> None:
    """Record how far we are sure about a batch, and what the service says of it. What has ended stays as it ended."""
    async with transaction(db):
        await db.execute(
            "UPDATE batches SET intent = ?, remote_file_id = coalesce(?, remote_file_id),"
            " remote_batch_id = coalesce(?, remote_batch_id), raw_state = coalesce(?, raw_state),"
            " error = coalesce(?, error), sent_at = CASE WHEN ? = 'sent' THEN ? ELSE sent_at END"
            " WHERE batch_key = ? AND intent NOT IN ('settled', 'refused', 'abandoned')",
            (intent, remote_file_id, remote_batch_id, raw_state, error, intent, time.time(), batch_key),
        )


async def places(db: aiosqlite.Connection, batch_key: int) -> list[tuple[int, int]]:
    """The (question key, repeat) pairs that a batch asks."""
    rows = await db.execute_fetchall(
        "SELECT question_key, repeat FROM batch_questions WHERE batch_key = ?", (batch_key,)
    )
    return [(row[0], row[1]) for row in rows]


async def parameters(db: aiosqlite.Connection, batch_key: int) -> dict[str, object]:
    """What a batch's questions were sent with."""
    [row] = await db.execute_fetchall(
        "SELECT p.parameters FROM batches JOIN request_parameters p USING (parameters_key) WHERE batch_key = ?",
        (batch_key,),
    )
    kept: dict[str, object] = json.loads(row[0])
    return kept


async def settle(
    db: aiosqlite.Connection, batch: BatchRow, records: Sequence[ResponseRecord], *, raw_state: str, error: str | None
) -> None:
    """Keep everything that came of an ended batch and close it, in one transaction: never one without the other."""
    async with transaction(db):
        await insert_responses(db, batch.evaluation_key, records)
        await db.execute(
            "UPDATE batches SET intent = 'settled', raw_state = ?, error = ?, settled_at = ? WHERE batch_key = ?",
            (raw_state, error, time.time(), batch.batch_key),
        )
