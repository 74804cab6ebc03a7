"""`ftb models deploy`: deployments made, taken over, recorded, taken away and forgotten."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ftb_tui.cli.common import as_json, confirm, opened, put_json, run_async, store, today
from ftb_tui.cli.exits import say

if TYPE_CHECKING:
    import aiosqlite

    from ftb_tui.providers.base import Provider
    from ftb_tui.store.models import ModelRow

_T = TypeVar("_T")


@click.command()
@click.argument("model")
@click.option("--provider", help="Whose model, where the name alone does not say.")
@click.option("--as", "name", help="The deployment's name. Alone, one that exists already is recorded.")
@click.option("--create", is_flag=True, help="Make the deployment, or take over what is there. It may cost money.")
@click.option("--remove", is_flag=True, help="Take the model's deployments away at the service.")
@click.option("--forget", is_flag=True, help="Forget them here and send nothing; they may go on and bill.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def deploy(
    *,
    model: str,
    provider: str | None,
    name: str | None,
    create: bool,
    remove: bool,
    forget: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Have a tuned model or checkpoint answer, at services where training alone does not.

    A deployment may bill for as long as it exists. What is asked for is kept before it is sent, so that it is found and
    can be taken away even where the answer was lost; ftb models list and ftb doctor tell what there is.
    """
    wanted = [option for option, given in (("--create", create), ("--remove", remove), ("--forget", forget)) if given]
    if len(wanted) > 1:
        raise click.UsageError(f"Give one of {', '.join(wanted)}.")
    if not wanted and name is None:
        raise click.UsageError("Give --as NAME for a deployment that exists, --create for a new one, or --remove.")
    target = run_async(_target(model, provider, new=not (remove or forget)))
    if create:
        _create(target, name, yes=yes)
    elif remove:
        _remove(target, name, yes=yes)
    elif forget:
        _forget(target, name, yes=yes)
    else:
        _record(target, str(name))
    _tell(target, as_json=as_json)


@dataclass(frozen=True, slots=True)
class _Target:
    """A model and its service. `model_key` is None for a base model that was never used here."""

    provider: str
    model: str
    base_model: str
    model_key: int | None
    host: str


async def _target(model: str, provider: str | None, *, new: bool) -> _Target:
    """The model that is meant. With a provider, a base model that was never used here is one, too.

    `new` is whether a deployment is to be made or recorded, which must be of use.
    """
    from ftb_tui.providers.catalogue import load_catalogue
    from ftb_tui.providers.registry import provider_info, service_name
    from ftb_tui.store.models import ModelNotFoundError, find_model
    from ftb_tui.work.deployment import cannot_be_deployed

    row: ModelRow | None = None
    async with store() as db:
        try:
            row = await find_model(db, model, provider=provider)
        except ModelNotFoundError:
            if provider is None or not new or model in ("tuned", "base"):
                raise
    if row is not None and provider is not None and model not in ("tuned", "base", row.name):
        # The name of a base that is the beginning of what was tuned from it.
        known = load_catalogue().model(service_name(provider), model)
        if known is not None and known.name == model:
            row = None
    service, name, kind = (row.provider, row.name, row.kind) if row else (str(provider), model, "base")
    info = provider_info(service)
    if not info.capabilities.deploy_step:
        raise click.UsageError(f"{service} needs no deployment: {name} answers by its own name.")
    if new:
        bases = info.capabilities.deploys_bases
        if reason := cannot_be_deployed(service, deploys_bases=bases, model=name, kind=kind):
            raise click.UsageError(reason)
    return _Target(service, name, row.base_model if row else model, row.model_key if row else None, info.host)


