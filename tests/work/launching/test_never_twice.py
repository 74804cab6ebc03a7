"""However a connection breaks, one intent makes at most one job, and a job that was made is never lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiosqlite
import pytest

from ftb_tui.providers.base import JobState, Provider, ProviderError
from ftb_tui.providers.registry import open_provider
from ftb_tui.store import jobs as store
from ftb_tui.work import job_control
from ftb_tui.work import jobs as work
from ftb_tui.work.jobs import LaunchError
from ftb_tui.work.reconciling import abandon
from tests.fakes.cutting_proxy import CuttingProxy
from tests.fakes.openai_server import FakeOpenAI, disconnect, error, hang, raw, status
from tests.work.launching.launches import CREATE, FAST, PLAN, opened


@pytest.fixture
def proxy(home: Path, fake_openai: FakeOpenAI) -> Iterator[CuttingProxy]:
    """Between ftb and the fake service; creations can be cut anywhere."""
    with CuttingProxy(fake_openai.url, b"POST /v1/fine_tuning/jobs ") as proxy:
        file = home / "config" / "config.toml"
        file.write_text(file.read_text().replace(fake_openai.url, proxy.url))
        yield proxy


def positions(head: int, total: int) -> list[int]:
    """Every byte position that matters of a message: its start, around the end of the head, its end, and between."""
    edges = {0, 1, 5, 12, 16, head - 3, head - 1, head, head + 1, total - 2, total - 1, total, 2 * total}
    return sorted(edges | set(range(0, total, max(1, total // 12))))


@pytest.mark.parametrize("keeps_metadata", [True, False], ids=["tagged", "told-by-file"])
async def test_creation_cut_at_every_byte_that_matters_makes_at_most_one_job(
    db: aiosqlite.Connection, proxy: CuttingProxy, fake_openai: FakeOpenAI, keeps_metadata: bool
) -> None:
    fake_openai.keeps_metadata = keeps_metadata
    provider = open_provider("fake")
    await work.launch(db, provider, PLAN)
    assert proxy.request_bytes > 300
    lengths = {"request": proxy.request_bytes, "answer": proxy.answer_bytes}
    seen = set()
    for where, total in lengths.items():
        for at in positions(min(400, total // 2), total):
            proxy.cut = (where, at)
            jobs_before, posts_before = len(fake_openai.jobs), fake_openai.requests[CREATE]
            try:
                key = await work.launch(db, provider, PLAN)
            except LaunchError as error:
                # Nothing was made, and it stays open, never sent again.
                assert not error.refused, (where, at)
                key = error.job_key
                assert len(fake_openai.jobs) == jobs_before, (where, at)
                assert (await store.get_job(db, key)).intent == "sent"
            job = await store.get_job(db, key)
            made = len(fake_openai.jobs) - jobs_before
            assert made <= 1, (where, at)
            assert fake_openai.requests[CREATE] - posts_before <= 1, (where, at)
            assert (job.remote_job_id is not None) == (made == 1), (where, at)
            if made == 0:
                # Else it would stand in the way of the next launch of the same.
                gone, _ = await abandon(db, opened, key)
                assert gone.intent == "abandoned"
            seen.add((where, made))
    # The cuts were before and after the point of no return.
    assert seen == {("request", 0), ("request", 1), ("answer", 1)}
    await provider.close()


async def test_every_job_that_exists_is_known_by_exactly_one_intent(
    db: aiosqlite.Connection, proxy: CuttingProxy, fake_openai: FakeOpenAI
) -> None:
    provider = open_provider("fake")
    for at in (0, 40, 10_000):
        proxy.cut = ("answer", at)
        await work.launch(db, provider, PLAN)
    known = [job.remote_job_id for job in await store.list_jobs(db)]
    assert sorted(map(str, known)) == sorted(fake_openai.jobs)
    await provider.close()


async def test_a_service_that_never_answers_is_given_up_on_and_asked_for_the_job(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ftb_tui.providers.openai_wire.CONTROL_TIMEOUT", 0.3)
    fake_openai.after_create.append(hang)
    key = await work.launch(db, provider, PLAN)
    assert (await store.get_job(db, key)).remote_job_id == "ftjob-1"
    assert fake_openai.requests[CREATE] == 1


async def test_a_job_that_appears_late_is_found_by_following_it(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    fake_openai.after_create.append(disconnect)
    fake_openai.faults["GET /fine_tuning/jobs"].extend([status(503, error("busy"))] * 4)
    with pytest.raises(LaunchError) as caught:
        await work.launch(db, provider, PLAN)
    job = await work.follow(db, provider, caught.value.job_key, pace=FAST)
    assert (job.state, job.remote_job_id) == (JobState.SUCCEEDED, "ftjob-1")
    assert fake_openai.requests[CREATE] == 1


async def test_a_fresh_job_that_is_not_found_at_first_is_followed_all_the_same(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    fake_openai.not_found_at_first = 3
    key = await work.launch(db, provider, PLAN)
    assert (await work.follow(db, provider, key, pace=FAST)).state is JobState.SUCCEEDED
    assert fake_openai.requests[CREATE] == 1


@pytest.mark.parametrize(
    "fault",
    [disconnect, status(500, error("oops")), raw("<html>", content_type="text/html")],
    ids=["cut", "500", "html"],
)
async def test_a_cancel_with_an_unclear_answer_is_as_true_as_the_service_says(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI, fault: object
) -> None:
    key = await work.launch(db, provider, PLAN)
    fake_openai.faults["POST /fine_tuning/jobs/ID/cancel"].append(fault)  # type: ignore[arg-type]
    with pytest.raises(ProviderError):
        await job_control.cancel(db, provider, key)
    assert (await store.get_job(db, key)).state is not JobState.CANCELLED
    fake_openai.jobs["ftjob-1"]["status"] = "cancelled"
    fake_openai.faults["POST /fine_tuning/jobs/ID/cancel"].append(fault)  # type: ignore[arg-type]
    assert (await job_control.cancel(db, provider, key)).state is JobState.CANCELLED


@pytest.mark.parametrize("moment", ["upload", "before", "after"])
async def test_a_program_killed_while_launching_leaves_one_job_at_most_and_finds_it(
    db: aiosqlite.Connection, home: Path, fake_openai: FakeOpenAI, moment: str
) -> None:
    command = [sys.executable, "-m", "ftb_tui", "train", "--dataset", "fictional_people", "--provider", "fake"]
    running = subprocess.Popen([*command, "--base", "gpt-fake", "--epochs", "1", "--yes"], stderr=subprocess.DEVNULL)

    async def kill(request: object) -> object:
        os.kill(running.pid, signal.SIGKILL)
        return await disconnect(request)  # type: ignore[arg-type]

    if moment == "after":
        fake_openai.after_create.append(kill)
    else:
        fake_openai.faults["POST /files" if moment == "upload" else CREATE].append(kill)
    assert running.wait(60) == -signal.SIGKILL
    [job] = await store.list_jobs(db)
    assert job.intent == ("intended" if moment == "upload" else "sent")
    assert len(fake_openai.jobs) == (moment == "after")
    provider = open_provider("fake")
    if moment == "after":
        assert (await work.follow(db, provider, job.job_key, pace=FAST)).remote_job_id == "ftjob-1"
    else:
        with pytest.raises(LaunchError, match="never sent" if moment == "upload" else "never created"):
            await work.follow(db, provider, job.job_key, pace=FAST)
    await provider.close()
    assert fake_openai.requests[CREATE] == (moment != "upload")
