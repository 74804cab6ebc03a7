"""The engine trains for any client of the OpenAI wire: one job after the other, and what is wrong with a file is said at once."""

from __future__ import annotations

import json
import signal
import time
from typing import Any

import openai
import pytest

from tests.engine.process import EngineProcess, wait_for
from tests.engine.serving.client import TRAINING, ask, create, get, upload


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
        (TRAINING + b'\n{"messages": ' + b"1" * 5000 + b"}", "Line 13 is not valid JSON: Exceeds the limit"),
        (
            b'{"messages": [{"role": "assistant", "content": 1}]}',
            "Line 1: The content of a message must be text, not 1.",
        ),
        (b'{"messages": [{"role": "assistant", "content": null}]}', "must be text, not null"),
        (b'{"messages": [{"role": "assistant", "content": false}]}', "must be text, not false"),
        (b'{"messages": [{"role": "assistant"}]}', "must be text"),
        (
            TRAINING + b'\n{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}',
            "Line 13: The content of a message may only have parts of the type text.",
        ),
        (
            b'{"messages": [{"role": "assistant", "content": "x"}, {"role": "wizard", "content": "y"}]}',
            "Line 1: Unknown role 'wizard'",
        ),
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

    def left_over() -> set[str]:
        copies = [*engine.home.glob("data/engine/jobs/*/*_file"), *engine.home.glob("data/engine/files/*")]
        return {path.name for path in copies} - {f.id for f in client.files.list()}

    until = time.monotonic() + 30
    # A job lets go of its files after its end was told.
    while left_over() and time.monotonic() < until:
        time.sleep(0.01)
    assert not left_over(), "nothing is kept that nobody needs"


def test_an_example_beyond_what_can_be_trained_on_fails_the_job_before_its_turn(standing: EngineProcess) -> None:
    client = standing.client()
    line = {"messages": [{"role": "user", "content": "x" * 5000}, {"role": "assistant", "content": "y"}]}
    file = upload(client, json.dumps(line).encode())
    job = wait_for(client, create(client, training_file=file), "failed")
    assert job.error is not None
    assert job.error.code == "invalid_training_file"
    assert "trains on at most" in str(job.error.message)
    assert not job.trained_tokens
