"""Making models answer where that takes a deployment, and taking the deployment away again.

A deployment may bill for as long as it exists. So what is asked for is kept before it is sent, what is there already is
taken over and not made twice, and a removal is told as done only when the service says that nothing is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

import aiosqlite

from ftb_tui.providers.base import NOT_OFFERED, Deployment, ErrorKind, Provider, ProviderError
from ftb_tui.store import holding, leases
from ftb_tui.store.database import transaction
from ftb_tui.store.deployments import (
    SENT,
    deployment_made,
    forget_deployment,
    intend_deployment,
    list_deployments,
    record_deployment,
)
from ftb_tui.store.leases import Lease
from ftb_tui.store.models import ModelRow, get_model
from ftb_tui.work import deployment_look as looking
from ftb_tui.work.deployed import command
from ftb_tui.work.deployment_look import default_name, deploys
from ftb_tui.work.leases import keeping
from ftb_tui.work.quoting import LaunchRefusedError

POLL_SECONDS = 10.0
LONGEST_SECONDS = 3600.0
LONGEST_REMOVAL = 900.0

_DOUBTFUL = frozenset({ErrorKind.UNREACHABLE, ErrorKind.TIMEOUT, ErrorKind.SERVER, ErrorKind.BAD_RESPONSE})
_MISSES = 6


async def record(db: aiosqlite.Connection, model_key: int, name: str) -> ModelRow:
    """Remember under which name a model's existing deployment answers."""
    host = await looking.place_of((await get_model(db, model_key)).provider)
    async with transaction(db):
        await record_deployment(db, model_key, name, host=host)
    return await get_model(db, model_key)


async def forget(db: aiosqlite.Connection, model_key: int, name: str | None = None) -> list[str]:
    """Forget a model's deployments (or the one of that name) and send nothing. Returns their names."""
    known = [row.name for row in await list_deployments(db, model_key) if name in (None, row.name)]
    async with transaction(db):
        for one in known:
            await forget_deployment(db, model_key, one)
    return known


def cannot_be_deployed(provider: str, *, deploys_bases: bool, model: str, kind: str) -> str | None:
    """Why a model has no use for a deployment there, or None. A base asked under a tuned one's name is no base."""
    if kind != "base" or deploys_bases:
        return None
    return f"{model} is a base model: {provider} answers for it by its own name, and deploys tuned models and checkpoints only."


async def create(
    db: aiosqlite.Connection,
    provider: Provider,
    model_key: int,
    *,
    name: str | None = None,
    refusal: str | None = None,
    on_state: Callable[[str], None] = lambda state: None,
    poll_seconds: float | None = None,
) -> ModelRow:
    """Deploy a model and wait until it answers. What is there already is taken over; a new one is asked for once.

    `refusal` is why no new one may be made. Raises `LaunchRefusedError` with it, and `ProviderError` when the service
    cannot deploy, refuses, says that it failed, or when it is not known what came of it.
    """
    model = await get_model(db, model_key)
    able = provider.capabilities.deploys_bases
    if reason := cannot_be_deployed(provider.name, deploys_bases=able, model=model.name, kind=model.kind):
        raise ProviderError(ErrorKind.INVALID_REQUEST, reason, host=provider.host)
    wanted = name or default_name(model)
    before = {row.deployment_key for row in await list_deployments(db, model_key)}
    there = await _there(db, provider, model, wanted)
    if there is not None:
        on_state(f"{there.name} is at {provider.host} already; nothing new is asked for.")
        await _keep(db, provider, model_key, there)
    elif refusal is not None:
        raise LaunchRefusedError(f"{refusal} Nothing was sent.")
    else:
        there = await _ask_for(db, provider, model, wanted, before, on_state)
    return await _ready(db, provider, model, there, on_state, POLL_SECONDS if poll_seconds is None else poll_seconds)


