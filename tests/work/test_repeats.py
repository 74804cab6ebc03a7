"""Questions can be asked several times; that never looks like more knowledge than there is."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator

import aiosqlite
import pytest

from ftb_tui.benchmark.clusters import clustered_share
from ftb_tui.benchmark.load import load_bundled
from ftb_tui.benchmark.model import Task
from ftb_tui.benchmark.statistics import mcnemar_exact, wilson
from ftb_tui.benchmark.subset import subset
from ftb_tui.cli.main import run
from ftb_tui.providers.base import Provider
from ftb_tui.store import evaluations as store
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.datasets import save_dataset
from ftb_tui.store.models import ensure_model
from ftb_tui.store.results import ResultRow, results
from ftb_tui.work import evaluate
from tests.fakes.openai_server import FakeOpenAI

WORLD = load_bundled("fictional_people")
ASKED = subset(WORLD, limit=12, tasks=(Task.SECONDARY,))


@pytest.fixture
async def db() -> AsyncIterator[aiosqlite.Connection]:
    db = await open_store()
    await save_dataset(db, WORLD)
    yield db
    await db.close()


async def plan(db: aiosqlite.Connection, repeats: int, name: str = "b", kind: str = "base") -> int:
    async with transaction(db):
        model = await ensure_model(db, provider="fake", name=name, kind=kind, base_model="b")
    return await evaluate.create(
        db, model_key=model, dataset_id=WORLD.dataset_id, questions=ASKED, answer_tokens=4, repeats=repeats
    )


async def row(db: aiosqlite.Connection, kind: str = "base") -> ResultRow:
    [found] = [r for r in await results(db) if r.kind == kind]
    return found


async def test_every_question_is_asked_so_often_each_time_with_another_seed(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    done = await evaluate.run(db, provider, await plan(db, 3))
    assert (done.n_questions, done.n_answered, done.repeats, done.n_missing) == (36, 36, 3, 0)
    assert Counter(fake_openai.asked) == Counter({q.prompt: 3 for q in ASKED})
    sent = await db.execute_fetchall(
        "SELECT r.repeat, p.parameters FROM responses r JOIN request_parameters p USING (parameters_key)"
    )
    assert {(line[0], json.loads(line[1])["seed"]) for line in sent} == {(0, 42), (1, 43), (2, 44)}


async def test_a_stopped_run_goes_on_with_the_answers_that_are_missing(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    fake_openai.delay = 0.05
    key = await plan(db, 3)
    await evaluate.run(db, provider, key, concurrency=4, should_stop=lambda: len(fake_openai.asked) > 14)
    kept = await store.get_evaluation(db, key)
    assert 0 < kept.n_answered < 36
    fake_openai.asked.clear()
    assert (await evaluate.run(db, provider, key)).n_answered == 36
    assert len(fake_openai.asked) == 36 - kept.n_answered


async def test_equal_answers_again_and_again_give_the_interval_of_one(
    db: aiosqlite.Connection, provider: Provider
) -> None:
    await evaluate.run(db, provider, await plan(db, 5))
    found = await row(db)
    facts = len({q.fact_id for q in ASKED})
    right = len({q.fact_id for q in ASKED if q.answer == "Yes"})
    assert facts == len(ASKED)
    assert (found.n, found.correct, found.planned) == (60, 5 * right, 60)
    assert (found.low, found.high) == pytest.approx(wilson(right, facts))


async def test_answers_that_vary_lie_between(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    turns = itertools.count()
    fake_openai.answer = lambda prompt: "Yes" if next(turns) % 3 else "No"
    await evaluate.run(db, provider, await plan(db, 4), concurrency=1)
    found = await row(db)
    rows = await db.execute_fetchall(
        "SELECT sum(g.verdict = 'correct'), count(*) FROM responses r JOIN grades g USING (response_key)"
        " JOIN questions q USING (question_key) WHERE g.grader = 'choice' GROUP BY q.fact_id"
    )
    expected = clustered_share([(line[0], line[1]) for line in rows])
    assert (found.low, found.high) == (expected.low, expected.high)


async def test_flips_are_tested_by_fact(db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI) -> None:
    golds = {q.prompt: q.answer for q in ASKED}
    fake_openai.answer = lambda prompt: "none of your business"
    await evaluate.run(db, provider, await plan(db, 4))
    fake_openai.answer = lambda prompt: golds[prompt]
    await evaluate.run(db, provider, await plan(db, 4, "t", "tuned"))
    found = await row(db, "tuned")
    assert (found.fixed, found.broken) == (48, 0)
    assert found.p_value == mcnemar_exact(12, 0)


def test_the_command_asks_so_often(fake_openai: FakeOpenAI, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["evaluate", "--provider", "fake", "--model", "gpt-fake", "--dataset", "fictional_people"]
    assert (
        run([*command, "--tasks", "secondary", "--limit", "4", "--repeats", "3", "--temperature", "1", "--json"]) == 0
    )
    assert json.loads(capsys.readouterr().out)["n_answered"] == 12
    assert len(fake_openai.asked) == 12
