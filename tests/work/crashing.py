"""One benchmark on the tiny model as real processes, which tests look into from outside, kill, and run again."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ftb_tui.engine_state import read_engine_state
from tests.cli.conftest import Done, command

PLAN = ("bench", "--people", "6", "--epochs", "4", "--answer-tokens", "24", "--json")
DEADLINE = 90.0
DEAF = ("sh", "-c", 'trap "" INT; exec "$@"', "sh")
"""Before a program: deaf to ctrl+c, as shells start what ends in `&`."""


@dataclass(frozen=True)
class Outcome:
    """All that a finished benchmark leaves, but for names and times, which differ from run to run."""

    table: list[dict[str, Any]]
    answers: dict[tuple[str, str], tuple[Any, ...]]
    losses: list[tuple[int, float]]
    adapter: bytes
    counts: dict[str, int]


@dataclass
class Running:
    """A command that was started; what it says goes to files, so that it never waits for a reader."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    def ended(self) -> Done:
        code = self.process.wait(DEADLINE)
        return Done(code, self.out.read_text(), self.err.read_text())


@dataclass
class Bench:
    """A home, and the benchmark in it."""

    home: Path
    weights: Path
    plan: tuple[str, ...] = PLAN
    started: list[Running] = field(default_factory=list)

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, "FTB_HOME": str(self.home), "FTB_WEIGHTS": str(self.weights)}

    def begin(self, *arguments: str, deaf: bool = False) -> Running:
        """Start the benchmark (or another command)."""
        return self.begin_program(command(*(arguments or self.plan)), deaf=deaf)

    def begin_program(self, program: Sequence[str], *, deaf: bool = False) -> Running:
        """Start any program in this home. It gives way to who watches it: nothing passes unseen on a busy machine."""
        self.home.mkdir(parents=True, exist_ok=True)
        out, err = (self.home.with_name(f"{self.home.name}-{len(self.started)}.{end}") for end in ("out", "err"))
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                [*(DEAF if deaf else ()), "nice", "-n", "10", *program],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )
        self.started.append(Running(process, out, err))
        return self.started[-1]

    def run(self, *arguments: str) -> Done:
        return self.begin(*arguments).ended()

    def engine_pid(self) -> int:
        state = read_engine_state(self.home / "state" / "engine.json")
        assert state is not None
        return state.pid

    def kill_engine(self) -> None:
        os.kill(self.engine_pid(), signal.SIGKILL)

    def end(self) -> None:
        """Leave no process behind."""
        for running in self.started:
            running.process.kill()
            running.process.wait()
        state = read_engine_state(self.home / "state" / "engine.json")
        if state is not None:
            with closing(self._open("data/engine/engine.db")):
                os.kill(state.pid, signal.SIGKILL)

    def _open(self, name: str) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self.home / name}?mode=ro", uri=True, timeout=10)

    def ask(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the store; none as long as there is no store."""
        return self._rows("data/ftb.db", sql, values)

    def ask_engine(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the engine's records."""
        return self._rows("data/engine/engine.db", sql, values)

    def _rows(self, name: str, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        try:
            with closing(self._open(name)) as db:
                return db.execute(sql, values).fetchall()
        except sqlite3.OperationalError as error:
            # Not there yet, or made this moment.
            if "unable to open" in str(error) or "no such table" in str(error):
                return []
            raise

    def steps(self) -> int:
        """Steps that the engine has trained of a job that still runs; 0 when none does."""
        [(found,)] = self.ask_engine(
            "SELECT count(*) FROM events JOIN jobs ON jobs.id = job_id WHERE type = 'metrics' AND status = 'running'"
        ) or [(0,)]
        return int(found)

    def answered(self, kind: str) -> tuple[int, int]:
        """How many questions to the base or the tuned model are answered, and how many there are."""
        [row] = self.ask(
            "SELECT (SELECT count(*) FROM responses r WHERE r.evaluation_key = max(e.evaluation_key)),"
            " (SELECT count(*) FROM evaluation_questions q WHERE q.evaluation_key = max(e.evaluation_key))"
            " FROM evaluations e JOIN models m USING (model_key) WHERE kind = ?",
            kind,
        ) or [(0, 0)]
        return row[0], row[1]

    def until(self, seen: Callable[[], bool], running: Running | None = None) -> None:
        """Wait until something is seen; fail when the command has ended without it."""
        end = time.monotonic() + DEADLINE
        while not seen():
            over = running is not None and running.process.poll() is not None
            assert not over or seen(), f"ended before it was seen: {running.err.read_text() if running else ''}"
            assert time.monotonic() < end, "was never seen"
            time.sleep(0.002)

    def in_training(self) -> bool:
        return self.steps() >= 6

    def in_evaluation(self) -> bool:
        answered, planned = self.answered("tuned")
        return 0 < answered < planned

    def adapters(self) -> list[Path]:
        """The files of the one job's adapters, the last one last."""
        files = (self.home / "data/engine/jobs").glob("*/step-*.safetensors")
        return sorted(files, key=lambda file: int(file.stem.split("-")[1]))

    def outcome(self, done: Done) -> Outcome:
        """What a finished benchmark has left."""
        assert done.code == 0, done.err
        table = done.json
        for row in table:
            if row["kind"] == "tuned":
                row.pop("model")
        answers = self.ask(
            "SELECT m.kind, q.question_id, r.answer, r.error, r.finish_reason, r.prompt_tokens, r.completion_tokens,"
            " (SELECT group_concat(grader || verdict) FROM (SELECT grader, verdict FROM grades g"
            "   WHERE g.response_key = r.response_key ORDER BY grader))"
            " FROM responses r JOIN questions q USING (question_key) JOIN evaluations e USING (evaluation_key)"
            " JOIN models m USING (model_key)"
        )
        tables = ("benches", "jobs", "training_files", "evaluations", "responses", "job_checkpoints", "models")
        return Outcome(
            table=sorted(table, key=lambda row: json.dumps(row, sort_keys=True)),
            answers={(row[0], row[1]): row[2:] for row in answers},
            losses=self.ask("SELECT step, value FROM job_metrics WHERE name = 'train_loss' ORDER BY step"),
            adapter=self.adapters()[-1].read_bytes(),
            counts={name: self.ask(f"SELECT count(*) FROM {name}")[0][0] for name in tables},
        )
