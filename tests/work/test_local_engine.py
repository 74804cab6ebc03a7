"""However many start it, and whatever an earlier one left behind, a home has one engine, and it is found."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from ftb_tui.engine_state import EngineState, read_engine_state, write_engine_state
from ftb_tui.paths import paths
from ftb_tui.work.local_engine import (
    EngineStartError,
    running_engine,
    start_engine,
    stop_engine,
)
from tests.work.crashing import DEAF
from tests.work.engines import engines_of

pytestmark = pytest.mark.usefixtures("engine_ends")
STARTER = "from ftb_tui.work.local_engine import start_engine; print(start_engine().pid)"


def test_many_starters_at_once_start_one_engine_and_all_find_it(home: Path) -> None:
    """Four programs, and `ftb serve` in the foreground that knows nothing of their turns."""
    starters = [subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE) for _ in range(4)]
    serve = subprocess.Popen([sys.executable, "-m", "ftb_tui", "serve"], stderr=subprocess.PIPE)
    try:
        found = {int(starter.communicate(timeout=60)[0]) for starter in starters}
        assert [starter.returncode for starter in starters] == [0] * 4
        state = running_engine()
        assert state is not None
        assert found == {state.pid}
    finally:
        serve.terminate()
        serve.communicate(timeout=60)


@pytest.mark.parametrize("in_background", [False, True], ids=["by itself", "in the background of a script"])
def test_a_service_that_is_told_to_end_takes_its_engine_with_it(home: Path, in_background: bool) -> None:
    command = [*(DEAF if in_background else ()), sys.executable, "-m", "ftb_tui", "serve"]
    serve = subprocess.Popen(command, stderr=subprocess.PIPE)
    until = time.monotonic() + 60
    while (state := running_engine()) is None:
        assert time.monotonic() < until
        time.sleep(0.02)
    serve.terminate()
    serve.communicate(timeout=60)
    while engines_of(home):
        assert time.monotonic() < until
        time.sleep(0.02)
    assert running_engine() is None
    assert state.pid != serve.pid


@contextlib.contextmanager
def listener(answer: bytes) -> Iterator[int]:
    """A port of somebody else's, who answers everything with the same bytes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection, contextlib.suppress(OSError):
                        connection.recv(65536)
                        connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


LEFT = EngineState("http://127.0.0.1:9/v1", "old-token", os.getpid(), 1.0, "0.0", None)
HEALTHY = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 22\r\n\r\n{"status":"ok","pid":1}'


def as_text(state: EngineState, **change: object) -> str:
    return json.dumps({**asdict(state), **change})


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (as_text(LEFT), None),
        (as_text(LEFT, url="PORT"), b"SSH-2.0-OpenSSH_9.6\r\n"),
        (as_text(LEFT, url="PORT"), b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"),
        (as_text(LEFT, url="PORT"), HEALTHY),
        (as_text(LEFT, pid=2**31 - 1), None),
        (as_text(LEFT, pid=-1), None),
        (as_text(LEFT, pid="1; rm"), None),
        (as_text(LEFT, url=5), None),
        ("[" * 100_000, None),
        ("", None),
    ],
    ids=["dead-port", "another-protocol", "a-web-page", "another-process", "dead-pid", "minus-one", "text-pid",
         "number-url", "deep", "empty"],
)  # fmt: skip
def test_a_stale_state_file_is_not_believed(home: Path, text: str, answer: bytes | None) -> None:
    with contextlib.ExitStack() as stack:
        if answer is not None:
            port = stack.enter_context(listener(answer))
            text = text.replace('"PORT"', f'"http://127.0.0.1:{port}/v1"')
        paths().engine_state.parent.mkdir(parents=True)
        paths().engine_state.write_text(text)
        assert running_engine() is None
        assert not stop_engine(), "nobody else's process is told to end"


def test_after_a_stale_state_file_an_engine_starts_and_is_found(home: Path) -> None:
    write_engine_state(LEFT)
    state = start_engine()
    assert state.pid != LEFT.pid
    assert running_engine() == state
    os.kill(state.pid, signal.SIGKILL)
    again = start_engine()
    assert again.pid != state.pid
    assert again.token != state.token


@pytest.mark.parametrize("spoil", ["lost", "wrong token", "another process"])
def test_a_running_engine_whose_state_file_was_spoilt_is_found_again(home: Path, spoil: str) -> None:
    state = start_engine()
    wrong = {"wrong token": replace(state, token="wrong"), "another process": LEFT}
    if spoil in wrong:
        write_engine_state(wrong[spoil])
    else:
        paths().engine_state.unlink()
    assert start_engine() == state
    assert read_engine_state() == state


def test_an_engine_that_ends_at_once_is_an_error_with_its_last_words(home: Path) -> None:
    paths().engine_data.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(paths().engine_data / "engine.db")) as db:
        db.execute("PRAGMA user_version = 99")
    paths().log.mkdir(parents=True)
    (paths().log / "engine.log").write_text("what an engine said last week\n")
    with pytest.raises(
        EngineStartError, match=r"ended with exit code 1(.|\n)*written by a newer version of ftb"
    ) as told:
        start_engine()
    assert str(paths().log / "engine.log") in str(told.value)
    assert "last week" not in str(told.value)
    assert running_engine() is None


def test_a_home_whose_state_cannot_be_written_is_named(home: Path) -> None:
    (home / "state").mkdir(parents=True)
    (home / "state" / "engine.json").mkdir()
    with pytest.raises(EngineStartError, match=r"engine\.json cannot be written"):
        start_engine()
    assert [file.name for file in (home / "state").iterdir() if file.name.startswith("engine.json")] == ["engine.json"]


def test_threads_of_one_program_start_one_engine(home: Path) -> None:
    start: Callable[[int], EngineState] = lambda number: start_engine()  # noqa: E731
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(start, range(4)))) == 1
