"""Finding, starting and stopping the embedded engine's process."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import http.client
import json
import os
import shutil
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
from ftb_tui.weights import find_weights, require_weights

START_SECONDS = 30.0
IDLE_EXIT_SECONDS = 900.0
_LEAST_ROOM = 1_000_000


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
    """The running engine, started if need be; anew if it runs on other weights than those that were named.

    Blocks for up to half a minute. Raises `WeightsError` when there is nothing to train, `EngineStartError` when the
    process ends or stays silent, or works on other weights. Two callers at the same time start one engine.
    """
    found = running_engine()
    if found is not None and _other_weights(found, weights) is None:
        return found
    file = require_weights(weights)
    with _one_starter():
        found = running_engine()
        if found is not None:
            if _other_weights(found, weights) is None:
                return found
            if unfinished := _unfinished_jobs(found):
                raise EngineStartError(
                    f"The embedded engine works on {found.weights}, and {file} was asked for. {unfinished} has to end "
                    "first: see ftb jobs list, or leave --weights and FTB_WEIGHTS out."
                )
            on_status(f"the embedded engine ran on {found.weights}; it is started again on {file}")
            stop_engine()
        return _start(file, on_status)


def _other_weights(state: EngineState, weights: Path | None) -> Path | None:
    """The weights that were named, by argument or FTB_WEIGHTS, where this engine runs on others."""
    if weights is None and not os.environ.get("FTB_WEIGHTS"):
        return None
    wanted = require_weights(weights)
    same = state.weights is not None and Path(state.weights).resolve() == wanted.resolve()
    return None if same else wanted


def _unfinished_jobs(state: EngineState) -> str:
    """Jobs that the engine trains, or would go on with: `job 3`-like words for a sentence; empty where there are none."""
    request = urllib.request.Request(  # noqa: S310 - http only
        f"{state.url}/fine_tuning/jobs?limit=100", headers={"Authorization": f"Bearer {state.token}"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with contextlib.suppress(OSError, ValueError, http.client.HTTPException), opener.open(request, timeout=5) as reply:
        listed = json.load(reply)["data"]
        left = [job["id"] for job in listed if job["status"] not in ("succeeded", "failed", "cancelled")]
        return f"Its job {left[0]}" if len(left) == 1 else f"{len(left)} jobs of it" if left else ""
    return ""


def weights_identity() -> str | None:
    """Tells the weights that answer in this home from others: of the running engine's file, or of the one it would take.

    The first and the last megabyte and the size, hashed; None where there is no file.
    """
    state = running_engine()
    file = Path(state.weights) if state is not None and state.weights else find_weights()
    if file is None:
        return None
    with contextlib.suppress(OSError), file.open("rb") as stream:
        size = file.stat().st_size
        told = hashlib.sha256(f"{size} ".encode() + stream.read(1 << 20))
        stream.seek(max(0, size - (1 << 20)))
        told.update(stream.read())
        return told.hexdigest()[:12]
    return None


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
    while process_is_alive(state.pid) and _home_is_taken() and time.monotonic() < until:
        time.sleep(0.05)
    _reap(state.pid)
    clear_engine_state(state.pid)
    return True


def _start(weights: Path, on_status: Callable[[str], None]) -> EngineState:
    """Start a process and wait until it answers.

    Somebody else (`ftb serve`) may be starting one at the same time, and one that was told to end may still be at it:
    neither is an error, and both are waited for.
    """
    log = paths().log / "engine.log"
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    process: subprocess.Popen[bytes] | None = None
    told_from, again = 0, False
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process is not None:
            state = read_engine_state()
            if state is not None and state.pid == process.pid and _health(state) is not None:
                return state
            if process.poll() is not None:
                # Somebody may have killed it, or the system for want of memory; once that is no reason to give up.
                killed = process.returncode < 0 and not again
                if not _home_is_taken() and not killed:
                    raise _not_started(f"ended with exit code {process.returncode}", log, told_from)
                process, again = None, True
        elif _home_is_taken():
            if (found := running_engine()) is not None:
                return found
        else:
            on_status("starting the embedded engine")
            told_from = log.stat().st_size if log.exists() else 0
            process = _spawned(weights, log)
        time.sleep(0.05)
    if process is None:
        raise _not_started(f"of {paths().engine_data} is running, but does not answer", log, 0)
    with contextlib.suppress(OSError):
        process.kill()
    raise _not_started("did not answer in time", log, told_from)


def _spawned(weights: Path, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "ftb_tui.engine", "serve", "--idle-exit", f"{IDLE_EXIT_SECONDS:g}"]
    with log.open("ab") as stream:
        return subprocess.Popen(
            [*command, "--weights", str(weights)],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )


def _not_started(why: str, log: Path, told_from: int) -> EngineStartError:
    for place in (paths().engine_data.parent, log.parent):
        with contextlib.suppress(OSError):
            if (free := shutil.disk_usage(place).free) < _LEAST_ROOM:
                return EngineStartError(
                    f"The embedded engine {why}: {place} cannot be written, for there is no room on the disk "
                    f"({free // 1000:,} kB free). Free some space, or set FTB_HOME to a directory on another disk."
                )
    return EngineStartError(f"The embedded engine {why}. The end of its log ({log}):\n{_tail(log, told_from)}")


def _health(state: EngineState) -> dict[str, object] | None:
    """What answers at the engine's address; None unless it is an engine with this very token."""
    url = state.url.removesuffix("/v1") + "/health"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {state.token}"})  # noqa: S310 - http only
    try:
        # Loopback only; a proxy of the environment would be in the way.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=5) as reply:
            values = json.load(reply)
    except (OSError, ValueError, http.client.HTTPException):
        # The port of a dead engine may be anybody's by now, and speak anything.
        return None
    return values if isinstance(values, dict) else None


@contextmanager
def _one_starter() -> Iterator[None]:
    file = paths().state / "engine.starting"
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _tail(log: Path, start: int, lines: int = 6) -> str:
    with contextlib.suppress(OSError), log.open("rb") as stream:
        stream.seek(start)
        return "\n".join(stream.read().decode(errors="replace").splitlines()[-lines:]) or "(it wrote nothing)"
    return "(no log)"


def _home_is_taken() -> bool:
    """Whether an engine process holds this home's data: starting, running, or not quite at its end."""
    try:
        with (paths().engine_data / "engine.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _reap(pid: int) -> None:
    """A child that has ended stays visible until it is waited for."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
