"""The adapter takes what the wire promises and survives what services really send."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ftb_tui.providers.base import AskRequest, ErrorKind, JobEvent, JobRequest, JobState, Provider, ProviderError
from ftb_tui.providers.openai_reading import in_order
from ftb_tui.providers.registry import open_provider
from tests.fakes.openai_server import KEY, FakeOpenAI, disconnect, error, raw, status

JOBS = "POST /fine_tuning/jobs"
CHAT = "POST /chat/completions"


@pytest.fixture
async def provider(fake_openai: FakeOpenAI) -> AsyncIterator[Provider]:
    provider = open_provider("fake")
    yield provider
    await provider.close()


def request(tag: str = "tag-1") -> JobRequest:
    return JobRequest(tag=tag, base_model="gpt-fake", training_file="file-1", n_epochs=2, seed=7)


async def test_a_job_goes_from_upload_to_model(provider: Provider, fake_openai: FakeOpenAI) -> None:
    assert await provider.upload_training_file(b"{}\n", filename="t.jsonl") == "file-1"
    job = await provider.create_job(request())
    assert (job.state, job.raw_state, job.tag, job.error) == (JobState.PREPARING, "validating_files", "tag-1", None)
    assert job.estimated_finish is None
    states = [(await provider.get_job(job.job_id)).state for _ in range(4)]
    assert states == [JobState.QUEUED, JobState.RUNNING, JobState.RUNNING, JobState.SUCCEEDED]
    done = await provider.get_job(job.job_id)
    assert done.tuned_model == "ft:gpt-fake:o::ftjob-1"
    assert [c.step for c in await provider.list_checkpoints(job.job_id)] == [2, 4]
    assert [found.job_id for found in await provider.find_jobs("tag-1")] == [job.job_id]
    assert await provider.find_jobs("another") == []


async def test_events_come_oldest_first_and_known_ones_not_again(provider: Provider, fake_openai: FakeOpenAI) -> None:
    job = await provider.create_job(request())
    events = await provider.list_events(job.job_id)
    assert [(e.step, e.total_steps, e.metrics) for e in events] == [(s, 4, {"train_loss": 1 / s}) for s in (1, 2, 3, 4)]
    known = frozenset(e.event_id for e in events[:3])
    assert [e.step for e in await provider.list_events(job.job_id, known=known)] == [4]


@pytest.mark.parametrize("has_more", [None, True, False])
async def test_paging_ends_on_a_server_that_ignores_the_cursor(
    provider: Provider, fake_openai: FakeOpenAI, has_more: bool | None
) -> None:
    fake_openai.has_more = has_more
    job = await provider.create_job(request())
    assert len(await provider.list_events(job.job_id)) == 4
    assert fake_openai.requests["GET /fine_tuning/jobs/ID/events"] <= 2


async def test_numbers_that_are_none_are_gaps(provider: Provider, fake_openai: FakeOpenAI) -> None:
    def spoil(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        events[0]["data"]["train_loss"] = float("nan")
        events[1]["data"] = None
        events[2]["data"]["train_loss"] = float("inf")
        return events

    fake_openai.events_page = spoil
    job = await provider.create_job(request())
    assert [e.metrics for e in await provider.list_events(job.job_id)] == [{"train_loss": 1.0}, {}, {}, {}]


@pytest.mark.parametrize("word", ["weird_state", "paused", "", None])
async def test_a_state_that_is_not_known_never_ends_a_job(
    provider: Provider, fake_openai: FakeOpenAI, word: str | None
) -> None:
    fake_openai.job_changes = {"status": word}
    job = await provider.create_job(request())
    found = await provider.get_job(job.job_id)
    assert not found.state.is_final
    assert found.raw_state == str(word)


@pytest.mark.parametrize(
    ("fault", "kind", "needle"),
    [
        (raw("<html>login</html>", content_type="text/html"), ErrorKind.BAD_RESPONSE, "<html>login"),
        (raw('{"id": "ftj'), ErrorKind.BAD_RESPONSE, "not the OpenAI wire"),
        (raw("[]"), ErrorKind.BAD_RESPONSE, ""),
        (raw("{}"), ErrorKind.BAD_RESPONSE, "without an id"),
        (status(400, error("bad file")), ErrorKind.INVALID_REQUEST, "bad file"),
        (status(400, [error("in a list")]), ErrorKind.INVALID_REQUEST, "in a list"),
        (status(422, {"detail": "fastapi says no"}), ErrorKind.INVALID_REQUEST, "fastapi says no"),
        (status(400, {"error": "just text"}), ErrorKind.INVALID_REQUEST, "just text"),
        (raw("<h1>Bad gateway</h1>", code=502, content_type="text/html"), ErrorKind.SERVER, "Bad gateway"),
        (status(403, error("wound down")), ErrorKind.AUTH, "wound down"),
        (status(404, error("no model")), ErrorKind.NOT_FOUND, "no model"),
        (status(429, error("slow", code="rate_limit_exceeded"), retry_after="7"), ErrorKind.RATE_LIMITED, "slow"),
        (status(429, error("pay", code="insufficient_quota")), ErrorKind.QUOTA, "pay"),
        (status(429, error("N a day", code="daily_rate_limit_exceeded")), ErrorKind.QUOTA, "N a day"),
        (disconnect, ErrorKind.UNREACHABLE, "cannot be reached"),
    ],
)
async def test_a_failed_creation_is_sent_once_and_told_in_the_services_words(
    provider: Provider, fake_openai: FakeOpenAI, fault: Any, kind: ErrorKind, needle: str
) -> None:
    fake_openai.faults[JOBS].append(fault)
    with pytest.raises(ProviderError) as caught:
        await provider.create_job(request())
    assert caught.value.kind is kind
    assert needle in caught.value.message
    assert caught.value.host in fake_openai.url
    assert fake_openai.requests[JOBS] == 1


async def test_a_connection_cut_after_creation_makes_one_job_that_is_found_by_its_tag(
    provider: Provider, fake_openai: FakeOpenAI
) -> None:
    fake_openai.after_create.append(disconnect)
    with pytest.raises(ProviderError):
        await provider.create_job(request("cut"))
    assert (len(fake_openai.jobs), fake_openai.requests[JOBS]) == (1, 1)
    assert [job.tag for job in await provider.find_jobs("cut")] == ["cut"]


@pytest.mark.parametrize(
    ("header", "seconds"), [({"retry_after": "300"}, 300), ({"retry_after_ms": "1500"}, 1.5), ({}, None)]
)
async def test_how_long_to_wait_is_read(
    provider: Provider, fake_openai: FakeOpenAI, header: dict[str, str], seconds: float | None
) -> None:
    fake_openai.faults[CHAT].append(status(429, error("slow"), **header))
    with pytest.raises(ProviderError) as caught:
        await provider.ask(AskRequest("gpt-fake", "hi"))
    assert caught.value.retry_after == seconds
    assert fake_openai.requests[CHAT] == 1


async def test_an_answer_is_what_the_model_said(provider: Provider, fake_openai: FakeOpenAI) -> None:
    fake_openai.answer = lambda prompt: f"  {prompt}\n"
    answer = await provider.ask(AskRequest("gpt-fake", "hello", max_tokens=5))
    assert answer.text == "  hello\n"
    assert (answer.prompt_tokens, answer.completion_tokens, answer.finish_reason) == (9, 1, "stop")
    assert answer.model_reported == "gpt-fake"
    assert answer.request_id == "req_1"
    assert provider.parameters(AskRequest("m", "p", max_tokens=5)) == {"max_tokens": 5, "temperature": 0.0, "seed": 42}


@pytest.mark.parametrize(
    "body",
    [
        "<html>",
        "{",
        "[]",
        "{}",
        '{"choices": []}',
        '{"choices": [{"message": {"content": null}}]}',
        '{"choices": [7]}',
        "null",
    ],
)
async def test_an_answer_without_a_message_is_a_failure_and_no_wrong_answer(
    provider: Provider, fake_openai: FakeOpenAI, body: str
) -> None:
    fake_openai.faults[CHAT].append(raw(body))
    with pytest.raises(ProviderError) as caught:
        await provider.ask(AskRequest("gpt-fake", "hi"))
    assert caught.value.kind is ErrorKind.BAD_RESPONSE


async def test_a_refusal_is_an_answer(provider: Provider, fake_openai: FakeOpenAI) -> None:
    body = {"choices": [{"message": {"content": None, "refusal": "I will not."}, "finish_reason": "stop"}]}
    fake_openai.faults[CHAT].append(raw(json.dumps(body)))
    assert (await provider.ask(AskRequest("gpt-fake", "hi"))).text == "I will not."


async def test_the_key_is_in_no_error_and_no_repr(provider: Provider, fake_openai: FakeOpenAI) -> None:
    fake_openai.faults["GET /models"].append(status(401, error(f"Incorrect API key provided: {KEY}")))
    with pytest.raises(ProviderError) as caught:
        await provider.list_models()
    assert caught.value.kind is ErrorKind.AUTH
    assert KEY not in str(caught.value) + repr(caught.value) + repr(provider)
    assert "WXYZ" in caught.value.message


async def test_organisation_and_project_of_openai_go_to_nobody_else(
    fake_openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-mine")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-mine")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/stray")
    provider = open_provider("fake")
    await provider.list_models()
    await provider.ask(AskRequest("gpt-fake", "hi"))
    await provider.close()
    assert len(fake_openai.headers) == 2
    for headers in fake_openai.headers:
        assert not {"openai-organization", "openai-project"} & {name.lower() for name in headers}


async def test_a_host_that_is_not_there_is_named() -> None:
    from ftb_tui.providers.dialect import load_dialect
    from ftb_tui.providers.openai_wire import OpenAIWire

    provider = OpenAIWire("gone", load_dialect("custom"), "http://127.0.0.1:9/v1", "k")
    for call in (provider.list_models(), provider.ask(AskRequest("m", "hi"))):
        with pytest.raises(ProviderError, match=r"http://127\.0\.0\.1:9 cannot be reached") as caught:
            await call
        assert caught.value.kind is ErrorKind.UNREACHABLE
    await provider.close()


async def test_questions_are_asked_side_by_side(provider: Provider, fake_openai: FakeOpenAI) -> None:
    fake_openai.delay = 0.05
    await asyncio.gather(*(provider.ask(AskRequest("gpt-fake", str(n))) for n in range(64)))
    assert fake_openai.most_active == 64


def test_what_has_no_step_stays_behind_the_step_that_it_came_after() -> None:
    def event(name: str, at: float, step: int | None = None) -> JobEvent:
        return JobEvent(name, at, "info", name, step)

    came = [
        event("created", 5), event("one", 7, 1), event("three", 8, 3), event("two", 8, 2), event("checkpoint", 8),
        event("four", 9, 4), event("done", 9),
    ]  # fmt: skip
    assert [one.message for one in in_order(came)] == ["created", "one", "two", "checkpoint", "three", "four", "done"]