async def remove(
    db: aiosqlite.Connection,
    provider: Provider,
    model_key: int,
    *,
    name: str | None = None,
    only: Collection[str] | None = None,
    on_state: Callable[[str], None] = lambda state: None,
    poll_seconds: float | None = None,
) -> list[str]:
    """Take a model's deployments (or the one of that name) away. Returns the names of what the service confirms as gone.

    Each is forgotten only then. With `only`, what has another name than those that a person agreed to is left alone.
    Raises `ProviderError` where a removal is refused, not confirmed, cannot be told, or was not agreed to.
    """
    model = await get_model(db, model_key)
    found = await looking.look(db, provider, model_key, name=name)
    gone = []
    agreed = [one for one in found.ours if only is None or one.name in only]
    for one in agreed:
        await _take_away(provider, model, one, on_state, POLL_SECONDS if poll_seconds is None else poll_seconds)
        async with transaction(db):
            await forget_deployment(db, model_key, one.name)
        gone.append(one.name)
        on_state(f"{one.name} is gone, says {provider.name}.")
    if found.open:
        raise _unsettled(found.open[0], model, provider, "--remove")
    if left := [one.name for one in found.ours if one not in agreed]:
        text = f"{', '.join(left)} has appeared since, and is left alone: {command(model.provider, model.name, '--remove')}"
        raise ProviderError(ErrorKind.INVALID_REQUEST, text, host=provider.host)
    if found.others:
        raise ProviderError(ErrorKind.INVALID_REQUEST, taken(found.others[0], model, provider.host), host=provider.host)
    return gone


def taken(other: Deployment, model: ModelRow, host: str) -> str:
    """That a name is another model's."""
    return f"The deployment {other.name} at {host} serves {other.model}, not {model.name}; it is left alone."


def _unsettled(name: str, model: ModelRow, provider: Provider, option: str) -> ProviderError:
    text = (
        f"{provider.host} shows no deployment {name} so far, but it was asked for a moment ago and may still appear, and "
        f"bill. Ask again in {looking.SETTLED_SECONDS / 60:.0f} minutes: {command(model.provider, model.name, option)}"
    )
    return ProviderError(ErrorKind.TIMEOUT, text, host=provider.host)


async def _there(db: aiosqlite.Connection, provider: Provider, model: ModelRow, wanted: str) -> Deployment | None:
    """What there is of the model already, by any name."""
    kept = await list_deployments(db, model.model_key)
    unsure = any(row.state == SENT for row in kept)
    for name in dict.fromkeys([*(row.name for row in kept), wanted]):
        try:
            found = await looking.look(db, provider, model.model_key, name=name)
        except ProviderError as error:
            if error.status is None and not error.retryable:
                # Settings that are missing: nobody was asked.
                raise
            if unsure or error.kind is not ErrorKind.BAD_RESPONSE or error.status not in NOT_OFFERED:
                text = (
                    f"{str(error).rstrip('.')}. What is there already could not be told, so nothing new was asked for."
                )
                raise ProviderError(error.kind, text, host=provider.host, status=error.status) from error
            # Where nothing was asked for that was not answered, nothing of ours is there unknown.
            continue
        if found.ours:
            return found.ours[0]
        if found.open and not (name == wanted and provider.capabilities.deploys_once):
            raise _unsettled(name, model, provider, "--create")
        if found.others and name == wanted:
            text = f"{taken(found.others[0], model, provider.host)} Give another name with --as."
            raise ProviderError(ErrorKind.INVALID_REQUEST, text, host=provider.host)
    return None


async def _ask_for(
    db: aiosqlite.Connection,
    provider: Provider,
    model: ModelRow,
    name: str,
    before: Collection[int],
    on_state: Callable[[str], None],
) -> Deployment:
    """Ask once. `before` are the deployments that were kept when it was looked what is there."""
    deploying, owner = deploys(provider), holding.new_owner()
    async with transaction(db):
        kept = await list_deployments(db, model.model_key)
        asked_before = any(row.name == name and row.state == SENT for row in kept)
        lease = Lease("deployments", await intend_deployment(db, model.model_key, name, host=deploying.deploys_at()))
        is_ours = await leases.take(db, lease, owner)
        if not is_ours or any(row.deployment_key not in before for row in kept):
            text = f"{model.name} is being deployed by another ftb; see: ftb models list"
            raise ProviderError(ErrorKind.INVALID_REQUEST, text, host=provider.host)
    doubt = (
        f"A deployment {name} of {model.name} may exist at {provider.host} all the same, and bill. "
        f"Take over what is there: {command(model.provider, model.name, '--create')} ; "
        f"or have it taken away: {command(model.provider, model.name, '--remove')}"
    )
    async with keeping(db, lease, owner):
        try:
            made = await deploying.deploy(model.name, name=name, base_model=model.base_model)
        except asyncio.CancelledError:
            on_state(doubt)
            raise
        except ProviderError as error:
            if error.kind not in _DOUBTFUL:
                # A refusal says nothing of what was asked for before it.
                if not asked_before:
                    async with transaction(db):
                        await forget_deployment(db, model.model_key, name)
                raise
            on_state(f"{str(error).rstrip('.')}. Looking whether the deployment was made all the same.")
            late = await looking.late(deploying, model, name)
            if late is None:
                text = f"{str(error).rstrip('.')}. {doubt}"
                raise ProviderError(error.kind, text, host=provider.host, status=error.status) from error
            on_state(f"It was: {late.name}.")
            made = late
        await _keep(db, provider, model.model_key, made, asked_as=name)
    return made


