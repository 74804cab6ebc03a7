"""Finding, starting and stopping the embedded engine's process."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import http.client
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
from typing import Any

from ftb_tui.disk import FREE_SOME, free_bytes
from ftb_tui.engine_state import EngineState, clear_engine_state, process_is_alive, read_engine_state
from ftb_tui.paths import paths
from ftb_tui.proxies import opener_for
from ftb_tui.weights import find_weights, identity, require_weights

# Modules come from where they are installed, not from wherever a person stands.
ENGINE = (sys.executable, "-P", "-m", "ftb_tui.engine")
"""The engine's program."""
START_SECONDS = 30.0
IDLE_EXIT_SECONDS = 900.0
ASKED_SECONDS = 3.0
"""An engine that was asked so short a time ago is at work for somebody, and its weights are not changed under them."""
_LEAST_ROOM = 1_000_000
_LEAVE_OUT = "or leave --weights and FTB_WEIGHTS out."
_SILENT = (OSError, ValueError, http.client.HTTPException)


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
    process ends or stays silent, or works on other weights for somebody. Two callers at the same time start one engine.
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
            _require_free(found, file, on_status)
            on_status(f"the embedded engine ran on {found.weights}; it is started again on {file}")
            stop_engine()
        started = _start(file, on_status)
    if _other_weights(started, weights) is not None:
        text = "Somebody else has started it, or it is too busy to say so: try again"
        raise EngineStartError(f"{_works_on(started, file)} {text}, {_LEAVE_OUT}")
    return started


def _other_weights(state: EngineState, weights: Path | None) -> Path | None:
    """The weights that were named, by argument or FTB_WEIGHTS, where this engine runs on others."""
    if weights is None and not os.environ.get("FTB_WEIGHTS"):
        return None
    wanted = require_weights(weights)
    same = state.weights is not None and Path(state.weights).resolve() == wanted.resolve()
    return None if same else wanted


def _works_on(state: EngineState, wanted: Path) -> str:
    return f"The embedded engine works on {state.weights}, and {wanted} was asked for."


def _require_free(state: EngineState, wanted: Path, on_status: Callable[[str], None]) -> None:
    """Raise `EngineStartError` if somebody needs the engine as it is, or if that cannot be told."""
    try:
        told = _get(state, "/health")
        if told.get("trouble") or told.get("weights", "") is None:
            # It can do nothing for anybody: its jobs wait for just this.
            return
        left = _unfinished_jobs(state)
        asked = not left and _is_asked(state)
        if asked:
            on_status("the embedded engine was asked a moment ago; waiting whether it is needed any longer")
        until = time.monotonic() + ASKED_SECONDS + 1
        while asked and time.monotonic() < until:
            time.sleep(0.1)
            asked = _is_asked(state)
    except (*_SILENT, KeyError, TypeError) as error:
        raise EngineStartError(
            f"{_works_on(state, wanted)} Whether somebody needs it so could not be asked ({error or type(error).__name__}). "
            "Try again, or end it with: ftb serve --stop"
        ) from error
    if left:
        which = f"Its job {left[0]} has" if len(left) == 1 else f"{len(left)} jobs of it have"
        raise EngineStartError(
            f"{_works_on(state, wanted)} {which} to end first: see ftb jobs list, and wait, or give it up with "
            f"ftb jobs cancel, {_LEAVE_OUT}"
        )
    if asked:
        raise EngineStartError(
            f"{_works_on(state, wanted)} It is answering somebody's questions, which have to end first: wait, {_LEAVE_OUT}"
        )


def _unfinished_jobs(state: EngineState) -> list[str]:
    """Jobs that the engine trains, or would go on with."""
    found: list[str] = []
    after = ""
    while True:
        page = _get(state, f"/v1/fine_tuning/jobs?limit=100{after}")
        found += [job["id"] for job in page["data"] if job["status"] not in ("succeeded", "failed", "cancelled")]
        if not page["has_more"]:
            return found
        after = f"&after={page['data'][-1]['id']}"


def _is_asked(state: EngineState) -> bool:
    """Whether the engine answers somebody, or did a moment ago."""
    seconds = _get(state, "/health")["idle_seconds"]
    return seconds is not None and float(seconds) < ASKED_SECONDS


def weights_identity() -> str | None:
    """Tells the weights that answer in this home from others: the running engine's, or of the file it would take.

    None where there are none. Raises `EngineStartError` where an engine runs and does not say.
    """
    if (told := running_weights()) is not None:
        return told
    with contextlib.suppress(OSError):
        return identity(file) if (file := find_weights()) is not None else None
    return None


def running_weights() -> str | None:
    """Which weights the running engine has (`weights.identity`); None where none runs, or it has none.

    Raises `EngineStartError` where one runs and does not say.
    """
    state = read_engine_state()
    if state is None or not process_is_alive(state.pid):
        return None
    try:
        told = _get(state, "/health", timeout=START_SECONDS)
        if told.get("pid") == state.pid and "weights" not in told and state.weights:
            # An engine of an earlier version.
            return identity(Path(state.weights))
    except TimeoutError as error:
        text = f"The embedded engine (process {state.pid}) does not answer. Try again, or end it with: ftb serve --stop"
        raise EngineStartError(text) from error
    except _SILENT:
        return None
    return str(told["weights"]) if told.get("weights") and told.get("pid") == state.pid else None


def unreadable(weights: Path) -> str | None:
    """Why the engine cannot read a file of weights; None where it can."""
    done = subprocess.run([*ENGINE, "check", str(weights)], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return None if done.returncode == 0 else done.stderr.strip().removeprefix("ftb engine: ")


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
    command = [*ENGINE, "serve", "--idle-exit", f"{IDLE_EXIT_SECONDS:g}", "--weights", str(weights)]
    with log.open("ab") as stream:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )


def _not_started(why: str, log: Path, told_from: int) -> EngineStartError:
    for place in (paths().engine_data.parent, log.parent):
        if (free := free_bytes(place)) is not None and free < _LEAST_ROOM:
            return EngineStartError(
                f"The embedded engine {why}: {place} cannot be written, for there is no room on the disk "
                f"({free // 1000:,} kB free). {FREE_SOME}."
            )
    return EngineStartError(f"The embedded engine {why}. The end of its log ({log}):\n{_tail(log, told_from)}")


def _health(state: EngineState) -> dict[str, object] | None:
    """What answers at the engine's address; None unless it is an engine with this very token."""
    try:
        return _get(state, "/health")
    except _SILENT:
        # The port of a dead engine may be anybody's by now, and speak anything.
        return None


def _get(state: EngineState, path: str, *, timeout: float = 5.0) -> dict[str, Any]:
    """What the engine answers, as JSON. Raises one of `_SILENT`."""
    url = state.url.removesuffix("/v1") + path
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {state.token}"})  # noqa: S310 - http only
    with opener_for(url).open(request, timeout=timeout) as reply:
        values = json.load(reply)
    if not isinstance(values, dict):
        raise ValueError(f"{url} answered with something else")
    return values


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
