"""An engine that is killed, damaged, started twice or left alone loses nothing and says what to do."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import openai
import pytest

from ftb_tui.engine_state import read_engine_state
from tests.engine.process import EngineProcess, wait_for
from tests.engine.serving.client import ask, create, upload


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
    file = engine.home / "data/engine/jobs" / job_id / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    with pytest.raises(openai.InternalServerError, match="is damaged: its checksum is wrong"):
        ask(client, str(job.fine_tuned_model))
    assert ask(client, "smollm2-135m").choices


def test_a_removed_adapter_is_named_with_what_to_do(engine: EngineProcess) -> None:
    client = engine.client()
    job = wait_for(client, create(client, 1), "succeeded")
    (engine.home / "data/engine/jobs" / job.id / "model.safetensors").unlink()
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
