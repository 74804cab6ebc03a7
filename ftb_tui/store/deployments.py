"""Deployments in the store: those that exist, and those of which it is not known whether they do."""

from __future__ import annotations

import time
from dataclasses import dataclass

import aiosqlite

from ftb_tui.store import holding

SENT, MADE, FAILED, RECORDED = "sent", "made", "failed", "recorded"


@dataclass(frozen=True, slots=True)
class DeploymentRow:
    """A deployment that exists, or may."""

    deployment_key: int
    model_key: int
    name: str
    """The name to ask it by; while it is `sent`, the one that was asked for."""
    state: str
    """`sent`: asked for, and no answer came. `made`, `failed`: so says the service. `recorded`: so says a person."""
    created_at: float
    provider: str
    model: str
    job_key: int | None
    host: str | None = None
    """Where it was made or recorded; None where that was not kept, or not known."""
    owner: str | None = None
    lease_until: float | None = None

    @property
    def is_asked_for_now(self) -> bool:
        """Whether somebody waits for the service's answer at this moment."""
        return self.state == SENT and holding.is_held(self.owner, self.lease_until)


async def list_deployments(db: aiosqlite.Connection, model_key: int | None = None) -> list[DeploymentRow]:
    """Every deployment that may exist, or those of a model, the oldest first."""
    rows = await db.execute_fetchall(
        "SELECT deployment_key, model_key, d.name, d.state, d.created_at, provider, models.name, job_key, d.host, d.owner,"
        " d.lease_until FROM deployments d JOIN models USING (model_key)"
        " WHERE ? IS NULL OR model_key = ? ORDER BY deployment_key",
        (model_key, model_key),
    )
    return [DeploymentRow(*row) for row in rows]


async def intend_deployment(db: aiosqlite.Connection, model_key: int, name: str, *, host: str | None = None) -> int:
    """Keep that a deployment is about to be asked for; within a transaction, before anything is sent. Its key."""
    return await _put(db, model_key, name, SENT, host)


async def deployment_made(
    db: aiosqlite.Connection,
    model_key: int,
    name: str,
    *,
    asked_as: str | None = None,
    failed: bool = False,
    host: str | None = None,
) -> None:
    """Keep what the service said of a deployment, in place of the intent; the model is asked by it unless it failed."""
    if asked_as is not None and asked_as != name:
        await _forget(db, model_key, asked_as, only=SENT)
    await _put(db, model_key, name, FAILED if failed else MADE, host)
    if failed:
        await _stop_asking(db, model_key, name)
    else:
        await _ask_as(db, model_key, name)


async def record_deployment(db: aiosqlite.Connection, model_key: int, name: str, *, host: str | None = None) -> None:
    """Keep what a person says: under which name a model answers. One that was made here stays so."""
    await db.execute(
        "INSERT INTO deployments (model_key, name, state, created_at, host) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (model_key, name) DO UPDATE SET state = 'recorded', host = excluded.host WHERE state <> 'made'",
        (model_key, name, RECORDED, time.time(), host),
    )
    await _ask_as(db, model_key, name)


async def forget_deployment(db: aiosqlite.Connection, model_key: int, name: str) -> None:
    """Drop a deployment that is gone, or of which a person wants to hear no more."""
    await _forget(db, model_key, name)
    await _stop_asking(db, model_key, name)


async def _put(db: aiosqlite.Connection, model_key: int, name: str, state: str, host: str | None) -> int:
    rows = await db.execute_fetchall(
        "INSERT INTO deployments (model_key, name, state, created_at, host) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (model_key, name) DO UPDATE SET state = excluded.state, host = coalesce(excluded.host, host),"
        "  created_at = CASE WHEN excluded.state = 'sent' THEN excluded.created_at ELSE created_at END"
        " RETURNING deployment_key",
        (model_key, name, state, time.time(), host),
    )
    return next(int(row[0]) for row in rows)


async def _forget(db: aiosqlite.Connection, model_key: int, name: str, *, only: str | None = None) -> None:
    await db.execute(
        "DELETE FROM deployments WHERE model_key = ? AND name = ? AND (? IS NULL OR state = ?)",
        (model_key, name, only, only),
    )


async def _ask_as(db: aiosqlite.Connection, model_key: int, name: str) -> None:
    await db.execute("UPDATE models SET serving_name = ? WHERE model_key = ?", (name, model_key))


async def _stop_asking(db: aiosqlite.Connection, model_key: int, name: str) -> None:
    await db.execute(
        "UPDATE models SET serving_name = NULL WHERE model_key = ? AND serving_name = ?", (model_key, name)
    )
