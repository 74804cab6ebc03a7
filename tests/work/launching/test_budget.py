"""A launch counts as spent from its first moment, so that no two of them spend what is there for one."""

from __future__ import annotations

import asyncio
import datetime
import re
from dataclasses import replace
from pathlib import Path

import aiosqlite
import pytest

from ftb_tui.providers.base import Provider
from ftb_tui.store import jobs as store
from ftb_tui.store import spending
from ftb_tui.store.database import open_store
from ftb_tui.work import jobs as work
from ftb_tui.work import purse
from ftb_tui.work.bench import launch_plan, run_bench
from ftb_tui.work.bench_plan import BenchPlan
from ftb_tui.work.cost import Quote
from ftb_tui.work.evaluate import EvaluationStoppedError
from ftb_tui.work.jobs import LaunchError, LaunchPlan
from ftb_tui.work.quoting import LaunchRefusedError, quote_launch
from tests.fakes.openai_server import FakeOpenAI, error, status
from tests.work.launching.launches import PLAN, UPLOAD, Held, opened

OTHER = replace(PLAN, base_model="gpt-other")
TODAY = datetime.date.today


@pytest.fixture(autouse=True)
def prices(home: Path, fake_openai: FakeOpenAI) -> None:
    prices = 'prices = { training = 5.0, input = 1.0, output = 2.0, as_of = 2026-11-21, source = "a test" }'
    models = (
        f'[[models]]\nservice = "fake"\nname = "{name}"\nmethods = ["supervised"]\n{prices}\n'
        for name in ("gpt-fake", "gpt-other")
    )
    (home / "config" / "catalogue.toml").write_text("".join(models))


def budget(home: Path, setting: str) -> None:
    file = home / "config" / "config.toml"
    file.write_text(re.sub(r"\n\[budget\]\n.*", "", file.read_text()) + f"\n[budget]\n{setting}")


async def quoted(db: aiosqlite.Connection, plan: LaunchPlan = PLAN) -> tuple[Quote, float]:
    quote = await quote_launch(db, plan, "fake", TODAY())
    assert quote.stops() == []
    assert quote.training_cost
    return quote, quote.training_cost


def crash(job_key: int) -> None:
    raise RuntimeError("crash")


async def test_two_launches_at_once_that_were_both_agreed_to_keep_the_budget_of_the_day(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI, home: Path
) -> None:
    _, cost = await quoted(db)
    budget(home, f"per_day = {cost * 1.5:.8f}")
    one, other = (await quoted(db))[0], (await quoted(db, OTHER))[0]
    held = Held()
    fake_openai.faults[UPLOAD].append(held)
    first = asyncio.create_task(work.launch(db, provider, PLAN, estimate=one))
    await asyncio.to_thread(held.asked.wait, 30)
    second = await open_store()
    try:
        assert await spending.spent_on(second, TODAY()) == pytest.approx(cost), "it counts while its file is sent"
        with pytest.raises(LaunchRefusedError, match="nothing was sent.*beyond the budget of .* for a day"):
            await work.launch(second, provider, OTHER, estimate=other)
    finally:
        held.may.set()
        await second.close()
    await first
    assert len(fake_openai.created) == len(await store.list_jobs(db)) == 1
    assert await spending.spent_on(db, TODAY()) == pytest.approx(cost)


async def test_a_benchmark_spends_no_money_twice_on_its_launch_and_on_asking_the_base_meanwhile(
    db: aiosqlite.Connection, fake_openai: FakeOpenAI, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purse, "LOOK_SECONDS", 0.0)
    plan = BenchPlan(provider="fake", base_model="gpt-fake", epochs=2)
    _, cost = await quoted(db, await launch_plan(db, PLAN.dataset, plan))
    # The fake service counts 9 tokens a question and 1 an answer.
    each = 11 / 1_000_000
    budget(home, f"per_day = {cost + 20 * each:.8f}")
    held = Held()
    fake_openai.faults[UPLOAD].append(held)
    fake_openai.delay = 0.05
    with pytest.raises(EvaluationStoppedError, match="The cap is reached"):
        await run_bench(db, plan, opened)
    held.may.set()
    assert fake_openai.created == []
    [answers] = await db.execute_fetchall("SELECT count(*) FROM responses")
    assert 0 < answers[0] <= 20


async def test_a_budget_that_was_set_after_the_quote_is_kept(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI, home: Path
) -> None:
    quote, cost = await quoted(db)
    budget(home, f"per_launch = {cost / 2:.8f}")
    with pytest.raises(LaunchRefusedError, match="for a launch"):
        await work.launch(db, provider, PLAN, estimate=quote)
    with pytest.raises(LaunchRefusedError, match="cost is not known"):
        await work.launch(db, provider, PLAN)
    assert await store.list_jobs(db) == []
    assert not fake_openai.requests


async def test_what_a_launch_is_expected_to_cost_is_kept_with_its_intent_and_not_a_moment_later(
    db: aiosqlite.Connection, provider: Provider, home: Path
) -> None:
    quote, cost = await quoted(db)
    with pytest.raises(RuntimeError):
        await work.launch(db, provider, PLAN, estimate=quote, on_intent=crash)
    [job] = await store.list_jobs(db)
    assert (job.estimated_cost, job.price, job.estimated_tokens) == (cost, 5.0, quote.billed_tokens)
    assert job.price_as_of == "2026-11-21"
    assert await spending.spent_on(db, TODAY()) == 0.0, "nothing was sent and nobody sends it"


async def test_an_intent_that_was_left_is_sent_within_the_budget_of_the_day_on_which_it_is_sent(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI, home: Path
) -> None:
    quote, cost = await quoted(db)
    with pytest.raises(RuntimeError):
        await work.launch(db, provider, PLAN, estimate=quote, on_intent=crash)
    await db.execute("UPDATE jobs SET created_at = created_at - 172800")
    budget(home, f"per_day = {cost / 2:.8f}")
    with pytest.raises(LaunchRefusedError, match="for a day"):
        await work.send(db, provider, 1)
    assert not fake_openai.requests
    budget(home, f"per_day = {cost * 1.5:.8f}")
    await work.send(db, provider, 1)
    assert await spending.spent_on(db, TODAY()) == pytest.approx(cost)


async def test_an_intent_that_was_left_is_not_sent_to_another_address(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    with pytest.raises(RuntimeError):
        await work.launch(db, provider, PLAN, on_intent=crash)
    await db.execute("UPDATE jobs SET host = 'https://elsewhere.example'")
    with pytest.raises(LaunchError, match="planned for https://elsewhere.example.*ftb jobs abandon 1"):
        await work.send(db, provider, 1)
    assert not fake_openai.requests


async def test_a_launch_that_was_refused_gives_its_money_back(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    fake_openai.faults[UPLOAD].append(status(400, error("too large")))
    with pytest.raises(LaunchError, match="too large"):
        await work.launch(db, provider, PLAN, estimate=(await quoted(db))[0])
    assert await spending.spent_on(db, TODAY()) == 0.0
