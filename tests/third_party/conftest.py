"""The servers of others, started once for the tests that follow one another in a process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ftb_tui.work import deployment
from ftb_tui.work.jobs import Pace
from tests.cli.conftest import ftb  # noqa: F401
from tests.third_party.aimock import Aimock, started

KEY = "sk-theirs-0123456789-WXYZ"


@pytest.fixture(scope="session")
def aimock_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aimock]:
    with started(tmp_path_factory.mktemp("aimock")) as server:
        yield server


@pytest.fixture
def aimock(aimock_process: Aimock, home: Path, monkeypatch: pytest.MonkeyPatch) -> Aimock:
    """An aimock that knows nothing, known to ftb as `custom`, `openai` and `gemini`-like providers."""
    aimock_process.reset()
    monkeypatch.setenv("THEIR_KEY", KEY)
    config = home / "config" / "config.toml"
    config.parent.mkdir(parents=True)
    wire = f'base_url = "{aimock_process.address}/v1"\napi_key_env = "THEIR_KEY"\n'
    config.write_text(
        f'[providers.plain]\ndialect = "custom"\n{wire}[providers.like_openai]\ndialect = "openai"\n{wire}'
        f'[providers.gemini]\nendpoint = "{aimock_process.address}"\napi_key_env = "THEIR_KEY"\n'
    )
    return aimock_process


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at jobs and batches follow each other closely."""
    monkeypatch.setattr("ftb_tui.work.jobs.PAID_PACE", Pace(0.01, 0.01, 0.05))
    monkeypatch.setattr("ftb_tui.work.jobs.RECONCILE_PAUSES", (0.01, 0.01))
    monkeypatch.setattr("ftb_tui.work.batching.LOOK_SECONDS", (0.01, 0.01, 0.01))
    monkeypatch.setattr(deployment, "POLL_SECONDS", 0.01)