async def _ready(
    db: aiosqlite.Connection,
    provider: Provider,
    model: ModelRow,
    found: Deployment,
    on_state: Callable[[str], None],
    pause: float,
) -> ModelRow:
    exists = f"{found.name} exists and may bill; take it away: {command(model.provider, model.name, '--remove')}"
    deploying = deploys(provider)
    waited, missed = 0.0, 0
    try:
        while not (found.ready or found.failed):
            on_state(f"{found.name} is {found.raw_state or 'being deployed'}")
            if waited >= LONGEST_SECONDS:
                text = f"{found.name} is still {found.raw_state} after an hour; it may answer later. {exists}"
                raise ProviderError(ErrorKind.TIMEOUT, text, host=provider.host)
            await asyncio.sleep(pause)
            waited += pause
            try:
                found = await deploying.deployment(found.name)
                missed = 0
            except ProviderError as error:
                # What was just made may not be found for a while.
                missed += error.kind is ErrorKind.NOT_FOUND
                if not (error.retryable or 0 < missed < _MISSES):
                    text = f"{str(error).rstrip('.')}. {exists}"
                    raise ProviderError(error.kind, text, host=provider.host, status=error.status) from error
                on_state(str(error))
    except asyncio.CancelledError:
        on_state(exists)
        raise
    if found.failed:
        await _keep(db, provider, model.model_key, found)
        why = found.message or found.raw_state
        text = f"{found.name} was not deployed: {why}. Take it away before you try again: " + command(
            model.provider, model.name, "--remove"
        )
        raise ProviderError(ErrorKind.INVALID_REQUEST, text, host=provider.host)
    return await get_model(db, model.model_key)


async def _take_away(
    provider: Provider, model: ModelRow, found: Deployment, on_state: Callable[[str], None], pause: float
) -> None:
    """Delete, and wait until the service says that there is no such deployment."""
    deploying = deploys(provider)
    still = f"{found.name} may still exist and bill; ask again: {command(model.provider, model.name, '--remove')}"
    lost: ProviderError | None = None
    try:
        await deploying.undeploy(found.name)
    except ProviderError as error:
        if error.kind not in (*_DOUBTFUL, ErrorKind.NOT_FOUND):
            raise ProviderError(
                error.kind, f"{str(error).rstrip('.')}. {still}", host=provider.host, status=error.status
            ) from error
        lost = None if error.kind is ErrorKind.NOT_FOUND else error
    waited = 0.0
    while True:
        now: Deployment | None = None
        try:
            now = await deploying.deployment(found.name)
        except ProviderError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return
            if lost is not None or not error.retryable:
                text = f"{str(error).rstrip('.')}. {still}"
                raise ProviderError(error.kind, text, host=provider.host, status=error.status) from error
            on_state(str(error))
        state = "" if now is None else now.raw_state
        if state.lower() == "deleted":
            return
        if lost is not None and state.lower() != "deleting":
            text = f"{str(lost).rstrip('.')}. {still}"
            raise ProviderError(lost.kind, text, host=provider.host, status=lost.status) from lost
        if waited >= LONGEST_REMOVAL:
            text = f"{provider.host} does not confirm that {found.name} is gone (it is {state or 'not told'}). {still}"
            raise ProviderError(ErrorKind.TIMEOUT, text, host=provider.host)
        on_state(f"{found.name} is {state or 'being taken away'}")
        await asyncio.sleep(pause)
        waited += pause


async def _keep(
    db: aiosqlite.Connection, provider: Provider, model_key: int, found: Deployment, *, asked_as: str | None = None
) -> None:
    host = deploys(provider).deploys_at()
    async with transaction(db):
        await deployment_made(db, model_key, found.name, asked_as=asked_as, failed=found.failed, host=host)
