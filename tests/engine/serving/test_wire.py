"""The engine is a service that any client of the OpenAI wire can ask, and that says what is wrong in the wire's own form."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest

from ftb_tui.engine_state import read_engine_state
from tests.engine.process import EngineProcess
from tests.engine.serving.client import TRAINING, ask, get, upload


def test_many_questions_at_once_get_the_answers_of_one_at_a_time(standing: EngineProcess) -> None:
    client = standing.client()
    texts = [f"Question {'x' * (n % 7)} {n}" for n in range(64)]
    with ThreadPoolExecutor(64) as pool:
        together = list(pool.map(lambda text: ask(client, "smollm2-135m", text).choices[0].message.content, texts))
    for place in (0, 13, 63):
        assert ask(client, "smollm2-135m", texts[place]).choices[0].message.content == together[place]


def test_sampling_is_repeatable_by_seed_and_capped_by_max_tokens(standing: EngineProcess) -> None:
    client = standing.client()
    first = ask(client, "smollm2-135m", temperature=1.0, seed=1)
    assert first.choices == ask(client, "smollm2-135m", temperature=1.0, seed=1).choices
    assert first.choices != ask(client, "smollm2-135m", temperature=1.0, seed=2).choices
    short = client.chat.completions.create(
        model="smollm2-135m", messages=[{"role": "user", "content": "hi"}], max_completion_tokens=3, temperature=0
    )
    assert short.usage is not None
    assert short.usage.completion_tokens <= 3
    assert short.choices[0].finish_reason in ("length", "stop")


def test_without_a_seed_answers_differ(standing: EngineProcess) -> None:
    client = standing.client()
    said = {ask(client, "smollm2-135m", temperature=2, max_tokens=20).choices[0].message.content for _ in range(8)}
    assert len(said) > 1


def test_a_stop_ends_the_answer_its_bill_and_its_probabilities(standing: EngineProcess) -> None:
    client = standing.client()
    hot: dict[str, Any] = {"logprobs": True, "temperature": 2, "seed": 3, "max_tokens": 60}
    tokens = [token.token for token in ask(client, "smollm2-135m", **hot).choices[0].logprobs.content]
    stop = next(token for token in tokens[1:] if token.isascii() and token not in tokens[0])
    cut = ask(client, "smollm2-135m", stop=stop, **hot)
    before = tokens[: next(place for place, token in enumerate(tokens) if stop in token)]
    assert [token.token for token in cut.choices[0].logprobs.content] == before
    assert stop not in cut.choices[0].message.content
    assert (cut.choices[0].finish_reason, cut.usage.completion_tokens) == ("stop", len(before) + 1)


def test_the_words_before_the_token_may_be_written_in_any_case(standing: EngineProcess) -> None:
    state = read_engine_state(standing.state_file)
    assert state is not None
    assert get(standing, "/models", headers={"Authorization": f"bearer {state.token}"}).status_code == 200


def test_a_token_that_is_no_text_is_a_wrong_one(standing: EngineProcess) -> None:
    assert get(standing, "/models", headers={"Authorization": b"Bearer \xff\xfe"}).status_code == 401


def test_token_probabilities_are_given_on_request(standing: EngineProcess) -> None:
    answer = ask(standing.client(), "smollm2-135m", logprobs=True, top_logprobs=3, max_tokens=2)
    [token, *_] = answer.choices[0].logprobs.content
    assert token.logprob <= 0
    assert len(token.top_logprobs) == 3
    assert token.top_logprobs[0].logprob == token.logprob


def test_nobody_is_served_without_the_token(standing: EngineProcess) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer \u00e4"}):
        reply = get(standing, "/models", headers={k: v.encode() for k, v in headers.items()})
        assert reply.status_code == 401
        assert reply.json()["error"]["code"] == "invalid_api_key"
    assert stat.S_IMODE(standing.state_file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "needle"),
    [
        ("GET", "/nothing", {}, 404, "Unknown request URL"),
        ("DELETE", "/chat/completions", {}, 405, "Not Allowed"),
        ("GET", "/files/file-x", {}, 404, "file-x"),
        ("GET", "/fine_tuning/jobs/ftjob-x", {}, 404, "ftjob-x"),
        ("GET", "/models/gpt-x", {}, 404, "gpt-x"),
        ("GET", "/fine_tuning/jobs?limit=0", {}, 400, "between 1 and 100"),
        ("GET", "/fine_tuning/jobs?after=zzz", {}, 400, "zzz"),
        ("GET", "/fine_tuning/jobs?metadata=x", {}, 400, "metadata"),
        ("GET", "/fine_tuning/jobs?foo=1", {}, 400, "'foo'"),
        ("GET", "/files?order=banana", {}, 400, "banana"),
        ("POST", "/chat/completions", {"content": b"{"}, 400, "could not parse"),
        ("POST", "/chat/completions", {"content": b"[" * 100_000}, 400, "could not parse"),
        ("POST", "/chat/completions", {"json": []}, 400, "JSON object"),
        ("POST", "/chat/completions", {"json": {"model": "smollm2-135m"}}, 400, "messages"),
        ("POST", "/chat/completions", {"json": {"messages": [{"role": "user", "content": "x"}]}}, 400, "model"),
        ("POST", "/fine_tuning/jobs", {"json": {"model": "gpt-x", "training_file": "f"}}, 400, "gpt-x"),
        ("POST", "/fine_tuning/jobs", {"json": {"model": "smollm2-135m", "training_file": "f"}}, 400, "File object: f"),
        ("POST", "/files", {"content": b"hello"}, 400, "multipart"),
        ("POST", "/files", {"files": {"file": b"x"}, "data": {"purpose": "vision"}}, 400, "purpose"),
        ("POST", "/files", {"files": {"file": b"x"}}, 400, "Missing required parameter: 'purpose'"),
    ],
)
def test_what_is_wrong_is_said_in_the_wires_own_form(
    standing: EngineProcess, method: str, path: str, more: dict[str, Any], status: int, needle: str
) -> None:
    reply = get(standing, path, method, **more)
    assert reply.status_code == status
    assert needle in reply.json()["error"]["message"]
    assert reply.json()["error"].keys() == {"message", "type", "param", "code"}
    assert reply.headers["x-request-id"]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"temperature": 3}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"stream": True}, "stream"),
        ({"n": 2}, "n"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"messages": [{"role": "robot", "content": "x"}]}, None),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0]"),
        ({"max_tokens": 5000}, "messages"),
        ({"seed": "x"}, "seed"),
        ({"model": 4}, "model"),
        ({"top_p": 5}, "top_p"),
        ({"top_p": "x"}, "top_p"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"frequency_penalty": 0.5}, "frequency_penalty"),
        ({"presence_penalty": True}, "presence_penalty"),
        ({"logit_bias": {"5": 1}}, "logit_bias"),
        ({"foo": 1}, "foo"),
    ],
)
def test_a_wrong_chat_parameter_is_named(standing: EngineProcess, change: dict[str, Any], param: str | None) -> None:
    body = {"model": "smollm2-135m", "messages": [{"role": "user", "content": "hi"}], **change}
    reply = get(standing, "/chat/completions", "POST", json=body)
    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == param


def test_errors_of_the_chat_have_the_codes_that_clients_of_the_wire_look_at(standing: EngineProcess) -> None:
    body = {"model": "smollm2-135m", "messages": [{"role": "user", "content": "hi"}]}
    for change, code in (
        ({"foo": 1}, "unknown_parameter"),
        ({"tools": [{}]}, "unsupported_parameter"),
        ({"model": 4}, "invalid_value"),
        ({"model": None}, "missing_required_parameter"),
        ({"messages": [{"role": "user", "content": "x" * 5000}]}, "context_length_exceeded"),
    ):
        error = get(standing, "/chat/completions", "POST", json={**body, **change}).json()["error"]
        assert (error["code"], error["type"]) == (code, "invalid_request_error")
        assert error["param"] == next(iter(change))


def test_parameters_that_ask_for_nothing_are_taken(standing: EngineProcess) -> None:
    plain = ask(standing.client(), "smollm2-135m")
    neutral = ask(
        standing.client(), "smollm2-135m", n=1, stream=False, top_p=1, frequency_penalty=0, presence_penalty=0,
        logit_bias={}, response_format={"type": "text"}, tools=[], tool_choice="auto", user="me", store=False,
        metadata={"a": "b"}, service_tier="auto", parallel_tool_calls=True, modalities=["text"], stop=None, seed=None,
        max_completion_tokens=None, reasoning_effort=None,
    )  # fmt: skip
    assert neutral.choices == plain.choices


def test_top_p_keeps_unlikely_tokens_out_of_an_answer(standing: EngineProcess) -> None:
    client = standing.client()
    greedy = ask(client, "smollm2-135m")
    hot = {"temperature": 2, "seed": 3}
    assert ask(client, "smollm2-135m", top_p=0.0001, **hot).choices == greedy.choices
    assert ask(client, "smollm2-135m", top_p=1, **hot).choices != greedy.choices


@pytest.mark.parametrize(
    "body",
    [
        b"--x\r\ngarbage",
        b"--x\r\nContent-Disposition: form-data; name=file\r\n\r\nabc",
        b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\nfoo\r\n--y--\r\n--x--",
        b"--x\r\n",
        b"garbage",
        b"",
    ],
)
def test_a_broken_form_is_refused_as_such_and_leaves_nothing(standing: EngineProcess, body: bytes) -> None:
    state = read_engine_state(standing.state_file)
    assert state is not None
    headers = {"Authorization": f"Bearer {state.token}", "Content-Type": "multipart/form-data; boundary=x"}
    reply = get(standing, "/files", "POST", content=body, headers=headers)
    assert reply.status_code == 400
    assert "multipart form cannot be read" in reply.json()["error"]["message"]
    assert list(standing.home.glob("data/engine/files/*.part")) == []


def test_files_come_in_the_order_that_was_asked_for(engine: EngineProcess) -> None:
    client = engine.client()
    files = [upload(client) for _ in range(3)]
    assert [file.id for file in client.files.list(order="asc", limit=2)] == files
    assert [file.id for file in client.files.list(order="desc", limit=2)] == files[::-1]


def test_files_are_listed_read_and_deleted(engine: EngineProcess) -> None:
    client = engine.client()
    file = upload(client)
    assert client.files.retrieve(file).bytes == len(TRAINING)
    assert client.files.content(file).read() == TRAINING
    assert client.files.delete(file).deleted
    assert list(client.files.list()) == []
    with pytest.raises(openai.NotFoundError):
        client.files.content(file)
