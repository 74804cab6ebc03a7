"""What there is at the service, told by itself."""

from __future__ import annotations

import hashlib

import aiosqlite
import pytest

from ftb_tui.store.deployments import list_deployments
from tests.fakes.openai_server import FakeOpenAI

BOTH = pytest.mark.parametrize("service", ["azure", "nebius"], indirect=True)
AZURE = pytest.mark.parametrize("service", ["azure"], indirect=True)
NEBIUS = pytest.mark.parametrize("service", ["nebius"], indirect=True)


def there(service: FakeOpenAI) -> list[str]:
    """The deployments that exist, and bill."""
    return list(service.deploying.azure or service.deploying.nebius)


def creations(service: FakeOpenAI) -> int:
    return sum(verb in ("PUT", "POST") for verb in service.deploying.verbs())


async def states(db: aiosqlite.Connection) -> list[str]:
    return [row.state for row in await list_deployments(db)]


def checkpoint_name() -> str:
    """The name that is asked for, unless a person gives another one."""
    return f"ftb-{hashlib.sha256(b'ftjob-1:ck-4').hexdigest()[:10]}"


def azure_path(name: str) -> str:
    return f"/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/a/deployments/{name}"
