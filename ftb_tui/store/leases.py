"""Leases: who is at work on a row at this moment, and until when that holds unless it is renewed.

Every table here has a row's key, `owner` and `lease_until` (seconds since 1970). A process that was killed holds nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

import aiosqlite

from ftb_tui.store import holding
from ftb_tui.store.database import transaction

LEASE_SECONDS = 20.0
"""So long a lease holds, unless it is renewed."""

_KEYS = {
    "jobs": "job_key",
    "benches": "bench_key",
    "evaluations": "evaluation_key",
    "deployments": "deployment_key",
    "paid_runs": "paid_run_key",
}


@dataclass(frozen=True, slots=True)
class Lease:
    """The lease on one row."""

    table: Literal["jobs", "benches", "evaluations", "deployments", "paid_runs"]
    key: int

    @property
    def where(self) -> str:
        """The row's condition, for its key."""
        return f"{_KEYS[self.table]} = ?"


def until() -> float:
    """When a lease that is taken or renewed now runs out."""
    return time.time() + LEASE_SECONDS


async def take(db: aiosqlite.Connection, lease: Lease, owner: str) -> bool:
    """Take the lease, or renew it; False when somebody else holds it. Part of the caller's transaction."""
    rows = await db.execute_fetchall(f"SELECT owner, lease_until FROM {lease.table} WHERE {lease.where}", (lease.key,))
    if not any(row[0] == owner or not holding.is_held(row[0], row[1]) for row in rows):
        return False
    await db.execute(
        f"UPDATE {lease.table} SET owner = ?, lease_until = ? WHERE {lease.where}", (owner, until(), lease.key)
    )
    return True


async def renew(db: aiosqlite.Connection, lease: Lease, owner: str) -> bool:
    """Make the lease last again; False when it is no longer `owner`'s, having run out or been given back."""
    async with transaction(db):
        cursor = await db.execute(
            f"UPDATE {lease.table} SET lease_until = ? WHERE {lease.where} AND owner = ?", (until(), lease.key, owner)
        )
    return cursor.rowcount == 1


async def give_back(db: aiosqlite.Connection, lease: Lease, owner: str) -> bool:
    """End the lease; False when it is not `owner`'s. Part of the caller's transaction."""
    cursor = await db.execute(
        f"UPDATE {lease.table} SET owner = NULL, lease_until = NULL WHERE {lease.where} AND owner = ?",
        (lease.key, owner),
    )
    return cursor.rowcount == 1


async def release(db: aiosqlite.Connection, lease: Lease, owner: str) -> None:
    """End the lease, if it is `owner`'s."""
    async with transaction(db):
        await give_back(db, lease, owner)
