"""A server that somebody else wrote, as a process of its own on a port that it chose itself."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_ADDRESS = re.compile(r"(?:listening|running) on (http://127\.0\.0\.1:[1-9]\d*)")
_GIVE_UP_SECONDS = 60.0


@contextmanager
def running(command: Sequence[str], said: Path) -> Iterator[str]:
    """The server's address, from when it listens until the block ends. `said` takes everything that it prints."""
    with said.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield _address(process, said)
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            # It waits for connections that nobody closes.
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], said: Path) -> str:
    until = time.monotonic() + _GIVE_UP_SECONDS
    while True:
        ended = process.poll() is not None
        text = said.read_text(errors="replace")
        if found := _ADDRESS.search(text):
            return found[1]
        assert not ended, f"{process.args!r} ended instead of listening:\n{text}"
        assert time.monotonic() < until, f"{process.args!r} never listened:\n{text}"
        time.sleep(0.02)


def call(method: str, url: str, body: Any = None) -> Any:
    """The JSON that the server's own control interface answers with."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)
