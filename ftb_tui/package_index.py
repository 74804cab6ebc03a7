"""Fetching a wheel through the person's own installer, which knows their package index and how to log in there."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_LOOK = 0.1
# Ends the installer and all that it started as soon as our end of the pipe is closed, however we ended.
_WATCHED = """
import os, signal, subprocess, sys, threading
def watch():
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)
threading.Thread(target=watch, daemon=True).start()
sys.exit(subprocess.call(sys.argv[1:], stdin=subprocess.DEVNULL))
"""


class NoWheelError(Exception):
    """The wheel could not be fetched; the message says why, as a clause."""


def fetch_wheel(requirement: str, folder: Path, progress: Callable[[int], None]) -> Path:
    """Fetch the wheel, without what it depends on, into an empty `folder`, and return it.

    `progress` is called again and again with the number of bytes that have arrived; what it raises ends the fetching.
    Raises `NoWheelError`.
    """
    log = folder / "installer.log"
    with _installer(_command(requirement, folder), folder, log) as process:
        while process.poll() is None:
            progress(_arrived(folder))
            time.sleep(_LOOK)
    if process.returncode:
        said = log.read_text(encoding="utf-8", errors="replace").splitlines()
        lines = [line for line in said if "ERROR" in line] or said or ["no reason given"]
        raise NoWheelError(f"your package index has no {requirement}: {lines[-1].removeprefix('ERROR: ')}")
    for wheel in folder.glob("*.whl"):
        return wheel
    raise NoWheelError("the package index gave no wheel")


def _command(requirement: str, folder: Path) -> list[str]:
    arguments = ["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest", str(folder), requirement]
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-P", "-m", "pip", *arguments]
    uv = shutil.which("uv")
    if uv is None:
        raise NoWheelError("this environment has neither pip nor uv to ask your package index with")
    return [uv, "tool", "run", "pip", *arguments]


@contextlib.contextmanager
def _installer(command: list[str], folder: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The process, which does not outlive the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _WATCHED, *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            # What arrives can be seen there, and goes with the folder.
            env={**os.environ, "TMPDIR": str(folder)},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
        if process.stdin is not None:
            process.stdin.close()
        process.wait()


def _arrived(folder: Path) -> int:
    size = 0
    for file in folder.rglob("*"):
        with contextlib.suppress(OSError):
            size += file.lstat().st_size if file.is_file() else 0
    return size
