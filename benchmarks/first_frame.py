"""How long until the first frame: ftb beside an empty Textual app, each in a pseudo-terminal, and `ftb --version`.

Run: python benchmarks/first_frame.py [--runs N]. The bar: at most 1.5 x the empty app; `--version` at most 0.25 s.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time

EMPTY = """
from textual.app import App
from textual.widgets import Static

class Empty(App):
    def compose(self):
        yield Static("first frame")

Empty().run()
"""


def seconds_until(command: list[str], words: bytes, env: dict[str, str]) -> float:
    """Seconds from starting a command until these words are written to its terminal."""
    begin = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], command, env)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    seen, took = b"", None
    while took is None and time.perf_counter() - begin < 30:
        if select.select([terminal], [], [], 0.5)[0]:
            try:
                seen += os.read(terminal, 65536)
            except OSError:
                break
            if words in seen:
                took = time.perf_counter() - begin
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(terminal)
    if took is None:
        sys.exit(f"{' '.join(command)} never wrote {words!r}:\n{seen[-2000:].decode(errors='replace')}")
    return took


def seconds_of(command: list[str], env: dict[str, str]) -> float:
    """Seconds that a command takes."""
    begin = time.perf_counter()
    subprocess.run(command, env=env, check=True, capture_output=True)
    return time.perf_counter() - begin


def main() -> None:
    """Measure in turns, so that both see the same machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "FTB_HOME": home, "TERM": "xterm-256color"}
        ftb = [sys.executable, "-m", "ftb_tui"]
        empty = [sys.executable, "-c", EMPTY]
        taken: dict[str, list[float]] = {
            "empty Textual app": [],
            "ftb, first frame": [],
            "ftb, questions shown": [],
            "ftb --version": [],
        }
        seconds_until(ftb, b"memorization", env)
        seconds_until(empty, b"first frame", env)
        for _ in range(runs):
            taken["empty Textual app"].append(seconds_until(empty, b"first frame", env))
            taken["ftb, first frame"].append(seconds_until(ftb, b"Datasets", env))
            taken["ftb, questions shown"].append(seconds_until(ftb, b"memorization", env))
            taken["ftb --version"].append(seconds_of([*ftb, "--version"], env))
    middle = {name: statistics.median(values) for name, values in taken.items()}
    print(f"{'what':<20} {'median s':>9} {'least s':>9} {'x empty':>8}   ({runs} runs each)")
    for name, values in taken.items():
        print(f"{name:<20} {middle[name]:>9.3f} {min(values):>9.3f} {middle[name] / middle['empty Textual app']:>8.2f}")


if __name__ == "__main__":
    main()
