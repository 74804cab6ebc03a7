"""The engine is a service that any client of the OpenAI wire can train and ask."""

from __future__ import annotations

import io
import json
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from ftb_tui.engine.tiny import write_tiny_model
from ftb_tui.engine_state import read_engine_state
from tests.engine.process import EngineProcess, wait_for

LINES = [
    {"messages": [{"role": "user", "content": f"What is {n}?"}, {"role": "assistant", "content": f"word{n}"}]}
    for n in range(12)
]
TRAINING = "\n".join(json.dumps(line) for line in LINES).encode()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


@pytest.fixture
def engine(tiny: Path, tmp_path: Path) -> Iterator[EngineProcess]:
    engine = EngineProcess(tmp_path / "engine-home", tiny)
    engine.start()
    yield engine
    if engine.process is not None and engine.process.poll() is None:
        engine.end(signal.SIGKILL)


@pytest.fixture(scope="module")
def standing(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """One engine for all who only ask it and leave nothing that another could stumble over."""
    engine = EngineProcess(tmp_path_factory.mktemp("standing"), tiny)
    engine.start()
    yield engine
    engine.end(signal.SIGKILL)


def upload(client: openai.OpenAI, content: bytes = TRAINING) -> str:
    return client.files.create(file=("train.jsonl", io.BytesIO(content)), purpose="fine-tune").id


def create(client: openai.OpenAI, epochs: int = 3, **more: Any) -> str:
    method: Any = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": epochs, "batch_size": 4}}}
    file = more.pop("training_file", None) or upload(client)
    return client.fine_tuning.jobs.create(model="smollm2-135m", training_file=file, method=method, seed=5, **more).id


def ask(client: openai.OpenAI, model: str, text: str = "What is 3?", **more: Any) -> Any:
    options: dict[str, Any] = {"max_tokens": 12, "temperature": 0, **more}
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}], **options)


def get(engine: EngineProcess, path: str, method: str = "GET", **more: Any) -> httpx2.Response:
    state = read_engine_state(engine.state_file)
    assert state is not None
    headers = {"Authorization": f"Bearer {state.token}"}
    return httpx2.request(method, state.url + path, headers=more.pop("headers", headers), **more)


def test_a_client_uploads_trains_follows_and_asks(engine: EngineProcess) -> None:
    client = engine.client()
    job_id = create(client, epochs=3, suffix="facts", metadata={"run": "a"})
    job = wait_for(client, job_id, "succeeded")
    assert job.fine_tuned_model is not None
    assert job.fine_tuned_model.startswith("ft:smollm2-135m:ftb:facts:")
    assert job.trained_tokens
    assert job.hyperparameters.n_epochs == 3

    events = list(client.fine_tuning.jobs.list_events(job_id, limit=5))
    metrics = [event.data for event in reversed(events) if event.type == "metrics"]
    assert [data["step"] for data in metrics] == list(range(1, 10))
    assert {data["total_steps"] for data in metrics} == {9}
    assert metrics[-1]["train_loss"] < metrics[0]["train_loss"]
    assert events[-1].message == f"Created fine-tuning job: {job_id}"
    assert events[0].message == "The job has successfully completed"

    checkpoints = list(client.fine_tuning.jobs.checkpoints.list(job_id, limit=2))
    assert [checkpoint.step_number for checkpoint in checkpoints] == [9, 6, 3]
    listed = [model.id for model in client.models.list()]
    assert listed[0] == "smollm2-135m"
    assert {job.fine_tuned_model, checkpoints[0].fine_tuned_model_checkpoint} <= set(listed)

    tuned = ask(client, job.fine_tuned_model, logprobs=True)
    assert tuned.choices == ask(client, checkpoints[0].fine_tuned_model_checkpoint, logprobs=True).choices
    assert tuned.choices != ask(client, checkpoints[1].fine_tuned_model_checkpoint, logprobs=True).choices
    assert tuned.choices != ask(client, "smollm2-135m", logprobs=True).choices
    assert tuned.usage.total_tokens == tuned.usage.prompt_tokens + tuned.usage.completion_tokens
    assert tuned.model == job.fine_tuned_model


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
    ("change", "needle"),
    [
        ({"foo": 1}, "'foo'"),
        ({"method": []}, "method"),
        ({"method": {"type": "supervised", "supervised": {"epochs": 3}}}, "method.supervised.epochs"),
        ({"hyperparameters": []}, "hyperparameters"),
        ({"metadata": []}, "metadata"),
        ({"method": {"type": "dpo"}}, "dpo"),
        ({"hyperparameters": {"n_epochs": 51}}, "n_epochs"),
        ({"hyperparameters": {"speed": 1}}, "speed"),
        ({"seed": -1}, "seed"),
        ({"suffix": "x" * 65}, "suffix"),
        ({"metadata": {"a": 1}}, "metadata"),
        ({"integrations": [{"type": "wandb"}]}, "integrations"),
    ],
)
def test_a_wrong_job_parameter_is_named(standing: EngineProcess, change: dict[str, Any], needle: str) -> None:
    body = {"model": "smollm2-135m", "training_file": upload(standing.client()), **change}
    before = list(standing.client().fine_tuning.jobs.list())
    reply = get(standing, "/fine_tuning/jobs", "POST", json=body)
    assert reply.status_code == 400
    assert needle in reply.json()["error"]["message"]
    assert list(standing.client().fine_tuning.jobs.list()) == before


