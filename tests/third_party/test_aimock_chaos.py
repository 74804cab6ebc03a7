"""Whatever breaks at somebody else's server: no job twice, no question lost, and the host is named."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import aiosqlite
import pytest

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.cli.exits import Exit
from ftb_tui.providers.base import JobState, Provider
from ftb_tui.providers.registry import open_provider
from ftb_tui.store import jobs as store
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.datasets import save_dataset
from ftb_tui.store.models import ensure_model
from ftb_tui.work import evaluate
from ftb_tui.work import jobs as work
from ftb_tui.work.jobs import LaunchError, LaunchPlan
from ftb_tui.work.reconciling import abandon
from tests.cli.conftest import Ftb
from tests.third_party.aimock import FAULTS, Aimock, answer
from tests.third_party.conftest import KEY
from tests.work.launching.test_jobs import patience

WORLD = load_bundled("fictional_people")
PLAN = LaunchPlan(dataset=WORLD, base_model="gpt-base", n_epochs=2)
QUESTIONS = [question for question in WORLD.questions if question.task == "memorization"][:40]
CREATION = {"method": "POST", "path": "/v1/fine_tuning/jobs"}
FAULTS_AT_ONCE = [fault for fault in FAULTS if fault != "rateLimitRate"]
NAMES = ["500", "429", "broken", "cut"]


@pytest.fixture
async def db() -> AsyncIterator[aiosqlite.Connection]:
    db = await open_store()
    await save_dataset(db, WORLD)
    yield db
    await db.close()


@pytest.fixture
async def provider(aimock: Aimock) -> AsyncIterator[Provider]:
    provider = open_provider("plain")
    yield provider
    await provider.close()


async def planned(db: aiosqlite.Connection, provider: Provider, model: str) -> int:
    async with transaction(db):
        key = await ensure_model(db, provider=provider.name, name=model, kind="base", base_model=model)
    return await evaluate.create(db, model_key=key, dataset_id=WORLD.dataset_id, questions=QUESTIONS, answer_tokens=16)


def storm(model: str) -> tuple[list[dict[str, Any]], Counter[str]]:
    """A model that knows every answer after up to three faults for each question; and those faults.

    All that is told to wait is told so at first, or the seconds of one after the other would add up.
    """
    chosen = random.Random(7)
    entries, faults = [], []
    for question in sorted(QUESTIONS, key=lambda question: -len(question.prompt)):
        here = [
            *chosen.choices(FAULTS, k=chosen.randint(0, 1)),
            *chosen.choices(FAULTS_AT_ONCE, k=chosen.randint(0, 2)),
        ]
        faults += here
        entries += answer(question.answer, prompt=question.prompt, model=model, faults=here, latencyMs=20)
    return entries, Counter(faults)


@pytest.mark.parametrize(("name", "model", "path"), [
    ("plain", "gpt-base", "/v1/chat/completions"), ("gemini", "gemini-3.5-flash", "generateContent"),
])  # fmt: skip
async def test_a_storm_of_faults_ends_with_every_question_answered(
    db: aiosqlite.Connection, aimock: Aimock, monkeypatch: pytest.MonkeyPatch, name: str, model: str, path: str
) -> None:
    monkeypatch.setattr(evaluate.random, "uniform", lambda low, high: 0.002)
    entries, faults = storm(model)
    aimock.answers(entries)
    provider = open_provider(name)
    row = await evaluate.run(db, provider, await planned(db, provider, model), concurrency=40)
    await provider.close()
    assert (row.state, row.n_answered, row.n_failed, row.n_correct) == ("finished", 40, 0, 40)
    struck = [entry["response"].get("chaosAction") for entry in aimock.journal(method="POST", path=path)]
    assert Counter(filter(None, struck)) == {
        action: faults[rate]
        for action, rate in zip(("drop", "rateLimit", "malformed", "disconnect"), FAULTS, strict=True)
    }
    assert len(struck) == 40 + faults.total(), "one request for each fault and one for each answer"


async def test_a_question_that_nothing_answers_is_a_named_failure_which_a_resume_repairs(
    db: aiosqlite.Connection, aimock: Aimock, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate.random, "uniform", lambda low, high: 0.002)
    lost = dict(zip(FAULTS_AT_ONCE, QUESTIONS, strict=False))
    for fault, question in lost.items():
        aimock.answers(answer(question.answer, prompt=question.prompt, faults=[fault] * evaluate.MAX_ATTEMPTS))
    aimock.answers(answer("no idea"))
    key = await planned(db, provider, "gpt-base")
    row = await evaluate.run(db, provider, key)
    assert (row.state, row.n_answered, row.n_failed) == ("finished", 37, 3)
    failed = await db.execute_fetchall(
        "SELECT error_kind, error FROM responses WHERE answer IS NULL ORDER BY error_kind"
    )
    (broken, why_broken), (server, why_server), (cut, why_cut) = failed
    assert (broken, server, cut) == ("bad_response", "server", "unreachable")
    assert why_server == "Chaos: request dropped", "the service's own words"
    for why in (why_broken, why_cut):
        assert provider.host in why
    asked = len(aimock.journal(method="POST", path="/v1/chat/completions"))
    assert asked == 37 + 3 * evaluate.MAX_ATTEMPTS
    row = await evaluate.run(db, provider, key)
    assert (row.n_answered, row.n_failed, row.n_correct) == (40, 0, 3)
    assert len(aimock.journal(method="POST", path="/v1/chat/completions")) == asked + 3


async def opened(name: str) -> Provider:
    return open_provider(name)


@pytest.mark.parametrize("fault", FAULTS, ids=NAMES)
async def test_a_fault_on_the_creation_makes_no_second_request(
    db: aiosqlite.Connection, aimock: Aimock, provider: Provider, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault strikes before the job is made; only a plain refusal says so, and every other is looked into."""
    upload = provider.upload_training_file

    async def then_trouble(content: bytes, *, filename: str) -> str:
        file_id = await upload(content, filename=filename)
        aimock.chaos(**{fault: 1})
        return file_id

    monkeypatch.setattr(provider, "upload_training_file", then_trouble)
    with pytest.raises(LaunchError) as caught:
        await work.launch(db, provider, PLAN)
    refused = fault == "rateLimitRate"
    assert caught.value.refused is refused
    assert ("not known whether the job was created" in str(caught.value)) is not refused
    assert len(aimock.journal(**CREATION)) == 1
    looks = len(aimock.journal(method="GET", path="/v1/fine_tuning/jobs"))
    assert (looks == 0) is refused

    aimock.chaos()
    if not refused:
        with pytest.raises(LaunchError, match=f"is not at {provider.host}; it was probably never created"):
            await work.follow(db, provider, caught.value.job_key, on_pause=patience(3 * work.MISSES))
        with pytest.raises(LaunchError, match="Nothing was sent"):
            await work.launch(db, provider, PLAN)
        monkeypatch.setattr(work, "RECONCILE_PAUSES", ())
        gone, _ = await abandon(db, opened, caught.value.job_key)
        assert gone.intent == "abandoned"
    assert len(aimock.journal(**CREATION)) == 1
    monkeypatch.setattr(provider, "upload_training_file", upload)
    key = await work.launch(db, provider, PLAN)
    assert (await work.follow(db, provider, key)).state is JobState.SUCCEEDED
    assert len(aimock.journal(**CREATION)) == 2, "one for each intent"
    assert len(await provider.newest_jobs(10)) == 1  # type: ignore[attr-defined]


