"""Engines with the tiny model: one of a test's own, and one that stands for all who only ask."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftb_tui.engine.tiny import write_tiny_model
from tests.engine.process import EngineProcess


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


@pytest.fixture
def engine(tiny: Path, tmp_path: Path) -> Iterator[EngineProcess]:
    engine = EngineProcess(tmp_path / "engine-home", tiny)
    engine.start()
    yield engine
    if engine.process is not None and engine.process.poll() is None:
        engine.end(signal.SIGKILL)


@pytest.fixture(scope="module")
def standing(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """One engine for all who only ask it and leave nothing that another could stumble over."""
    engine = EngineProcess(tmp_path_factory.mktemp("standing"), tiny)
    engine.start()
    yield engine
    engine.end(signal.SIGKILL)
