"""While it is unclear whether a job was made, the same is not sent again and its money is not free."""

from __future__ import annotations

import asyncio
import datetime
import time
from dataclasses import replace

import aiosqlite
import pytest

from ftb_tui.providers.base import Provider, ProviderError
from ftb_tui.store import jobs as store
from ftb_tui.store import spending
from ftb_tui.work import jobs as work
from ftb_tui.work.jobs import LaunchError
from ftb_tui.work.reconciling import abandon, reconcile
from tests.fakes.openai_server import KEY, FakeOpenAI, disconnect, error, status
from tests.work.launching.launches import CREATE, FAST, LIST, PLAN, Held, opened


async def unclear(db: aiosqlite.Connection, provider: Provider, server: FakeOpenAI, *, made: bool) -> int:
    """A launch whose answer was cut while the list of jobs could not be had; it would cost 2 dollars."""
    (server.after_create if made else server.faults[CREATE]).append(disconnect)
    server.faults[LIST].extend([status(500, error("down"))] * 2)
    with pytest.raises(LaunchError, match="not known whether") as caught:
        await work.launch(db, provider, PLAN)
    key = caught.value.job_key
    await db.execute("UPDATE jobs SET estimated_cost = 2.0, price = 2.0 WHERE job_key = ?", (key,))
    return key


def crash(job_key: int) -> None:
    raise RuntimeError("crash")


async def spent(db: aiosqlite.Connection) -> float:
    return await spending.spent_on(db, datetime.date.today())


