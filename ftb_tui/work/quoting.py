"""The quote of a launch, put together from configuration, catalogue and store; and what a day has left to spend."""

from __future__ import annotations

import asyncio
import datetime

import aiosqlite

from ftb_tui.providers.catalogue import Prices, load_catalogue
from ftb_tui.providers.config import Config, load_config
from ftb_tui.providers.registry import provider_info, service_name
from ftb_tui.store import spending
from ftb_tui.store.jobs import list_jobs
from ftb_tui.work.cost import Facts, Quote, quote
from ftb_tui.work.launch_plan import LaunchPlan, training_parts
from ftb_tui.work.token_counter import token_counter


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
    unclear = () if info.capabilities.creates_once else await _unclear(db, plan, provider)

    def made() -> Quote:
        facts = Facts(
            provider=provider,
            service=service,
            host=info.host,
            capabilities=info.capabilities,
            catalogue=load_catalogue(),
            today=today,
            counter=token_counter(service),
            budget=config.budget,
            spent_today=spent,
            notes=(*unclear, *info.notes),
        )
        parts = training_parts(plan, info.capabilities.training_format)
        lines, aside = ([line for _, line in part] for part in parts)
        return quote(
            facts, plan.dataset, lines, validation=aside, base_model=plan.base_model, epochs=plan.n_epochs, method=plan.method,
            suffix=plan.suffix,
        )  # fmt: skip

    return await asyncio.to_thread(made)


async def _unclear(db: aiosqlite.Connection, plan: LaunchPlan, provider: str) -> tuple[str, ...]:
    """A sentence for each job on the same base and dataset of which it is not known whether it was created."""
    same = (provider, plan.base_model, plan.dataset.dataset_id)
    return tuple(
        f"It is not known yet whether job {job.job_key}, on the same base and dataset, was created. It is looked for before "
        f"anything is sent, and nothing is while it is unclear and this is the same job. Look for it with: ftb jobs follow "
        f"{job.job_key} - or give it up with: ftb jobs abandon {job.job_key}"
        for job in await list_jobs(db)
        if job.intent == "sent" and (job.provider, job.base_model, job.dataset_id) == same
    )


def refuse(quoted: Quote, *, force: bool) -> None:
    """Raise `LaunchRefusedError` with every reason, if there is one that `force` does not override."""
    if reasons := quoted.stops(force=force):
        raise LaunchRefusedError("Not launched, and nothing was sent. " + " ".join(reasons))


def asking_prices(provider: str, model: str, base_model: str, config: Config | None = None) -> Prices | None:
    """What a million tokens of questions and answers cost at a provider; None where that is not known."""
    service = service_name(provider, config or load_config())
    catalogue = load_catalogue()
    return (
        catalogue.prices(service, model) if catalogue.model(service, model) else catalogue.prices(service, base_model)
    )


async def left_today(db: aiosqlite.Connection, today: datetime.date, config: Config | None = None) -> float | None:
    """US dollars of the day's budget that are not spent yet; None where no budget is set."""
    budget = (config or load_config()).budget.per_day
    return None if budget is None else max(0.0, budget - await spending.spent_on(db, today))
