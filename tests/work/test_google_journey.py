"""The whole way at Google: check, launch, follow, evaluate base, checkpoint and tuned model, results; never two jobs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiosqlite
import pytest
from aiohttp import web

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.benchmark.model import Task
from ftb_tui.providers import google_access
from ftb_tui.providers.base import JobState, Provider, ProviderError
from ftb_tui.providers.registry import check_provider, open_provider
from ftb_tui.store import jobs as store
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.datasets import save_dataset
from ftb_tui.store.models import ensure_model, list_models
from ftb_tui.store.results import results
from ftb_tui.work import evaluate
from ftb_tui.work import jobs as work
from ftb_tui.work.jobs import LaunchError, LaunchPlan, Pace
from ftb_tui.work.reconciling import abandon, reconcile
from tests.fakes.google_server import (
    BASE,
    GEMINI_KEY,
    TOKEN,
    FakeGoogle,
    drip,
    generated,
    google_error,
    hang,
    quota_failure,
    retry_info,
)
from tests.fakes.openai_server import Fault, disconnect, raw, status

WORLD = load_bundled("fictional_people")
PLAN = LaunchPlan(dataset=WORLD, base_model=BASE, n_epochs=2)
ASKED = [question for question in WORLD.questions if question.task is Task.MEMORIZATION][:30]
FAST = Pace(0.01, 0.01, 0.05)


@pytest.fixture
async def db(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[aiosqlite.Connection]:
    monkeypatch.setattr(work, "RECONCILE_PAUSES", (0.01, 0.01))
    db = await open_store()
    await save_dataset(db, WORLD)
    yield db
    await db.close()


@pytest.fixture
async def provider(fake_google: FakeGoogle) -> AsyncIterator[Provider]:
    provider = open_provider("google")
    yield provider
    await provider.close()


async def opened(name: str) -> Provider:
    return open_provider(name)


async def evaluated(db: aiosqlite.Connection, provider: Provider, model_key: int) -> tuple[int, int, int]:
    """Answered, right, failed."""
    key = await evaluate.create(db, model_key=model_key, dataset_id=WORLD.dataset_id, questions=ASKED, answer_tokens=20)
    row = await evaluate.run(db, provider, key)
    return row.n_answered, row.n_correct, row.n_failed


async def test_from_a_check_to_results(
    db: aiosqlite.Connection, provider: Provider, fake_google: FakeGoogle, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await check_provider("google")
    assert found.reachable
    assert "trains in us-central1" in found.message

    fake_google.dropped = ["too many tokens"]
    key = await work.launch(db, provider, PLAN)
    [content] = fake_google.objects.values()
    first = json.loads(content.splitlines()[0])
    assert [(turn["role"], turn["parts"][0]["text"]) for turn in first["contents"]] == [
        ("user", ASKED[0].prompt), ("model", ASKED[0].answer),
    ]  # fmt: skip
    job = await work.follow(db, provider, key, pace=FAST)
    assert (job.state, job.step, job.total_steps, job.trained_tokens) == (JobState.SUCCEEDED, 40, 40, 2 * 5678)
    log = " / ".join(event.message for event in await store.job_events(db, key))
    for words in (
        "Waiting for quota",
        "5678 billable tokens",
        "1 training example was dropped by the service (line 7): too many tokens",
        "Epoch 2 of 2",
    ):
        assert words in log
    assert [(c.epoch, c.step) for c in await store.job_checkpoints(db, key)] == [(1, 20), (2, 40)]
    models = {model.kind: model for model in await list_models(db)}
    assert set(models) == {"base", "checkpoint", "tuned"}
    assert models["tuned"].epoch == 2

    gold = {question.prompt: question.answer for question in ASKED}
    fake_google.answer = lambda prompt: gold[prompt]
    assert await evaluated(db, provider, models["tuned"].model_key) == (30, 30, 0)
    fake_google.answer = lambda prompt: "no idea"
    assert await evaluated(db, provider, models["base"].model_key) == (30, 0, 0)
    assert await evaluated(db, provider, models["checkpoint"].model_key) == (30, 0, 0)
    rows = {row.model: row for row in await results(db) if row.task == "memorization"}
    assert rows[models["tuned"].name].score == 1.0
    assert rows[models["base"].name].score == 0.0
    recorded = [
        json.loads(row[0])
        for row in await db.execute_fetchall(
            "SELECT DISTINCT parameters FROM responses JOIN request_parameters USING (parameters_key)"
        )
    ]
    assert [one["thinkingConfig"] for one in recorded] == [{"thinkingBudget": 0}] * 3
    assert len({one["asked_as"] for one in recorded}) == 3, "each says which of the three models was asked"


def cut_after(n: int) -> Fault:
    """Cut the connection after so many bytes of the answer's body."""

    async def fault(request: web.Request) -> web.StreamResponse:
        reply = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "400"})
        await reply.prepare(request)
        await reply.write(b'{"name": "projects/123/locations/us-central1/tuningJobs/456", "state": "JOB'[:n])
        assert request.transport is not None
        request.transport.close()
        return reply

    return fault