@pytest.mark.parametrize(
    ("content", "needle"),
    [
        (TRAINING + b"\n{", "Line 13 is not valid JSON"),
        (b"[]", "Line 1 has no list of messages"),
        (b'{"messages": [{"role": "user", "content": "x"}]}', "no message of the assistant"),
        (b"\xff\xfe", "not UTF-8"),
        (b"", "holds no example"),
    ],
)
def test_a_malformed_training_file_fails_the_job_and_names_the_line(
    standing: EngineProcess, content: bytes, needle: str
) -> None:
    client = standing.client()
    job = wait_for(client, create(client, training_file=upload(client, content)), "failed")
    assert job.error is not None
    assert needle in str(job.error.message)
    assert job.error.code == "invalid_training_file"


def test_jobs_are_found_by_their_metadata_and_paged(engine: EngineProcess) -> None:
    client = engine.client()
    file = upload(client)
    ids = [create(client, 1, metadata={"tag": str(n % 2)}, training_file=file) for n in range(5)]
    found = list(client.fine_tuning.jobs.list(metadata={"tag": "0"}, limit=2))
    assert [job.id for job in found] == [ids[4], ids[2], ids[0]]
    assert [job.id for job in client.fine_tuning.jobs.list(limit=2)] == ids[::-1]
    bare = create(client, 1, training_file=file)
    assert [job["id"] for job in get(engine, "/fine_tuning/jobs?metadata=null").json()["data"]] == [bare]


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


def test_one_job_trains_at_a_time_and_cancel_and_pause_act(engine: EngineProcess) -> None:
    client = engine.client()
    file = upload(client)
    first, second = (create(client, 30, training_file=file) for _ in range(2))
    wait_for(client, first, "running")
    assert client.fine_tuning.jobs.retrieve(second).status in ("queued", "validating_files")
    assert client.fine_tuning.jobs.pause(first).status == "paused"
    wait_for(client, second, "running")
    assert client.fine_tuning.jobs.cancel(second).status == "cancelled"
    assert client.fine_tuning.jobs.resume(first).status in ("queued", "running")
    done = wait_for(client, first, "succeeded")
    steps = [e.data["step"] for e in client.fine_tuning.jobs.list_events(first) if e.type == "metrics"]
    assert sorted(steps) == list(range(1, 91))
    with pytest.raises(openai.BadRequestError, match="already succeeded"):
        client.fine_tuning.jobs.cancel(done.id)


