"""What the app does with the store when it opens: bundled datasets, and what finished meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

import aiosqlite

from ftb_tui.benchmark.load import bundled_names, load_bundled
from ftb_tui.benchmark.model import Family
from ftb_tui.report.plain import ending
from ftb_tui.store import holding
from ftb_tui.store.benches import unfinished_benches
from ftb_tui.store.datasets import list_datasets, save_dataset
from ftb_tui.store.evaluations import list_evaluations
from ftb_tui.store.job_series import ended_since

_NAMED = 6
"""So many are named; of more the newest."""


async def take_missing(db: aiosqlite.Connection) -> None:
    """Bundled datasets are in the store from the first start on."""
    known = {row.name for row in await list_datasets(db)}
    # A screen that is filled meanwhile stands on the first it finds: the one that a newcomer is to begin with.
    for name in sorted(bundled_names(), key=lambda name: name != Family.FICTIONAL_PEOPLE):
        if name not in known:
            await save_dataset(db, load_bundled(name))


async def take_newer(db: aiosqlite.Connection) -> list[str]:
    """The bundled datasets whose version the store has not got, taken in beside the old ones; their ids."""
    known = {row.dataset_id for row in await list_datasets(db)}
    taken = []
    for name in bundled_names():
        dataset = await asyncio.to_thread(load_bundled, name)
        if dataset.dataset_id not in known:
            taken.append(await save_dataset(db, dataset))
    return taken


async def news(db: aiosqlite.Connection, memory: dict[str, Any], now: float) -> list[tuple[str, str]]:
    """What is told at a start, each with its severity; the memory has then what was told."""
    ended, seen = "", memory.get("seen")
    if isinstance(seen, int | float) and not isinstance(seen, bool):
        ended = await what_ended(db, seen)
        memory["seen"] = now
    told = [("information", ended), ("warning", await what_was_left(db, memory))]
    return [(severity, sentence) for severity, sentence in told if sentence]


async def what_ended(db: aiosqlite.Connection, since: float) -> str:
    """The jobs and evaluations that ended since then, in one sentence; empty if none did."""
    ended = [f"{one.kind} {one.key} {one.state} ({ending(one.about, 40)})" for one in await ended_since(db, since)]
    more = f", and {len(ended) - _NAMED} more" if len(ended) > _NAMED else ""
    return f"While you were away: {', '.join(ended[-_NAMED:])}{more}." if ended else ""


async def what_was_left(db: aiosqlite.Connection, memory: dict[str, Any]) -> str:
    """The evaluations that stopped with the app, or with a crash, and what to do; each is told once.

    Not those that a person paused, nor those of a benchmark, which goes on by itself.
    """
    asking = _keys(memory.get("asking"))
    # What was gone on with since it was told is told again.
    told = _keys(memory.get("left")) - asking
    benched = {
        key for row in await unfinished_benches(db) for key in (row.base_evaluation_key, row.tuned_evaluation_key)
    }
    asked_now = {
        row[0]
        for row in await db.execute_fetchall(
            "SELECT model_key, owner, j.lease_until FROM models JOIN jobs j USING (job_key) WHERE owner IS NOT NULL"
        )
        if holding.is_held(row[1], row[2])
    }
    left = [
        row
        for row in reversed(await list_evaluations(db))
        if row.n_missing and row.evaluation_key not in benched and row.model_key not in asked_now
        and (row.is_abandoned or row.state == "pending" or (row.state == "paused" and row.evaluation_key in asking))
    ]  # fmt: skip
    memory["left"] = [row.evaluation_key for row in left]
    fresh = [row for row in left if row.evaluation_key not in told]
    begun = [
        f"evaluation {row.evaluation_key} at {row.n_answered} of {row.n_questions}" for row in fresh if row.started_at
    ]
    waiting = [str(row.evaluation_key) for row in fresh if not row.started_at]
    parts = [", ".join(begun[-_NAMED:])] if begun else []
    parts += [f"evaluation{'s' * (len(waiting) > 1)} {', '.join(waiting[-_NAMED:])} not begun"] if waiting else []
    several = (
        ", v on a job's learning curve with all of its models" if sum(one.kind != "base" for one in fresh) > 1 else ""
    )
    kept = f"What was answered is kept; 3, then r goes on with it{several}."
    return f"Left unfinished: {'; '.join(parts)}. {kept}" if parts else ""


def _keys(kept: object) -> frozenset[int]:
    return frozenset(key for key in kept if isinstance(key, int)) if isinstance(kept, list) else frozenset()
