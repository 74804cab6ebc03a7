"""What the app goes on with by itself when it is opened, and what it leaves to the person."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict

import aiosqlite
import pytest

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.providers.base import Provider, ProviderError
from ftb_tui.providers.registry import open_provider
from ftb_tui.store import benches, evaluations
from ftb_tui.store.database import open_store
from ftb_tui.work.asking_plan import AskingPlan, plan_evaluation
from ftb_tui.work.bench import BenchError, run_bench
from ftb_tui.work.bench_plan import BenchPlan, bench_dataset
from ftb_tui.work.launch_plan import LaunchPlan
from ftb_tui.work.supervisor import Supervisor
from tests.fakes.openai_server import FakeOpenAI

PLAN = BenchPlan(provider="fake", base_model="gpt-fake", people=1, limit=1)


@pytest.fixture
async def db() -> AsyncIterator[aiosqlite.Connection]:
    db = await open_store()
    yield db
    await db.close()


async def opened(name: str) -> Provider:
    return open_provider(name)


async def open_app(db: aiosqlite.Connection, *, until_told: str = "") -> list[str]:
    """Open what runs behind the app, close it when no benchmark is left and this was told; what it told."""
    told: list[str] = []
    supervisor = Supervisor(lambda severity, sentence: told.append(f"{severity}: {sentence}"))
    supervisor.start()
    try:
        for _ in range(600):
            await asyncio.sleep(0.05)
            if not await benches.unfinished_benches(db) and until_told in "".join(told):
                break
    finally:
        await asyncio.to_thread(supervisor.close)
    return told


async def test_a_benchmark_whose_job_was_cancelled_is_over(db: aiosqlite.Connection, fake_openai: FakeOpenAI) -> None:
    fake_openai.job_changes = {"status": "cancelled"}
    with pytest.raises(BenchError, match="made no model: it ended as cancelled"):
        await run_bench(db, PLAN, opened)
    assert await benches.unfinished_benches(db) == []
    assert await open_app(db) == []
    assert len(fake_openai.created) == 1


async def test_a_benchmark_that_died_before_it_heard_of_the_end_of_its_job_launches_no_other(
    db: aiosqlite.Connection, fake_openai: FakeOpenAI
) -> None:
    fake_openai.job_changes = {"status": "failed", "error": {"message": "no"}}
    with pytest.raises(BenchError):
        await run_bench(db, PLAN, opened)
    await db.execute("UPDATE benches SET finished_at = NULL")
    await open_app(db)
    assert await benches.unfinished_benches(db) == []
    assert len(fake_openai.created) == 1


async def test_a_paid_benchmark_whose_job_was_not_sent_is_not_begun_unasked(
    db: aiosqlite.Connection, fake_openai: FakeOpenAI
) -> None:
    dataset = await bench_dataset(db, PLAN.dataset)
    plan = {**asdict(PLAN), "tasks": None}
    await benches.begin_bench(db, plan, dataset.dataset_id, "nobody", same=lambda row: False)
    await db.execute("UPDATE benches SET owner = NULL, lease_until = NULL")
    [told] = await open_app(db, until_told="Nothing is sent unasked")
    assert told.startswith("warning")
    assert fake_openai.created == []
    assert fake_openai.asked == []


async def test_an_evaluation_that_is_resumed_while_its_last_answers_come_goes_on_and_asks_nothing_twice(
    db: aiosqlite.Connection, fake_openai: FakeOpenAI
) -> None:
    fake_openai.delay = 1.0
    key = await plan_evaluation(AskingPlan("fake", "gpt-fake", "fictional_people", limit=3))
    supervisor = Supervisor(lambda severity, sentence: None)
    supervisor.start()

    async def until(true: Callable[[evaluations.EvaluationRow], bool]) -> None:
        async with asyncio.timeout(30):
            while not true(await evaluations.get_evaluation(db, key)):
                await asyncio.sleep(0.02)

    try:
        supervisor.run_evaluation(key)
        await until(lambda row: len(fake_openai.asked) == 8)
        supervisor.pause_evaluation(key)
        await until(lambda row: row.state == "paused")
        assert (await evaluations.get_evaluation(db, key)).n_answered == 0
        fake_openai.delay = 0.0
        supervisor.run_evaluation(key)
        await until(lambda row: row.state == "finished")
    finally:
        await asyncio.to_thread(supervisor.close)
    assert len(fake_openai.asked) == 12


async def test_a_benchmark_whose_job_is_at_its_service_is_gone_on_with(
    db: aiosqlite.Connection, fake_openai: FakeOpenAI
) -> None:
    running = asyncio.create_task(run_bench(db, PLAN, opened))
    while not list(await db.execute_fetchall("SELECT 1 FROM jobs WHERE intent = 'confirmed'")):
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    told = await open_app(db, until_told="The benchmark is finished")
    assert any("The benchmark is finished" in sentence for sentence in told)
    assert len(fake_openai.created) == 1


async def test_a_launch_that_cannot_be_is_told_to_the_person_and_to_whoever_waits_for_its_job(
    db: aiosqlite.Connection,
) -> None:
    told: list[str] = []
    supervisor = Supervisor(lambda severity, sentence: told.append(f"{severity}: {sentence}"))
    try:
        plan = LaunchPlan(dataset=load_bundled("fictional_people"), base_model="gpt-fake", n_epochs=1)
        error = await asyncio.to_thread(supervisor.launch(plan, "nobody").exception, 20)
    finally:
        await asyncio.to_thread(supervisor.close)
    assert isinstance(error, ProviderError)
    assert told == [f"error: {error}"]
