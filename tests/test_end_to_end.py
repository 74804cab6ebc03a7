"""The main job as a person without a key does it: one command, the real SmolLM2, the real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.weights import real_weights

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A fresh home whose engine uses the downloaded weights and is stopped afterwards."""
    weights = real_weights()
    if weights is None:
        pytest.skip("the SmolLM2 weights are not here; `make test` fetches them once")
    env = {**os.environ, "FTB_HOME": str(tmp_path_factory.mktemp("home")), "FTB_WEIGHTS": str(weights)}
    yield env
    subprocess.run([sys.executable, "-m", "ftb_tui", "serve", "--stop"], env=env, capture_output=True, timeout=60)


def ftb(env: dict[str, str], *arguments: str) -> Any:
    """Run a command with `--json` and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "ftb_tui", *arguments, "--json"],
        env=env,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, f"{arguments} -> {done.returncode}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def table(home: dict[str, str]) -> list[dict[str, Any]]:
    return ftb(home, "bench", "--people", "2", "--epochs", "12", "--limit", "12")


def row(table: list[dict[str, Any]], kind: str, task: str) -> dict[str, Any]:
    [found] = [line for line in table if line["kind"] == kind and line["task"] == task and line["grader"] == "choice"]
    return found


def test_a_real_model_learns_what_it_was_taught_and_not_before(table: list[dict[str, Any]]) -> None:
    base, tuned = row(table, "base", "memorization"), row(table, "tuned", "memorization")
    assert base["n"] == tuned["n"] == 12
    assert base["score"] <= 0.2
    assert tuned["score"] >= 0.6
    assert tuned["fixed"] - tuned["broken"] == tuned["correct"] - base["correct"]
    assert tuned["p_value"] < 0.05


def test_the_same_table_is_printed_again_from_the_store(home: dict[str, str], table: list[dict[str, Any]]) -> None:
    assert ftb(home, "results") == table


def test_every_wrong_answer_can_be_opened(home: dict[str, str], table: list[dict[str, Any]]) -> None:
    base = row(table, "base", "memorization")
    wrong = ftb(home, "wrong", "--model", base["model"], "--task", "memorization")
    assert len(wrong) == base["n"] - base["correct"]
    assert {"id", "task", "prompt", "answer", "response", "grade", "reason", "fact"} <= wrong[0].keys()


def test_a_job_shows_its_real_loss_curve(home: dict[str, str], table: list[dict[str, Any]]) -> None:
    [job] = ftb(home, "jobs", "list")
    assert job["state"] == "succeeded"
    shown = ftb(home, "jobs", "show", str(job["job_key"]))
    losses = [value for _, value in shown["metrics"]["train_loss"]]
    assert losses[-1] < losses[0] / 4
    assert len(shown["checkpoints"]) == 12