def test_a_waiting_job_is_validated_at_once_and_keeps_its_file_whatever_becomes_of_the_upload(
    engine: EngineProcess,
) -> None:
    client = engine.client()
    long = create(client, 50, training_file=upload(client, b"\n".join([TRAINING] * 10)))
    wait_for(client, long, "running")
    broken = create(client, training_file=upload(client, b'{"messages": [\nfoo'))
    file = upload(client)
    waiting, unused = create(client, 2, training_file=file), create(client, 2, training_file=file)
    assert client.files.delete(file).deleted

    failed = wait_for(client, broken, "failed")
    assert failed.error is not None
    assert "Line 1 is not valid JSON" in str(failed.error.message)
    queued = wait_for(client, waiting, "queued")
    assert queued.hyperparameters.n_epochs == 2
    assert queued.hyperparameters.learning_rate_multiplier == 1
    assert client.fine_tuning.jobs.pause(waiting).status == "paused"
    assert client.fine_tuning.jobs.resume(waiting).status == "queued"
    assert client.fine_tuning.jobs.cancel(unused).status == "cancelled"
    assert client.fine_tuning.jobs.retrieve(long).status == "running"

    engine.end(signal.SIGKILL)
    engine.start()
    client = engine.client()
    client.fine_tuning.jobs.cancel(long)
    wait_for(client, waiting, "succeeded")
    copies = [*engine.home.glob("data/engine/jobs/*/*_file"), *engine.home.glob("data/engine/files/*")]
    assert {path.name for path in copies} <= {f.id for f in client.files.list()}, "nothing is kept that nobody needs"


def test_an_example_beyond_what_can_be_trained_on_fails_the_job_before_its_turn(standing: EngineProcess) -> None:
    client = standing.client()
    line = {"messages": [{"role": "user", "content": "x" * 5000}, {"role": "assistant", "content": "y"}]}
    file = upload(client, json.dumps(line).encode())
    job = wait_for(client, create(client, training_file=file), "failed")
    assert job.error is not None
    assert job.error.code == "invalid_training_file"
    assert "trains on at most" in str(job.error.message)
    assert not job.trained_tokens


def adapter_bytes(engine: EngineProcess, job_id: str) -> bytes:
    files = (engine.home / "data/engine/jobs" / job_id).glob("step-*.safetensors")
    return max(files, key=lambda file: int(file.stem.split("-")[1])).read_bytes()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_engine_resumes_and_ends_with_the_same_adapter_bit_for_bit(
    engine: EngineProcess, how: signal.Signals
) -> None:
    client = engine.client()
    file = upload(client)
    whole = create(client, 20, training_file=file)
    wait_for(client, whole, "succeeded")
    killed = create(client, 20, training_file=file)
    for steps in (5, 20, 40):
        until = time.monotonic() + 30
        while len(list(client.fine_tuning.jobs.list_events(killed, limit=1000))) < steps:
            assert time.monotonic() < until
            time.sleep(0.01)
        engine.end(how)
        engine.start()
        client = engine.client()
    job = wait_for(client, killed, "succeeded")
    assert job.fine_tuned_model
    assert adapter_bytes(engine, killed) == adapter_bytes(engine, whole)
    steps = [e.data["step"] for e in client.fine_tuning.jobs.list_events(killed) if e.type == "metrics"]
    assert sorted(steps) == list(range(1, 61))
    assert len(list(client.fine_tuning.jobs.checkpoints.list(killed))) == 20


def test_a_damaged_adapter_is_named_and_the_engine_lives_on(engine: EngineProcess) -> None:
    client = engine.client()
    job_id = create(client, 1)
    job = wait_for(client, job_id, "succeeded")
    [file] = (engine.home / "data/engine/jobs" / job_id).glob("step-*.safetensors")
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    with pytest.raises(openai.InternalServerError, match="is damaged: its checksum is wrong"):
        ask(client, str(job.fine_tuned_model))
    assert ask(client, "smollm2-135m").choices


def test_a_removed_adapter_is_named_with_what_to_do(engine: EngineProcess) -> None:
    client = engine.client()
    job = wait_for(client, create(client, 1), "succeeded")
    [file] = (engine.home / "data/engine/jobs" / job.id).glob("step-*.safetensors")
    file.unlink()
    with pytest.raises(
        openai.InternalServerError, match=r"cannot be read: No such file .* Train again, or use another"
    ):
        ask(client, str(job.fine_tuned_model))


