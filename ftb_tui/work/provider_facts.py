"""What a person should know of a provider, in lines: key, abilities, limits, cost, jobs, deadlines, notes."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from ftb_tui.providers.base import Capabilities
from ftb_tui.providers.catalogue import Catalogue, Limits, ModelFacts
from ftb_tui.providers.registry import CheckResult, ProviderInfo
from ftb_tui.store.jobs import JobRow

_INDENT = 9


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    """A provider with everything that is known of it here. `found_models` are those of a server found on this machine."""

    info: ProviderInfo
    service: str
    running: tuple[JobRow, ...] = ()
    check: CheckResult | None = None
    checking: bool = False
    found_models: tuple[str, ...] = ()
    deployed: tuple[str, ...] = ()
    """A sentence for each deployment that exists there, or may (`deployment_sentences`)."""


def unfinished_jobs(jobs: Iterable[JobRow], provider: str) -> tuple[JobRow, ...]:
    """The jobs that a provider still works at, or may."""
    return tuple(
        job for job in jobs if job.provider == provider and job.intent in ("sent", "confirmed") and not job.is_final
    )


def provider_lines(facts: ProviderFacts, catalogue: Catalogue, today: datetime.date) -> list[str]:
    """The facts of one provider, the important ones first. Host and notes are foreign text, not made harmless here."""
    info, able = facts.info, facts.info.capabilities
    known = catalogue.service(facts.service)
    lines = [f"{info.title}  {info.host}", _line("Key", info.key)]
    if facts.checking:
        lines.append(_line("Check", "asking ..."))
    elif facts.check is not None:
        lines.append(_line("Check", f"{'✓' if facts.check.reachable else '✗'} {facts.check.message}"))
        if facts.check.quota:
            lines.append(_line("Quota", facts.check.quota))
    if facts.found_models:
        named = ", ".join(facts.found_models[:6])
        many = f"{len(facts.found_models)} model{'' if len(facts.found_models) == 1 else 's'}"
        lines.append(_line("Found", f"on this machine, with {many}: {named}"))
    lines.append(_line("Trains", _training(able) if able.trains else able.why_no_training or "no; it answers"))
    if able.trains:
        lines.append(_line("Limits", _limits(able, known.limits)))
    lines.append(_line("Cost", _cost(able, known.serving)))
    if facts.running:
        numbers = ", ".join(f"{job.job_key} ({job.state})" for job in facts.running)
        lines.append(_line("Jobs", f"{len(facts.running)} under way: {numbers}"))
    notes = [*facts.deployed, *info.notes]
    if able.trains:
        if said := known.refusal(today) or known.ending(today):
            notes.append(said)
        notes += known.notices
    return [*lines, *(f"! {note}" for note in notes)]


def dying_models(catalogue: Catalogue, services: Collection[str], today: datetime.date) -> list[str]:
    """A line for each service and day on which models stop answering within 90 days, the nearest first."""
    by_day: dict[tuple[str, datetime.date], list[ModelFacts]] = defaultdict(list)
    for model in catalogue.models:
        if model.service in services and model.shutdown is not None and model.shutdown > today and model.warning(today):
            by_day[model.service, model.shutdown].append(model)
    nearest = sorted(by_day.items(), key=lambda one: (one[0][1], one[0][0]))
    return [_farewell(catalogue, service, day, models, today) for (service, day), models in nearest]


def _farewell(
    catalogue: Catalogue, service: str, day: datetime.date, models: Sequence[ModelFacts], today: datetime.date
) -> str:
    title = catalogue.service(service).title or service
    more = f" and {len(models) - 1} more" if len(models) > 1 else ""
    earliest = " at the earliest" if all(model.shutdown_is != "on" for model in models) else ""
    left = (day - today).days
    stop = "stop" if more else "stops"
    days = "1 day left" if left == 1 else f"{left} days left"
    tuned = ", with all that is tuned from there" if any(model.was_tunable for model in models) else ""
    # What matters most stands first: a narrow screen cuts the end off.
    return f"{days}: {models[0].name}{more} {stop} on {day}{earliest} ({title}){tuned}"


def _line(name: str, text: str) -> str:
    return f"{name:<{_INDENT}}{text}"


_METHODS = {"supervised": "on questions and answers", "dpo": "on better and worse answers (dpo)"}


def _training(able: Capabilities) -> str:
    ways = " and ".join(_METHODS.get(method, f"by {method}") for method in able.methods)
    flags = (
        (able.events, "progress"), (able.checkpoints, "checkpoints"), (able.pause, "pausing"),
        (able.validation_file, "a validation file"), (able.seed, "a seed"),
    )  # fmt: skip
    parts = [name for has, name in flags if has]
    parts.append(f"names of up to {able.suffix_length} letters" if able.suffix_length else "names of its own")
    return f"{ways}; with {', '.join(parts)}" + ("; answers only when deployed" if able.deploy_step else "")


def _limits(able: Capabilities, known: Limits) -> str:
    least = max(able.min_examples, known.min_examples or 0)
    parts = [f"at least {least} example{'' if least == 1 else 's'}"]
    if known.max_examples is not None:
        parts.append(f"at most {known.max_examples:,}")
    if known.max_file_bytes is not None:
        parts.append(f"files up to {known.max_file_bytes / 1024**2:,.0f} MiB")
    if known.max_tokens_per_example is not None:
        parts.append(f"{known.max_tokens_per_example:,} tokens an example")
    if known.max_epochs is not None:
        parts.append(f"{known.max_epochs} epochs")
    return ", ".join(parts)


def _cost(able: Capabilities, serving: str) -> str:
    if able.cost_basis == "free":
        return "nothing; nothing leaves this machine"
    parts = [f"training is billed by {able.cost_basis}"] if able.trains else []
    return "; ".join([*parts, serving]) if serving else "; ".join(parts) or "not known here"