@pytest.mark.parametrize(
    "fault",
    [
        disconnect, cut_after(0), cut_after(1), cut_after(40), cut_after(70), hang, drip, raw("{"), raw(""), raw("[]"),
        raw("<html>", content_type="text/html"), status(500, {}), status(503, [google_error(503, "UNAVAILABLE", "x")]),
    ],
    ids=["cut", "cut at 0", "cut at 1", "cut at 40", "cut at 70", "hang", "drip", "broken", "empty", "list", "html", "500",
         "503"],
)  # fmt: skip
async def test_an_unclear_answer_is_reconciled_and_never_sent_again(
    db: aiosqlite.Connection, fake_google: FakeGoogle, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(google_access, "CONTROL_TIMEOUT", 1.5)
    provider = open_provider("google")
    fake_google.after_create.append(fault)
    key = await work.launch(db, provider, PLAN)
    job = await store.get_job(db, key)
    assert (job.intent, job.remote_job_id) == ("confirmed", next(iter(fake_google.jobs)))
    assert (len(fake_google.jobs), fake_google.requests["create"]) == (1, 1)
    await provider.close()


async def test_a_job_that_cannot_be_found_yet_stays_open_until_it_can(
    db: aiosqlite.Connection, provider: Provider, fake_google: FakeGoogle
) -> None:
    fake_google.after_create.append(disconnect)
    fake_google.faults["list"].extend([status(503, google_error(503, "UNAVAILABLE", "later"))] * 3)
    with pytest.raises(LaunchError, match="not known whether") as caught:
        await work.launch(db, provider, PLAN)
    assert not caught.value.refused
    [sentence] = await reconcile(db, opened)
    assert "was created before the interruption" in sentence
    assert (await store.get_job(db, caught.value.job_key)).intent == "confirmed"
    assert fake_google.requests["create"] == 1


@pytest.mark.parametrize(
    ("of", "other"), [("us-central1", "europe-west4"), ('"p1"', '"p2"')], ids=["region", "project"]
)
async def test_another_region_or_project_cannot_say_that_there_is_no_such_job(
    db: aiosqlite.Connection, provider: Provider, fake_google: FakeGoogle, home: Path, of: str, other: str
) -> None:
    fake_google.after_create.append(disconnect)
    fake_google.faults["list"].extend([status(503, google_error(503, "UNAVAILABLE", "later"))] * 3)
    with pytest.raises(LaunchError, match="not known whether") as caught:
        await work.launch(db, provider, PLAN)
    key = caught.value.job_key
    config = home / "config" / "config.toml"
    as_it_was = config.read_text()
    config.write_text(as_it_was.replace(of, other))
    [sentence] = await reconcile(db, opened)
    assert f"could not be looked for at {fake_google.url}/projects/p1/locations/us-central1" in sentence
    with pytest.raises(ProviderError, match="is not given up: whether it exists could not be asked"):
        await abandon(db, opened, key)
    assert (await store.get_job(db, key)).intent == "sent"
    config.write_text(as_it_was)
    job, _ = await abandon(db, opened, key)
    assert job.intent == "confirmed"


async def test_a_job_of_which_an_earlier_version_kept_the_host_alone_is_looked_for_there(
    db: aiosqlite.Connection, provider: Provider, fake_google: FakeGoogle
) -> None:
    fake_google.after_create.append(disconnect)
    fake_google.faults["list"].extend([status(503, google_error(503, "UNAVAILABLE", "later"))] * 3)
    with pytest.raises(LaunchError, match="not known whether"):
        await work.launch(db, provider, PLAN)
    await db.execute("UPDATE jobs SET host = ?", (fake_google.url,))
    [sentence] = await reconcile(db, opened)
    assert "was created before the interruption" in sentence


@pytest.mark.parametrize("moment", ["create", "after create"])
async def test_a_process_that_is_killed_in_a_creation_makes_no_second_job(
    db: aiosqlite.Connection, fake_google: FakeGoogle, moment: str, tmp_path: Path
) -> None:
    (fake_google.faults["create"] if moment == "create" else fake_google.after_create).append(hang)
    script = tmp_path / "launch.py"
    script.write_text(
        "import asyncio\n"
        "from ftb_tui.benchmark.load import load_bundled\n"
        "from ftb_tui.providers.registry import open_provider\n"
        "from ftb_tui.store.database import open_store\n"
        "from ftb_tui.work.jobs import LaunchPlan, launch\n"
        "async def main():\n"
        "    plan = LaunchPlan(dataset=load_bundled('fictional_people'), base_model='gemini-3.5-flash', n_epochs=2)\n"
        "    await launch(await open_store(), open_provider('google'), plan)\n"
        "asyncio.run(main())\n"
    )
    process = subprocess.Popen([sys.executable, str(script)], env=dict(os.environ))
    waited = time.monotonic()
    while not fake_google.requests["create"] or (moment == "after create" and not fake_google.jobs):
        assert time.monotonic() - waited < 60
        assert process.poll() is None
        await asyncio.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    [sentence] = await reconcile(db, opened)
    [job] = await store.list_jobs(db)
    if moment == "create":
        assert "probably never created" in sentence
        assert (job.intent, len(fake_google.jobs)) == ("sent", 0)
    else:
        assert "was created before the interruption" in sentence
        assert (job.intent, len(fake_google.jobs)) == ("confirmed", 1)
    with pytest.raises(LaunchError):
        await work.send(db, open_provider("google"), job.job_key)
    assert fake_google.requests["create"] == 1


async def test_a_refusal_closes_the_intent_with_googles_words(
    db: aiosqlite.Connection, provider: Provider, fake_google: FakeGoogle
) -> None:
    words = "Quota exceeded for Global concurrent tuning jobs"
    fake_google.faults["create"].append(
        status(429, google_error(429, "RESOURCE_EXHAUSTED", words, quota_failure("GlobalConcurrentTuningJobs")))
    )
    with pytest.raises(LaunchError, match=words):
        await work.launch(db, provider, PLAN)
    [job] = await store.list_jobs(db)
    assert (job.intent, job.error) == ("refused", words)


async def test_following_outlives_faults_and_unknown_states(
    db: aiosqlite.Connection, provider: Provider, fake_google: FakeGoogle
) -> None:
    key = await work.launch(db, provider, PLAN)
    fake_google.faults["get"].extend(
        [status(503, {}), disconnect, raw("<html>", content_type="text/html"), raw('{"na'), status(404, {})]
    )
    seen: list[store.JobRow] = []

    def look(job: store.JobRow) -> None:
        seen.append(job)
        fake_google.changes = {"state": "JOB_STATE_NOVEL"} if len(seen) == 6 else {}

    job = await work.follow(db, provider, key, pace=FAST, on_update=look)
    assert job.state is JobState.SUCCEEDED
    assert JobState.UNKNOWN in {row.state for row in seen}
    assert all(row.follow_error for row in seen[:5])


async def test_partial_success_leaves_a_model_that_answers(
    db: aiosqlite.Connection, provider: Provider, fake_google: FakeGoogle
) -> None:
    fake_google.end_state = "JOB_STATE_PARTIALLY_SUCCEEDED"
    key = await work.launch(db, provider, PLAN)
    job = await work.follow(db, provider, key, pace=FAST)
    assert (job.state, job.is_final) == (JobState.PARTIAL, True)
    tuned = next(model for model in await list_models(db) if model.kind == "tuned")
    assert (await evaluated(db, provider, tuned.model_key))[0] == 30


async def test_blocked_answers_are_failures_by_name_and_limits_lose_nothing(
    db: aiosqlite.Connection, provider: Provider, fake_google: FakeGoogle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate.random, "uniform", lambda low, high: 0.002)
    fake_google.faults["ask"].extend(
        [
            status(200, generated(None, "SAFETY")),
            *[status(429, google_error(429, "RESOURCE_EXHAUSTED", "slow", retry_info("0.05s")))] * 9,
            status(200, generated(None, "MAX_TOKENS")),
            status(503, [google_error(503, "UNAVAILABLE", "x")]),
            raw('{"candidates": ['),
            disconnect,
        ]
    )
    async with transaction(db):
        model = await ensure_model(db, provider="google", name=BASE, kind="base", base_model=BASE)
    assert await evaluated(db, provider, model) == (28, 0, 2)
    failed = await db.execute_fetchall("SELECT error_kind FROM responses WHERE answer IS NULL ORDER BY error_kind")
    assert [row[0] for row in failed] == ["blocked", "no_answer"]


async def test_with_a_plain_key_base_models_answer_and_tuning_is_refused_with_the_reason(
    db: aiosqlite.Connection, fake_google: FakeGoogle
) -> None:
    found = await check_provider("gemini")
    assert (found.reachable, found.models) == (True, 2)
    assert "cannot fine-tune" in found.message
    provider = open_provider("gemini")
    with pytest.raises(ProviderError, match="Gemini API key cannot fine-tune"):
        await work.launch(db, provider, PLAN)
    assert await store.list_jobs(db) == []
    async with transaction(db):
        model = await ensure_model(db, provider="gemini", name=BASE, kind="base", base_model=BASE)
    gold = {question.prompt: question.answer for question in ASKED}
    fake_google.answer = lambda prompt: gold[prompt]
    assert await evaluated(db, provider, model) == (30, 30, 0)
    await provider.close()


async def test_token_and_key_are_in_nothing_that_is_left_behind(
    db: aiosqlite.Connection, provider: Provider, fake_google: FakeGoogle, home: Path
) -> None:
    fake_google.faults["upload"].append(status(500, google_error(500, "INTERNAL", f"Bearer {TOKEN}")))
    with pytest.raises(LaunchError) as caught:
        await work.launch(db, provider, PLAN)
    key = await work.launch(db, provider, PLAN)
    await work.follow(db, provider, key, pace=FAST)
    assert TOKEN not in str(caught.value)
    left = [file for file in home.rglob("*") if file.is_file()]
    assert len(left) >= 2
    for file in left:
        content = file.read_bytes()
        assert TOKEN.encode() not in content
        assert GEMINI_KEY.encode() not in content