def _create(target: _Target, name: str | None, *, yes: bool) -> None:
    from ftb_tui.providers.catalogue import load_catalogue
    from ftb_tui.providers.config import load_config
    from ftb_tui.providers.registry import service_name
    from ftb_tui.store.database import transaction
    from ftb_tui.store.models import forget_unused_base
    from ftb_tui.work import deployment as work
    from ftb_tui.work.deployed import deployment_refusal, hosting_sentence
    from ftb_tui.work.quoting import left_today

    service, facts = service_name(target.provider), load_catalogue()
    prices = facts.prices(service, target.base_model)
    hosting = None if prices is None else prices.hosting_per_hour
    costs = f"{facts.service(service).serving or 'It may bill for as long as it exists'}. {hosting_sentence(hosting)}"
    costs = costs[:1].upper() + costs[1:]
    if yes:
        say(costs)
    confirm(f"Deploy {target.model} at {target.host}? {costs}", yes=yes)

    async def made() -> None:
        async with store() as db:
            refusal = deployment_refusal(load_config().budget, hosting, await left_today(db, today()), service)
            key = await _key(db, target)
            try:
                await _at_service(
                    target, lambda service: work.create(db, service, key, name=name, refusal=refusal, on_state=say)
                )
            except Exception:
                if target.model_key is None:
                    async with transaction(db):
                        await forget_unused_base(db, key)
                raise

    run_async(made())


def _remove(target: _Target, name: str | None, *, yes: bool) -> None:
    from ftb_tui.work import deployment as work
    from ftb_tui.work.deployment_look import look

    key = target.model_key
    assert key is not None

    async def there() -> list[str]:
        async with store() as db:
            found = await _at_service(target, lambda service: look(db, service, key, name=name))
        return [one.name for one in found.ours]

    async def gone(only: list[str]) -> list[str]:
        async with store() as db:
            return await _at_service(
                target, lambda service: work.remove(db, service, key, name=name, only=only, on_state=say)
            )

    agreed = run_async(there())
    if agreed:
        confirm(f"Take the deployment {', '.join(agreed)} of {target.model} at {target.provider} away?", yes=yes)
    if not run_async(gone(agreed)):
        say(f"{target.provider} has no deployment of {target.model}" + (f" by the name {name}." if name else "."))


def _forget(target: _Target, name: str | None, *, yes: bool) -> None:
    from ftb_tui.work import deployment as work

    confirm(f"Forget the deployments of {target.model} here? They may go on and bill.", yes=yes)

    async def forgotten() -> list[str]:
        async with store() as db:
            assert target.model_key is not None
            return await work.forget(db, target.model_key, name)

    names = run_async(forgotten())
    what = f"{', '.join(names)}: forgotten here, and nothing was sent." if names else "Nothing of it is kept here."
    say(what)


def _record(target: _Target, name: str) -> None:
    from ftb_tui.work import deployment as work

    async def recorded() -> None:
        async with store() as db:
            await work.record(db, await _key(db, target), name)

    run_async(recorded())


async def _key(db: aiosqlite.Connection, target: _Target) -> int:
    """The model's key; a base model that was never used here gets one."""
    from ftb_tui.store.database import transaction
    from ftb_tui.store.models import ensure_model

    if target.model_key is not None:
        return target.model_key
    async with transaction(db):
        return await ensure_model(db, provider=target.provider, name=target.model, kind="base", base_model=target.model)


async def _at_service(target: _Target, work: Callable[[Provider], Awaitable[_T]]) -> _T:
    service = await opened(target.provider)
    try:
        return await work(service)
    finally:
        await service.close()


def _tell(target: _Target, *, as_json: bool) -> None:
    """How things stand now."""
    from ftb_tui.store.deployments import list_deployments
    from ftb_tui.store.models import find_model

    async def now() -> tuple[ModelRow, list[Any]]:
        async with store() as db:
            row = await find_model(db, target.model, provider=target.provider)
            return row, await list_deployments(db, row.model_key)

    row, deployments = run_async(now())
    if as_json:
        put_json({**asdict(row), "deployments": [asdict(one) for one in deployments]})
    elif row.serving_name:
        say(f"{row.name} answers as {row.serving_name}.")
