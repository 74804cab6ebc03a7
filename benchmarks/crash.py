"""Kill -9 at random moments: the command, the engine, or both, while benchmarks run. Nothing answered may be lost.

Run: python benchmarks/crash.py [--kills N] [--seed N]. The bar: no answer lost or changed, one job for each benchmark,
each question answered once. It runs on a tiny model that it makes; the machinery is the same.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PLAN = ("bench", "--people", "8", "--epochs", "6", "--answer-tokens", "24", "--json")
LONGEST = 5.0
ANSWERS = "SELECT evaluation_key, question_key, repeat, answer FROM responses WHERE answer IS NOT NULL"
Answers = dict[tuple[int, int, int], str]


@dataclass
class Soak:
    """One home, the benchmarks that were asked for in it one after the other, and what was seen."""

    home: Path
    env: dict[str, str]
    chance: random.Random
    asked_for: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    moments: Counter[str] = field(default_factory=Counter)
    stumbles: list[str] = field(default_factory=list)
    kept: Answers = field(default_factory=dict)
    lost: int = 0
    seen_before: int = 0

    def begin(self) -> subprocess.Popen[str]:
        """The command for the newest benchmark."""
        command = [sys.executable, "-m", "ftb_tui", *PLAN, "--seed", str(self.asked_for)]
        return subprocess.Popen(command, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def rows(self, name: str, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the store or of the engine's records, as far as these exist."""
        try:
            with contextlib.closing(sqlite3.connect(f"file:{self.home / name}?mode=ro", uri=True, timeout=10)) as db:
                return db.execute(sql).fetchall()
        except sqlite3.OperationalError:
            return []

    def answers(self) -> Answers:
        return {(row[0], row[1], row[2]): row[3] for row in self.rows("data/ftb.db", ANSWERS)}

    def look(self) -> None:
        """Count what was there at the last look and is gone or changed."""
        now = self.answers()
        self.lost += sum(now.get(key) != answer for key, answer in self.kept.items())
        self.kept = now

    def engine_pid(self) -> int | None:
        try:
            return int(json.loads((self.home / "state" / "engine.json").read_text())["pid"])
        except (OSError, ValueError, KeyError):
            return None

    def kill(self, process: subprocess.Popen[str]) -> None:
        """Kill somebody, and compare what is stored right before and after."""
        victim = self.chance.choice(("command", "engine", "command and engine"))
        self.look()
        self.seen_before += len(self.kept)
        [(trains,)] = self.rows(
            "data/engine/engine.db", "SELECT count(*) FROM jobs WHERE status = 'running' LIMIT 1"
        ) or [(0,)]
        [(asks,)] = self.rows("data/ftb.db", "SELECT count(*) FROM evaluations WHERE state = 'running'") or [(0,)]
        names = {(True, True): "training and asking", (True, False): "training", (False, True): "asking"}
        self.moments[names.get((bool(trains), bool(asks)), "between")] += 1
        pid = self.engine_pid()
        if "engine" in victim and pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if "command" in victim:
            process.kill()
            process.communicate()
        self.kills[victim] += 1
        self.look()

    def run(self, kills: int) -> None:
        """Run benchmarks until so many kills are done, then let the last one finish."""
        process = self.begin()
        while sum(self.kills.values()) < kills:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(self.chance.uniform(0.1, LONGEST))
            if process.poll() is None:
                self.kill(process)
            if process.poll() is not None:
                process = self.next(process)
        self.finish(process)

    def next(self, process: subprocess.Popen[str]) -> subprocess.Popen[str]:
        """After a finished command another benchmark, after a killed one the same again."""
        if process.returncode == 0:
            self.asked_for += 1
        self.note(process)
        return self.begin()

    def note(self, process: subprocess.Popen[str]) -> None:
        """A command that ended by itself, in an error."""
        if process.returncode > 0 and process.stderr is not None:
            self.stumbles.append(process.stderr.read().strip().splitlines()[-1])

    def finish(self, process: subprocess.Popen[str]) -> None:
        """Let the last benchmark come to its end, by the same command as often as needed."""
        for _ in range(5):
            process.wait(300)
            if process.returncode == 0:
                break
            self.note(process)
            process = self.begin()
        else:
            sys.exit(f"the last benchmark does not come to its end: {self.stumbles[-1]}")
        self.asked_for += 1
        self.look()

    def report(self) -> bool:
        """Print the table; whether the bar is held."""
        [(jobs,)] = self.rows("data/engine/engine.db", "SELECT count(*) FROM jobs")
        [(intents,)] = self.rows("data/ftb.db", "SELECT count(*) FROM jobs WHERE intent = 'confirmed'")
        [(planned, settled)] = self.rows(
            "data/ftb.db", "SELECT (SELECT count(*) FROM evaluation_questions), (SELECT count(*) FROM responses)"
        )
        duplicates = max(0, jobs - self.asked_for)
        lines = [
            (
                "kills",
                f"{sum(self.kills.values())} ({', '.join(f'{n} {who}' for who, n in sorted(self.kills.items()))})",
            ),
            ("while", ", ".join(f"{what} {n}" for what, n in sorted(self.moments.items()))),
            ("commands that ended in an error", str(len(self.stumbles))),
            ("benchmarks asked for and finished", str(self.asked_for)),
            ("answers stored before kills, in all", f"{self.seen_before:,}"),
            ("of these lost or changed", str(self.lost)),
            ("questions planned, answered", f"{planned:,}, {len(self.kept):,} (rows: {settled:,})"),
            ("jobs at the engine", f"{jobs} (confirmed here: {intents})"),
            ("jobs created twice", str(duplicates)),
        ]
        for name, value in lines:
            print(f"{name:<36} {value}")
        for stumble in sorted(set(self.stumbles)):
            print(f"  {stumble}")
        return not self.lost and not duplicates and planned == settled == len(self.kept) and jobs == intents


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ftb_tui.engine.tiny import write_tiny_model

    with tempfile.TemporaryDirectory() as folder:
        weights = write_tiny_model(Path(folder) / "tiny.gguf")
        env = {**os.environ, "FTB_HOME": f"{folder}/home", "FTB_WEIGHTS": str(weights)}
        soak = Soak(Path(folder) / "home", env, random.Random(options.seed))
        print(f"seed {options.seed}")
        try:
            soak.run(options.kills)
            held = soak.report()
        finally:
            subprocess.run([sys.executable, "-m", "ftb_tui", "serve", "--stop"], env=env, capture_output=True)
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
