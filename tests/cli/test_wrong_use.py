"""What people mistype or point at the wrong thing: told what is wrong and what to do, with the right code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Ftb, command
from tests.fakes.openai_server import FakeOpenAI


@pytest.mark.parametrize(
    ("words", "needle"),
    [
        ("confg", "Did you mean config?"),
        ("config chekc", "Did you mean check?"),
        ("jobs folow 1", "Did you mean follow?"),
        ("datasets lst", "Did you mean list?"),
        ("paraphrases mak x", "Did you mean make?"),
        ("models lst", "Did you mean list?"),
        ("providers xyz", "Commands: check, list, set."),
        ("models list --provider opneai", "Did you mean openai?"),
        ("datasets build fictional-people --seed -1", "-1 is not in the range"),
        (
            "bench --dataset coding --tasks vignette",
            "coding has no question of vignette to ask; its tasks are memorization",
        ),
        ("train --dataset fictional_people --provider gemini --base x --yes", "A Gemini API key cannot fine-tune"),
    ],
)
def test_what_there_is_not_is_named_with_what_there_is(ftb: Ftb, home: Path, words: str, needle: str) -> None:
    done = ftb(*words.split())
    assert done.code == 2
    assert needle in done.err
    assert done.out == ""


def test_a_verdict_that_no_answer_can_have_is_told_rather_than_searched_for(ftb: Ftb, home: Path) -> None:
    search = ("wrong", "--model", "tuned", "--task", "rephrased", "--search")
    wrong = ftb(*search, "tall verdict:wrogn")
    assert wrong.code == 2
    assert "no verdict 'wrogn'; known are correct, wrong, abstained, failed" in wrong.err
    assert "verdict" not in ftb(*search, '-verdict:Wrong "colour:red"').err


def test_a_preference_needs_wrong_answers_and_says_where_they_come_from(ftb: Ftb, home: Path) -> None:
    done = ftb("bench", "--facts", "1", "--recipe", "preference")
    assert done.code == 2
    assert "ftb evaluate --model BASE --dataset fictional_people" in done.err
    there = ftb("bench", "--people", "1", "--recipe", "preference")
    assert there.code == 2
    assert there.err == "Not launched, and nothing was sent. local trains by supervised, not dpo.\n"


def test_a_service_that_nobody_answers_for_is_left_after_a_few_questions(
    ftb: Ftb, fake_openai: FakeOpenAI, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ftb_tui.work.evaluate.random.uniform", lambda low, high: 0.001)
    file = home / "config" / "config.toml"
    file.write_text('[providers.gone]\nbase_url = "http://127.0.0.1:9/v1"\n')
    done = ftb("evaluate", "--provider", "gone", "--model", "m", "--dataset", "fictional_people")
    assert done.code == 3
    assert "127.0.0.1:9 cannot be reached" in done.err
    assert "Go on with: ftb evaluate --resume 1" in done.err
    assert "Traceback" not in done.err
    [row] = {(row["n"], row["failed"] < 20) for row in ftb("results", "--json").json if row["task"] == "memorization"}
    assert row == (0, True), "the other questions were not asked in vain"


def test_a_model_that_words_questions_and_is_gone_is_not_asked_on(
    ftb: Ftb, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ftb_tui.work.paid_asking.random.uniform", lambda low, high: 0.001)
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text('[providers.gone]\nbase_url = "http://127.0.0.1:9/v1"\n')
    done = ftb("paraphrases", "make", "fictional-people", "--model", "gone/m")
    assert done.code == 3
    assert "127.0.0.1:9 cannot be reached" in done.err
    assert "the same command goes on once it answers" in done.err


def test_an_evaluation_of_a_task_that_the_dataset_has_not_leaves_nothing_behind(
    ftb: Ftb, fake_openai: FakeOpenAI
) -> None:
    words = ("evaluate", "--provider", "fake", "--model", "m", "--dataset", "coding")
    done = ftb(*words, "--tasks", "vignette,secondary")
    assert done.code == 2
    assert "coding has no question of vignette or secondary to ask" in done.err
    assert "m" not in [model["name"] for model in ftb("models", "list", "--provider", "fake", "--json").json]


def test_only_a_job_whose_creation_is_unclear_is_given_up_and_that_is_said_before_asking(
    ftb: Ftb, fake_openai: FakeOpenAI
) -> None:
    assert ftb("train", "--dataset", "fictional_people", "--provider", "fake", "--base", "m", "--yes").code == 0
    done = ftb("jobs", "abandon", "1")
    assert done.code == 2
    assert "Job 1 was created" in done.err
    assert "Give up" not in done.err


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_closed_stream_is_no_failure(home: Path, closed: str) -> None:
    number = {"stdout": 1, "stderr": 2}[closed]
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" "$@" {number}>&-', *command("config", "path")], capture_output=True, text=True, timeout=60
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_a_person_without_a_home_is_told_what_to_set(tmp_path: Path) -> None:
    """As in a container whose user is in no list of users: `~` has no meaning there."""
    script = (
        "import pwd\n"
        "def nobody(uid): raise KeyError(uid)\n"
        "pwd.getpwuid = nobody\n"
        "from ftb_tui.cli.main import run\n"
        "raise SystemExit(run(['results']))\n"
    )
    away = ("HOME", "FTB_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in away}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert done.stderr == "Your home directory is not known. Set HOME, or FTB_HOME to where all is to be kept.\n"
    assert list(tmp_path.iterdir()) == [], "no directory named ~ is made here"


def test_a_home_of_somebody_unknown_is_told(ftb: Ftb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTB_HOME", "~nobody-of-that-name/ftb")
    done = ftb("config", "path")
    assert done.code == 2
    assert "FTB_HOME is ~nobody-of-that-name/ftb" in done.err
