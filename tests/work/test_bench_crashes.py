"""Whatever is killed, and whenever: the same command ends with what an undisturbed run gives, and does nothing twice."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ftb_tui.engine.tiny import write_tiny_model
from tests.work.crashing import Bench, Outcome

MakeBench = Callable[..., Bench]


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
    assert planned > 150
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


def test_told_to_end_it_says_how_to_go_on_and_goes_on(bench: Bench, undisturbed: Outcome) -> None:
    for moment, how in ((bench.in_training, signal.SIGTERM), (bench.in_evaluation, signal.SIGINT)):
        running = bench.begin()
        bench.until(moment, running)
        running.process.send_signal(how)
        done = running.ended()
        assert (done.code, done.out) == (130, "")
        assert "the same command continues from there" in done.err
        assert "Traceback" not in done.err
    assert bench.outcome(bench.run()) == undisturbed
