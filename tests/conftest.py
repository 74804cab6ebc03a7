"""Every test has a home of its own and none of the machine's keys."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import weights as _weights_are_found_before_homes_are_isolated  # noqa: F401
from tests.fakes.google_server import GEMINI_KEY, TOKEN, FakeGoogle
from tests.fakes.openai_server import KEY, FakeOpenAI

# Thousands of small widgets are made and thrown away: collecting so often takes a fifteenth of the time.
gc.set_threshold(100_000, 20, 100)

# Who runs the tests in the background of a shell makes them, and every program that they start, deaf to ctrl+c.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_sessionfinish() -> None:
    """Spare pytest going five times through all that is left in memory before it ends."""
    gc.freeze()


_FOREIGN = ("OPENAI_", "AZURE_", "GOOGLE_", "GEMINI_", "CLOUDSDK_", "FTB_", "COLUMNS", "LINES", "NO_COLOR")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh FTB_HOME, and no setting of the person who runs the tests."""
    for name in list(os.environ):
        if name.startswith(_FOREIGN):
            monkeypatch.delenv(name)
    monkeypatch.setenv("FTB_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def fake_openai(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOpenAI]:
    """A faithful, scriptable service, known to ftb as the provider `fake`."""
    with FakeOpenAI() as server:
        monkeypatch.setenv("FAKE_KEY", KEY)
        (home / "config").mkdir(parents=True, exist_ok=True)
        (home / "config" / "config.toml").write_text(
            f'[providers.fake]\nbase_url = "{server.url}"\napi_key_env = "FAKE_KEY"\n'
        )
        yield server


@pytest.fixture
def service(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOpenAI]:
    """The fake service of that name, as strict as the real one, known to ftb as the provider `mine`."""
    name = str(request.param)
    with FakeOpenAI("" if name == "custom" else name) as server:
        monkeypatch.setenv("FAKE_KEY", KEY)
        (home / "config").mkdir(parents=True, exist_ok=True)
        address = server.url.removesuffix("/openai/v1")
        (home / "config" / "config.toml").write_text(
            f'[providers.mine]\ndialect = "{name}"\nbase_url = "{address}"\napi_key_env = "FAKE_KEY"\n'
        )
        # Whatever the day is: OpenAI has a last one for new jobs, after which a launch is refused.
        (home / "config" / "catalogue.toml").write_text("[services.openai]\nlast_day_of_new_jobs = 9999-12-31\n")
        yield server


@pytest.fixture
def fake_google(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGoogle]:
    """Google's services in one process, known to ftb as the providers `google` and `gemini`."""
    with FakeGoogle() as server:
        monkeypatch.setenv("FAKE_TOKEN", TOKEN)
        monkeypatch.setenv("GEMINI_API_KEY", GEMINI_KEY)
        (home / "config").mkdir(parents=True, exist_ok=True)
        (home / "config" / "config.toml").write_text(
            f'[providers.google]\nproject = "p1"\nregion = "us-central1"\nbucket = "b1"\n'
            f'endpoint = "{server.url}"\ntoken_env = "FAKE_TOKEN"\n'
            f'[providers.gemini]\nendpoint = "{server.url}"\napi_key_env = "GEMINI_API_KEY"\n'
        )
        yield server
