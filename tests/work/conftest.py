"""The fake service, opened as a provider; weights, and an embedded engine of a test's own."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ftb_tui.engine.tiny import write_tiny_model
from ftb_tui.providers.base import Provider
from ftb_tui.providers.registry import open_provider
from ftb_tui.work.local_engine import stop_engine
from tests.fakes.openai_server import FakeOpenAI
from tests.work.engines import engines_of


@pytest.fixture
async def provider(fake_openai: FakeOpenAI) -> AsyncIterator[Provider]:
    provider = open_provider("fake")
    yield provider
    await provider.close()


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("weights") / "tiny.gguf")


@pytest.fixture(scope="session")
def other_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("weights") / "other.gguf", seed=2)


@pytest.fixture
def engine_ends(home: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The engine of this home ends with the test; `weights` are named for it."""
    monkeypatch.setenv("FTB_WEIGHTS", str(weights))
    yield
    until = time.monotonic() + 30
    # One that somebody has started has the time to write where it is.
    while not stop_engine() and engines_of(home) and time.monotonic() < until:
        time.sleep(0.1)