async def test_a_job_is_followed_through_every_fault_to_its_end(
    db: aiosqlite.Connection, aimock: Aimock, provider: Provider
) -> None:
    key = await work.launch(db, provider, PLAN)
    ahead: list[dict[str, float]] = [{fault: 1} for fault in FAULTS] + [{"latencyMs": 30}]
    troubles: list[str | None] = []

    def next_fault(job: store.JobRow) -> None:
        troubles.append(job.follow_error)
        aimock.chaos(**(ahead.pop(0) if ahead else {}))

    job = await work.follow(db, provider, key, on_update=next_fault)
    assert (job.state, job.follow_error) == (JobState.SUCCEEDED, None)
    dropped, limited, broken, cut = troubles[1:5]
    assert (dropped, limited) == ("Chaos: request dropped", "Chaos: rate limit exceeded")
    for why in (broken, cut):
        assert provider.host in str(why)
    assert len(await store.job_events(db, key)) == 4
    assert len(aimock.journal(**CREATION)) == 1


@pytest.mark.parametrize("fault", FAULTS, ids=NAMES)
def test_commands_at_a_broken_service_say_so_and_send_nothing_twice(ftb: Ftb, aimock: Aimock, fault: str) -> None:
    """Its list of models is always well, so the check says only that training is doubtful."""
    aimock.chaos(**{fault: 1})
    checked = ftb("providers", "check", "plain")
    assert (checked.code, "whether it trains is not known" in checked.out) == (Exit.OK, True)
    launch = ("train", "--dataset", "fictional_people", "--provider", "plain", "--base", "gpt-base", "--epochs", "2")
    launched = ftb(*launch, "--yes")
    assert launched.code in (Exit.FAILED, Exit.UNREACHABLE), launched.said
    assert "The training file was not accepted" in launched.err
    for done in (checked, launched):
        assert aimock.address in done.said
        assert KEY not in done.said
    assert aimock.journal(**CREATION) == []
    assert len(aimock.journal(method="POST", service="files")) == 1
    aimock.chaos()
    assert ftb(*launch, "--yes").code == 0
    assert len(aimock.journal(**CREATION)) == 1
