"""How to reach the running engine: a small file that only its owner can read."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from ftb_tui.paths import paths


@dataclass(frozen=True, slots=True)
class EngineState:
    """Address and token of an engine, as it wrote them when it began to listen."""

    url: str
    """Base URL of the OpenAI wire, ending in `/v1`."""
    token: str
    pid: int
    started_at: float
    version: str
    weights: str | None

    def __repr__(self) -> str:
        return f"EngineState(url={self.url!r}, pid={self.pid})"


def read_engine_state(file: Path | None = None) -> EngineState | None:
    """What the file says; None when there is none or it cannot be understood. The engine may be gone all the same."""
    try:
        values = json.loads((file or paths().engine_state).read_text(encoding="utf-8"))
        state = EngineState(**values)
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    return state if _is_sound(state) else None


def _is_sound(state: EngineState) -> bool:
    texts = all(isinstance(value, str) for value in (state.url, state.token, state.version))
    # Ids that are no single process's own would let a signal reach others.
    return texts and type(state.pid) is int and 0 < state.pid < 2**31 and state.url.startswith("http://")


def write_engine_state(state: EngineState, file: Path | None = None) -> None:
    """Put the file in place as a whole, mode 0600 from the first byte on."""
    target = file or paths().engine_state
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(prefix=target.name, dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(asdict(state), stream)
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def clear_engine_state(pid: int, file: Path | None = None) -> None:
    """Remove the file if it is still that process's own."""
    target = file or paths().engine_state
    state = read_engine_state(target)
    if state is not None and state.pid == pid:
        with contextlib.suppress(OSError):
            target.unlink()


def process_is_alive(pid: int) -> bool:
    """Whether a process with this id exists. It may be another one than before."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
