"""How soon a key is seen on the screen while answers pour in, with a million responses in the store.

Run: python benchmarks/ui.py [--responses N] [--store FILE] [--keys N]. The app runs in a pseudo-terminal, as people run
it; another process commits 200 answers a second to an evaluation that is under way. Bars: 95 of 100 keys within 60 ms,
results and pages of wrong answers within 150 ms, memory under 200 MB. Beside it an empty Textual app with one table.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import os
import pty
import random
import re
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

import _filling

KEY_BAR, OPEN_BAR, MEMORY_BAR = 0.060, 0.150, 200
A_SECOND, BATCH = 200, 20
QUIET = 0.2
"""So many seconds without anything written, and the screen has been painted."""
_ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")

EMPTY = """
from textual.app import App
from textual.widgets import DataTable

class Empty(App):
    def compose(self):
        yield DataTable(cursor_type="row")
    def on_mount(self):
        table = self.query_one(DataTable)
        table.add_columns("number", "text")
        for i in range(200):
            table.add_row(str(i), f"row {i} of the table")

Empty().run()
"""


class Terminal:
    """A program in a pseudo-terminal of 120 x 35."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, env)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 35, 120, 0, 0))

    def read(self, seconds: float) -> bytes:
        """What is written within this time, without colours and cursor movements."""
        seen, until = b"", time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            seen += self._read(left)
        return _ESCAPES.sub(b"", seen)

    def _read(self, seconds: float) -> bytes:
        if not select.select([self.terminal], [], [], seconds)[0]:
            return b""
        try:
            return os.read(self.terminal, 1 << 20)
        except OSError:
            sys.exit("the app ended")

    def press(self, key: str, words: bytes, *, seconds: float = 30) -> float:
        """Seconds from a key until these words are written."""
        return self._press(key, words, seconds)[0]

    def open(self, key: str, words: bytes, *, seconds: float = 30) -> float:
        """Seconds from a key until the last of what is painted for it; the app looks for what came 0.4 s later."""
        return self._press(key, words, seconds)[1]

    def _press(self, key: str, words: bytes, seconds: float) -> tuple[float, float]:
        seen, begin = b"", time.perf_counter()
        os.write(self.terminal, key.encode())
        while time.perf_counter() - begin < seconds:
            seen += self._read(0.5)
            if words in _ESCAPES.sub(b"", seen):
                written = painted = time.perf_counter() - begin
                while self._read(QUIET):
                    painted = time.perf_counter() - begin
                return written, painted
        sys.exit(
            f"after {key!r} {words!r} was never written, but:\n{_ESCAPES.sub(b'', seen)[-1500:].decode(errors='replace')}"
        )

    def learn(self, key: str, pattern: bytes) -> bytes:
        """The last words of this pattern that are written after a key."""
        os.write(self.terminal, key.encode())
        seen = self.read(2.0)
        found = re.findall(pattern, seen)
        if not found:
            sys.exit(
                f"after {key!r} nothing like {pattern!r} was written, but:\n{seen[-1500:].decode(errors='replace')}"
            )
        return bytes(found[-1])

    def megabytes(self) -> float:
        """The most memory that it had, or has where the system does not tell the most."""
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM"):
                    return int(line.split()[1]) / 1024
        said = subprocess.run(["ps", "-o", "rss=", "-p", str(self.pid)], capture_output=True, text=True).stdout
        return int(said) / 1024

    def close(self) -> None:
        """End it."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)


def keys(terminal: Terminal, pattern: bytes, count: int, rng: random.Random) -> list[float]:
    """Down and up in turn, at uneven times: seconds until what the other row shows is there."""
    words = {"k": b"", "j": b""}
    for key in ("j", "k"):
        words[key] = terminal.learn(key, pattern)
    if words["j"] == words["k"]:
        sys.exit(f"both rows show {words['j']!r}")
    taken = []
    for number in range(count):
        key = "jk"[number % 2]
        taken.append(terminal.press(key, words[key]))
        terminal.read(rng.uniform(0.03, 0.25))
    return taken


async def write_answers(store: Path) -> None:
    """Commit answers at an even rate, as a run of an evaluation does, until killed."""
    from ftb_tui.benchmark.graders import Grade, Verdict
    from ftb_tui.store.database import open_store, transaction
    from ftb_tui.store.evaluations import ResponseRecord, claim_evaluation, create_evaluation, write_responses
    from ftb_tui.store.models import ensure_model

    db = await open_store(store)
    async with transaction(db):
        model = await ensure_model(db, provider="local", name="ft:base-0:new", kind="tuned", base_model="base-0")
    asked = [
        row[0] for row in await db.execute_fetchall("SELECT question_key FROM questions WHERE dataset_id = 'large'")
    ]
    key = await create_evaluation(
        db, model_key=model, dataset_id="large", question_keys=asked, parameters={"max_tokens": 100}
    )
    await claim_evaluation(db, key, "benchmark")
    print("begun", flush=True)
    grade = Grade(Verdict.WRONG, "compared with the gold")
    due = time.perf_counter()
    for start in range(0, len(asked), BATCH):
        records = [
            ResponseRecord(
                question,
                {},
                answer="12 bees",
                grades=dict.fromkeys(("exact", "normalized", "contains", "choice"), grade),
            )
            for question in asked[start : start + BATCH]
        ]
        await write_responses(db, key, records)
        due += BATCH / A_SECOND
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        if start % 1_000 == 0:
            await claim_evaluation(db, key, "benchmark")


def line(name: str, taken: list[float], bar: float | None = None) -> None:
    """One row of the table; keys are judged by the 95th of a hundred, the rest by the median."""
    ordered = sorted(taken)
    middle, high = statistics.median(ordered), ordered[max(0, round(len(ordered) * 0.95) - 1)]
    judged = high if bar == KEY_BAR else middle
    verdict = "" if bar is None else f"{bar * 1000:.0f} {'met' if judged <= bar else 'MISSED'}"
    print(f"{name:<44} {middle * 1000:>9.1f} {high * 1000:>8.1f} {max(ordered) * 1000:>8.1f}   {verdict}", flush=True)


def measure_empty(env: dict[str, str], count: int, rng: random.Random) -> float:
    """The empty app's keys; returns its memory."""
    terminal = Terminal([sys.executable, "-c", EMPTY], env)
    try:
        terminal.read(2.0)
        taken = []
        for number in range(count):
            at = number + 1 if number < 100 else 199 - number
            key, words = ("\x1b[B", at) if number < 100 else ("\x1b[A", at)
            taken.append(terminal.press(key, b"row %d of" % words))
            terminal.read(rng.uniform(0.03, 0.25))
        line("empty app, key", taken)
        return terminal.megabytes()
    finally:
        terminal.close()


