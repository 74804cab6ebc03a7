"""What a service has of a model's deployments now, and the store brought in line with that."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

import aiosqlite

from ftb_tui.providers.base import Deployment, Deploys, ErrorKind, Provider, ProviderError
from ftb_tui.providers.config import ConfigError
from ftb_tui.providers.registry import open_provider
from ftb_tui.store.database import transaction
from ftb_tui.store.deployments import (
    RECORDED,
    SENT,
    DeploymentRow,
    deployment_made,
    forget_deployment,
    list_deployments,
)
from ftb_tui.store.models import ModelRow, get_model
from ftb_tui.work.deployed import command

LOOK_PAUSES = (0.5, 2.0, 5.0)
"""Seconds between looks for what was asked for and never answered: a service may list it late."""
SETTLED_SECONDS = 120.0
"""What was asked for so long ago and is not there was never made."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a service has of a model now."""

    ours: tuple[Deployment, ...] = ()
    others: tuple[Deployment, ...] = ()
    """Those that have a name of ours and serve another model."""
    open: tuple[str, ...] = ()
    """What was asked for a moment ago and is not there, but may still appear."""


async def look(db: aiosqlite.Connection, provider: Provider, model_key: int, *, name: str | None = None) -> Found:
    """Ask the service what it has of a model: by the names that are kept here (else the usual one), or by `name` alone.

    What is kept is brought in line: what is there is kept as such, and what is not is forgotten. Raises
    `ProviderError` where the service cannot tell, or is not the one any more where a deployment was made.
    """
    model = await get_model(db, model_key)
    deploying = deploys(provider)
    kept = {row.name: row for row in await list_deployments(db, model_key)}
    names = [name] if name else list(kept) or [default_name(model)]
    for one in names:
        _require_same_place(kept.get(one), provider)
    ours: dict[str, Deployment] = {}
    others: dict[str, Deployment] = {}
    unsettled: list[str] = []
    for one in names:
        row = kept.get(one)
        found = await _find(deploying, model, one, row)
        if row is not None and not found and _may_appear(row):
            unsettled.append(one)
            continue
        for deployment in found:
            (ours if _serves(deployment, model) else others)[deployment.name] = deployment
        if row is not None and not (row.state == RECORDED and found):
            there = [deployment for deployment in found if _serves(deployment, model)]
            await _settle(db, row, there, deploying.deploys_at())
    return Found(tuple(ours.values()), tuple(others.values()), tuple(unsettled))


async def late(deploying: Deploys, model: ModelRow, name: str) -> Deployment | None:
    """What was asked for and not answered, if the service shows it after all."""
    for pause in (*LOOK_PAUSES, None):
        try:
            found = await deploying.find_deployments(model.name, name=name)
        except ProviderError:
            found = []
        for one in found:
            if _serves(one, model):
                return one
        if pause is not None:
            await asyncio.sleep(pause)
    return None


def default_name(model: ModelRow) -> str:
    """The same for a model at every time and place, so that it can be found even where this store is lost."""
    return f"ftb-{hashlib.sha256(model.name.encode()).hexdigest()[:10]}"


def deploys(provider: Provider) -> Deploys:
    """The provider as one that has deployments. Raises `ProviderError` for one that has none."""
    if not provider.capabilities.deploy_step or not isinstance(provider, Deploys):
        raise ProviderError(ErrorKind.INVALID_REQUEST, f"{provider.name} has no deployments.", host=provider.host)
    return provider


async def place_of(provider: str) -> str | None:
    """Where a provider's deployments are by its settings of now; None where that cannot be told, for want of a key say."""
    try:
        opened = open_provider(provider)
    except (ProviderError, ConfigError):
        return None
    try:
        return deploys(opened).deploys_at()
    except ProviderError:
        return None
    finally:
        await opened.close()


def _require_same_place(row: DeploymentRow | None, provider: Provider) -> None:
    if row is None or row.host is None or row.host == (now := deploys(provider).deploys_at()):
        return
    text = (
        f"The deployment {row.name} of {row.model} is at {row.host}, as far as is known here, and {row.provider} is at {now} "
        f"now. It may exist and bill. Set the provider back to have it taken away, or have it forgotten here: "
        f"{command(row.provider, row.model, '--forget')}"
    )
    raise ProviderError(ErrorKind.INVALID_REQUEST, text, host=provider.host)


def _may_appear(row: DeploymentRow) -> bool:
    """Whether what was asked for and is not there may be made yet."""
    return row.state == SENT and (row.is_asked_for_now or time.time() - row.created_at < SETTLED_SECONDS)


async def _find(deploying: Deploys, model: ModelRow, name: str, row: DeploymentRow | None) -> list[Deployment]:
    """What there is; what was asked for and never answered is looked for several times."""
    if row is not None and row.state != SENT:
        try:
            return [await deploying.deployment(name)]
        except ProviderError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
            return []
    for pause in (*(LOOK_PAUSES if row is not None else ()), None):
        found = await deploying.find_deployments(model.name, name=name)
        if found or pause is None:
            return found
        await asyncio.sleep(pause)
    return []


def _serves(found: Deployment, model: ModelRow) -> bool:
    """Whether it is of this model. A base model's version may be left to the service, which then names none."""
    if found.model in ("", model.name):
        return True
    return model.kind == "base" and re.fullmatch(rf"{re.escape(found.model)}-\d{{4}}-\d\d-\d\d", model.name) is not None


async def _settle(db: aiosqlite.Connection, row: DeploymentRow, found: Sequence[Deployment], host: str) -> None:
    async with transaction(db):
        if not found:
            await forget_deployment(db, row.model_key, row.name)
        else:
            one = next((one for one in found if one.name == row.name), found[0])
            await deployment_made(db, row.model_key, one.name, asked_as=row.name, failed=one.failed, host=host)
