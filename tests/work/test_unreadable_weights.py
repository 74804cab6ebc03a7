"""Weights that cannot be read stop nobody from going on with good ones."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import openai
import pytest

from ftb_tui.engine_state import read_engine_state
from ftb_tui.weights import FILE_NAME
from ftb_tui.work.local_engine import EngineStartError, running_engine, start_engine

pytestmark = pytest.mark.usefixtures("engine_ends")

EXAMPLE = {"messages": [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Ida."}]}


@pytest.fixture
def cut_off(weights: Path, tmp_path: Path) -> Path:
    file = tmp_path / "cut-off.gguf"
    file.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    return file


def test_an_engine_is_not_started_on_weights_that_it_cannot_read(cut_off: Path) -> None:
    with pytest.raises(
        EngineStartError, match=r"cut-off\.gguf cannot be read as GGUF weights .*\nOr name another file"
    ):
        start_engine(weights=cut_off)
    serve = subprocess.run(
        [sys.executable, "-m", "ftb_tui", "serve", "--weights", str(cut_off)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert serve.returncode == 2
    assert "cannot be read as GGUF weights" in serve.stderr
    assert "listens" not in serve.stderr
    assert running_engine() is None
    start_engine()


def test_the_doctor_says_what_is_wrong_with_weights(cut_off: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def said() -> str:
        return subprocess.run([sys.executable, "-m", "ftb_tui", "doctor"], capture_output=True, text=True).stdout

    assert "is not SmolLM2" in said()
    monkeypatch.setenv("FTB_WEIGHTS", str(cut_off))
    assert f"✗ weights        {cut_off} cannot be read as GGUF weights" in said()


def client_of_the_engine() -> openai.OpenAI:
    state = read_engine_state()
    assert state is not None
    return openai.OpenAI(base_url=state.url, api_key=state.token, max_retries=0)


def job_on(client: openai.OpenAI) -> str:
    file = client.files.create(file=("train.jsonl", json.dumps(EXAMPLE).encode()), purpose="fine-tune")
    return client.fine_tuning.jobs.create(
        model="smollm2-135m",
        training_file=file.id,
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 1}}},
    ).id


def until_it_says(client: openai.OpenAI, job: str, said: str) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        told = [event.message for event in client.fine_tuning.jobs.list_events(job)]
        if any(said in line for line in told):
            return
        time.sleep(0.05)
    raise AssertionError(told)


@pytest.mark.parametrize("spoilt", ["gone", "cut off"])
def test_an_engine_whose_weights_went_bad_gives_way_and_its_job_goes_on_on_good_ones(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoilt: str
) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(weights.read_bytes())
    first = start_engine(weights=mine)
    if spoilt == "gone":
        mine.unlink()
    else:
        mine.write_bytes(weights.read_bytes()[:1000])
    with client_of_the_engine() as client:
        job = job_on(client)
        until_it_says(client, job, "mine.gguf")
    second = start_engine()
    assert second.pid != first.pid
    assert second.weights == str(weights)
    with client_of_the_engine() as client:
        until_it_says(client, job, "successfully completed")


def test_an_engine_that_was_started_without_weights_gives_way_to_one_that_has_them(
    weights: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FTB_WEIGHTS")
    serve = subprocess.Popen([sys.executable, "-m", "ftb_tui", "serve"], stderr=subprocess.PIPE)
    try:
        until = time.monotonic() + 60
        while running_engine() is None:
            assert time.monotonic() < until
            time.sleep(0.02)
        with client_of_the_engine() as client:
            job = job_on(client)
            until_it_says(client, job, f"a copy of {FILE_NAME}")
        monkeypatch.setenv("FTB_WEIGHTS", str(weights))
        assert start_engine().weights == str(weights)
        with client_of_the_engine() as client:
            until_it_says(client, job, "successfully completed")
    finally:
        serve.terminate()
        serve.communicate(timeout=60)


def test_programs_where_one_stands_are_not_taken_for_modules_of_the_engine(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They have names that modules have, too, and would be run."""
    project = tmp_path / "project"
    project.mkdir()
    for name in ("numpy", "secrets", "aiohttp"):
        (project / f"{name}.py").write_text("raise SystemExit('this is not yours')")
    monkeypatch.chdir(project)
    start_engine()
    with client_of_the_engine() as client:
        assert client.chat.completions.create(
            model="smollm2-135m", messages=[{"role": "user", "content": "Hi"}]
        ).choices


@pytest.mark.parametrize("seconds", ["nan", "-1", "inf", "0"])
def test_a_time_that_is_none_is_refused(seconds: str) -> None:
    for program in (["ftb_tui", "serve"], ["ftb_tui.engine", "serve"]):
        done = subprocess.run(
            [sys.executable, "-m", *program, f"--idle-exit={seconds}"], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 2
        assert "--idle-exit" in done.stderr
