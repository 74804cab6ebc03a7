"""Finding, starting and stopping the embedded engine's process."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ftb_tui.engine_state import EngineState, clear_engine_state, process_is_alive, read_engine_state
from ftb_tui.paths import paths
from ftb_tui.weights import require_weights

START_SECONDS = 30.0
IDLE_EXIT_SECONDS = 900.0


class EngineStartError(Exception):
    """The engine did not come up; the message has the last lines of its log."""


def running_engine() -> EngineState | None:
    """The engine of this home, if it is alive and answers as itself."""
    state = read_engine_state()
    if state is None or not process_is_alive(state.pid):
        return None
    health = _health(state)
    return state if health is not None and health.get("pid") == state.pid else None


def engine_health() -> dict[str, object] | None:
    """What the running engine says of itself, or None."""
    state = read_engine_state()
    return _health(state) if state is not None and process_is_alive(state.pid) else None


def start_engine(*, weights: Path | None = None, on_status: Callable[[str], None] = lambda text: None) -> EngineState:
    """The running engine, started if need be. Blocks for up to half a minute.

    Raises `WeightsError` when there is nothing to train, `EngineStartError` when the process ends or stays silent.
    Two callers at the same time start one engine.
    """
    found = running_engine()
    if found is not None:
        return found
    file = require_weights(weights)
    with _one_starter():
        found = running_engine()
        if found is not None:
            return found
        on_status("starting the embedded engine")
        return _start(file)


async def ensure_engine(
    *, weights: Path | None = None, on_status: Callable[[str], None] = lambda text: None
) -> EngineState:
    """`start_engine` without blocking the event loop."""
    return await asyncio.to_thread(start_engine, weights=weights, on_status=on_status)


def stop_engine(timeout: float = 15.0) -> bool:
    """Ask the engine to end and wait for it; whether there was one. A running job stays resumable."""
    state = running_engine()
    if state is None:
        return False
    os.kill(state.pid, signal.SIGTERM)
    until = time.monotonic() + timeout
    while process_is_alive(state.pid) and not _lock_is_free() and time.monotonic() < until:
        time.sleep(0.05)
    _reap(state.pid)
    clear_engine_state(state.pid)
    return True


def _start(weights: Path) -> EngineState:
    log = paths().log / "engine.log"
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    command = [sys.executable, "-m", "ftb_tui.engine", "serve", "--idle-exit", f"{IDLE_EXIT_SECONDS:g}"]
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [*command, "--weights", str(weights)],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        state = read_engine_state()
        if state is not None and state.pid == process.pid and _health(state) is not None:
            return state
        time.sleep(0.05)
    why = "did not answer in time" if process.poll() is None else f"ended with exit code {process.returncode}"
    with contextlib.suppress(OSError):
        process.kill()
    raise EngineStartError(f"The embedded engine {why}. The end of its log ({log}):\n{_tail(log)}")


def _health(state: EngineState) -> dict[str, object] | None:
    url = state.url.removesuffix("/v1") + "/health"
    try:
        # Loopback only; a proxy of the environment would be in the way.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=5) as reply:
            values = json.load(reply)
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None


@contextmanager
def _one_starter() -> Iterator[None]:
    file = paths().state / "engine.starting"
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _tail(log: Path, lines: int = 6) -> str:
    with contextlib.suppress(OSError):
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    return "(no log)"


def _lock_is_free() -> bool:
    """Whether no engine holds this home's data: it has ended, even if its parent has not looked at it yet."""
    try:
        with (paths().engine_data / "engine.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _reap(pid: int) -> None:
    """A child that has ended stays visible until it is waited for."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