def measure_ftb(env: dict[str, str], count: int, rng: random.Random) -> float:
    """The app's keys on three screens, and how soon they open; returns its memory."""
    terminal = Terminal([sys.executable, "-m", "ftb_tui"], env)
    try:
        terminal.read(4.0)
        terminal.press("3", b"finished")
        terminal.read(1.0)
        line("evaluations, key", keys(terminal, rb"(\S+) on memorization", count, rng), KEY_BAR)
        opened = []
        for _ in range(7):
            opened.append(terminal.open("4", b"by choice"))
            terminal.read(1.0)
            terminal.press("1", b"Datasets")
            terminal.read(0.7)
        line("opening results", opened, OPEN_BAR)
        terminal.press("4", b"by choice")
        terminal.read(1.5)
        # The first model of the first dataset, which is the large one.
        for key in "gj":
            os.write(terminal.terminal, key.encode())
            terminal.read(0.5)
        line("results, key", keys(terminal, rb"(base-\d[^,]{0,20}\)), [a-z_]+: \d+ of", count, rng), KEY_BAR)
        opened = []
        for _ in range(5):
            opened.append(terminal.open("\r", b"showing"))
            terminal.read(1.0)
            terminal.press("\x1b", b"by choice")
            terminal.read(1.0)
        line("opening wrong answers", opened, OPEN_BAR)
        terminal.press("\r", b"showing")
        terminal.read(1.0)
        line("wrong answers, key", keys(terminal, rb"(Person \d+) keep", count, rng), KEY_BAR)
        paged = []
        for page in range(2, 7):
            paged.append(terminal.open("G", b": %d" % (200 * page)))
            terminal.read(1.0)
        line("the next page of wrong answers", paged, OPEN_BAR)
        return terminal.megabytes()
    finally:
        terminal.close()


def main() -> None:
    """Fill, write, press keys, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--responses", type=int, default=_filling.WHOLE)
    parser.add_argument("--keys", type=int, default=60)
    parser.add_argument("--store", type=Path, help="copy this file, filled before, instead of filling one")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.write is not None:
        asyncio.run(write_answers(given.write))
        return
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "FTB_HOME": home, "TERM": "xterm-256color"}
        store = Path(home) / "data" / "ftb.db"
        store.parent.mkdir()
        if given.store is not None:
            shutil.copy(given.store, store)
        else:
            print(f"{given.responses:,} responses, filled in {_filling.fill(store, given.responses):.0f} s")
        asyncio.run(counted(store))
        print(f"{'':<44} {'median ms':>9} {'p95':>8} {'most':>8}   bar ms ({given.keys} keys each)")
        empty = measure_empty(env, given.keys, rng)
        writer = subprocess.Popen([sys.executable, __file__, "--write", str(store)], env=env, stdout=subprocess.PIPE)
        assert writer.stdout is not None
        try:
            writer.stdout.readline()
            memory = measure_ftb(env, given.keys, rng)
        finally:
            writer.kill()
            writer.wait()
    verdict = "met" if memory <= MEMORY_BAR else "MISSED"
    print(f"most memory: {memory:.0f} MB (bar {MEMORY_BAR}, {verdict}); the empty app {empty:.0f} MB")


async def counted(store: Path) -> None:
    """Open the results once, as somebody has who has a million responses."""
    from ftb_tui.store.database import open_store
    from ftb_tui.store.results import results

    db = await open_store(store)
    await results(db, grader=None)
    await db.close()


if __name__ == "__main__":
    main()
