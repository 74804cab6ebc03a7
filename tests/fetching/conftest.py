"""A hub that serves a small file in the place of the known weights, and may misbehave."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftb_tui import weights
from ftb_tui.weights import FILE_NAME
from tests.fakes.file_server import (
    FILE,
    Hub,
)  # fmt: skip


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The hub, and the small file in the place of the known one."""
    monkeypatch.setattr(weights, "SHA256", hashlib.sha256(FILE).hexdigest())
    monkeypatch.setattr(weights, "SIZE", len(FILE))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Hub() as server:
        monkeypatch.setattr(weights, "HUB_URL", server.url)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def part(home: Path) -> Path:
    folder = home / "cache" / "weights"
    folder.mkdir(parents=True)
    return folder / FILE_NAME.replace(".gguf", ".part")