def test_records_that_cannot_be_read_are_named_with_what_to_do(tiny: Path, tmp_path: Path) -> None:
    engine = EngineProcess(tmp_path / "spoilt", tiny)
    (engine.home / "data" / "engine").mkdir(parents=True)
    (engine.home / "data" / "engine" / "engine.db").write_text("garbage" * 100)
    with pytest.raises(AssertionError, match=r"engine\.db cannot be used: file is not a database\. Move it away"):
        engine.start()


@pytest.mark.parametrize("content", [None, b"root:x:0:0"], ids=["gone", "something else"])
def test_weights_that_were_named_and_cannot_be_it_are_wrong_use(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "weights"
    if content is not None:
        file.write_bytes(content)
    engine = EngineProcess(tmp_path / "engine-home", file)
    with pytest.raises(AssertionError, match="Mend --weights or FTB_WEIGHTS"):
        engine.start()
    assert engine.process is not None
    assert engine.process.wait() == 2


def test_a_damaged_resume_state_restarts_the_training_and_says_so(engine: EngineProcess) -> None:
    client = engine.client()
    job_id = create(client, 15)
    wait_for(client, job_id, "running")
    until = time.monotonic() + 30
    resume = engine.home / "data/engine/jobs" / job_id / "resume.safetensors"
    while not resume.exists():
        assert time.monotonic() < until
        time.sleep(0.005)
    engine.end(signal.SIGKILL)
    resume.write_bytes(b"garbage")
    engine.start()
    client = engine.client()
    wait_for(client, job_id, "succeeded")
    messages = [event.message for event in client.fine_tuning.jobs.list_events(job_id)]
    assert any("starts from the beginning" in message for message in messages)


def test_without_weights_the_engine_listens_and_says_what_to_do(tmp_path: Path) -> None:
    engine = EngineProcess(tmp_path / "none", None)
    engine.start()
    try:
        client = engine.client()
        assert [model.id for model in client.models.list()] == ["smollm2-135m"]
        with pytest.raises(openai.InternalServerError, match="ftb models pull smollm2-135m"):
            ask(client, "smollm2-135m")
        job_id = create(client, 1)
        until = time.monotonic() + 30
        while not any("ftb models pull" in event.message for event in client.fine_tuning.jobs.list_events(job_id)):
            assert time.monotonic() < until
            time.sleep(0.05)
        assert client.fine_tuning.jobs.retrieve(job_id).status == "validating_files"
        assert client.fine_tuning.jobs.pause(job_id).status == "paused"
        assert client.fine_tuning.jobs.resume(job_id).status == "validating_files"
        assert client.fine_tuning.jobs.cancel(job_id).status == "cancelled"
    finally:
        assert engine.end() == 0
    assert not engine.state_file.exists()


def test_a_second_engine_of_the_same_home_is_refused_and_names_the_first(engine: EngineProcess) -> None:
    second = EngineProcess(engine.home, engine.weights)
    with pytest.raises(AssertionError, match="is running already"):
        second.start()
    state = read_engine_state(engine.state_file)
    assert state is not None
    assert str(state.pid) in second.log


def test_a_taken_port_is_one_clear_sentence(tiny: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        engine = EngineProcess(tmp_path / "home2", tiny, ("--port", str(port)))
        with pytest.raises(AssertionError, match=f"port {port} on 127.0.0.1 cannot be used"):
            engine.start()
    assert "Traceback" not in engine.log


def test_an_idle_engine_ends_by_itself(tiny: Path, tmp_path: Path) -> None:
    engine = EngineProcess(tmp_path / "home3", tiny, ("--idle-exit", "0.5"))
    engine.start()
    assert engine.process is not None
    assert engine.process.wait(20) == 0
    assert not engine.state_file.exists()


def test_the_log_holds_neither_token_nor_prompt(engine: EngineProcess) -> None:
    ask(engine.client(), "smollm2-135m", "a very secret prompt")
    state = read_engine_state(engine.state_file)
    assert state is not None
    assert state.token not in engine.log
    assert "secret prompt" not in engine.log
    assert state.token not in repr(state)


def test_usage_is_explained() -> None:
    done = subprocess.run([sys.executable, "-m", "ftb_tui.engine"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "serve" in done.stderr
