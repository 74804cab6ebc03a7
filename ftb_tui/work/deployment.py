"""Making tuned models answer where that takes a deployment, and taking the deployment away again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiosqlite

from ftb_tui.providers.base import Deploys, ErrorKind, Provider, ProviderError
from ftb_tui.store.database import transaction
from ftb_tui.store.models import ModelRow, get_model, set_serving_name

POLL_SECONDS = 10.0
LONGEST_SECONDS = 3600.0


async def record(db: aiosqlite.Connection, model_key: int, name: str) -> ModelRow:
    """Remember under which name a model's existing deployment answers."""
    async with transaction(db):
        await set_serving_name(db, model_key, name)
    return await get_model(db, model_key)


async def create(
    db: aiosqlite.Connection,
    provider: Provider,
    model_key: int,
    *,
    name: str | None = None,
    on_state: Callable[[str], None] = lambda state: None,
    poll_seconds: float | None = None,
) -> ModelRow:
    """Deploy a model and wait until it answers. Its name is kept before the wait, so that it can always be removed.

    Raises `ProviderError` when the service cannot deploy, refuses, or says that it failed.
    """
    pause = POLL_SECONDS if poll_seconds is None else poll_seconds
    model = await get_model(db, model_key)
    deploying = _deploys(provider)
    found = await deploying.deploy(model.name, name=name or f"ftb-{model.model_key}", base_model=model.base_model)
    await record(db, model_key, found.name)
    waited = 0.0
    while not (found.ready or found.failed):
        on_state(f"{found.name} is {found.raw_state or 'being deployed'}")
        if waited >= LONGEST_SECONDS:
            raise ProviderError(
                ErrorKind.TIMEOUT, f"{found.name} is still {found.raw_state} after an hour; it may answer later.",
                host=provider.host,
            )  # fmt: skip
        await asyncio.sleep(pause)
        waited += pause
        try:
            found = await deploying.deployment(found.name)
        except ProviderError as error:
            if not error.retryable:
                raise
    if found.failed:
        why = found.message or found.raw_state
        raise ProviderError(ErrorKind.INVALID_REQUEST, f"{found.name} was not deployed: {why}", host=provider.host)
    return await get_model(db, model_key)


async def remove(db: aiosqlite.Connection, provider: Provider, model_key: int) -> ModelRow:
    """Take a model's deployment away at its service; it is forgotten only when the service has said yes."""
    model = await get_model(db, model_key)
    if model.serving_name is not None:
        try:
            await _deploys(provider).undeploy(model.serving_name)
        except ProviderError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
        async with transaction(db):
            await set_serving_name(db, model_key, None)
    return await get_model(db, model_key)


def _deploys(provider: Provider) -> Deploys:
    if not provider.capabilities.deploy_step or not isinstance(provider, Deploys):
        raise ProviderError(ErrorKind.INVALID_REQUEST, f"{provider.name} has no deployments.", host=provider.host)
    return provider
