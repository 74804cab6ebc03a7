"""Jobs that were created elsewhere and are followed here."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence

import aiosqlite

from ftb_tui.providers.base import RemoteJob
from ftb_tui.store.database import transaction
from ftb_tui.store.intents import insert_intent
from ftb_tui.store.jobs import save_training_file, update_job
from ftb_tui.store.models import ensure_model
from ftb_tui.store.spending import Estimate

ELSEWHERE = "elsewhere"
"""The dataset of a job of which nobody has said what it was trained on."""


async def insert_adopted(
    db: aiosqlite.Connection,
    *,
    provider: str,
    host: str,
    remote: RemoteJob,
    dataset_id: str | None,
    lines: Sequence[tuple[str, str]],
    estimate: Estimate | None = None,
) -> int:
    """Keep a job that was created elsewhere. Without a dataset it belongs to a hidden one of the name `ELSEWHERE`."""
    if dataset_id is None:
        dataset_id = ELSEWHERE
        async with transaction(db):
            await db.execute(
                "INSERT OR IGNORE INTO datasets (dataset_id, name, version, family, answer_tokens, created_at,"
                " deleted_at) VALUES (?, ?, '', 'custom', 100, ?, ?)",
                (ELSEWHERE, ELSEWHERE, time.time(), time.time()),
            )
    file_key = await save_training_file(db, dataset_id, {"name": "elsewhere"}, lines)
    job_key = await insert_intent(
        db, intent_id=str(uuid.uuid4()), provider=provider, host=host, base_model=remote.base_model,
        dataset_id=dataset_id, training_file_key=file_key, n_epochs=None, batch_size=None,
        learning_rate_multiplier=None, seed=None, suffix=None, estimate=estimate,
    )  # fmt: skip
    async with transaction(db):
        await db.execute(
            "UPDATE jobs SET adopted = 1, remote_file_id = ?, created_at = coalesce(?, created_at) WHERE job_key = ?",
            (remote.training_file, remote.created_at, job_key),
        )
        await ensure_model(db, provider=provider, name=remote.base_model, kind="base", base_model=remote.base_model)
    await update_job(db, job_key, remote)
    return job_key


async def set_adopted_dataset(db: aiosqlite.Connection, job_key: int, dataset_id: str) -> None:
    """Record what a job that was created elsewhere was trained on. Its training file stays as it was read."""
    async with transaction(db):
        await db.execute("UPDATE jobs SET dataset_id = ? WHERE job_key = ? AND adopted = 1", (dataset_id, job_key))
