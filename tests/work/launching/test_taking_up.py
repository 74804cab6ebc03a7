"""The app follows every job that is in the store, whoever launched it, and says once what became of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator

import aiosqlite
import pytest
from aiohttp import web

from ftb_tui.providers.base import JobState
from ftb_tui.providers.registry import open_provider
from ftb_tui.store import jobs as store
from ftb_tui.work import jobs as work
from ftb_tui.work.jobs import Pace
from ftb_tui.work.supervisor import Supervisor
from tests.fakes.openai_server import FakeOpenAI, Fault, disconnect, error, status
from tests.work.launching.launches import CREATE, PLAN, Held


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def supervisor(home: object, told: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    monkeypatch.setattr("ftb_tui.work.supervisor.TAKE_UP_SECONDS", 0.02)
    monkeypatch.setattr("ftb_tui.work.jobs.PAID_PACE", Pace(0.02, 0.02, 0.05))
    lock = threading.Lock()

    def hear(severity: str, sentence: str) -> None:
        with lock:
            told.append(sentence)

    supervisor = Supervisor(hear)
    yield supervisor
    supervisor.close()


async def launched(db: aiosqlite.Connection, provider: str) -> int:
    """A launch as a command does it, in no connection with the app."""
    service = open_provider(provider)
    try:
        return await work.launch(db, service, PLAN)
    finally:
        await service.close()


async def until(true: Callable[[], bool]) -> None:
    for _ in range(3000):
        if true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("this never came")


async def state(db: aiosqlite.Connection, key: int) -> JobState:
    return (await store.get_job(db, key)).state


async def test_a_job_that_a_command_launches_while_the_app_is_open_is_followed_to_its_end(
    db: aiosqlite.Connection, fake_openai: FakeOpenAI, supervisor: Supervisor, told: list[str]
) -> None:
    supervisor.start()
    await asyncio.sleep(0.2)
    key = await launched(db, "fake")
    await until(lambda: bool(told))
    assert told == [f"Job {key} has succeeded."]
    assert await state(db, key) is JobState.SUCCEEDED


async def test_the_app_does_not_launch_again_what_may_have_been_created_and_says_what_to_do(
    db: aiosqlite.Connection,
    fake_openai: FakeOpenAI,
    supervisor: Supervisor,
    told: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ftb_tui.work.jobs.RECONCILE_PAUSES", ())
    fake_openai.after_create.append(disconnect)
    fake_openai.faults["GET /fine_tuning/jobs"].extend([status(500, error("down"))] * 2)
    for n in (1, 2):
        supervisor.launch(PLAN, "fake")
        await until(lambda: len(told) == n)  # noqa: B023
    assert "It is not known whether the job was created" in told[0]
    assert told[1].startswith("Nothing was sent: it is not known yet whether job 1")
    assert told[1].endswith("ftb jobs follow 1 - or give it up with: ftb jobs abandon 1")
    assert len(fake_openai.created) == 1


@pytest.mark.parametrize("made", [True, False])
async def test_what_another_ftb_leaves_unclear_while_the_app_is_open_is_looked_for_and_told_once(
    db: aiosqlite.Connection,
    fake_openai: FakeOpenAI,
    supervisor: Supervisor,
    told: list[str],
    monkeypatch: pytest.MonkeyPatch,
    made: bool,
) -> None:
    monkeypatch.setattr("ftb_tui.work.jobs.RECONCILE_PAUSES", ())
    held = Held(then=disconnect)
    (fake_openai.after_create if made else fake_openai.faults[CREATE]).append(held)
    supervisor.start()
    launching = asyncio.create_task(launched(db, "fake"))
    await asyncio.to_thread(held.asked.wait, 30)
    assert told == []
    held.may.set()
    fake_openai.faults["GET /fine_tuning/jobs"].append(status(500, error("down")))
    with pytest.raises(work.LaunchError, match="not known whether"):
        await launching
    await until(lambda: len(told) == (2 if made else 1))
    if made:
        assert told == [
            "Job 1 was created before the interruption (ftjob-1); it is followed again.",
            "Job 1 has succeeded.",
        ]
    else:
        [sentence] = told
        assert sentence.endswith("it was probably never created. Give it up with: ftb jobs abandon 1")


def obey(service: FakeOpenAI, changed: str, seconds: float = 0.0) -> Fault:
    """The job's state changes when the service is asked for it, and the answer comes so much later."""

    async def act(request: web.Request) -> None:
        service.job_changes = {"status": changed}
        await asyncio.sleep(seconds)

    return act


@pytest.mark.parametrize("service", ["openai"], indirect=True)
async def test_an_end_that_is_heard_before_the_answer_to_who_asked_for_it_is_told_once(
    db: aiosqlite.Connection, service: FakeOpenAI, supervisor: Supervisor, told: list[str]
) -> None:
    service.job_changes = {"status": "running"}
    supervisor.start()
    key = await launched(db, "mine")
    await until(lambda: supervisor.follows(key))
    service.faults["POST /fine_tuning/jobs/ID/cancel"].append(obey(service, "cancelled", seconds=1.0))
    asked = supervisor.act_on_job(key, "cancel")
    await until(lambda: bool(told))
    assert not asked.done()
    await until(asked.done)
    assert told == [f"Job {key} was cancelled."]


@pytest.mark.parametrize("service", ["openai"], indirect=True)
async def test_what_a_person_does_to_a_job_is_answered_with_one_true_sentence_each(
    db: aiosqlite.Connection, service: FakeOpenAI, supervisor: Supervisor, told: list[str]
) -> None:
    service.job_changes = {"status": "running"}
    supervisor.start()
    key = await launched(db, "mine")
    await until(lambda: supervisor.follows(key))
    for verb, changed in (("pause", "paused"), ("resume", "queued"), ("cancel", "cancelled")):
        service.faults[f"POST /fine_tuning/jobs/ID/{verb}"].append(obey(service, changed))
        supervisor.act_on_job(key, verb)
        await until(lambda: len(told) == ("pause", "resume", "cancel").index(verb) + 1)  # noqa: B023
    await until(lambda: not supervisor.follows(key))
    assert told == [f"Job {key} is paused.", f"Job {key} goes on: it is queued.", f"Job {key} was cancelled."]
