"""The whole benchmark by one command: real processes, the real engine on a tiny model."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ftb_tui.cli.bench import progress_line
from ftb_tui.engine_state import read_engine_state
from ftb_tui.work.bench import BenchProgress
from tests.cli.conftest import Done, Ftb, command

SMALL = ("bench", "--people", "2", "--limit", "2", "--epochs", "2")


def as_process(*arguments: str, **env: str) -> Done:
    environment = {**os.environ, "COLUMNS": "120", **env}
    done = subprocess.run(
        command(*arguments), env=environment, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def benched(tmp_path_factory: pytest.TempPathFactory, tiny_weights: Path) -> Iterator[tuple[Path, Done]]:
    """A home in which the benchmark ran once, and what it printed. Its engine runs."""
    home = tmp_path_factory.mktemp("benched")
    env = {"FTB_HOME": str(home), "FTB_WEIGHTS": str(tiny_weights)}
    yield home, as_process(*SMALL, **env)
    as_process("serve", "--stop", **env)


@pytest.fixture
def in_benched(benched: tuple[Path, Done], tiny_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FTB_HOME", str(benched[0]))
    monkeypatch.setenv("FTB_WEIGHTS", str(tiny_weights))
    return benched[0]


def test_one_command_trains_asks_and_prints_the_table(benched: tuple[Path, Done]) -> None:
    done = benched[1]
    assert done.code == 0
    table, reading = done.out.split("\n\n", 1)
    assert len(table.splitlines()) == 2 + 2 * 4, "head, rule, and four tasks for base and tuned"
    assert "of the trained questions" in reading
    assert "nothing leaves this machine" in done.err
    assert "ftb wrong --model ft:smollm2-135m:" in done.err
    assert "\x1b" not in done.said
    assert "\r" not in done.said


def test_again_it_prints_json_asks_the_base_no_more_and_begins_a_job_of_its_own(ftb: Ftb, in_benched: Path) -> None:
    before = ftb("results", "--json").json
    done = ftb(*SMALL, "--json")
    assert done.code == 0
    table = done.json
    assert {(row["kind"], row["task"]) for row in table} == {
        (kind, task) for kind in ("base", "tuned") for task in ("memorization", "rephrased", "secondary", "comparison")
    }
    assert [row for row in table if row["kind"] == "base"] == [row for row in before if row["kind"] == "base"]
    kept = ftb("results", "--json").json
    assert all(row in kept for row in table)
    assert len(kept) == len(before) + len([row for row in table if row["kind"] == "tuned"])
    assert len(ftb("jobs", "list", "--json").json) == 2


def test_a_run_reports_the_answers_that_its_own_base_gave(ftb: Ftb, in_benched: Path) -> None:
    """Whatever else the base was asked before, more of it or other questions."""
    table = ftb(*SMALL[:3], "--limit", "1", "--epochs", "1", "--seed", "7", "--json").json
    assert {row["kind"] for row in table} == {"base", "tuned"}
    assert {row["paired"] for row in table if row["kind"] == "tuned" and row["grader"] == "exact"} == {1}


def test_a_dead_engine_is_started_again_by_the_next_command(ftb: Ftb, in_benched: Path) -> None:
    health: dict[str, Any] = ftb("serve", "--status", "--json").json["health"]
    os.kill(int(health["pid"]), signal.SIGKILL)
    done = ftb(
        "evaluate", "--model", "base", "--dataset", "fictional_people", "--people", "1", "--limit", "1", "--json"
    )
    assert (done.code, done.json["n_failed"]) == (0, 0)
    assert ftb("serve", "--status", "--json").json["health"]["pid"] != health["pid"]


def test_an_engine_that_is_killed_in_mid_evaluation_comes_back_and_nothing_is_said_of_its_connections(
    ftb: Ftb, tiny: Path
) -> None:
    assert ftb(*SMALL, "--epochs", "1").code == 0
    asked = ("evaluate", "--model", "base", "--dataset", "fictional_people", "--seed", "11")
    with subprocess.Popen(
        command(*asked), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True
    ) as process:  # fmt: skip
        while answers_to_all(tiny) < 60:
            assert process.poll() is None
        os.kill(int(ftb("serve", "--status", "--json").json["health"]["pid"]), signal.SIGKILL)
        said = process.communicate(timeout=120)[1]
    assert process.returncode == 0, said
    assert "Unclosed" not in said
    assert "Traceback" not in said
    assert answers_to_all(tiny) == 600


def answers_to_all(home: Path) -> int:
    """How many of the 600 questions are answered in the evaluation that asks them all."""
    with contextlib.closing(sqlite3.connect(home / "data" / "ftb.db")) as db:
        [(answered,)] = db.execute(
            "SELECT count(answer) FROM responses WHERE evaluation_key IN (SELECT evaluation_key FROM"
            " evaluation_questions GROUP BY evaluation_key HAVING count(*) = 600)"
        ).fetchall()
    return int(answered)


def test_ctrl_c_leaves_a_run_that_the_same_command_finishes(ftb_process: Ftb, tiny: Path) -> None:
    arguments = ("bench", "--people", "4", "--limit", "2", "--epochs", "12")
    with subprocess.Popen(
        command(*arguments), stderr=subprocess.PIPE, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    ) as process:  # fmt: skip
        assert process.stderr is not None
        told = next(line for line in process.stderr if re.match(r"training \d", line))
        process.send_signal(signal.SIGINT)
        out, rest = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, ""), told + rest
    assert "the same command continues from there" in rest
    assert "Traceback" not in rest
    [job] = ftb_process("jobs", "list", "--json").json
    assert job["intent"] == "confirmed"
    done = ftb_process(*arguments, "--json")
    assert done.code == 0, done.err
    assert [job["job_key"] for job in ftb_process("jobs", "list", "--json").json] == [job["job_key"]]
    assert {row["n"] for row in done.json if row["grader"] == "choice"} == {2}


def test_a_job_that_somebody_paused_is_told_as_paused() -> None:
    line = progress_line(BenchProgress("train", 437, 500, "paused", 0.5, 1.0, 96, 96))
    assert line == "training 437/500, paused; it goes on with: ftb jobs resume last"


def test_one_person_alone_cannot_be_compared_and_the_refusal_says_how_many_can(ftb: Ftb, home: Path) -> None:
    done = ftb("bench", "--tasks", "comparison", "--people", "1")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "With --people 1 there is no question of comparison of fictional_people to ask: each compares two facts. "
        "Give --people 2, or more.\n"
    )
    assert "its tasks are memorization" in ftb("bench", "--tasks", "vignette").err


def test_a_run_whose_questions_fail_says_why_they_do(ftb: Ftb, tiny: Path) -> None:
    done = ftb("bench", "--facts", "1", "--answer-tokens", "100000", "--epochs", "1")
    assert (done.code, "questions to smollm2-135m failed. They failed with: " in done.err) == (1, True)
    assert re.search(r"failed with: .*tokens", done.err)


def test_no_task_at_all_is_not_every_task(ftb: Ftb) -> None:
    done = ftb("bench", "--tasks", "")
    assert (done.code, done.out) == (2, "")
    assert "There is no task ''" in done.err


def test_a_launch_that_costs_nothing_says_what_becomes_of_its_suffix(ftb: Ftb, tiny: Path) -> None:
    long = "x" * 70
    done = ftb("train", "--dataset", "fictional_people", "--people", "1", "--epochs", "1", "--suffix", long, "--json")
    assert f"! The suffix '{long}' becomes '{long[:64]}': that is what local takes." in done.err
    assert done.code == 0, done.err
    assert done.json["remote_job_id"]


def test_homes_never_meet(ftb_process: Ftb, benched: tuple[Path, Done], tiny: Path) -> None:
    other = {"FTB_HOME": str(benched[0])}
    job = ftb_process("train", "--dataset", "fictional_people", "--people", "1", "--epochs", "1", "--json").json
    assert job["job_key"] == 1
    assert [found["intent_id"] for found in ftb_process("jobs", "list", "--json").json] == [job["intent_id"]]
    assert job["intent_id"] not in ftb_process("jobs", "list", "--json", **other).out
    urls = [ftb_process("serve", "--status", "--json", **env).json["url"] for env in ({}, other)]
    assert None not in urls
    assert urls[0] != urls[1]
    assert ftb_process("serve", "--stop").code == 0
    assert ftb_process("serve", "--status", "--json", **other).json["running"] is True


def test_a_damaged_weights_file_is_named(ftb_process: Ftb, tiny: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"GGUF" + bytes(1000))
    done = ftb_process(*SMALL, FTB_WEIGHTS=str(bad))
    assert done.code == 1
    assert "bad.gguf" in done.err
    assert "Traceback" not in done.err


def test_a_given_weights_file_that_is_not_there_is_named(ftb_process: Ftb, tmp_path: Path) -> None:
    done = ftb_process("bench", "--quick", FTB_WEIGHTS=str(tmp_path / "gone.gguf"))
    assert (done.code, done.out) == (2, "")
    assert "gone.gguf" in done.err
    assert "FTB_WEIGHTS" in done.err


def test_without_weights_and_network_both_ways_are_named_with_what_to_do(ftb_process: Ftb) -> None:
    nowhere = "http://127.0.0.1:9"
    done = ftb_process(
        "bench", "--quick", FTB_WEIGHTS_URL=f"{nowhere}/x", NO_PROXY="127.0.0.1", no_proxy="127.0.0.1"
    )  # fmt: skip
    assert (done.code, done.out) == (3, "")
    assert "127.0.0.1:9 cannot be reached" in done.err
    assert "set FTB_WEIGHTS" in done.err
    assert "Traceback" not in done.err


def test_a_taken_port_is_one_sentence(ftb_process: Ftb, tiny: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = ftb_process("serve", "--port", str(port))
    assert done.code == 1
    assert f"port {port} on 127.0.0.1 cannot be used" in done.err
    assert "--port" in done.err
    assert "Traceback" not in done.err
    assert "token" not in done.err, "there is no address and no token to be found"


@pytest.mark.parametrize("weights", ["tiny", "none"])
def test_the_address_is_told_once_it_is_true_and_missing_weights_are_told_before(
    home: Path, tiny_weights: Path, weights: str
) -> None:
    environment = dict(os.environ)
    if weights == "tiny":
        environment["FTB_WEIGHTS"] = str(tiny_weights)
    with subprocess.Popen(command("serve"), env=environment, stderr=subprocess.PIPE, text=True) as serve:
        assert serve.stderr is not None
        said = ""
        while "Address and token are in" not in said:
            line = serve.stderr.readline()
            assert line, said
            said += line
        state = read_engine_state()
        assert state is not None
        assert state.url in said
        assert ("ftb models pull smollm2-135m" in said) == (weights == "none")
        serve.terminate()
        serve.communicate(timeout=60)


def test_a_file_without_weights_does_not_start_the_engine(ftb_process: Ftb, home: Path, tmp_path: Path) -> None:
    (tmp_path / "passwd").write_text("root:x:0:0")
    done = ftb_process("serve", "--weights", str(tmp_path / "passwd"))
    assert (done.code, done.out) == (2, "")
    assert "passwd is no file of weights" in done.err
    assert "listen" not in done.err


def test_the_engine_says_whether_it_runs_and_stops(ftb: Ftb) -> None:
    assert ftb("serve", "--status", "--json").json == {"running": False, "url": None, "health": None}
    assert ftb("serve", "--stop", "--json").json == {"stopped": False}
