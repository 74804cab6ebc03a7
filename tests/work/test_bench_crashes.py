"""Whatever is killed, and whenever: the same command ends with what an undisturbed run gives, and does nothing twice."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftb_tui.engine.tiny import write_tiny_model
from tests.work import background, dying
from tests.work.crashing import Bench, Outcome


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("weights") / "tiny.gguf")


@pytest.fixture
def bench(tmp_path: Path, weights: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "home", weights)
    yield bench
    bench.end()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Iterator[Outcome]:
    bench = Bench(tmp_path_factory.mktemp("undisturbed") / "home", weights)
    yield bench.outcome(bench.run())
    bench.end()


def test_the_undisturbed_run_asks_everything_once(undisturbed: Outcome) -> None:
    """What the others are compared with."""
    planned = undisturbed.counts["responses"] // 2
    assert planned > 2 * 64, "more than two of the engine's batches, so that a kill can come between"
    assert {kind for kind, _ in undisturbed.answers} == {"base", "tuned"}
    assert len(undisturbed.answers) == 2 * planned
    assert sum(row["n"] for row in undisturbed.table if row["grader"] == "choice") == 2 * planned
    assert [step for step, _ in undisturbed.losses] == list(range(1, len(undisturbed.losses) + 1))
    ones = {name: undisturbed.counts[name] for name in ("benches", "jobs", "training_files")}
    assert ones == {"benches": 1, "jobs": 1, "training_files": 1}
    assert undisturbed.counts["evaluations"] == 2


@pytest.mark.parametrize("victims", ["command", "engine", "command and engine"])
def test_killed_in_mid_training_and_in_mid_evaluation_it_ends_as_if_undisturbed(
    bench: Bench, undisturbed: Outcome, victims: str
) -> None:
    running = bench.begin()
    for moment in (bench.in_training, bench.in_evaluation):
        bench.until(moment, running)
        if "engine" in victims:
            bench.kill_engine()
        if "command" in victims:
            running.process.kill()
            assert running.ended().code == -signal.SIGKILL
            running = bench.begin()
    done = running.ended()
    assert bench.outcome(done) == undisturbed
    assert "Traceback" not in done.err
    assert "Unclosed" not in done.err
    assert bench.ask_engine("SELECT count(*) FROM jobs") == [(1,)]


def test_what_runs_behind_the_app_is_killed_with_its_engine_and_goes_on_by_itself_when_the_app_is_opened_again(
    bench: Bench, undisturbed: Outcome
) -> None:
    app = bench.begin_program([sys.executable, background.__file__, "begin"])
    for moment in (bench.in_training, bench.in_evaluation):
        bench.until(moment, app)
        bench.kill_engine()
        app.process.kill()
        app.ended()
        app = bench.begin_program([sys.executable, background.__file__])
    said = app.ended()
    assert (said.code, "The benchmark is finished" in said.err, "error" in said.err) == (0, True, False), said.err
    assert bench.outcome(bench.run("results", "--json")) == undisturbed


def test_told_to_end_it_says_how_to_go_on_and_goes_on(bench: Bench, undisturbed: Outcome) -> None:
    for moment, how, deaf in (
        (bench.in_training, signal.SIGTERM, True), (bench.in_evaluation, signal.SIGINT, False),
    ):  # fmt: skip
        running = bench.begin(deaf=deaf)
        bench.until(moment, running)
        running.process.send_signal(how)
        done = running.ended()
        assert (done.code, done.out) == (130, "")
        assert "the same command continues from there" in done.err
        assert "Traceback" not in done.err
    assert bench.outcome(bench.run()) == undisturbed


STEPS = [
    ("ftb_tui.store.intents:insert_intent", "after"),
    ("ftb_tui.providers.openai_wire:OpenAIWire.create_job", "before"),
    ("ftb_tui.providers.openai_wire:OpenAIWire.create_job", "after"),
    ("ftb_tui.store.evaluations:create_evaluation", "after"),
    ("ftb_tui.store.leases:release", "before"),
]


def test_killed_at_every_step_where_it_could_do_something_twice_it_does_it_once(
    bench: Bench, undisturbed: Outcome
) -> None:
    for target, when in STEPS:
        died = subprocess.run(
            [sys.executable, dying.__file__, target, when, *bench.plan], env=bench.env, capture_output=True, timeout=90
        )
        assert died.returncode == -signal.SIGKILL, (target, when, died.stderr.decode())
    assert bench.outcome(bench.run()) == undisturbed
    assert bench.ask_engine("SELECT count(*) FROM jobs") == [(1,)]


@pytest.mark.parametrize("call", ["upload_training_file", "create_job"])
def test_an_engine_that_dies_over_the_launch_comes_back_and_trains_one_job(bench: Bench, call: str) -> None:
    target = f"ftb_tui.providers.openai_wire:OpenAIWire.{call}"
    plan = ("bench", "--people", "1", "--tasks", "memorization", "--epochs", "1", "--json")
    command = [sys.executable, dying.__file__, target, "engine", *plan]
    done = subprocess.run(command, env=bench.env, capture_output=True, timeout=90)
    assert done.returncode == 0, done.stderr.decode()
    assert bench.ask_engine("SELECT count(*), min(status) FROM jobs") == [(1, "succeeded")]
    assert bench.ask("SELECT count(*) FROM jobs WHERE intent = 'confirmed'") == [(1,)]


def test_two_equal_commands_at_once_do_the_work_once(bench: Bench) -> None:
    plan = ("bench", "--people", "2", "--epochs", "4", "--json")
    both = [bench.begin(*plan), bench.begin(*plan)]
    one, other = sorted((running.ended() for running in both), key=lambda done: done.code)
    assert one.code == 0, one.err
    assert (other.code, other.out) == (1, "")
    assert "is being run by another ftb now" in other.err
    assert bench.ask_engine("SELECT count(*) FROM jobs") == [(1,)]
    assert bench.ask("SELECT count(*) FROM benches") == bench.ask("SELECT count(*) FROM jobs") == [(1,)]
    [(responses, questions)] = bench.ask(
        "SELECT (SELECT count(*) FROM responses WHERE answer IS NOT NULL), count(*) FROM evaluation_questions"
    )
    assert responses == questions > 0


def test_two_runs_that_share_the_base_ask_it_once(bench: Bench) -> None:
    plan = ("bench", "--people", "2", "--epochs", "1", "--answer-tokens", "40", "--json")
    both = [bench.begin(*plan, "--seed", seed) for seed in ("1", "2")]
    done = [running.ended() for running in both]
    assert [one.code for one in done] == [0, 0], done
    assert bench.ask("SELECT count(*) FROM evaluations e JOIN models m USING (model_key) WHERE kind = 'base'") == [(1,)]
    assert bench.ask("SELECT count(*) FROM jobs") == [(2,)]
    bases = [[row for row in one.json if row["kind"] == "base"] for one in done]
    assert bases[0] == bases[1]


SMALL = 8192
"""Bytes: enough for what a command says, too little for any answer or step."""

linux_only = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of running processes are Linux's")


def _let_write(pid: int, most: int) -> None:
    """Let a running process write files of at most so many bytes."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))


