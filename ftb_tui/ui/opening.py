"""What the app does with the store when it opens: bundled datasets, and what finished meanwhile."""

from __future__ import annotations

import asyncio

import aiosqlite

from ftb_tui.benchmark.load import bundled_names, load_bundled
from ftb_tui.report.plain import one_line
from ftb_tui.store.datasets import list_datasets, save_dataset
from ftb_tui.store.job_series import ended_since


async def take_missing(db: aiosqlite.Connection) -> None:
    """Bundled datasets are in the store from the first start on."""
    known = {row.name for row in await list_datasets(db)}
    for name in bundled_names():
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


async def what_ended(db: aiosqlite.Connection, since: float) -> str:
    """The jobs and evaluations that ended since then, in one sentence; empty if none did."""
    ended = [f"{one.kind} {one.key} {one.state} ({one_line(one.about, 40)})" for one in await ended_since(db, since)]
    more = f", and {len(ended) - 6} more" if len(ended) > 6 else ""
    return f"While you were away: {', '.join(ended[-6:])}{more}." if ended else ""
