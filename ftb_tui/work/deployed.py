"""What a person should know of deployments: that they exist, or may, what they cost, and how to be rid of them."""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Iterable

from ftb_tui.paths import paths
from ftb_tui.providers.catalogue import Catalogue, load_catalogue
from ftb_tui.providers.config import Budget, Config, load_config
from ftb_tui.providers.registry import service_name
from ftb_tui.store.database import open_store
from ftb_tui.store.deployments import FAILED, RECORDED, SENT, DeploymentRow, list_deployments
from ftb_tui.work.cost import money

_HOURS = 24


def command(provider: str, model: str, option: str) -> str:
    """The command that does something about a model's deployment."""
    return f"ftb models deploy {shlex.quote(model)} --provider {shlex.quote(provider)} {option}"


def deployment_sentences(rows: Iterable[DeploymentRow], catalogue: Catalogue, config: Config) -> list[str]:
    """A sentence for each deployment. The names in it are foreign text, not made harmless here."""
    said = []
    for row in rows:
        day = datetime.datetime.fromtimestamp(row.created_at).date()
        away = f"take it away: {command(row.provider, row.model, '--remove')}"
        known = catalogue.service(service_name(row.provider, config))
        serving = known.serving or "it may bill for as long as it exists"
        if row.is_asked_for_now:
            said.append(f"A deployment {row.name} of {row.model} at {row.provider} is being asked for now.")
        elif row.state == SENT:
            said.append(
                f"A deployment {row.name} of {row.model} was asked for at {row.provider} on {day}, and no answer came. It "
                f"may exist and bill. Take over what is there: {command(row.provider, row.model, '--create')} ; or {away}"
            )
        elif row.state == FAILED:
            said.append(f"The deployment {row.name} of {row.model} at {row.provider} ({day}) has failed; {away}")
        else:
            how = "is recorded as deployed" if row.state == RECORDED else "is deployed"
            said.append(
                f"{row.model} {how} at {row.provider} as {row.name} since {day}; {serving}. {away[0].upper()}{away[1:]}"
            )
    return said


async def known_deployments(*, provider: str | None = None, job_key: int | None = None) -> list[str]:
    """A sentence for each deployment that is kept here, of a provider or a job alone if one is given.

    A store that was never made is not made for that.
    """
    if not paths().store.exists():
        return []
    db = await open_store()
    try:
        rows = await list_deployments(db)
    finally:
        await db.close()
    wanted = [row for row in rows if provider in (None, row.provider) and job_key in (None, row.job_key)]
    return deployment_sentences(wanted, load_catalogue(), load_config()) if wanted else []


def hosting_sentence(hosting: float | None) -> str:
    """What an hour of a deployment costs in US dollars."""
    if hosting is None:
        return "What an hour of it costs is not known here."
    if hosting == 0:
        return "Its existence alone costs nothing."
    return f"An hour of it costs {money(hosting)}, a day {money(_HOURS * hosting)}."


def deployment_refusal(budget: Budget, hosting: float | None, left: float | None, service: str) -> str | None:
    """Why a budget forbids a new deployment, or None. `left` is what the day's budget has left.

    As with launches, what has no known price is not begun under a budget. What bills by the hour must fit into a day.
    """
    if (budget.per_launch, budget.per_day) == (None, None) or hosting == 0:
        return None
    if hosting is None:
        return (
            "A budget is set, but what the deployment costs is not known: put hosting_per_hour (US dollars) into "
            f"[services.{service}.prices] of catalogue.toml beside config.toml, or take the budget out of config.toml."
        )
    day = _HOURS * hosting
    if left is not None and day > left:
        return f"A day of it costs {money(day)}; the day's budget has {money(left)} left."
    return None