@linux_only
def test_a_disk_that_fills_up_is_said_and_what_was_stored_is_gone_on_from_once_there_is_space(
    bench: Bench, undisturbed: Outcome
) -> None:
    for moment in (bench.in_training, bench.in_evaluation):
        running = bench.begin()
        bench.until(moment, running)
        _let_write(running.process.pid, SMALL)
        done = running.ended()
        assert (done.code, done.out) == (1, "")
        assert f"{bench.home}/data/ftb.db" in done.err
        assert "The disk may be full" in done.err
        assert "what was stored before is safe" in done.err
        assert "Traceback" not in done.err
    assert bench.in_evaluation()
    assert bench.outcome(bench.run()) == undisturbed


@linux_only
def test_an_engine_whose_disk_fills_up_pauses_the_job_and_goes_on_once_there_is_space(
    bench: Bench, undisturbed: Outcome
) -> None:
    running = bench.begin()
    bench.until(bench.in_training, running)
    engine = bench.engine_pid()
    _let_write(engine, SMALL)
    for done in (running.ended(), bench.run()):
        assert (done.code, done.out) == (1, "")
        assert f"The engine cannot write to {bench.home}/data/engine" in done.err
        assert "Free some space and resume the job. The same command goes on from there." in done.err
        assert "Traceback" not in done.err
    _let_write(engine, resource.RLIM_INFINITY)
    assert bench.outcome(bench.run()) == undisturbed
    assert bench.engine_pid() == engine
    assert bench.ask("SELECT error FROM jobs") == [(None,)]


def test_a_damaged_adapter_stops_the_evaluation_by_name_and_gives_no_answer(bench: Bench) -> None:
    plan = ("--people", "1", "--tasks", "memorization")
    done = bench.run("bench", *plan, "--epochs", "1", "--json")
    assert done.code == 0, done.err
    model = next(row["model"] for row in done.json if row["kind"] == "tuned")
    # The running engine has read it already.
    bench.kill_engine()
    adapter = bench.adapters()[-1].with_name("model.safetensors")
    whole = adapter.read_bytes()
    adapter.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    asking = ("evaluate", "--model", model, "--dataset", "fictional_people", *plan, "--answer-tokens", "5")
    spoilt = bench.run(*asking)
    assert (spoilt.code, spoilt.out) == (1, "")
    assert f"{adapter} is damaged" in spoilt.err
    assert "Traceback" not in spoilt.err
    [(key, state, error, answers)] = bench.ask(
        "SELECT e.evaluation_key, e.state, e.error, count(response_key) FROM evaluations e"
        " LEFT JOIN responses USING (evaluation_key) GROUP BY 1 ORDER BY 1 DESC LIMIT 1"
    )
    assert (state, answers) == ("failed", 0)
    assert "is damaged" in error
    adapter.write_bytes(whole)
    mended = bench.run("evaluate", "--resume", str(key), "--json")
    assert (mended.code, mended.json["n_answered"], mended.json["n_failed"]) == (0, 6, 0)
