"""One intent makes at most one job, whatever breaks, and every job is followed to its true end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aiosqlite
import pytest

from ftb_tui.providers.base import JobState, Provider, ProviderError
from ftb_tui.providers.registry import open_provider
from ftb_tui.report.job_news import Watch, news
from ftb_tui.store import jobs as store
from ftb_tui.store.database import open_store
from ftb_tui.store.models import list_models
from ftb_tui.work import job_control
from ftb_tui.work import jobs as work
from ftb_tui.work.jobs import LaunchError, Pace
from ftb_tui.work.launch_plan import training_lines
from ftb_tui.work.reconciling import reconcile
from tests.fakes.openai_server import FakeOpenAI, disconnect, error, raw, status
from tests.work.launching.launches import CREATE, FAST, PLAN, opened


def patience(looks: int) -> Callable[[float], None]:
    """Fails a test whose job is looked at more often than that."""
    left = iter(range(looks))

    def pause(seconds: float) -> None:
        assert next(left, None) is not None, "it is looked for without end"

    return pause


async def test_a_job_is_launched_followed_and_leaves_its_models(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    key = await work.launch(db, provider, PLAN)
    job = await work.follow(db, provider, key, pace=FAST)
    assert (job.state, job.intent, job.tuned_model) == (JobState.SUCCEEDED, "confirmed", "ft:gpt-fake:o::ftjob-1")
    assert (job.step, job.total_steps, job.n_examples, job.trained_tokens) == (4, 4, 150, 99)
    assert await store.job_metrics(db, key, "train_loss") == [(1, 1.0), (2, 0.5), (3, 1 / 3), (4, 0.25)]
    assert [(c.step, c.epoch) for c in await store.job_checkpoints(db, key)] == [(2, 1), (4, 2)]
    assert [m.kind for m in await list_models(db)] == ["base", "checkpoint", "checkpoint", "tuned"]
    assert len(await store.job_events(db, key)) == 4
    assert job.intent_id == next(iter(fake_openai.jobs.values()))["metadata"]["ftb_intent"]


async def test_the_training_file_is_kept_byte_for_byte_and_traceable_to_facts(
    db: aiosqlite.Connection, provider: Provider
) -> None:
    key = await work.launch(db, provider, PLAN)
    job = await store.get_job(db, key)
    content = await store.training_file_content(db, job.training_file_key)
    assert content.decode() == "".join(f"{line}\n" for _, line in training_lines(PLAN))
    [line] = await store.examples_of_fact(db, job.training_file_key, PLAN.dataset.facts[3].fact_id)
    assert PLAN.dataset.facts[3].value in line


@pytest.mark.parametrize(
    "fault",
    [disconnect, status(500, error("oops")), raw("<html>", content_type="text/html"), raw("{")],
    ids=["cut", "500", "html", "broken"],
)
async def test_an_unclear_answer_is_reconciled_and_never_sent_again(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI, fault: Any
) -> None:
    fake_openai.after_create.append(fault)
    key = await work.launch(db, provider, PLAN)
    assert (await store.get_job(db, key)).remote_job_id == "ftjob-1"
    assert (len(fake_openai.jobs), fake_openai.requests[CREATE]) == (1, 1)


async def test_a_job_that_cannot_be_found_stays_open_until_it_can(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    fake_openai.after_create.append(disconnect)
    fake_openai.faults["GET /fine_tuning/jobs"].extend([status(500, error("later"))] * 2)
    with pytest.raises(LaunchError, match="not known whether") as caught:
        await work.launch(db, provider, PLAN)
    assert not caught.value.refused
    assert (await store.get_job(db, caught.value.job_key)).intent == "sent"
    [sentence] = await reconcile(db, opened)
    assert "was created before the interruption" in sentence
    job = await store.get_job(db, caught.value.job_key)
    assert (job.intent, job.remote_job_id) == ("confirmed", "ftjob-1")
    assert fake_openai.requests[CREATE] == 1


async def test_the_search_for_a_job_that_was_never_created_ends(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    fake_openai.faults[CREATE].append(disconnect)
    with pytest.raises(LaunchError, match="not known whether") as caught:
        await work.launch(db, provider, PLAN)
    looks = fake_openai.requests["GET /fine_tuning/jobs"]
    fake_openai.faults["GET /fine_tuning/jobs"].append(status(500, error("later")))
    key = caught.value.job_key
    with pytest.raises(LaunchError, match=f"probably never created.*ftb jobs abandon {key}"):
        await work.follow(db, provider, key, pace=FAST, on_pause=patience(3 * work.MISSES))
    # By tag and by training file each time, but for the one that failed.
    assert fake_openai.requests["GET /fine_tuning/jobs"] == looks + 1 + 2 * work.MISSES
    assert (await store.get_job(db, key)).intent == "sent", "it may still turn up"
    assert fake_openai.requests[CREATE] == 1


async def test_a_refusal_closes_the_intent_with_the_services_words(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    words = "Your organization has reached the maximum of 3 fine-tuning requests per day"
    fake_openai.faults[CREATE].append(status(429, error(words, code="daily_rate_limit_exceeded")))
    with pytest.raises(LaunchError, match="maximum of 3") as caught:
        await work.launch(db, provider, PLAN)
    job = await store.get_job(db, caught.value.job_key)
    assert (job.intent, job.is_final, job.error) == ("refused", True, words)
    assert await reconcile(db, opened) == []


async def test_a_file_that_is_not_accepted_starts_nothing(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    fake_openai.faults["POST /files"].append(status(400, error("too large")))
    with pytest.raises(LaunchError, match="too large"):
        await work.launch(db, provider, PLAN)
    assert fake_openai.requests[CREATE] == 0


async def test_a_service_that_asks_to_be_left_alone_is_within_reason(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    key = await work.launch(db, provider, PLAN)
    fake_openai.faults["GET /fine_tuning/jobs/ID"].extend(
        [status(429, error("slow"), retry_after_ms="40"), status(503, error("busy"), Retry_After="3600")]
    )
    pauses: list[float] = []
    await work.follow(db, provider, key, pace=Pace(0.001, 0.001, 0.05), on_pause=pauses.append)
    assert pauses[:2] == [0.04, 0.05]
    assert max(pauses[2:]) < 0.04


async def test_following_outlives_errors_duplicates_and_unknown_states(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    key = await work.launch(db, provider, PLAN)
    fake_openai.events_page = lambda events: [*events, *events[:2], *reversed(events)]
    fake_openai.faults["GET /fine_tuning/jobs/ID"].extend(
        [status(500, error("down")), disconnect, raw("<html>", content_type="text/html")]
    )
    seen: list[store.JobRow] = []

    def look(job: store.JobRow) -> None:
        seen.append(job)
        fake_openai.job_changes = {"status": "weird_state"} if len(seen) == 4 else {}

    job = await work.follow(db, provider, key, pace=FAST, on_update=look)
    assert job.state is JobState.SUCCEEDED
    assert [bool(s.follow_error) for s in seen[:4]] == [True, True, True, False]
    assert JobState.UNKNOWN in {s.state for s in seen}
    assert len(await store.job_events(db, key)) == 4


async def test_events_that_cannot_be_read_hide_neither_state_nor_model_and_are_told_later(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    key = await work.launch(db, provider, PLAN)
    broken = [status(500, error("no events")), raw("<html>", content_type="text/html")]
    fake_openai.faults["GET /fine_tuning/jobs/ID/events"].extend(broken)
    job = await work.look(db, provider, key)
    assert (job.state, job.follow_error) == (JobState.QUEUED, "its events cannot be read for now: no events")
    told = news(job, Watch((job.heard_at or 0) + 2, (job.heard_at or 0) + 7))
    assert told == (
        "the service says queued, heard 2 s ago, next look in 5 s; its events cannot be read for now: no events"
    )
    job = await work.look(db, provider, key)
    assert (job.state, await store.job_events(db, key)) == (JobState.RUNNING, [])
    job = await work.look(db, provider, key)
    assert (job.state, job.step, job.follow_error) == (JobState.RUNNING, 4, None)


async def test_a_pause_that_the_events_ask_for_is_kept_and_the_state_is_told_all_the_same(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    key = await work.launch(db, provider, PLAN)
    fake_openai.faults["GET /fine_tuning/jobs/ID/events"].append(status(429, error("slow"), Retry_After="3600"))
    pauses: list[float] = []
    seen: list[store.JobRow] = []
    await work.follow(
        db, provider, key, pace=Pace(0.001, 0.001, 0.05), on_pause=pauses.append, on_update=seen.append
    )  # fmt: skip
    assert (pauses[0], seen[0].state) == (0.05, JobState.QUEUED)
    assert max(pauses[1:]) < 0.04


async def test_a_job_ends_with_its_events_if_they_come_in_time_and_without_them_if_they_never_do(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    late, never = [await work.launch(db, provider, PLAN) for _ in range(2)]
    events = "GET /fine_tuning/jobs/ID/events"
    # Three looks until it has ended, then one more.
    fake_openai.faults[events].extend([status(500, error("no events"))] * 5)
    seen: list[str | None] = []
    job = await work.follow(db, provider, late, pace=FAST, on_update=lambda row: seen.append(row.follow_error))
    assert "it has succeeded, but its events cannot be read for now: no events" in seen
    assert (job.state, len(await store.job_events(db, late))) == (JobState.SUCCEEDED, 4)
    fake_openai.faults[events].extend([status(500, error("no events"))] * 99)
    job = await work.follow(db, provider, never, pace=FAST)
    assert (job.state, job.tuned_model is not None, await store.job_events(db, never)) == (JobState.SUCCEEDED, True, [])
    assert fake_openai.requests[events] < 20


async def test_a_service_that_does_not_pause_is_not_asked_to(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    key = await work.launch(db, provider, PLAN)
    for ask in (job_control.pause, job_control.resume):
        with pytest.raises(ProviderError, match="fake does not pause jobs"):
            await ask(db, provider, key)
    assert not [route for route in fake_openai.requests if route.endswith(("pause", "resume"))]


@pytest.mark.parametrize("service", ["openai"], indirect=True)
async def test_cancel_pause_and_resume_record_what_the_service_says(
    db: aiosqlite.Connection, service: FakeOpenAI
) -> None:
    provider = open_provider("mine")
    key = await work.launch(db, provider, PLAN)
    assert (await job_control.pause(db, provider, key)).state is JobState.PAUSED
    assert (await job_control.resume(db, provider, key)).state is JobState.QUEUED
    job = await job_control.cancel(db, provider, key)
    assert (job.state, job.is_final) == (JobState.CANCELLED, True)
    await provider.close()


async def test_a_crash_before_anything_was_sent_is_told_and_owes_nothing(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    with pytest.raises(RuntimeError):
        await work.launch(db, provider, PLAN, on_intent=_crash)
    [sentence] = await reconcile(db, opened)
    assert "never sent" in sentence
    assert fake_openai.requests[CREATE] == 0
    [job] = await store.list_jobs(db)
    await work.send(db, provider, job.job_key)
    assert fake_openai.requests[CREATE] == 1
    with pytest.raises(LaunchError, match="confirmed already"):
        await work.send(db, provider, job.job_key)


def _crash(job_key: int) -> None:
    raise RuntimeError("crash")


@pytest.mark.parametrize("code", [404, 405, 501])
async def test_a_service_without_events_and_checkpoints_is_followed_to_the_end(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI, code: int
) -> None:
    refused = [status(code, error("Not found"))] * 60
    fake_openai.faults["GET /fine_tuning/jobs/ID/events"].extend(refused)
    fake_openai.faults["GET /fine_tuning/jobs/ID/checkpoints"].extend(refused)
    key = await work.launch(db, provider, PLAN)
    job = await work.follow(db, provider, key, pace=FAST)
    assert (job.state, job.tuned_model is not None, job.follow_error) == (JobState.SUCCEEDED, True, None)
    assert fake_openai.requests["GET /fine_tuning/jobs/ID/events"] < 20


async def test_following_tells_every_event_also_those_that_somebody_else_brings_to_the_store(
    db: aiosqlite.Connection, provider: Provider, fake_openai: FakeOpenAI
) -> None:
    key = await work.launch(db, provider, PLAN)
    heard: list[store.EventRow] = []

    async def another_looks(request: object) -> None:
        theirs, service = await open_store(), open_provider("fake")
        await work.look(theirs, service, key)
        await service.close()
        await theirs.close()

    for _ in range(2):
        fake_openai.faults["GET /fine_tuning/jobs/ID"].extend([another_looks, status(503, error("busy"))])
    await work.follow(db, provider, key, pace=FAST, on_event=heard.append)
    assert len(heard) == 4
    assert heard == await store.job_events(db, key)
    again: list[store.EventRow] = []
    await work.follow(db, provider, key, pace=FAST, on_event=again.append)
    assert again == [], "what was known before is not told as news"
