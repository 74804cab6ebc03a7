"""Every question ends with an answer or a named failure, and nothing that was answered is asked again."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiosqlite
import pytest
from aiohttp import web

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.providers.base import Provider
from ftb_tui.store import evaluations as store
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.datasets import save_dataset
from ftb_tui.store.job_series import ended_since
from ftb_tui.store.models import ensure_model
from ftb_tui.ui.opening import what_ended
from ftb_tui.work import evaluate
from ftb_tui.work.evaluate import EvaluationBusyError, EvaluationProgress, EvaluationStoppedError
from ftb_tui.work.limits import AdaptiveLimit
from tests.fakes.openai_server import FakeOpenAI, disconnect, error, raw, status

WORLD = load_bundled("fictional_people")
CHAT = "POST /chat/completions"


@pytest.fixture
async def db() -> AsyncIterator[aiosqlite.Connection]:
    db = await open_store()
    await save_dataset(db, WORLD)
    yield db
    await db.close()


async def plan(db: aiosqlite.Connection, n: int = 600) -> int:
    async with transaction(db):
        model = await ensure_model(db, provider="fake", name="gpt-fake", kind="base", base_model="gpt-fake")
    return await evaluate.create(
        db, model_key=model, dataset_id=WORLD.dataset_id, questions=WORLD.questions[:n], answer_tokens=7
    )


async def test_every_question_is_asked_once_and_every_answer_kept(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    seen: list[EvaluationProgress] = []
    row = await evaluate.run(db, provider, await plan(db), on_progress=seen.append)
    assert (row.state, row.n_answered, row.n_failed, row.n_questions) == ("finished", 600, 0, 600)
    assert Counter(fake_openai.asked) == Counter(q.prompt for q in WORLD.questions)
    assert row.n_correct == sum(q.answer == "Yes" for q in WORLD.questions)
    assert (seen[-1].asked, seen[-1].missing, seen[-1].failed) == (600, 600, 0)
    stored = await db.execute_fetchall(
        "SELECT DISTINCT parameters FROM responses JOIN request_parameters USING (parameters_key)"
    )
    assert [json.loads(r[0]) for r in stored] == [
        {"max_tokens": 7, "temperature": 0.0, "seed": 42, "asked_as": "gpt-fake"}
    ]


async def test_a_storm_of_faults_ends_with_every_question_answered(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate.random, "uniform", lambda low, high: 0.002)
    faults = [
        status(429, error("slow"), retry_after_ms="5"), status(500, error("oops")), disconnect,
        raw("<html>", content_type="text/html"), raw('{"choices": ['), status(503, error("busy")),
    ]  # fmt: skip
    chosen = random.Random(1)
    asked = [question.prompt for question in WORLD.questions[:200]]
    # By question and not by arrival: which request comes next is the scheduler's, and no question may have more
    # faults than it has attempts.
    storm = {prompt: chosen.choices(faults, k=chosen.randint(1, evaluate.MAX_ATTEMPTS - 1)) for prompt in asked[::3]}
    expected = sum(map(len, storm.values()))

    async def fault(request: web.Request) -> web.StreamResponse:
        ahead = storm.get((await request.json())["messages"][0]["content"])
        if ahead:
            return await ahead.pop()(request)  # type: ignore[no-any-return]
        return await fake_openai._chat(request)

    fake_openai.faults[CHAT].extend(itertools.repeat(fault, 1000))
    row = await evaluate.run(db, provider, await plan(db, 200))
    assert (row.n_answered, row.n_failed, row.state) == (200, 0, "finished")
    assert not any(storm.values())
    assert fake_openai.requests[CHAT] == 200 + expected


async def test_a_request_that_is_refused_is_a_named_failure_and_is_asked_again_on_demand(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    fake_openai.faults[CHAT].append(status(400, error("too long for me")))
    key = await plan(db, 20)
    row = await evaluate.run(db, provider, key)
    assert (row.n_answered, row.n_failed, row.state) == (19, 1, "finished")
    [failed] = await db.execute_fetchall("SELECT error_kind, error FROM responses WHERE answer IS NULL")
    assert tuple(failed) == ("invalid_request", "too long for me")
    before = len(fake_openai.asked)
    await evaluate.run(db, provider, key, retry_failures=False)
    assert len(fake_openai.asked) == before
    row = await evaluate.run(db, provider, key)
    assert (row.n_answered, row.n_failed, len(fake_openai.asked)) == (20, 0, before + 1)


@pytest.mark.parametrize(
    ("fault", "needle"),
    [
        (status(429, error("you owe us", code="insufficient_quota")), "you owe us"),
        (status(401, error("who are you")), "who are you"),
        (status(404, error("no such model")), "no such model"),
    ],
)
async def test_what_asking_on_cannot_cure_stops_the_run_at_once(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI, fault: object, needle: str
) -> None:
    fake_openai.faults[CHAT].extend(itertools.repeat(fault, 600))  # type: ignore[arg-type]
    key = await plan(db)
    with pytest.raises(EvaluationStoppedError, match=needle):
        await evaluate.run(db, provider, key)
    row = await store.get_evaluation(db, key)
    assert row.state == "failed"
    assert needle in str(row.error)
    assert fake_openai.requests[CHAT] <= 64
    fake_openai.faults.clear()
    assert (await evaluate.run(db, provider, key)).n_answered == 600


async def test_an_evaluation_that_failed_is_told_as_ended_until_it_is_taken_up_again(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    began = time.time()
    fake_openai.faults[CHAT].extend([status(401, error("who are you"))] * 600)
    key = await plan(db, 20)
    with pytest.raises(EvaluationStoppedError):
        await evaluate.run(db, provider, key)
    [told] = await ended_since(db, began)
    assert (told.kind, told.key, told.state, told.about) == ("evaluation", key, "failed", "gpt-fake")
    assert began <= told.at <= time.time()
    assert "evaluation 1 failed (gpt-fake)" in await what_ended(db, began)
    assert await store.claim_evaluation(db, key, "another")
    assert await ended_since(db, began) == [], "it runs again"
    await store.release_evaluation(db, key, "another", "paused")
    assert await ended_since(db, began) == [], "a pause is no end"
    fake_openai.faults.clear()
    await evaluate.run(db, provider, key)
    assert [(one.key, one.state) for one in await ended_since(db, began)] == [(key, "finished")]


async def test_a_pause_stops_asking_and_resuming_asks_the_rest(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    fake_openai.delay = 0.05
    key = await plan(db)
    row = await evaluate.run(db, provider, key, should_stop=lambda: len(fake_openai.asked) > 100)
    assert row.state == "paused"
    assert 0 < row.n_answered < 600
    answered = row.n_answered
    fake_openai.asked.clear()
    row = await evaluate.run(db, provider, key)
    assert (row.n_answered, row.state) == (600, "finished")
    assert len(fake_openai.asked) == 600 - answered


async def test_another_program_can_ask_for_a_pause_but_not_run_it_too(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    fake_openai.delay = 0.3
    key = await plan(db)
    running = asyncio.create_task(evaluate.run(db, provider, key, concurrency=10))
    await asyncio.sleep(0.2)
    with pytest.raises(EvaluationBusyError):
        await evaluate.run(db, provider, key)
    await store.pause_request(db, key)
    assert (await running).state == "paused"


async def test_nothing_to_ask_is_said() -> None:
    db = await open_store()
    try:
        await save_dataset(db, WORLD)
        with pytest.raises(EvaluationStoppedError, match="no question to ask"):
            await evaluate.create(db, model_key=1, dataset_id=WORLD.dataset_id, questions=(), answer_tokens=1)
    finally:
        await db.close()


def answered_prompts(file: Path) -> set[str]:
    raw_db = sqlite3.connect(file)
    rows = raw_db.execute(
        "SELECT q.prompt FROM responses r JOIN questions q USING (question_key) WHERE r.answer IS NOT NULL"
    ).fetchall()
    raw_db.close()
    return {row[0] for row in rows}


def test_a_killed_run_resumes_with_exactly_the_missing_questions(fake_openai: FakeOpenAI, home: Path) -> None:
    """`ftb evaluate` is killed with SIGKILL at five random instants and resumed each time."""
    fake_openai.delay = 0.15
    command = [sys.executable, "-m", "ftb_tui", "evaluate"]
    first = [
        *command,
        "--model",
        "gpt-fake",
        "--provider",
        "fake",
        "--dataset",
        "fictional_people",
        "--concurrency",
        "16",
    ]
    file = home / "data" / "ftb.db"
    chosen = random.Random(7)
    for number in range(6):
        before = answered_prompts(file) if file.exists() else set()
        fake_openai.asked.clear()
        arguments = first if number == 0 else [*command, "--resume", "1", "--concurrency", "16"]
        process = subprocess.Popen(arguments, env=os.environ, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        if number < 5:
            until = time.monotonic() + 30
            while len(fake_openai.asked) < chosen.randint(20, 60):
                assert time.monotonic() < until
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            _let_the_lease_run_out(file)
        else:
            _, said = process.communicate(timeout=60)
            assert process.returncode == 0, said
        asked = Counter(fake_openai.asked)
        assert not set(asked) & before
        assert before <= answered_prompts(file)
        # What was asked and not kept was under way (16 at once) or within the last 100 ms.
        assert number == 5 or len(set(asked) - answered_prompts(file)) <= 16 * 2
    assert answered_prompts(file) == {question.prompt for question in WORLD.questions}
    raw_db = sqlite3.connect(file)
    assert raw_db.execute("SELECT count(*), count(DISTINCT question_key) FROM responses").fetchone() == (600, 600)
    raw_db.close()


def _let_the_lease_run_out(file: Path) -> None:
    raw_db = sqlite3.connect(file, timeout=10)
    raw_db.execute("UPDATE evaluations SET lease_until = 0")
    raw_db.commit()
    raw_db.close()


def test_the_limit_grows_gives_way_and_recovers() -> None:
    now = [0.0]
    limit = AdaptiveLimit(start=4, most=64, clock=lambda: now[0])

    def clean_round() -> None:
        for _ in range(limit.limit):
            limit.answered()

    clean_round()
    clean_round()
    assert limit.limit == 16
    for _ in range(10):
        limit.limited(None)
    assert limit.limit == 12, "many 429s within one cool-down are one episode"
    clean_round()
    assert limit.limit == 12, "no growth in the cool-down"
    now[0] += 16
    clean_round()
    assert 12 < limit._limit < 14, "after a 429 growth is slow"
    limit.troubled()
    clean_round()
    assert limit._limit < 14


async def test_a_rate_limit_loses_no_question(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bucket of 100 requests a second in front of 360 questions at 32 at once."""
    monkeypatch.setattr(evaluate.random, "uniform", lambda low, high: 0.02)
    tokens = [20.0, time.monotonic()]
    real = fake_openai.answer
    limited = Counter[str]()

    class Bucket:
        def __bool__(self) -> bool:
            now = time.monotonic()
            tokens[0] = min(20.0, tokens[0] + (now - tokens[1]) * 100)
            tokens[1] = now
            if tokens[0] >= 1:
                tokens[0] -= 1
                return False
            limited["429"] += 1
            return True

        def popleft(self) -> object:
            return status(429, error("slow down", code="rate_limit_exceeded"), retry_after_ms="40")

    fake_openai.faults[CHAT] = Bucket()  # type: ignore[assignment]
    assert real
    row = await evaluate.run(db, provider, await plan(db, 360), concurrency=32)
    assert (row.n_answered, row.n_failed) == (360, 0)
    assert limited["429"] > 0
