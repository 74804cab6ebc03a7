"""What was made on some weights is used on those alone, and what is refused on others is not lost."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from ftb_tui.engine.tiny import write_tiny_model
from ftb_tui.engine_state import read_engine_state
from ftb_tui.weights import identity
from tests.engine.process import EngineProcess, wait_for
from tests.engine.serving.client import ask, create, upload
from tests.engine.serving.test_engine_life import adapter_bytes


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the same shape, so that everything would seem to fit."""
    return write_tiny_model(tmp_path_factory.mktemp("other") / "other.gguf", seed=2)


def started_on(engine: EngineProcess, weights: Path) -> openai.OpenAI:
    engine.end(signal.SIGTERM)
    engine.weights = weights
    engine.start()
    return engine.client()


def test_a_tuned_model_answers_on_the_weights_it_was_trained_on_alone(
    engine: EngineProcess, tiny: Path, other: Path
) -> None:
    client = engine.client()
    model = str(wait_for(client, create(client, 1), "succeeded").fine_tuned_model)
    expected = ask(client, model).choices[0].message.content
    client = started_on(engine, other)
    said = rf"adapter .*safetensors was trained on other weights \({identity(tiny)}\) .* \({identity(other)}\)"
    with pytest.raises(openai.InternalServerError, match=said):
        ask(client, model)
    assert ask(client, "smollm2-135m").choices
    client = started_on(engine, tiny)
    assert ask(client, model).choices[0].message.content == expected


def test_a_job_that_was_begun_on_other_weights_is_paused_and_goes_on_on_its_own(
    engine: EngineProcess, tiny: Path, other: Path
) -> None:
    client = engine.client()
    file = upload(client)
    whole, begun = create(client, 20, training_file=file), create(client, 20, training_file=file)
    wait_for(client, whole, "succeeded")
    resume = engine.home / "data/engine/jobs" / begun / "resume.safetensors"
    until = time.monotonic() + 30
    while not resume.exists():
        assert time.monotonic() < until
        time.sleep(0.005)
    client = started_on(engine, other)
    paused = wait_for(client, begun, "paused")
    assert paused.error is not None
    assert paused.error.code == "other_weights"
    assert f"begun on other weights ({identity(tiny)})" in str(paused.error.message)
    client = started_on(engine, tiny)
    client.fine_tuning.jobs.resume(begun)
    wait_for(client, begun, "succeeded")
    assert adapter_bytes(engine, begun) == adapter_bytes(engine, whole)


def test_an_engine_says_on_which_weights_it_runs_and_how_long_ago_it_was_asked(
    engine: EngineProcess, tiny: Path
) -> None:
    def said() -> dict[str, Any]:
        state = read_engine_state(engine.state_file)
        assert state is not None
        return dict(httpx2.get(state.url.replace("/v1", "/health")).json())

    assert (said()["weights"], said()["model_loaded"], said()["idle_seconds"]) == (identity(tiny), False, None)
    seen = threading.Event()

    def asking() -> None:
        while not seen.is_set():
            ask(engine.client(), "smollm2-135m", max_tokens=200)

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(asking)
        until = time.monotonic() + 30
        while said()["idle_seconds"] != 0 and time.monotonic() < until:
            time.sleep(0.001)
        seen.set()
        asked.result()
    assert time.monotonic() < until, "it is not idle as long as it answers"
    assert (said()["weights"], said()["model_loaded"]) == (identity(tiny), True)
    assert said()["idle_seconds"] > 0
