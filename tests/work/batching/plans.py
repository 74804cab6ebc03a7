"""Evaluations that are asked in batches."""

from __future__ import annotations

import aiosqlite

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.store.database import transaction
from ftb_tui.store.models import ensure_model
from ftb_tui.work import evaluate

WORLD = load_bundled("fictional_people")
CREATE, CHAT = "POST /batches", "POST /chat/completions"
PRICED = """
[[models]]
service = "openai"
name = "gpt-fake"
prices = { input = 1.0, output = 2.0, batch_input = 0.5, batch_output = 1.0, as_of = 2026-11-01, source = "a test" }
"""


async def plan(db: aiosqlite.Connection, n: int = 60, *, batch: bool = True, repeats: int = 1) -> int:
    async with transaction(db):
        model = await ensure_model(db, provider="fake", name="gpt-fake", kind="base", base_model="gpt-fake")
    return await evaluate.create(
        db, model_key=model, dataset_id=WORLD.dataset_id, questions=WORLD.questions[:n], answer_tokens=7, batch=batch,
        repeats=repeats,
    )  # fmt: skip
