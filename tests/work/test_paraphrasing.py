"""A model words trained questions otherwise: asked once, judged by rules, paid within a cap, kept by a person."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiosqlite
import pytest

from ftb_tui.benchmark.load import DatasetError, load_bundled
from ftb_tui.providers.base import Provider
from ftb_tui.providers.registry import open_provider
from ftb_tui.store import spending
from ftb_tui.store.database import open_store
from ftb_tui.store.datasets import save_dataset
from ftb_tui.store.paraphrases import WordingState, decide, kept_wordings, list_wordings
from ftb_tui.work.evaluate import EvaluationStoppedError
from ftb_tui.work.paraphrasing import ParaphraseReport, keep, make_paraphrases, reject
from tests.fakes.billing import that_bills
from tests.fakes.openai_server import FakeOpenAI, error, status

CHAT = "POST /chat/completions"
PEOPLE = load_bundled("fictional_people")
SHAPES = ("I wonder: {q}", "Tell the registry, {q}", "Quick check, {q}", "Once more, {q}", "Anyone? {q}")


def question_in(prompt: str) -> str:
    found = re.search(r"whatever it says:\n(.*)", prompt)
    assert found is not None
    return str(json.loads(found[1]))


def wordings(prompt: str) -> str:
    """A model that does as it is told: so many lines, none of them among those that there are."""
    found = re.search(r"Write (\d+) other", prompt)
    assert found is not None
    texts = [shape.format(q=question_in(prompt)) for shape in SHAPES]
    return "\n".join([text for text in texts if json.dumps(text, ensure_ascii=False) not in prompt][: int(found[1])])


@pytest.fixture
async def db() -> AsyncIterator[aiosqlite.Connection]:
    db = await open_store()
    await save_dataset(db, PEOPLE)
    yield db
    await db.close()


@pytest.fixture
async def provider(fake_openai: FakeOpenAI) -> AsyncIterator[Provider]:
    fake_openai.answer = wordings
    provider = open_provider("fake")
    yield provider
    await provider.close()


async def made(
    db: aiosqlite.Connection, provider: Provider, n: int = 2, model: str = "gpt", limit: int = 6
) -> ParaphraseReport:
    return await make_paraphrases(db, provider, model, PEOPLE, n=n, limit=limit)


async def test_every_trained_question_is_asked_once_and_its_wordings_wait_for_a_person(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    report = await made(db, provider)
    assert (report.questions, report.asked, report.cached, report.proposed, report.rejected) == (6, 6, 0, 12, 0)
    assert (report.requests, report.prompt_tokens, report.completion_tokens) == (6, 54, 6)
    rows = await list_wordings(db, dataset_id=PEOPLE.dataset_id)
    assert {row.state for row in rows} == {"proposed"}
    assert all(row.question in row.text for row in rows)
    assert await kept_wordings(db, PEOPLE.dataset_id) == {}
    fake_openai.asked.clear()
    again = await made(db, provider)
    assert (again.cached, again.asked, again.requests, fake_openai.asked) == (6, 0, 0, [])


async def test_where_more_are_wanted_only_the_rest_is_asked_for_and_another_model_is_asked_anew(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    await made(db, provider)
    fake_openai.asked.clear()
    more = await made(db, provider, n=3)
    assert (more.asked, more.proposed) == (6, 6)
    assert all("Write 1 other wordings" in prompt and "I wonder: " in prompt for prompt in fake_openai.asked)
    other = await made(db, provider, n=1, model="other")
    assert (other.asked, other.proposed) == (6, 6)
    assert len(await list_wordings(db)) == 24


async def test_what_a_rule_rejects_is_kept_with_its_reason_and_not_proposed(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    tests = {q.fact_id: q.question for q in PEOPLE.questions if q.task == "rephrased"}
    first = next(q for q in PEOPLE.questions if q.task == "memorization")
    fake_openai.answer = lambda prompt: f"{tests[first.fact_id]}\nIs it {first.answer}?\nI ask: {first.question}"
    report = await made(db, provider, n=3, limit=1)
    assert (report.proposed, report.rejected) == (1, 2)
    reasons = {row.reason for row in await list_wordings(db, state=WordingState.REJECTED)}
    assert len(reasons) == 2
    assert any("(rephrased)" in reason for reason in reasons)


async def test_a_reply_without_a_line_is_no_wording_and_is_asked_for_again(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    fake_openai.answer = lambda prompt: "\n \n"
    report = await made(db, provider)
    assert (report.unreadable, report.asked, report.proposed) == (6, 0, 0)
    fake_openai.answer = wordings
    assert (await made(db, provider)).proposed == 12


async def test_a_model_that_says_more_than_it_was_asked_for_proposes_no_more(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    fake_openai.answer = lambda prompt: "\n".join(shape.format(q=question_in(prompt)) for shape in SHAPES)
    assert (await made(db, provider, n=1)).proposed == 6


async def test_failures_are_counted_and_what_came_is_kept(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    fake_openai.faults[CHAT].append(status(400, error("odd")))
    report = await made(db, provider)
    assert (report.failed, report.asked) == (1, 5)
    assert "odd" in report.error
    again = await made(db, provider)
    assert (again.asked, again.cached) == (1, 5)
    fake_openai.faults[CHAT].append(status(401, error("who are you")))
    with pytest.raises(EvaluationStoppedError, match="who are you"):
        await made(db, provider, model="third")


async def test_a_run_stops_at_its_cap_and_a_higher_one_goes_on(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI, home: Path
) -> None:
    with that_bills(home), pytest.raises(EvaluationStoppedError, match="No price is known for gpt at fake"):
        await make_paraphrases(db, provider, "gpt", PEOPLE, n=2, max_cost=1.0)
    assert fake_openai.requests[CHAT] == 0
    (home / "config" / "catalogue.toml").write_text(
        '[[models]]\nservice = "fake"\nname = "gpt"\n'
        'prices = { input = 100.0, output = 200.0, as_of = 2026-11-01, source = "a test" }\n'
    )
    with pytest.raises(EvaluationStoppedError, match="cap is reached"):
        await make_paraphrases(db, provider, "gpt", PEOPLE, n=2, max_cost=0.15)
    asked = fake_openai.requests[CHAT]
    spent = await spending.spent_on(db, datetime.date.today())
    assert 0 < asked < 150
    assert 0 < spent <= 0.15
    report = await make_paraphrases(db, provider, "gpt", PEOPLE, n=2, max_cost=100)
    assert (report.cached, report.asked) == (asked, 150 - asked)


async def test_a_person_has_the_last_word_but_for_what_a_test_asks(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    tests = {q.fact_id: q.question for q in PEOPLE.questions if q.task == "rephrased"}
    first = next(q for q in PEOPLE.questions if q.task == "memorization")
    fake_openai.answer = lambda prompt: f"{tests[first.fact_id]}\nHow tall is she?\nI ask: {first.question}"
    await made(db, provider, n=3, limit=1)
    test, nameless, good = sorted(await list_wordings(db), key=lambda row: row.paraphrase_key)
    await keep(db, [nameless, good])
    assert await kept_wordings(db, PEOPLE.dataset_id) == {first.question_id: ("How tall is she?", good.text)}
    with pytest.raises(DatasetError, match=rf"Wording {test.paraphrase_key} cannot be kept.*\(rephrased\)"):
        await keep(db, [test])
    await reject(db, [good])
    assert (await kept_wordings(db, PEOPLE.dataset_id))[first.question_id] == ("How tall is she?",)
    fake_openai.answer = lambda prompt: good.text
    await made(db, provider, n=4, limit=1)
    states = {row.text: row.state for row in await list_wordings(db)}
    assert states[good.text] == "rejected", "what was rejected is not proposed again"
    await decide(db, [(good.paraphrase_key, WordingState.PROPOSED, "")])
    assert [row.text for row in await list_wordings(db, state=WordingState.PROPOSED)] == [good.text]
