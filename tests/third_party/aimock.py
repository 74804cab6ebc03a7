"""aimock: a stateful OpenAI and Gemini that somebody else wrote, and its faults.

Where version 1.43 differs from the services: no checkpoints and no pause (404); `trained_tokens` is the seed; nobody
asks whether a training file exists or what it holds; lists ignore their metadata filter; a batch answers every question
with the same words; the list of models is spared all faults; Gemini's faults come in OpenAI's form; and a fault on the
creation of a job always strikes before the job is made, so answers lost after that are left to the fakes of ours.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.third_party.process import call, running

_PROGRAM = Path(sys.prefix) / "third_party/node_modules/@copilotkit/aimock/dist/cli.js"
FAULTS = ("dropRate", "rateLimitRate", "malformedRate", "disconnectRate")
"""500, 429 with `Retry-After: 1`, broken JSON with status 200, and a connection that is closed without an answer."""


@dataclass(frozen=True, slots=True)
class Aimock:
    """A running aimock."""

    address: str

    def reset(self) -> None:
        """Forget everything: answers, files, jobs, batches, faults and the journal."""
        call("POST", f"{self.address}/__aimock/reset")

    def answers(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """More questions and what comes of them, the first that fits counts; see `answer`."""
        call("POST", f"{self.address}/__aimock/fixtures", {"fixtures": list(entries)})

    def chaos(self, **rates: float) -> None:
        """These faults, and no others, for every request from now on."""
        call("POST", f"{self.address}/__aimock/chaos", rates)

    def journal(self, **filters: str) -> list[dict[str, Any]]:
        """The requests so far, oldest first; `path` is a part of the path, `method` and `service` are exact."""
        query = "&".join(f"{name}={value}" for name, value in filters.items())
        found: list[dict[str, Any]] = call("GET", f"{self.address}/__aimock/journal?{query}")
        return found


def answer(
    words: str, *, prompt: str | None = None, model: str | None = None, faults: Iterable[str] = (), **latency: int
) -> list[dict[str, Any]]:
    """What a question (all for None) to a model (any for None) is answered with, after these faults, one a request."""
    match: dict[str, Any] = {"endpoint": "chat"}
    match |= {name: value for name, value in (("userMessage", prompt), ("model", model)) if value is not None}
    response = {"content": words}
    entries = [
        {"match": {**match, "sequenceIndex": place}, "response": response, "chaos": {fault: 1}}
        for place, fault in enumerate(faults)
    ]
    return [*entries, {"match": match, "response": response, **({"chaos": latency} if latency else {})}]


@contextmanager
def started(folder: Path) -> Iterator[Aimock]:
    """A running aimock; skips the test where it is not installed. `folder` takes its files."""
    node = shutil.which("node")
    if node is None or not _PROGRAM.exists():
        pytest.skip("aimock is not installed: make test fetches it where npm is there")
    (folder / "none.json").write_text('{"fixtures": []}')
    command = [node, str(_PROGRAM), "--port", "0", "--fixtures", str(folder / "none.json"), "--journal-max", "0"]
    with running(command, folder / "aimock.log") as address:
        yield Aimock(address)
