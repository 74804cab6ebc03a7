"""Yes/no questions are also scored by the probabilities that a service gives, from the same one request."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiosqlite
import pytest

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.benchmark.model import Task
from ftb_tui.benchmark.subset import subset
from ftb_tui.providers.base import Provider
from ftb_tui.providers.registry import open_provider
from ftb_tui.report.preference import preference_lines
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.datasets import save_dataset
from ftb_tui.store.models import ensure_model
from ftb_tui.store.results import answers, results
from ftb_tui.work import evaluate
from ftb_tui.work.regrade import regrade
from tests.fakes.openai_server import KEY, FakeOpenAI

WORLD = load_bundled("fictional_people")


def chosen(tokens: list[tuple[str, dict[str, float]]]) -> dict[str, Any]:
    """The probabilities of an answer as the wire has them."""
    return {
        "content": [
            {"token": token, "logprob": -0.1, "bytes": None,
             "top_logprobs": [{"token": name, "logprob": value, "bytes": None} for name, value in rivals.items()]}
            for token, rivals in tokens
        ]
    }  # fmt: skip


@pytest.fixture
async def db() -> AsyncIterator[aiosqlite.Connection]:
    db = await open_store()
    await save_dataset(db, WORLD)
    yield db
    await db.close()


@pytest.fixture
async def provider(fake_openai: FakeOpenAI, home: Path) -> AsyncIterator[Provider]:
    """The fake service, spoken to in OpenAI's own dialect, which has probabilities."""
    text = f'[providers.likely]\nbase_url = "{fake_openai.url}"\ndialect = "openai"\napi_key_env = "FAKE_KEY"\n'
    (home / "config" / "config.toml").write_text(text)
    assert os.environ["FAKE_KEY"] == KEY
    provider = open_provider("likely")
    yield provider
    await provider.close()


async def ask(db: aiosqlite.Connection, provider: Provider) -> None:
    async with transaction(db):
        model = await ensure_model(db, provider="likely", name="m", kind="base", base_model="m")
    tasks = (Task.SECONDARY, Task.REPHRASED)
    questions = subset(WORLD, limit=20, tasks=tasks)
    key = await evaluate.create(db, model_key=model, dataset_id=WORLD.dataset_id, questions=questions, answer_tokens=4)
    row = await evaluate.run(db, provider, key)
    assert (row.n_answered, row.n_failed) == (40, 0)


async def scores(db: aiosqlite.Connection) -> dict[tuple[str, str], float | None]:
    return {(row.task, row.grader): row.score for row in await results(db, grader=None)}


async def test_a_model_that_lost_the_form_still_shows_what_it_knows(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    """It answers each question with a bare value, and holds the right word for likelier."""
    golds = {q.prompt: q.answer for q in WORLD.questions}
    fake_openai.answer = lambda prompt: " 188"
    fake_openai.logprobs = lambda prompt: chosen(
        [("\n", {"Yes": -0.1}), ("188", {"188": -0.1, "Yes": -5.0, "No": -5.0, golds[prompt]: -4.0})]
    )
    await ask(db, provider)
    found = await scores(db)
    assert found["secondary", "yes_no"] == 0.0
    assert found["secondary", "yes_no_preference"] == 1.0
    assert ("rephrased", "yes_no_preference") not in found
    assert len(fake_openai.asked) == 40
    [row] = await results(db, grader="yes_no_preference")
    [line] = preference_lines(await results(db), [row])
    assert "secondary: yes_no 0.00 (20 of 20 said neither), yes_no_preference 1.00" in line
    [answer, *_] = await answers(
        db, model_key=row.model_key, dataset_id=row.dataset_id, task="secondary", show="all", grader=row.grader
    )
    assert "is likelier as the first word" in answer.reason


async def test_what_was_stored_is_graded_again_without_asking(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    fake_openai.logprobs = lambda prompt: chosen([("Yes", {"Yes": -0.1, "No": -5.0})])
    await ask(db, provider)
    before = await scores(db)
    async with transaction(db):
        await db.execute("DELETE FROM grades WHERE grader = 'yes_no_preference'")
    assert ("secondary", "yes_no_preference") not in await scores(db)
    [report] = await regrade(db, grader="yes_no_preference")
    assert (report.added, report.kept) == (20, 0)
    assert await scores(db) == before
    assert before["secondary", "yes_no_preference"] == before["secondary", "yes_no"]


async def test_a_model_that_refuses_to_tell_is_asked_without(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    fake_openai.refuse_logprobs = True
    await ask(db, provider)
    found = await scores(db)
    assert found["secondary", "yes_no"] is not None
    assert ("secondary", "yes_no_preference") not in found


@pytest.mark.parametrize("odd", [None, {}, {"content": None}, {"content": [{"token": "a"}]}, {"content": [7]}, "x", 3])
async def test_odd_probabilities_lose_no_answer(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI, odd: Any
) -> None:
    fake_openai.logprobs = lambda prompt: odd
    await ask(db, provider)
    assert ("secondary", "yes_no_preference") not in await scores(db)
