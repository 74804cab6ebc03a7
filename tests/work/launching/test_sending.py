"""A job that somebody is launching at this moment is theirs: nobody says what is not so of it, or gives it up."""

from __future__ import annotations

import asyncio
import datetime

import aiosqlite
import pytest

from ftb_tui.providers.base import JobState, Provider
from ftb_tui.report.job_news import Watch, news
from ftb_tui.store import holding, intents, leases
from ftb_tui.store import jobs as store
from ftb_tui.store.database import StoreError, open_store, transaction
from ftb_tui.store.leases import Lease
from ftb_tui.work import jobs as work
from ftb_tui.work.jobs import LaunchError
from ftb_tui.work.quoting import quote_launch
from ftb_tui.work.reconciling import abandon, reconcile
from tests.fakes.openai_server import FakeOpenAI, error, status
from tests.work.launching.launches import CREATE, FAST, PLAN, UPLOAD, Held, opened


@pytest.mark.parametrize(
    ("step", "intent", "said"),
    [
        (UPLOAD, "intended", "its training file is being sent"),
        (CREATE, "sent", "sent; the service has said nothing yet"),
    ],
)
async def test_what_another_ftb_is_launching_is_left_to_it_and_then_known_as_what_it_is(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI, step: str, intent: str, said: str
) -> None:
    held = Held()
    fake_openai.faults[step].append(held)
    launching = asyncio.create_task(work.launch(db, provider, PLAN))
    await asyncio.to_thread(held.asked.wait, 30)
    other = await open_store()
    try:
        [job] = await store.list_jobs(other)
        assert (job.intent, job.is_being_sent) == (intent, True)
        assert news(job, Watch(job.created_at + 600)) == said
        assert await reconcile(other, opened) == []
        assert await intents.unclear_jobs(other, "fake") == []
        assert (await quote_launch(other, PLAN, "fake", datetime.date.today())).stops() == []
        with pytest.raises(LaunchError, match=f"{job.job_key}, which is the same, is being launched at this moment"):
            await work.launch(other, provider, PLAN)
        for force in (False, True):
            with pytest.raises(LaunchError, match="somebody is launching it at this moment"):
                await abandon(other, opened, job.job_key, force=force)
        with pytest.raises(LaunchError, match=f"Job {job.job_key} is being sent by another ftb"):
            await work.send(other, provider, job.job_key)
        following = asyncio.create_task(work.follow(other, provider, job.job_key, pace=FAST))
        held.may.set()
        assert await launching == job.job_key
        followed = await following
    finally:
        held.may.set()
        await other.close()
    assert (followed.state, followed.is_being_sent) == (JobState.SUCCEEDED, False)
    assert len(fake_openai.created) == 1


async def test_a_launch_that_takes_longer_than_its_lease_keeps_it(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0.4)
    held = Held()
    fake_openai.faults[UPLOAD].append(held)
    launching = asyncio.create_task(work.launch(db, provider, PLAN))
    await asyncio.to_thread(held.asked.wait, 30)
    [first] = await store.list_jobs(db)
    while (await store.get_job(db, first.job_key)).lease_until == first.lease_until:
        await asyncio.sleep(0.02)
    held.may.set()
    await launching
    assert (await store.get_job(db, first.job_key)).owner is None


async def test_what_was_given_up_while_its_file_was_on_the_way_is_not_sent(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    held = Held()
    fake_openai.faults[UPLOAD].append(held)
    launching = asyncio.create_task(work.launch(db, provider, PLAN))
    await asyncio.to_thread(held.asked.wait, 30)
    [job] = await store.list_jobs(db)
    assert await intents.set_intent(db, job.job_key, "abandoned", error="given up elsewhere", cost_nothing=True)
    held.may.set()
    with pytest.raises(LaunchError, match="given up meanwhile; nothing was started and nothing is owed"):
        await launching
    assert (await store.get_job(db, job.job_key)).intent == "abandoned"
    assert fake_openai.created == []


async def test_a_job_that_is_known_to_exist_is_never_recorded_as_given_up(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    key = await work.launch(db, provider, PLAN)
    for intent in ("intended", "sent", "refused", "abandoned"):
        assert not await intents.set_intent(db, key, intent, error="no")
    job = await store.get_job(db, key)
    assert (job.intent, job.error) == ("confirmed", None)


async def test_the_lease_of_who_has_ended_holds_nobody_up(db: aiosqlite.Connection, provider: Provider) -> None:
    with pytest.raises(RuntimeError):
        await work.launch(db, provider, PLAN, on_intent=_crash)
    [job] = await store.list_jobs(db)
    assert not job.is_being_sent
    async with transaction(db):
        assert await leases.take(db, Lease("jobs", job.job_key), holding.new_owner())
        assert not await leases.take(db, Lease("jobs", job.job_key), holding.new_owner())


@pytest.mark.parametrize("taken", [True, False])
async def test_how_a_launch_ended_is_told_although_its_lease_cannot_be_given_back(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch, taken: bool
) -> None:
    async def full(*about: object) -> None:
        raise StoreError("The disk is full")

    monkeypatch.setattr(leases, "release", full)
    if taken:
        key = await work.launch(db, provider, PLAN)
        assert (await store.get_job(db, key)).remote_job_id == "ftjob-1"
    else:
        fake_openai.faults[CREATE].append(status(400, error("not this model")))
        with pytest.raises(LaunchError, match="not this model"):
            await work.launch(db, provider, PLAN)


def _crash(job_key: int) -> None:
    raise RuntimeError("crash")
