"""When the app is closed, what was paid for at that moment is kept, and a launch that is cut short says what to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiosqlite
import pytest

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.store import jobs
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.datasets import save_dataset
from ftb_tui.store.evaluations import get_evaluation
from ftb_tui.store.models import ensure_model
from ftb_tui.work import evaluate
from ftb_tui.work.launch_plan import LaunchPlan
from ftb_tui.work.supervisor import Supervisor
from tests.fakes.openai_server import FakeOpenAI, hang

WORLD = load_bundled("fictional_people")


@pytest.fixture
async def db(fake_openai: FakeOpenAI) -> AsyncIterator[aiosqlite.Connection]:
    db = await open_store()
    await save_dataset(db, WORLD)
    yield db
    await db.close()


async def waits_for(condition: object, seconds: float = 30) -> None:
    assert callable(condition)
    for _ in range(int(seconds * 50)):
        if condition():
            return
        await asyncio.sleep(0.02)
    pytest.fail("this never came")


async def test_closing_keeps_the_answers_under_way_also_while_a_launch_is_cut_short(
    db: aiosqlite.Connection, fake_openai: FakeOpenAI, home: Path
) -> None:
    fake_openai.delay = 0.7
    fake_openai.faults["POST /files"].append(hang)
    async with transaction(db):
        model = await ensure_model(db, provider="fake", name="gpt-fake", kind="base", base_model="gpt-fake")
    key = await evaluate.create(db, model_key=model, dataset_id=WORLD.dataset_id, answer_tokens=7)
    supervisor = Supervisor(lambda severity, sentence: None)
    supervisor.launch(LaunchPlan(dataset=WORLD, base_model="gpt-fake", n_epochs=2), "fake")
    supervisor.run_evaluation(key)
    await waits_for(lambda: len(fake_openai.asked) >= 3 and fake_openai.requests["POST /files"])
    await asyncio.to_thread(supervisor.close)
    row = await get_evaluation(db, key)
    assert (row.state, row.n_answered) == ("paused", len(fake_openai.asked))
    [job] = await jobs.list_jobs(db)
    assert (job.intent, job.is_being_sent) == ("intended", False)
