"""What is intended to be created at a service: kept before anything is sent, and who is sending it at this moment."""

from __future__ import annotations

import time

import aiosqlite

from ftb_tui.store import leases
from ftb_tui.store.database import transaction


async def insert_intent(
    db: aiosqlite.Connection,
    *,
    intent_id: str,
    provider: str,
    host: str,
    base_model: str,
    dataset_id: str,
    training_file_key: int,
    n_epochs: int | None,
    batch_size: int | None,
    learning_rate_multiplier: float | None,
    seed: int | None,
    suffix: str | None,
    method: str = "supervised",
    validation_file_key: int | None = None,
    beta: float | None = None,
    bench_key: int | None = None,
    owner: str | None = None,
) -> int:
    """Commit the intent to create a job, before anything is sent; with it, that it is the job of a benchmark.

    `owner` is who sends it at once, and holds the lease on that from the first moment.
    """
    now = time.time()
    async with transaction(db):
        cursor = await db.execute(
            "INSERT INTO jobs (intent_id, intent, provider, host, base_model, dataset_id, training_file_key, state,"
            " n_epochs, batch_size, learning_rate_multiplier, seed, suffix, method, validation_file_key, beta, created_at,"
            " owner, lease_until) VALUES (?, 'intended', ?, ?, ?, ?, ?, 'preparing', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                intent_id, provider, host, base_model, dataset_id, training_file_key, n_epochs, batch_size,
                learning_rate_multiplier, seed, suffix, method, validation_file_key, beta, now,
                owner, owner and leases.until(),
            ),
        )  # fmt: skip
        await db.execute("UPDATE benches SET job_key = ? WHERE bench_key = ?", (cursor.lastrowid, bench_key))
    assert cursor.lastrowid is not None
    return cursor.lastrowid


async def set_intent(
    db: aiosqlite.Connection,
    job_key: int,
    intent: str,
    *,
    error: str | None = None,
    remote_file_id: str | None = None,
    remote_validation_id: str | None = None,
    cost_nothing: bool = False,
) -> bool:
    """Record how far we are sure about a job: `sent`, `refused` (with the service's words), `abandoned`.

    `cost_nothing` says of an abandoned one that it certainly does not exist. False, with nothing changed, where somebody
    else has made it sure meanwhile: what is refused, given up or confirmed stays so.
    """
    async with transaction(db):
        cursor = await db.execute(
            "UPDATE jobs SET intent = ?, error = coalesce(?, error), remote_file_id = coalesce(?, remote_file_id),"
            " remote_validation_id = coalesce(?, remote_validation_id),"
            " trained_tokens = CASE WHEN ? THEN 0 ELSE trained_tokens END,"
            " state = CASE WHEN ? IN ('refused', 'abandoned') THEN 'failed' ELSE state END,"
            " finished_at = CASE WHEN ? IN ('refused', 'abandoned') THEN ? ELSE finished_at END WHERE job_key = ?"
            " AND intent IN ('intended', CASE WHEN ? IN ('refused', 'abandoned') THEN 'sent' END)",
            (
                intent, error, remote_file_id, remote_validation_id, cost_nothing, intent, intent, time.time(), job_key,
                intent,
            ),
        )  # fmt: skip
    return cursor.rowcount == 1
