"""A service with deployments, and a checkpoint that answers only through one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiosqlite
import pytest

from ftb_tui.providers.base import Provider
from ftb_tui.providers.registry import open_provider
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.models import ensure_model
from ftb_tui.work import deployment, deployment_look
from tests.fakes.openai_server import FakeOpenAI


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployment_look, "LOOK_PAUSES", (0.01, 0.01))
    monkeypatch.setattr(deployment, "POLL_SECONDS", 0.01)


@pytest.fixture
async def db() -> AsyncIterator[aiosqlite.Connection]:
    db = await open_store()
    yield db
    await db.close()


@pytest.fixture
async def provider(service: FakeOpenAI, home: Path) -> AsyncIterator[Provider]:
    if service.service == "azure":
        file, address = home / "config" / "config.toml", service.url.removesuffix("/openai/v1")
        file.write_text(
            f'{file.read_text()}[providers.mine.deploy]\nsubscription = "s"\nresource_group = "g"\naccount = "a"\n'
            f'token_env = "FAKE_KEY"\nmanagement_url = "{address}"\n'
        )
    provider = open_provider("mine")
    yield provider
    await provider.close()


@pytest.fixture
async def checkpoint(db: aiosqlite.Connection) -> int:
    """A checkpoint of a job at the provider `mine`."""
    async with transaction(db):
        return await ensure_model(
            db, provider="mine", name="ftjob-1:ck-4", kind="checkpoint", base_model="gpt-fake", step=4
        )
