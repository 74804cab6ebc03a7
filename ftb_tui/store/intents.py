"""What is intended to be created at a service: kept before anything is sent, and who is sending it at this moment."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import aiosqlite

from ftb_tui.store import leases
from ftb_tui.store.database import transaction
from ftb_tui.store.jobs import JobRow, list_jobs
from ftb_tui.store.spending import Estimate

Allow = Callable[[], Awaitable[None]]
"""Awaited first within a transaction, and raises where what follows must not be."""


async def _anything() -> None:
    """Nothing speaks against it."""


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
    estimate: Estimate | None = None,
    allow: Allow = _anything,
) -> int:
    """Commit the intent to create a job, before anything is sent; with it, that it is the job of a benchmark.

    `owner` is who sends it at once, and holds the lease on that from the first moment. With `estimate` it counts as
    spent from then on, so that what `allow` reads of the day stays true.
    """
    now = time.time()
    estimate = estimate or Estimate()
    async with transaction(db):
        await allow()
        cursor = await db.execute(
            "INSERT INTO jobs (intent_id, intent, provider, host, base_model, dataset_id, training_file_key, state,"
            " n_epochs, batch_size, learning_rate_multiplier, seed, suffix, method, validation_file_key, beta, created_at,"
            " owner, lease_until, estimated_tokens, estimated_cost, price, price_as_of)"
            " VALUES (?, 'intended', ?, ?, ?, ?, ?, 'preparing', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                intent_id, provider, host, base_model, dataset_id, training_file_key, n_epochs, batch_size,
                learning_rate_multiplier, seed, suffix, method, validation_file_key, beta, now,
                owner, owner and leases.until(),
                estimate.tokens, estimate.cost, estimate.price, estimate.price_as_of and estimate.price_as_of.isoformat(),
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


async def take_up(db: aiosqlite.Connection, job_key: int, owner: str, *, allow: Allow) -> bool:
    """Take the lease on sending an intent that was left; False when somebody else holds it.

    One of which nothing was sent counts as spent from now on, on the day of today.
    """
    async with transaction(db):
        if not await leases.take(db, leases.Lease("jobs", job_key), owner):
            return False
        await allow()
        await db.execute(
            "UPDATE jobs SET created_at = ? WHERE job_key = ? AND intent = 'intended'", (time.time(), job_key)
        )
    return True


async def open_intents(db: aiosqlite.Connection, provider: str | None = None) -> list[JobRow]:
    """Jobs (at a provider, if one is given) that were planned, or sent without an answer so far, the newest first."""
    return [
        job for job in await list_jobs(db) if job.intent in ("intended", "sent") and provider in (None, job.provider)
    ]


async def unclear_jobs(db: aiosqlite.Connection, provider: str) -> list[JobRow]:
    """Jobs at a provider of which nobody knows whether they were created; not those that somebody is launching."""
    return [job for job in await open_intents(db, provider) if job.intent == "sent" and not job.is_being_sent]