async def test_a_job_that_exists_cannot_be_given_up_but_is_known_from_then_on(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    key = await unclear(db, provider, fake_openai, made=True)
    job, sentence = await abandon(db, opened, key)
    assert (job.intent, job.remote_job_id) == ("confirmed", "ftjob-1")
    assert f"Job {key} is not given up: it was created (ftjob-1)" in sentence
    assert await spent(db) == 2.0


@pytest.mark.parametrize("force", [False, True])
async def test_nothing_is_given_up_while_the_service_cannot_be_asked_unless_forced_and_then_the_money_stays_counted(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI, force: bool
) -> None:
    key = await unclear(db, provider, fake_openai, made=True)
    fake_openai.faults[LIST].extend([status(500, error("still down"))] * 9)
    if force:
        job, sentence = await abandon(db, opened, key, force=True)
        assert (job.intent, job.is_final, "stays counted" in sentence) == ("abandoned", True, True)
    else:
        with pytest.raises(ProviderError, match=f"still down.*ftb jobs abandon {key} --force"):
            await abandon(db, opened, key)
        assert (await store.get_job(db, key)).intent == "sent"
    assert await spent(db) == 2.0


async def test_the_money_is_free_again_once_the_service_has_said_that_there_is_no_such_job(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    key = await unclear(db, provider, fake_openai, made=False)
    assert await spent(db) == 2.0
    job, sentence = await abandon(db, opened, key)
    assert (job.intent, "has no such job" in sentence, await spent(db)) == ("abandoned", True, 0.0)
    # Whoever asks with the key of another organisation is told so: its jobs are not seen.
    assert f"asked as fake (key: FAKE_KEY, …{KEY[-4:]})" in sentence
    await work.launch(db, provider, PLAN)
    assert len(fake_openai.jobs) == 1


async def test_a_service_that_lists_a_young_job_late_is_asked_more_than_once(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    key = await unclear(db, provider, fake_openai, made=True)
    nothing = {"object": "list", "data": [], "has_more": False}
    fake_openai.faults[LIST].extend([status(200, nothing)] * 2)
    job, _ = await abandon(db, opened, key)
    assert job.intent == "confirmed"


async def test_another_address_under_the_same_name_cannot_say_that_there_is_no_such_job(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    key = await unclear(db, provider, fake_openai, made=False)
    await db.execute("UPDATE jobs SET host = 'https://elsewhere.example'")
    await db.commit()
    with pytest.raises(ProviderError, match="could not be asked of https://elsewhere.example"):
        await abandon(db, opened, key)


async def test_another_address_under_the_same_name_is_not_said_to_have_no_such_job_by_anybody_who_looks(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    key = await unclear(db, provider, fake_openai, made=False)
    await db.execute("UPDATE jobs SET host = 'https://elsewhere.example'")
    asked = fake_openai.requests[LIST]
    [sentence] = await reconcile(db, opened)
    why = f"fake is at {provider.host} now, not at https://elsewhere.example"
    assert sentence == f"Job {key} could not be looked for at https://elsewhere.example: {why}"
    with pytest.raises(LaunchError, match=f"could not be asked for it: {why}"):
        await work.launch(db, provider, PLAN)
    pauses: list[float] = []

    def patience(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) > work.MISSES:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        await work.follow(db, provider, key, pace=FAST, on_pause=patience)
    assert (await store.get_job(db, key)).follow_error == why
    assert fake_openai.requests[LIST] == asked


async def test_what_was_settled_while_another_was_looked_for_is_not_spoken_of(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    with pytest.raises(RuntimeError):
        await work.launch(db, provider, PLAN, on_intent=crash)
    await unclear(db, provider, fake_openai, made=True)
    held = Held()
    fake_openai.faults[LIST].append(held)
    looking = asyncio.create_task(reconcile(db, opened))
    await asyncio.to_thread(held.asked.wait, 30)
    await work.send(db, provider, 1)
    held.may.set()
    [sentence] = await looking
    assert sentence.startswith("Job 2 was created")


async def test_each_job_is_settled_once(db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI) -> None:
    key = await unclear(db, provider, fake_openai, made=False)
    settled: set[int] = set()
    [sentence] = await reconcile(db, opened, settled)
    assert (settled, "never created" in sentence) == ({key}, True)
    assert await reconcile(db, opened, settled) == []


async def test_what_was_never_sent_is_given_up_without_asking_anybody(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    with pytest.raises(RuntimeError):
        await work.launch(db, provider, PLAN, on_intent=crash)
    job, sentence = await abandon(db, opened, 1)
    assert (job.intent, "nothing of it was ever sent" in sentence) == ("abandoned", True)
    assert not fake_openai.requests


async def test_the_same_launch_is_refused_while_it_is_unclear_whether_the_first_made_a_job(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    key = await unclear(db, provider, fake_openai, made=True)
    fake_openai.faults[LIST].append(status(500, error("still down")))
    with pytest.raises(LaunchError, match=f"Nothing was sent.*ftb jobs follow {key}.*ftb jobs abandon {key}") as caught:
        await work.launch(db, provider, PLAN)
    assert caught.value.job_key == key
    assert (fake_openai.requests[CREATE], len(await store.list_jobs(db))) == (1, 1)


async def test_a_launch_that_finds_the_first_job_says_so_and_only_the_next_one_is_a_second(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    key = await unclear(db, provider, fake_openai, made=True)
    with pytest.raises(LaunchError, match="was created after all .ftjob-1."):
        await work.launch(db, provider, PLAN)
    assert (await store.get_job(db, key)).intent == "confirmed"
    assert fake_openai.requests[CREATE] == 1
    await work.launch(db, provider, PLAN)
    assert fake_openai.requests[CREATE] == 2


async def test_a_launch_of_something_else_settles_what_is_unclear_and_goes_on(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    key = await unclear(db, provider, fake_openai, made=True)
    other = await work.launch(db, provider, replace(PLAN, base_model="gpt-other"))
    jobs = {job.job_key: job.remote_job_id for job in await store.list_jobs(db)}
    assert jobs == {key: "ftjob-1", other: "ftjob-2"}


async def test_a_job_that_is_not_listed_stays_in_the_way_until_a_person_gives_it_up(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    key = await unclear(db, provider, fake_openai, made=False)
    await db.execute("UPDATE jobs SET created_at = ?", (time.time() - 3600,))
    await db.commit()
    with pytest.raises(LaunchError, match="does not list it"):
        await work.launch(db, provider, PLAN)
    await abandon(db, opened, key)
    await work.launch(db, provider, PLAN)
    assert len(fake_openai.jobs) == 1
