"""Told to end by the system, the app puts the terminal back and remembers where it was; what was seen is no news later."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ftb_tui.store.database import open_store
from ftb_tui.ui import remembered
from tests.ui.pilot import fill_demo

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal")

IN_A_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "ftb_tui"])
"""


class Terminal:
    """The app in a terminal of its own, as a shell would start it."""

    def __init__(self, home: Path) -> None:
        self.master, slave = pty.openpty()
        env = os.environ | {"FTB_HOME": str(home), "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
        self.app = subprocess.Popen(
            [sys.executable, "-c", IN_A_TERMINAL], stdin=slave, stdout=slave, stderr=slave, env=env,
            start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.heard = b""

    def until(self, words: str, seconds: float = 60) -> None:
        """Read until these words were written."""
        end = time.monotonic() + seconds
        while not re.search(words, self.plain()):
            assert time.monotonic() < end, self.plain()
            self.read()

    def read(self) -> None:
        """Read what there is."""
        if select.select([self.master], [], [], 0.1)[0]:
            try:
                self.heard += os.read(self.master, 1 << 16)
            except OSError:
                # All ends of it were closed: the app has ended.
                time.sleep(0.05)

    def plain(self) -> str:
        """What was written, without styles and movements."""
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.heard.decode(errors="replace"))

    def ended(self, seconds: float = 60) -> int:
        """The code of the app, which ends soon."""
        end = time.monotonic() + seconds
        while self.app.poll() is None:
            assert time.monotonic() < end, self.plain()
            self.read()
        self.read()
        return self.app.returncode


@pytest.fixture
async def terminal(home: Path) -> AsyncIterator[Terminal]:
    await fill_demo()
    one = Terminal(home)
    yield one
    one.app.kill()
    one.app.wait()
    os.close(one.master)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_the_app_as_its_own_key_does(terminal: Terminal, number: signal.Signals) -> None:
    terminal.until("fictional_people")
    os.write(terminal.master, b"2")
    terminal.until("training loss by step")
    os.kill(terminal.app.pid, number)
    assert terminal.ended() == 128 + number
    for undone in (b"\x1b[?1049l", b"\x1b[?1000l", b"\x1b[?25h"):
        assert terminal.heard.count(undone) >= 1, "the terminal is as it was"
    assert b"Traceback" not in terminal.heard
    assert remembered.load()["mode"] == "jobs"


async def test_the_end_of_the_terminal_is_the_end_of_the_app(terminal: Terminal) -> None:
    terminal.until("fictional_people")
    os.write(terminal.master, b"3")
    terminal.until("asked with")
    os.close(terminal.master)
    terminal.master = os.open(os.devnull, os.O_RDONLY)
    assert terminal.app.wait(60) == 128 + signal.SIGHUP
    assert remembered.load()["mode"] == "evaluations"


async def finished(evaluation_key: int) -> float:
    """An evaluation ends, elsewhere; when it did."""
    db = await open_store()
    try:
        now = time.time()
        await db.execute("UPDATE evaluations SET finished_at = ? WHERE evaluation_key = ?", (now, evaluation_key))
        await db.commit()
        return now
    finally:
        await db.close()


async def test_what_was_seen_before_a_crash_is_no_news_after_it(terminal: Terminal, home: Path) -> None:
    terminal.until("fictional_people")
    at, end = await finished(1), time.monotonic() + 60
    while remembered.load().get("seen", 0) < at:
        assert time.monotonic() < end
        terminal.read()
    terminal.app.kill()
    terminal.app.wait()
    await finished(2)
    again = Terminal(home)
    try:
        again.until("While you were away: evaluation 2 finished")
    finally:
        again.app.kill()
        again.app.wait()
        os.close(again.master)


CRASHING = """
import os, sys
from ftb_tui.ui.app import FtbApp

def begin(app):
    held = os.environ["HELD"]
    raise ValueError("something is [broken]")

FtbApp._begin = begin
app = FtbApp()
app.run(headless=True)
sys.exit(app.return_code)
"""


def test_a_failure_nobody_thought_of_ends_the_app_with_a_sentence_and_shows_no_values(
    home: Path, tmp_path: Path
) -> None:
    script = tmp_path / "crashing.py"
    script.write_text(CRASHING)
    env = os.environ | {"HELD": "sk-0123456789-held", "COLUMNS": "200"}
    done = subprocess.run([sys.executable, script], env=env, capture_output=True, text=True, timeout=60)
    log = home / "log" / "ftb.log"
    assert done.returncode == 1
    assert "ftb failed unexpectedly: ValueError: something is [broken]" in done.stderr
    assert "The details are in" in done.stderr
    assert "Traceback" in log.read_text()
    for shown in (done.stderr, done.stdout, log.read_text()):
        assert "0123456789-held" not in shown
