"""A service that answers in batches, and a proxy that cuts their creation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiosqlite
import pytest

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.providers.base import Provider
from ftb_tui.providers.registry import open_provider
from ftb_tui.store.database import open_store
from ftb_tui.store.datasets import save_dataset
from ftb_tui.work import batch_intents, batching
from tests.fakes.cutting_proxy import CuttingProxy
from tests.fakes.openai_server import FakeOpenAI


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "LOOK_SECONDS", (0.01, 0.01, 0.01))
    monkeypatch.setattr(batch_intents, "DOUBT_SECONDS", 0.01)
    monkeypatch.setattr(batch_intents, "LISTED_WITHIN_SECONDS", 0.05)


@pytest.fixture
def service(home: Path, fake_openai: FakeOpenAI) -> FakeOpenAI:
    """The fake service as OpenAI, which answers in batches."""
    file = home / "config" / "config.toml"
    file.write_text(file.read_text().replace("[providers.fake]", '[providers.fake]\ndialect = "openai"'))
    fake_openai.service = "openai"
    return fake_openai


@pytest.fixture
async def db() -> AsyncIterator[aiosqlite.Connection]:
    db = await open_store()
    await save_dataset(db, load_bundled("fictional_people"))
    yield db
    await db.close()


@pytest.fixture
async def provider(service: FakeOpenAI) -> AsyncIterator[Provider]:
    provider = open_provider("fake")
    yield provider
    await provider.close()


@pytest.fixture
def proxy(home: Path, service: FakeOpenAI) -> Iterator[CuttingProxy]:
    """Between ftb and the service; creations of batches can be cut anywhere."""
    with CuttingProxy(service.url, b"POST /v1/batches ") as proxy:
        file = home / "config" / "config.toml"
        file.write_text(file.read_text().replace(service.url, proxy.url))
        yield proxy
