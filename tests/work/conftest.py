"""The fake service, opened as a provider."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ftb_tui.providers.base import Provider
from ftb_tui.providers.registry import open_provider
from tests.fakes.openai_server import FakeOpenAI


@pytest.fixture
async def provider(fake_openai: FakeOpenAI) -> AsyncIterator[Provider]:
    provider = open_provider("fake")
    yield provider
    await provider.close()
