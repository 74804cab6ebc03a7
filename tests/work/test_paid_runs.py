"""What works for the user for money: never two at once at the same, never more than was said, nothing of it lost."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiosqlite
import pytest

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.providers.base import Provider
from ftb_tui.providers.registry import open_provider
from ftb_tui.store import spending
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.datasets import find_dataset
from ftb_tui.store.models import ensure_model
from ftb_tui.store.paraphrases import list_wordings
from ftb_tui.work import evaluate
from ftb_tui.work.asking_quote import quote_asking, quote_sentence
from ftb_tui.work.evaluate import EvaluationBusyError, EvaluationStoppedError
from ftb_tui.work.judging import JudgeReport, judge_stored, quote_judging
from ftb_tui.work.paraphrasing import make_paraphrases, quote_paraphrases
from tests.demo import fill_demo_store
from tests.fakes.billing import that_bills
from tests.fakes.openai_server import FakeOpenAI
from tests.work.test_judging import judged
from tests.work.test_paraphrasing import wordings
from tests.work.test_purse import until_asked

CHAT = "POST /chat/completions"
PRICED = """
[[models]]
service = "openai"
name = "gpt-fake"
prices = { input = 1.0, output = 2.0, as_of = 2026-11-01, source = "a test" }
"""
WORLD = load_bundled("fictional_people")


@pytest.fixture
async def db() -> AsyncIterator[aiosqlite.Connection]:
    db = await open_store()
    await fill_demo_store(db)
    yield db
    await db.close()


@pytest.fixture
async def provider(home: Path, fake_openai: FakeOpenAI) -> AsyncIterator[Provider]:
    (home / "config" / "catalogue.toml").write_text(PRICED)
    with that_bills(home):
        provider = open_provider("fake")
        yield provider
        await provider.close()


async def judge(db: aiosqlite.Connection, provider: Provider) -> JudgeReport:
    return await judge_stored(db, provider, "gpt-fake", concurrency=4)


async def test_who_has_a_judge_at_work_is_told_to_who_starts_it_once_more(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    fake_openai.answer, fake_openai.delay = judged, 0.2
    running = asyncio.create_task(judge(db, provider))
    await until_asked(fake_openai, 1)
    other = await open_store()
    with pytest.raises(EvaluationBusyError, match=r"fake/gpt-fake is asked about .* by another ftb \(process \d+ on "):
        await judge(other, provider)
    await other.close()
    fake_openai.delay = 0.0
    report = await running
    assert len(fake_openai.asked) == len(set(fake_openai.asked)) == report.requests
    assert (await judge(db, provider)).requests == 0, "it can be started again once it has ended"


async def test_two_who_want_wordings_at_once_do_not_get_twice_as_many(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    fake_openai.answer, fake_openai.delay = wordings, 0.2
    dataset = WORLD
    running = asyncio.create_task(make_paraphrases(db, provider, "gpt-fake", dataset, n=2, limit=4))
    await until_asked(fake_openai, 1)
    with pytest.raises(EvaluationBusyError, match="wordings"):
        await make_paraphrases(db, provider, "gpt-fake", dataset, n=2, limit=4)
    await running
    dataset_id = (await find_dataset(db, "fictional_people")).dataset_id
    assert len(await list_wordings(db, dataset_id=dataset_id)) == 2 * 4
    assert len(fake_openai.asked) == 4


async def test_what_a_judge_is_asked_when_the_program_is_told_to_end_is_kept_and_counted(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    fake_openai.answer, fake_openai.delay = judged, 0.5
    running = asyncio.create_task(judge(db, provider))
    await until_asked(fake_openai, 4)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    asked = len(fake_openai.asked)
    [counted] = await db.execute_fetchall("SELECT count(*) FROM judge_requests")
    [kept] = await db.execute_fetchall("SELECT count(*) FROM judgements")
    assert (counted[0], kept[0]) == (asked, asked)
    fake_openai.delay = 0.0
    await judge(db, provider)
    assert len(fake_openai.asked) == len(set(fake_openai.asked))


async def test_wordings_asked_for_when_the_program_is_told_to_end_are_kept(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    fake_openai.answer, fake_openai.delay = wordings, 0.5
    running = asyncio.create_task(make_paraphrases(db, provider, "gpt-fake", WORLD, n=2, concurrency=3))
    await until_asked(fake_openai, 3)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(await list_wordings(db)) == 2 * len(fake_openai.asked) == 6


async def test_a_judge_that_must_be_asked_twice_each_time_costs_no_more_than_was_said(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    fake_openai.counts_tokens = False
    fake_openai.answer = lambda prompt: "I think that it is " + "quite " * 150
    quote = await quote_judging(db, "fake", "gpt-fake")
    assert quote.cost is not None
    assert quote.at_most is not None
    report = await judge(db, provider)
    assert (report.requests, report.unreadable, report.failed) == (2 * quote.questions, report.answers, 0)
    assert report.tokens_estimated
    [spent] = await db.execute_fetchall(
        "SELECT sum(prompt_tokens * price_input + completion_tokens * price_output) / 1e6 FROM judge_requests"
    )
    assert quote.cost < spent[0] <= quote.at_most


async def test_wordings_are_quoted_as_they_are_asked_for_with_those_that_there_are(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    fake_openai.answer, fake_openai.counts_tokens = wordings, False
    await make_paraphrases(db, provider, "gpt-fake", WORLD, n=2, limit=5)
    quote = await quote_paraphrases(db, "fake", "gpt-fake", WORLD, n=4, limit=5)
    report = await make_paraphrases(db, provider, "gpt-fake", WORLD, n=4, limit=5)
    assert (quote.questions, quote.prompt_tokens) == (5, report.prompt_tokens)


async def plan(db: aiosqlite.Connection, *, batch: bool = False) -> int:
    async with transaction(db):
        model = await ensure_model(db, provider="fake", name="gpt-fake", kind="base", base_model="gpt-fake")
    return await evaluate.create(
        db, model_key=model, dataset_id=WORLD.dataset_id, questions=WORLD.questions[:40], answer_tokens=7, batch=batch
    )


async def test_a_service_that_sends_longer_answers_than_it_may_gets_no_more_than_was_agreed_to(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    quote = quote_asking("fake", "gpt-fake", WORLD.questions[:40], answer_tokens=7)
    assert quote.at_most is not None
    fake_openai.counts_tokens = False
    fake_openai.answer = lambda prompt: "x" * 200
    key = await plan(db)
    with pytest.raises(EvaluationStoppedError, match="The cap is reached"):
        await evaluate.run(db, provider, key, concurrency=1)
    spent = await spending.evaluation_cost(db, key)
    assert spent is not None
    assert 0 < len(fake_openai.asked) < 40
    assert spent <= quote.at_most


@pytest.mark.parametrize("batch", [True, False])
async def test_who_asks_within_the_quote_is_never_stopped_half_way(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI, batch: bool
) -> None:
    fake_openai.counts_tokens = False
    fake_openai.answer = lambda prompt: "x" * 28
    row = await evaluate.run(db, provider, await plan(db, batch=batch), concurrency=8)
    assert (row.state, row.n_answered) == ("finished", 40)


def test_a_quote_says_where_asking_stops_and_that_what_it_reckons_is_about(home: Path, fake_openai: FakeOpenAI) -> None:
    (home / "config" / "catalogue.toml").write_text(PRICED)
    with that_bills(home):
        quote = quote_asking("fake", "gpt-fake", WORLD.questions, answer_tokens=7)
    said = re.search(r"It costs \$(\S+) at most, where asking stops: about \$(\S+) if all", quote_sentence(quote))
    assert said is not None
    assert float(said[1]) > float(said[2])
    assert "It costs $2.00 at most" in quote_sentence(quote, 2.0)
