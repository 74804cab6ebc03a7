"""How a model wants to be asked is learnt from its refusals, and no question is lost to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from ftb_tui.providers.base import AskRequest, Provider, ProviderError
from ftb_tui.providers.openai_asking import posted
from ftb_tui.providers.registry import open_provider
from tests.fakes.openai_server import FakeOpenAI, error, status


@pytest.fixture
async def provider(service: FakeOpenAI) -> AsyncIterator[Provider]:
    provider = open_provider("mine")
    yield provider
    await provider.close()


@pytest.mark.parametrize("service", ["openai"], indirect=True)
async def test_what_a_model_refuses_is_left_out_and_recorded(provider: Provider, service: FakeOpenAI) -> None:
    service.refused_parameters = {
        "temperature": "Unsupported value: 'temperature' does not support 0 with this model.",
        "seed": "Unknown parameter: 'seed'.",
    }
    answer = await provider.ask(AskRequest("gpt-fake", "hi", max_tokens=5))
    assert answer.parameters == {"max_completion_tokens": 5, "left_out": ["seed", "temperature"]}
    n = len(service.bodies)
    await provider.ask(AskRequest("gpt-fake", "again"))
    assert len(service.bodies) == n + 1
    assert (await provider.ask(AskRequest("gpt-fake", "hi"))).text == "Yes"


@pytest.mark.parametrize("service", ["openai", "custom"], indirect=True)
async def test_the_name_of_the_token_cap_is_learnt(provider: Provider, service: FakeOpenAI) -> None:
    mine = provider.parameters(AskRequest("m", "p")).keys() & {"max_tokens", "max_completion_tokens"}
    [used] = mine
    other = "max_completion_tokens" if used == "max_tokens" else "max_tokens"
    service.refused_parameters = {used: f"Unsupported parameter: '{used}' is not supported. Use '{other}' instead."}
    answer = await provider.ask(AskRequest("gpt-fake", "hi", max_tokens=5))
    assert answer.parameters is not None
    assert (answer.parameters[other], used in answer.parameters) == (5, False)


@pytest.mark.parametrize("service", ["openai"], indirect=True)
async def test_a_model_of_the_responses_api_is_asked_there(provider: Provider, service: FakeOpenAI) -> None:
    service.responses_only = {"gpt-fake"}
    answer = await provider.ask(AskRequest("gpt-fake", "hi", max_tokens=50))
    assert (answer.text, answer.prompt_tokens, answer.completion_tokens) == ("Yes", 9, 1)
    assert service.bodies[-1]["max_output_tokens"] == 50
    assert answer.parameters is not None
    assert (answer.parameters["api"], answer.parameters["left_out"]) == ("responses", ["seed"])


def refused_together(n: int, code: int, text: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    """A refusal that nobody hears before `n` questions are under way."""
    waiting: list[None] = []
    all_here = asyncio.Event()

    async def fault(request: web.Request) -> web.Response:
        waiting.append(None)
        if len(waiting) == n:
            all_here.set()
        await all_here.wait()
        return web.json_response(error(text), status=code)

    return fault


@pytest.mark.parametrize("service", ["openai"], indirect=True)
@pytest.mark.parametrize(
    ("code", "text"),
    [
        (404, "This model is only supported in v1/responses and not in v1/chat/completions."),
        (400, "Unsupported parameter: 'max_completion_tokens'. Use 'max_tokens' instead."),
        (400, "Unrecognized request argument supplied: temperature"),
        (400, "Unknown parameter: 'seed'."),
    ],
    ids=["responses", "tokens", "temperature", "seed"],
)
async def test_questions_that_are_refused_side_by_side_are_all_asked_again_as_the_model_wants(
    provider: Provider, service: FakeOpenAI, code: int, text: str
) -> None:
    service.faults["POST /chat/completions"].extend([refused_together(6, code, text)] * 6)
    answers = await asyncio.gather(*(provider.ask(AskRequest("gpt-fake", f"{n}", max_tokens=50)) for n in range(6)))
    assert [answer.text for answer in answers] == ["Yes"] * 6


@pytest.mark.parametrize("service", ["openai"], indirect=True)
async def test_a_server_that_names_what_it_refuses_in_words_alone_is_understood(
    provider: Provider, service: FakeOpenAI
) -> None:
    service.names_param = False
    names = ("max_completion_tokens", "temperature", "seed")
    service.refused_parameters = {name: f"Unrecognized request argument supplied: {name}" for name in names}
    answer = await provider.ask(AskRequest("gpt-fake", "hi", max_tokens=5))
    assert answer.parameters == {"max_tokens": 5, "left_out": ["seed", "temperature"]}


@pytest.mark.parametrize("service", ["openai"], indirect=True)
async def test_a_model_that_takes_no_cap_at_all_is_a_failure_in_the_service_s_words(
    provider: Provider, service: FakeOpenAI
) -> None:
    names = ("max_completion_tokens", "max_tokens")
    service.refused_parameters = {name: f"Unknown parameter: '{name}'." for name in names}
    for _ in range(2):
        with pytest.raises(ProviderError, match="Unknown parameter: 'max_tokens'"):
            await provider.ask(AskRequest("gpt-fake", "hi"))
    assert service.requests["POST /chat/completions"] == 3


@pytest.mark.parametrize("service", ["openai"], indirect=True)
async def test_a_bad_request_that_blames_nothing_is_a_failure_and_no_lesson(
    provider: Provider, service: FakeOpenAI
) -> None:
    service.faults["POST /chat/completions"].append(status(400, error("The prompt was filtered.")))
    with pytest.raises(ProviderError, match="filtered"):
        await provider.ask(AskRequest("gpt-fake", "hi"))
    assert service.requests["POST /chat/completions"] == 1


@pytest.mark.parametrize("service", ["openai", "custom"], indirect=True)
async def test_what_was_posted_can_be_told_from_what_is_kept_with_the_answer(
    provider: Provider, service: FakeOpenAI
) -> None:
    for responses_only in (set(), {"gpt-fake"}):
        service.responses_only = responses_only
        answer = await provider.ask(
            AskRequest("gpt-fake", "What\n\x1b is it?", max_tokens=50, temperature=0.0, seed=42)
        )
        assert answer.parameters is not None
        path, body = posted("gpt-fake", "What\n\x1b is it?", {**answer.parameters, "batch": True})
        assert (path, body) == ("/responses" if responses_only else "/chat/completions", service.bodies[-1])
