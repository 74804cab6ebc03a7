"""Answers are counted in money as they come, and none is asked beyond the cap."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import aiosqlite
import pytest

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.providers.base import Answer, AskRequest, Provider
from ftb_tui.store import spending
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.datasets import save_dataset
from ftb_tui.store.evaluations import EvaluationRow, get_evaluation
from ftb_tui.store.holding import new_owner
from ftb_tui.store.intents import insert_intent
from ftb_tui.store.jobs import save_training_file
from ftb_tui.store.models import ensure_model
from ftb_tui.work import evaluate, purse
from ftb_tui.work.asking import with_tokens
from ftb_tui.work.evaluate import EvaluationProgress, EvaluationStoppedError
from ftb_tui.work.limits import AdaptiveLimit
from ftb_tui.work.paid_asking import PaidRun
from ftb_tui.work.purse import AnswerPrices, Purse
from tests.fakes.billing import that_bills
from tests.fakes.openai_server import FakeOpenAI, error, hang, status

WORLD = load_bundled("fictional_people")
# The fake service counts 9 tokens a question and 1 an answer: 11 dollars for a million questions and answers.
PRICES = 'prices = { input = 1.0, output = 2.0, as_of = 2026-11-21, source = "a test" }'
EACH = 11 / 1_000_000


@pytest.fixture
async def db() -> AsyncIterator[aiosqlite.Connection]:
    db = await open_store()
    await save_dataset(db, WORLD)
    yield db
    await db.close()


@pytest.fixture
def priced(home: Path, fake_openai: FakeOpenAI) -> None:
    (home / "config" / "catalogue.toml").write_text(f'[[models]]\nservice = "fake"\nname = "gpt-fake"\n{PRICES}\n')


def budget(home: Path, per_day: float) -> None:
    file = home / "config" / "config.toml"
    file.write_text(file.read_text() + f"\n[budget]\nper_day = {per_day}\n")


async def plan(db: aiosqlite.Connection, n: int = 60) -> int:
    async with transaction(db):
        model = await ensure_model(db, provider="fake", name="gpt-fake", kind="base", base_model="gpt-fake")
    return await evaluate.create(
        db, model_key=model, dataset_id=WORLD.dataset_id, questions=WORLD.questions[:n], answer_tokens=7
    )


async def test_tokens_and_money_are_told_while_asking_and_kept(
    db: aiosqlite.Connection, provider: Provider, priced: None
) -> None:
    seen: list[EvaluationProgress] = []
    key = await plan(db)
    row = await evaluate.run(db, provider, key, on_progress=seen.append)
    assert (seen[-1].prompt_tokens, seen[-1].completion_tokens) == (540, 60)
    assert seen[-1].cost == pytest.approx(60 * EACH)
    assert await spending.evaluation_cost(db, key) == pytest.approx(60 * EACH)
    assert row.n_answered == 60


async def test_a_cap_stops_in_time_keeps_every_answer_and_a_higher_one_goes_on(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI, priced: None
) -> None:
    key = await plan(db)
    cap = 40 * EACH
    with pytest.raises(EvaluationStoppedError, match="The cap is reached"):
        await evaluate.run(db, provider, key, max_cost=cap, concurrency=8)
    row = await get_evaluation(db, key)
    spent = await spending.evaluation_cost(db, key)
    assert spent is not None
    assert 0 < spent <= cap
    assert spent == pytest.approx(row.n_answered * EACH)
    assert 20 < row.n_answered <= 40
    assert len(fake_openai.asked) == row.n_answered
    assert (await evaluate.run(db, provider, key, max_cost=1.0)).n_answered == 60


async def test_failed_questions_cost_nothing_and_hold_nothing_back(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI, priced: None
) -> None:
    fake_openai.faults["POST /chat/completions"].extend([status(400, error("no"))] * 10)
    row = await evaluate.run(db, provider, await plan(db), max_cost=1.0)
    assert (row.n_answered, row.n_failed) == (50, 10)
    assert await spending.evaluation_cost(db, row.evaluation_key) == pytest.approx(50 * EACH)


async def test_a_cap_without_a_price_is_refused_and_nothing_is_asked(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI, home: Path
) -> None:
    with that_bills(home), pytest.raises(EvaluationStoppedError, match="No price is known for gpt-fake"):
        await evaluate.run(db, provider, await plan(db), max_cost=1.0)
    assert fake_openai.asked == []
    with that_bills(home):
        assert (await evaluate.run(db, provider, await plan(db))).n_answered == 60


async def test_a_server_of_ones_own_costs_nothing_and_is_asked_under_any_cap_and_budget(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI, home: Path
) -> None:
    budget(home, 0.0)
    row = await evaluate.run(db, provider, await plan(db), max_cost=0.0)
    assert (row.n_answered, row.n_failed) == (60, 0)
    assert await spending.spent_on(db, datetime.date.today()) == 0.0


async def test_the_budget_of_the_day_caps_all_evaluations_together(
    db: aiosqlite.Connection, provider: Provider, home: Path, priced: None
) -> None:
    budget(home, 100 * EACH)
    await evaluate.run(db, provider, await plan(db))
    assert await spending.spent_on(db, datetime.date.today()) == pytest.approx(60 * EACH)
    with pytest.raises(EvaluationStoppedError, match="cap is reached"):
        await evaluate.run(db, provider, await plan(db), concurrency=4)
    assert await spending.spent_on(db, datetime.date.today()) <= 100 * EACH


async def at_once(db: aiosqlite.Connection, provider: Provider, keys: Sequence[int]) -> list[EvaluationStoppedError]:
    """Run evaluations as so many commands would; those of them that were stopped."""
    stores = [await open_store() for _ in keys]
    running = [evaluate.run(one, provider, key, concurrency=2) for one, key in zip(stores, keys, strict=True)]
    try:
        ended = await asyncio.gather(*running, return_exceptions=True)
    finally:
        for one in stores:
            await one.close()
    assert all(isinstance(end, EvaluationRow | EvaluationStoppedError) for end in ended), ended
    return [end for end in ended if isinstance(end, EvaluationStoppedError)]


async def test_two_evaluations_at_once_stay_within_the_day_but_for_what_is_under_way(
    db: aiosqlite.Connection, provider: Provider, home: Path, priced: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purse, "LOOK_SECONDS", 0.0)
    budget(home, 70 * EACH)
    stopped = await at_once(db, provider, [await plan(db), await plan(db)])
    assert ["The cap is reached" in str(error) for error in stopped] == [True, True]
    spent = await spending.spent_on(db, datetime.date.today())
    # Each of the two has two questions under way.
    assert 50 * EACH < spent <= 74 * EACH
    assert await at_once(db, provider, [await plan(db)])
    assert await spending.spent_on(db, datetime.date.today()) == pytest.approx(spent)


async def test_an_evaluation_leaves_a_launch_that_begins_meanwhile_its_money(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI, home: Path, priced: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(purse, "LOOK_SECONDS", 0.0)
    budget(home, 100 * EACH)
    fake_openai.delay = 0.05
    running = asyncio.create_task(evaluate.run(db, provider, await plan(db), concurrency=1))
    await until_asked(fake_openai, 3)
    file_key = await save_training_file(db, WORLD.dataset_id, {}, [("fact", "line")])
    await insert_intent(
        db, intent_id="launch", provider="fake", host=provider.host, base_model="gpt-fake", dataset_id=WORLD.dataset_id,
        training_file_key=file_key, n_epochs=1, batch_size=None, learning_rate_multiplier=None, seed=None, suffix=None,
        owner=new_owner(), estimate=spending.Estimate(cost=80 * EACH),
    )  # fmt: skip
    with pytest.raises(EvaluationStoppedError, match="The cap is reached"):
        await running
    assert await spending.spent_on(db, datetime.date.today()) <= 100 * EACH
    assert len(fake_openai.asked) < 25


async def test_two_runs_that_count_requests_one_by_one_stay_within_the_day(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI, home: Path, priced: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(purse, "LOOK_SECONDS", 0.0)
    budget(home, 70 * EACH)

    async def judge() -> None:
        own = await purse.open_judge_purse(db, provider, "gpt-fake", max_cost=None)
        for question in WORLD.questions[:60]:
            request = AskRequest("gpt-fake", question.prompt, max_tokens=7)
            await PaidRun(db, provider, AdaptiveLimit(start=1, most=1), own, "it", "All").ask(request)

    ended = await asyncio.gather(judge(), judge(), return_exceptions=True)
    assert [isinstance(end, EvaluationStoppedError) for end in ended] == [True, True]
    assert 50 * EACH < await spending.spent_on(db, datetime.date.today()) <= 72 * EACH


async def test_a_service_that_counts_no_tokens_is_held_to_the_cap_by_an_estimate(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI, priced: None, home: Path
) -> None:
    fake_openai.counts_tokens = False
    seen: list[EvaluationProgress] = []
    key, cap = await plan(db), 0.001
    with pytest.raises(EvaluationStoppedError, match=r"The cap is reached: about \$"):
        await evaluate.run(db, provider, key, max_cost=cap, concurrency=4, on_progress=seen.append)
    row, spent = await get_evaluation(db, key), await spending.evaluation_cost(db, key)
    assert spent is not None
    assert 0.5 * cap < spent <= cap
    assert seen[-1].cost == pytest.approx(spent)
    assert (seen[-1].tokens_estimated, row.tokens_estimated) == (True, 1)
    assert 0 < row.n_answered < 60
    [texts] = await db.execute_fetchall(
        'SELECT count(*), sum(p.parameters LIKE \'%"tokens": "estimated"%\') FROM responses'
        " JOIN request_parameters p USING (parameters_key)"
    )
    assert tuple(texts) == (row.n_answered, row.n_answered)
    budget(home, spent)
    with pytest.raises(EvaluationStoppedError, match="The cap is reached"):
        await evaluate.run(db, provider, key)
    assert len(fake_openai.asked) == row.n_answered


async def test_counted_tokens_are_taken_at_their_word(
    db: aiosqlite.Connection, provider: Provider, priced: None
) -> None:
    assert (await evaluate.run(db, provider, await plan(db, 4))).tokens_estimated == 0


@pytest.mark.parametrize(
    ("told", "finish", "text", "found"),
    [
        ((9, 1), "stop", "Yes", (9, 1, False)),
        ((9, 0), "stop", "", (9, 0, False)),
        ((None, None), "stop", "Yes", (17, 1, True)),
        ((0, 0), "stop", "Yes", (17, 1, True)),
        ((-9, -1), "stop", "Yes", (17, 1, True)),
        ((9, None), "length", "", (9, 50, True)),
    ],
    ids=["counted", "nothing said", "left out", "nothing counted", "less than nothing", "thought until it was cut"],
)
def test_what_is_no_count_is_estimated(
    told: tuple[int | None, int | None], finish: str, text: str, found: tuple[int, int, bool]
) -> None:
    request = AskRequest("m", "x" * 40, max_tokens=50)
    answer, estimated = with_tokens(Answer(text, "m", finish, *told, latency_ms=1.0), request)
    assert (answer.prompt_tokens, answer.completion_tokens, estimated) == found


async def test_answers_under_way_at_a_pause_are_kept_and_not_paid_for_twice(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI, priced: None
) -> None:
    fake_openai.delay = 0.5
    key = await plan(db)
    row = await evaluate.run(db, provider, key, concurrency=8, should_stop=lambda: len(fake_openai.asked) >= 8)
    assert (row.state, row.n_answered) == ("paused", len(fake_openai.asked))
    fake_openai.delay = 0.0
    assert (await evaluate.run(db, provider, key)).n_answered == 60
    assert len(fake_openai.asked) == 60


async def until_asked(server: FakeOpenAI, n: int) -> None:
    async with asyncio.timeout(30):
        while server.requests["POST /chat/completions"] < n:
            await asyncio.sleep(0.01)


async def test_answers_under_way_when_the_program_is_told_to_end_are_kept_and_not_paid_for_twice(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI, priced: None
) -> None:
    fake_openai.delay = 0.5
    key = await plan(db)
    running = asyncio.create_task(evaluate.run(db, provider, key, concurrency=8))
    await until_asked(fake_openai, 8)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    row = await get_evaluation(db, key)
    assert (row.state, row.n_answered) == ("paused", len(fake_openai.asked))
    fake_openai.delay = 0.0
    assert (await evaluate.run(db, provider, key)).n_answered == 60
    assert len(fake_openai.asked) == 60


@pytest.mark.parametrize("why", ["free", "told twice", "never answered"])
async def test_a_program_that_is_told_to_end_waits_for_nothing_free_not_twice_and_not_for_ever(
    db: aiosqlite.Connection,
    provider: Provider,
    fake_openai: FakeOpenAI,
    priced: None,
    monkeypatch: pytest.MonkeyPatch,
    why: str,
) -> None:
    monkeypatch.setattr(evaluate, "ENDING_SECONDS", 0.1 if why == "never answered" else 600.0)
    if why == "free":
        monkeypatch.setattr(provider, "capabilities", replace(provider.capabilities, cost_basis="free"))
    fake_openai.faults["POST /chat/completions"].extend([hang] * 60)
    key = await plan(db)
    running = asyncio.create_task(evaluate.run(db, provider, key, concurrency=4))
    await until_asked(fake_openai, 4)
    running.cancel()
    if why == "told twice":
        await asyncio.sleep(0.2)
        assert not running.done()
        running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running, 30)
    assert (await get_evaluation(db, key)).state == "paused"


async def test_a_pause_waits_for_no_answer_that_never_comes(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI, priced: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "GRACE_SECONDS", 0.1)
    fake_openai.faults["POST /chat/completions"].extend([hang] * 60)
    row = await evaluate.run(
        db, provider, await plan(db), concurrency=4, should_stop=lambda: fake_openai.requests["POST /chat/completions"] >= 4
    )  # fmt: skip
    assert (row.state, row.n_answered, row.n_failed) == ("paused", 0, 0)


async def test_the_worst_case_is_set_aside_and_given_back() -> None:
    own = Purse(AnswerPrices(0.0, 1_000_000.0), allowed=10.0)
    held = [await own.hold("", 5), await own.hold("", 5)]
    assert held == [5.0, 5.0]
    for amount in held:
        assert amount is not None
        own.settle(amount, 0, 1)
    assert own.spent == 2.0
    assert await own.hold("", 9) is None
    assert await own.hold("", 8) == 8.0
