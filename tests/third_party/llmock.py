"""llmock: a chat service that somebody else wrote, which refuses as told and judges how its client took it.

It has no fine-tuning, and its stream faults strike streamed answers only, which we never ask for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.third_party.process import call, running

_PROGRAM = Path(sys.executable).with_name("llmock")


@dataclass(frozen=True, slots=True)
class LLMock:
    """A running llmock."""

    address: str

    def reset(self) -> None:
        """Forget all requests and all that was to come."""
        call("POST", f"{self.address}/_llmock/reset")

    def script(self, *behaviours: dict[str, Any]) -> None:
        """What comes of the next requests, before they are answered well again."""
        call("POST", f"{self.address}/_llmock/scenario", {"behaviors": list(behaviours)})

    def pending(self) -> list[Any]:
        """What of the script has not happened yet."""
        found: list[Any] = call("GET", f"{self.address}/_llmock/scenario")["pending"]
        return found

    def requests(self) -> list[dict[str, Any]]:
        """Every request so far, oldest first."""
        found: list[dict[str, Any]] = call("GET", f"{self.address}/_llmock/requests")["requests"]
        return found

    def verdict(self) -> dict[str, Any]:
        """What it thinks of its client: `findings`, of which the `errors` do not pass."""
        found: dict[str, Any] = call("GET", f"{self.address}/_llmock/verdict")
        return found


def fail(status: int, times: int = 1, **more: Any) -> dict[str, Any]:
    """Refusals of so many requests."""
    return {"type": "fail", "status": status, "times": times, **more}


@contextmanager
def started(folder: Path, per_minute: int) -> Iterator[LLMock]:
    """A running llmock that lets so many requests a minute pass for each key, all of them at once if need be."""
    if not _PROGRAM.exists():
        pytest.skip("llmock is not installed: make test fetches it")
    command = [str(_PROGRAM), "serve", "--port", "0", "--rpm", str(per_minute), "--response-style", "hello"]
    with running(command, folder / "llmock.log") as address:
        yield LLMock(address)
