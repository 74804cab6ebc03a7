"""The quote of a launch, put together from configuration, catalogue and store; and what a day has left to spend."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Sequence

import aiosqlite

from ftb_tui.providers.base import ProviderError
from ftb_tui.providers.catalogue import Prices, load_catalogue
from ftb_tui.providers.config import Budget, Config, dialect_service, load_config
from ftb_tui.providers.registry import provider_info, service_name
from ftb_tui.store import spending
from ftb_tui.store.intents import unclear_jobs
from ftb_tui.store.jobs import find_training_file
from ftb_tui.work.cost import Facts, Quote, beyond_budget, quote
from ftb_tui.work.launch_plan import LaunchPlan, training_parts
from ftb_tui.work.token_counter import token_counter

_REFUSED = "Not launched, and nothing was sent."


class LaunchRefusedError(Exception):
    """A job is not launched for reasons known beforehand; nothing was sent."""


async def quote_launch(
    db: aiosqlite.Connection, plan: LaunchPlan, provider: str, today: datetime.date, config: Config | None = None
) -> Quote:
    """The quote for a plan at a provider. Nothing is sent to anybody."""
    config = config or load_config()
    info = provider_info(provider, config)
    service = service_name(provider, config)
    spent = await spending.spent_on(db, today)
    parts = await asyncio.to_thread(training_parts, plan, info.capabilities.training_format)
    unclear = () if info.capabilities.creates_once else await _unclear(db, plan, provider, parts[0])

    def made() -> Quote:
        facts = Facts(
            provider=provider,
            service=service,
            host=info.host,
            capabilities=info.capabilities,
            catalogue=load_catalogue(),
            today=today,
            counter=token_counter(dialect_service(provider, config)),
            budget=config.budget,
            spent_today=spent,
            notes=(*unclear, *info.notes),
        )
        lines, aside = ([line for _, line in part] for part in parts)
        return quote(
            facts, plan.dataset, lines, validation=aside, base_model=plan.base_model, epochs=plan.n_epochs, method=plan.method,
            suffix=plan.suffix,
        )  # fmt: skip

    return await asyncio.to_thread(made)


async def _unclear(
    db: aiosqlite.Connection, plan: LaunchPlan, provider: str, lines: Sequence[tuple[str, str]]
) -> tuple[str, ...]:
    """A sentence for each job that is the same and of which it is not known whether it was created."""
    file_key = await find_training_file(db, plan.dataset.dataset_id, lines)
    return tuple(
        f"It is not known yet whether job {job.job_key}, which is the same, was created. It is looked for before anything "
        f"is sent, and nothing is while that is unclear. Look for it with: ftb jobs follow {job.job_key} - or give it up "
        f"with: ftb jobs abandon {job.job_key}"
        for job in await unclear_jobs(db, provider)
        if file_key is not None and job.is_same(plan.base_model, file_key)
    )


def refuse(quoted: Quote, *, force: bool) -> None:
    """Raise `LaunchRefusedError` with every reason, if there is one that `force` does not override."""
    if reasons := quoted.stops(force=force):
        raise LaunchRefusedError(f"{_REFUSED} {' '.join(reasons)}")


async def keep_to_budget(
    db: aiosqlite.Connection, cost: float | None, budget: Budget, *, without: int | None = None
) -> None:
    """Raise `LaunchRefusedError` where a launch of that cost (US dollars, None if not known) is beyond a budget.

    Part of the transaction that keeps its intent, so that no two launches at once spend what is there for one. `without`
    is the key of the intent, where that is in the store already.
    """
    spent = await spending.spent_on(db, datetime.date.today(), without=without)
    if reasons := list(beyond_budget(budget, cost, spent)):
        raise LaunchRefusedError(f"{_REFUSED} {' '.join(reasons)}")


def asking_prices(provider: str, model: str, base_model: str = "", *, tuned: bool = False) -> Prices | None:
    """What a million tokens of questions and answers cost at a provider; None where that is not known.

    A server of one's own costs nothing, unless the catalogue has a price for it.
    """
    found = load_catalogue().asking_prices(service_name(provider), model, base_model=base_model, tuned=tuned)
    if found is None or found.input is None or found.output is None:
        return Prices(input=0.0, output=0.0) if _is_own(provider) else found
    return found


def _is_own(provider: str) -> bool:
    try:
        return not provider_info(provider).bills
    except ProviderError:
        return False


async def left_today(db: aiosqlite.Connection, today: datetime.date, config: Config | None = None) -> float | None:
    """US dollars of the day's budget that are not spent yet; None where no budget is set."""
    per_day = (config or load_config()).budget.per_day
    return None if per_day is None else await left_of(db, per_day, today)


async def left_of(db: aiosqlite.Connection, per_day: float, today: datetime.date) -> float:
    """US dollars of such a budget that are not spent yet today."""
    return max(0.0, per_day - await spending.spent_on(db, today))
