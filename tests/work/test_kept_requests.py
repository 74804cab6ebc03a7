"""Of an answer it can be told later what was asked for it, of whom, and whether its tokens were counted."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from itertools import cycle

import aiosqlite
import pytest

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.providers.base import Provider
from ftb_tui.report.exchange import request_text, response_text
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.datasets import save_dataset
from ftb_tui.store.drilldown import ResponseRecord, response_record
from ftb_tui.store.models import ensure_model
from ftb_tui.work import evaluate
from tests.fakes.openai_server import FakeOpenAI

WORLD = load_bundled("fictional_people")


@pytest.fixture
async def db() -> AsyncIterator[aiosqlite.Connection]:
    db = await open_store()
    await save_dataset(db, WORLD)
    yield db
    await db.close()


async def asked(db: aiosqlite.Connection, provider: Provider, n: int) -> list[ResponseRecord]:
    async with transaction(db):
        model = await ensure_model(db, provider="fake", name="gpt-fake", kind="base", base_model="gpt-fake")
    key = await evaluate.create(
        db, model_key=model, dataset_id=WORLD.dataset_id, questions=WORLD.questions[:n], answer_tokens=7
    )
    await evaluate.run(db, provider, key, concurrency=1)
    rows = await db.execute_fetchall("SELECT response_key FROM responses WHERE evaluation_key = ?", (key,))
    found = [await response_record(db, row[0]) for row in rows]
    return [one for one in found if one is not None]


async def test_an_estimate_is_told_of_the_answers_it_is_of_and_never_as_something_that_was_sent(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    counts = cycle([True, False])

    def answer(prompt: str) -> str:
        fake_openai.counts_tokens = next(counts)
        return "Yes"

    fake_openai.answer = answer
    records = await asked(db, provider, 4)
    told = [json.loads(response_text(one)).get("usage_is_estimated", False) for one in records]
    assert told == [False, True, False, True]
    for record, body in zip(records, fake_openai.bodies, strict=True):
        assert json.loads(request_text(record).split("\n", 1)[1]) == body


async def test_the_request_that_is_shown_names_the_model_that_was_asked_and_not_the_deployment_of_today(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    await asked(db, provider, 1)
    async with transaction(db):
        await db.execute("UPDATE models SET serving_name = 'first'")
    [record] = await asked(db, provider, 1)
    async with transaction(db):
        await db.execute("UPDATE models SET serving_name = NULL")
    again = await response_record(db, record.response_key)
    assert again is not None
    assert (again.model, json.loads(request_text(again).split("\n", 1)[1])["model"]) == ("first", "first")
    assert [body["model"] for body in fake_openai.bodies] == ["gpt-fake", "first"]
