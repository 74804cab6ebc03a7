"""Answers come from where the model is served, thinking is off, and what is no answer is named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ftb_tui.providers import google_access
from ftb_tui.providers.base import AskRequest, ErrorKind, Provider, ProviderError
from ftb_tui.providers.google_answering import posted
from ftb_tui.providers.registry import open_provider
from tests.fakes.google_server import BASE, FakeGoogle, drip, generated, google_error, hang, quota_failure, retry_info
from tests.fakes.openai_server import Fault, disconnect, raw, status
from tests.providers.test_google import ended, launched


@pytest.fixture
async def provider(fake_google: FakeGoogle) -> AsyncIterator[Provider]:
    provider = open_provider("google")
    yield provider
    await provider.close()


async def test_a_base_model_is_asked_at_global_and_a_tuned_one_where_it_is_served(
    provider: Provider, fake_google: FakeGoogle
) -> None:
    fake_google.answer = lambda prompt: f"to {prompt}"
    job_id = await launched(provider)
    tuned = (await ended(provider, job_id)).tuned_model
    for model in (BASE, tuned):
        answer = await provider.ask(AskRequest(model=model, prompt="who?", max_tokens=20))
        assert (answer.text, answer.finish_reason, answer.request_id) == ("to who?", "stop", "resp-1")
        assert (answer.prompt_tokens, answer.completion_tokens) == (9, 2)
    assert [model for model, _ in fake_google.asked] == [BASE, tuned]
    config = {
        "maxOutputTokens": 20, "candidateCount": 1, "temperature": 0.0, "seed": 42, "thinkingConfig": {"thinkingBudget": 0},
    }  # fmt: skip
    assert [body["generationConfig"] for body in fake_google.bodies["GenerateContentRequest"]] == [config, config]
    assert dict(provider.parameters(AskRequest(model=BASE, prompt="who?", max_tokens=20))) == config


@pytest.mark.parametrize(
    ("refused", "sent"), [("thinkingBudget", {"thinkingLevel": "MINIMAL"}), ("*", None)], ids=["level", "none"]
)
async def test_a_model_that_refuses_a_thinking_switch_is_asked_without_and_that_is_recorded(
    provider: Provider, fake_google: FakeGoogle, refused: str, sent: dict[str, Any] | None
) -> None:
    fake_google.refused_thinking = {BASE: refused}
    asked = AskRequest(model=BASE, prompt="who?")
    before = dict(provider.parameters(asked))
    answer = await provider.ask(asked)
    assert answer.parameters is not None
    assert answer.parameters.get("thinkingConfig") == sent
    assert dict(provider.parameters(asked)) == answer.parameters != before
    tries = fake_google.requests["ask"]
    await provider.ask(asked)
    assert fake_google.requests["ask"] == tries + 1


@pytest.mark.parametrize(
    ("body", "kind", "needle"),
    [
        ({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {}}, ErrorKind.BLOCKED, "question was blocked: SAFETY"),
        (generated(None, "SAFETY"), ErrorKind.BLOCKED, "withheld: SAFETY"),
        (generated(None, "RECITATION"), ErrorKind.BLOCKED, "RECITATION"),
        (generated(None, "MAX_TOKENS", usageMetadata={"thoughtsTokenCount": 9}), ErrorKind.NO_ANSWER, "9 tokens went into"),
        (generated(None, "STOP"), ErrorKind.NO_ANSWER, "no text: STOP"),
        ({"candidates": [{"finishReason": "OTHER", "finishMessage": "who knows"}]}, ErrorKind.NO_ANSWER, "OTHER: who knows"),
        ({"candidates": [], "usageMetadata": {"promptTokenCount": 3}}, ErrorKind.NO_ANSWER, "no candidate"),
        ({}, ErrorKind.BAD_RESPONSE, "without a candidate"),
        ({"candidates": [7]}, ErrorKind.BAD_RESPONSE, "without a candidate"),
        ([1], ErrorKind.BAD_RESPONSE, "without a candidate"),
    ],
)  # fmt: skip
async def test_a_reply_without_text_is_a_named_failure(
    provider: Provider, fake_google: FakeGoogle, body: Any, kind: ErrorKind, needle: str
) -> None:
    fake_google.faults["ask"].append(status(200, body))
    with pytest.raises(ProviderError, match=needle) as caught:
        await provider.ask(AskRequest(model=BASE, prompt="who?"))
    assert caught.value.kind is kind
    assert caught.value.retryable == (kind is ErrorKind.BAD_RESPONSE)


async def test_thoughts_are_no_part_of_an_answer_but_are_counted(provider: Provider, fake_google: FakeGoogle) -> None:
    body = generated("x")
    body["candidates"][0]["content"]["parts"] = [{"text": "hm", "thought": True}, {"text": "Ye"}, {"text": "s"}]
    body["usageMetadata"]["thoughtsTokenCount"] = 5
    fake_google.faults["ask"].append(status(200, body))
    answer = await provider.ask(AskRequest(model=BASE, prompt="who?"))
    assert (answer.text, answer.completion_tokens) == ("Yes", 7)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (status(429, google_error(429, "RESOURCE_EXHAUSTED", "x", retry_info("3s"))), ErrorKind.RATE_LIMITED),
        (status(429, google_error(429, "RESOURCE_EXHAUSTED", "x", quota_failure("RequestsPerDayPerProject"))), ErrorKind.QUOTA),
        (status(429, google_error(429, "RESOURCE_EXHAUSTED", "x", quota_failure("RequestsPerMinute"))), ErrorKind.RATE_LIMITED),
        (status(429, [google_error(429, "RESOURCE_EXHAUSTED", "x")], Retry_After="3"), ErrorKind.RATE_LIMITED),
        (status(503, google_error(503, "UNAVAILABLE", "x")), ErrorKind.SERVER),
        (status(504, google_error(504, "DEADLINE_EXCEEDED", "x")), ErrorKind.TIMEOUT),
        (raw("<html>", content_type="text/html"), ErrorKind.BAD_RESPONSE),
        (raw("<html>", code=503, content_type="text/html"), ErrorKind.SERVER),
        (raw('{"candidates": ['), ErrorKind.BAD_RESPONSE),
        (disconnect, ErrorKind.UNREACHABLE),
        (hang, ErrorKind.TIMEOUT),
        (drip, ErrorKind.TIMEOUT),
    ],
)  # fmt: skip
async def test_a_question_that_fails_is_sent_once_and_named(
    fake_google: FakeGoogle, fault: Fault, kind: ErrorKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(google_access, "ANSWER_TIMEOUT", 1.5)
    provider = open_provider("google")
    fake_google.faults["ask"].append(fault)
    with pytest.raises(ProviderError) as caught:
        await provider.ask(AskRequest(model=BASE, prompt="who?"))
    assert caught.value.kind is kind
    assert caught.value.retry_after in (None, 3.0)
    assert fake_google.requests["ask"] == 1
    await provider.close()


async def test_a_stray_address_in_the_environment_gets_no_token(
    fake_google: FakeGoogle, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeGoogle() as stranger:
        for name in ("GOOGLE_VERTEX_BASE_URL", "GOOGLE_GEMINI_BASE_URL"):
            monkeypatch.setenv(name, stranger.url)
        monkeypatch.setenv("GOOGLE_GENAI_USE_ENTERPRISE", "true")
        monkeypatch.setenv("GOOGLE_GENAI_API_VERSION", "v7")
        for name in ("google", "gemini"):
            provider = open_provider(name)
            assert (await provider.ask(AskRequest(model=BASE, prompt="who?"))).text == "Yes"
            await provider.close()
        assert stranger.headers == []


async def test_many_questions_at_once_all_come_back(provider: Provider, fake_google: FakeGoogle) -> None:
    fake_google.answer = lambda prompt: prompt
    asked = [AskRequest(model=BASE, prompt=f"q{n}") for n in range(200)]
    answers = await asyncio.gather(*(provider.ask(request) for request in asked))
    assert [answer.text for answer in answers] == [request.prompt for request in asked]


async def test_without_credentials_the_error_says_how_to_get_them(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "none"))
    # The library would look for a machine of Google's for seconds.
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p1")
    provider = open_provider("google")
    with pytest.raises(ProviderError, match="gcloud auth application-default login") as caught:
        await provider.ask(AskRequest(model=BASE, prompt="who?"))
    assert caught.value.kind is ErrorKind.AUTH
    await provider.close()


async def test_what_was_posted_can_be_told_from_what_is_kept_with_the_answer(
    provider: Provider, fake_google: FakeGoogle
) -> None:
    answer = await provider.ask(AskRequest(BASE, "What is it?", max_tokens=5, temperature=0.0, seed=42))
    assert answer.parameters is not None
    [sent] = [body for bodies in fake_google.bodies.values() for body in bodies if "contents" in body]
    assert posted("What is it?", answer.parameters) == sent
