"""What is known of models before a service is asked: methods, limits, prices and shutdown dates, each with its date.

The facts are data (`catalogue.toml`); a user's `catalogue.toml` beside the configuration is laid over them, and a
service's own shutdown dates over both. Whoever asks gives today's date, so that nothing here reads a clock.
"""

from __future__ import annotations

import datetime
import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from ftb_tui.providers.base import RemoteModel
from ftb_tui.providers.catalogue_services import of_dialects, only, own_file, services_in

SOON_DAYS = 90
_OF_ANSWERS = ("input", "cached_input", "output", "batch_input", "batch_output")
_T = TypeVar("_T")


class CatalogueError(Exception):
    """The user's catalogue cannot be used; the message names file and key."""


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars for a million tokens (an hour for `training_per_hour`); None where no price is known."""

    training: float | None = None
    training_per_hour: float | None = None
    training_below_billions: float | None = None
    """The price of training holds only for models whose name tells that they have fewer parameters than that."""
    input: float | None = None
    cached_input: float | None = None
    output: float | None = None
    batch_input: float | None = None
    batch_output: float | None = None
    hosting_per_hour: float | None = None
    serving_factor: float = 1.0
    """What a tuned model's answers cost in terms of `input` and `output`, where these are the base model's."""
    as_of: datetime.date | None = None
    source: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a service accepts; None where it is not known."""

    min_examples: int | None = None
    recommended_examples: int | None = None
    max_examples: int | None = None
    max_tokens_per_example: int | None = None
    max_file_bytes: int | None = None
    max_epochs: int | None = None
    max_batch_size: int | None = None


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """A service: what holds for all of its models."""

    name: str
    title: str = ""
    last_day_of_new_jobs: datetime.date | None = None
    """The day on which the service ends the creation of jobs: one may be tried still, but the day before is the last safe one."""
    no_new_jobs_reason: str = ""
    notices: tuple[str, ...] = ()
    does: tuple[str, ...] = ()
    """What the service will do with a job, a sentence each."""
    serving: str = ""
    source: str = ""
    limits: Limits = Limits()
    prices: Prices | None = None

    def refusal(self, today: datetime.date) -> str | None:
        """Why no job may be created at this service today, or None."""
        end = self.last_day_of_new_jobs
        if end is None or today <= end:
            return None
        reason = self.no_new_jobs_reason or f"{self.title or self.name} no longer lets anybody create jobs"
        return f"{reason} since {end}."

    def ending(self, today: datetime.date) -> str | None:
        """A sentence while jobs may still be created but no more from a known day on, or None."""
        end = self.last_day_of_new_jobs
        if end is None or today > end:
            return None
        title = self.title or self.name
        if today == end:
            return (
                f"Today, {end}, {title} ends the creation of jobs: one that is sent now may be refused, or be the last."
            )
        last = end - datetime.timedelta(days=1)
        left = (end - today).days
        days = "1 day" if left == 1 else f"{left} days"
        return f"{title} ends the creation of jobs on {end}, in {days}: the last safe day is {last}."


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """A model at a service."""

    service: str
    name: str
    methods: tuple[str, ...] | None = None
    """How it can be trained: `supervised`, `dpo`, `reinforcement`; empty for not at all, None where it is not known."""
    shutdown: datetime.date | None = None
    shutdown_is: str = "on"
    """`on` that day, or `not before` it."""
    was_tunable: bool = True
    """False for one that nothing was ever tuned from."""
    note: str = ""
    prices: Prices | None = None
    """Of training, and of a tuned model's answers. Without `base_prices` also of the model's own."""
    base_prices: Prices | None = None
    """Of the model's own answers, where the service asks another price for those of a tuned one."""
    as_of: datetime.date | None = None

    def days_left(self, today: datetime.date) -> int | None:
        """Days until the shutdown; negative after it, None when no date is known."""
        return None if self.shutdown is None else (self.shutdown - today).days

    def warning(self, today: datetime.date) -> str | None:
        """A sentence when the model is gone or goes within 90 days, with all that was made of it."""
        left = self.days_left(today)
        if left is None or left > SOON_DAYS:
            return None
        if left <= 0:
            tuned = ", and what was tuned from it" if self.was_tunable else ""
            return f"{self.name} was shut down on {self.shutdown}{tuned}."
        when = f"on {self.shutdown}" if self.shutdown_is == "on" else f"on {self.shutdown} at the earliest"
        stop = "and what is tuned from it stop" if self.was_tunable else "stops"
        return f"{self.name} {stop} answering {when}: {left} days left."


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that is known, the user's own facts laid over ours."""

    as_of: datetime.date
    services: Mapping[str, ServiceFacts] = field(default_factory=dict)
    models: tuple[ModelFacts, ...] = ()

    def service(self, name: str) -> ServiceFacts:
        """What is known of a service; an empty record for one that is not."""
        return self.services.get(name) or ServiceFacts(name)

    def model(self, service: str, name: str) -> ModelFacts | None:
        """What is known of a model, found also by an alias without date and by a name tuned from it."""
        listed = [model for model in self.models if model.service == service]
        for wanted in _names(name):
            exact = [model for model in listed if model.name == wanted]
            undated = [model for model in listed if re.sub(r"-\d{4}-\d\d-\d\d$", "", model.name) == wanted]
            if exact:
                return exact[0]
            if len(undated) == 1:
                return undated[0]
        return None

    def prices(self, service: str, name: str) -> Prices | None:
        """The model's prices, else what the service charges for any of its models."""
        model = self.model(service, name)
        found = (model.prices if model is not None else None) or self.service(service).prices
        if found is None or found.training_below_billions is None:
            return found
        size = _billions(name)
        return found if size is not None and size < found.training_below_billions else replace(found, training=None)

    def asking_prices(self, service: str, name: str, *, base_model: str = "", tuned: bool = False) -> Prices | None:
        """What asking a model costs, tuned or as it is; `base_model` tells its price where its own name does not.

        A name that only a tuned model can have tells that it is one. A factor for tuned models is applied.
        """
        known = name if self.model(service, name) or not base_model else base_model
        found, model = self.prices(service, known), self.model(service, known)
        if not tuned and len(_names(name)) == 1:
            return model.base_prices if model is not None and model.base_prices is not None else found
        if found is None or found.serving_factor == 1.0:
            return found
        answers = {key: getattr(found, key) for key in _OF_ANSWERS}
        times = {key: price * found.serving_factor for key, price in answers.items() if price is not None}
        return replace(found, **times, serving_factor=1.0)

    def with_answers(self, service: str, answered: Iterable[RemoteModel]) -> Catalogue:
        """The same with the shutdown dates that the service itself names; these count for more than ours."""
        dates = {model.name: date for model in answered if (date := _date(model.shutdown_date)) is not None}
        models = [
            replace(model, shutdown=dates.pop(model.name), shutdown_is="on")
            if model.service == service and model.name in dates
            else model
            for model in self.models
        ]
        new = [ModelFacts(service=service, name=name, shutdown=date) for name, date in sorted(dates.items())]
        return replace(self, models=(*models, *new))


def load_catalogue(path: Path | None = None) -> Catalogue:
    """The facts that ship with the program, with the user's file (beside config.toml) laid over them.

    Raises `CatalogueError` when the user's file cannot be read or holds something that is no fact of a model.
    """
    shipped = resources.files("ftb_tui.providers") / "catalogue.toml"
    ours = tomllib.loads(shipped.read_text(encoding="utf-8"))
    file = path or own_file()
    theirs = _user_values(file)
    others = of_dialects(services_in(theirs) - services_in(ours))
    found = _laid_over(ours, only(theirs, lambda service: service not in others), file)
    for name, service in others.items():
        # A provider of a person's own has all that is known of its service, and then what is said of itself.
        found["services"][name] = found["services"].get(service, {})
        found["models"] += [{**model, "service": name} for model in found["models"] if model["service"] == service]
    return _catalogue(_laid_over(found, only(theirs, lambda service: service in others), file))


def own_services() -> frozenset[str]:
    """The names of services in the user's file; none where that cannot be used."""
    try:
        return frozenset(services_in(_user_values(own_file())))
    except CatalogueError:
        return frozenset()


def catalogue_problems() -> list[str]:
    """What is wrong with the user's file, or nothing."""
    try:
        load_catalogue()
    except CatalogueError as error:
        return [str(error)]
    return []


def _user_values(file: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CatalogueError(f"{file}: {error}") from error
    _check(file, "", values, {"as_of", "services", "models"})
    if not isinstance(values.get("services", {}), dict) or not isinstance(values.get("models", []), list):
        raise CatalogueError(f"{file}: services must be tables and models a list of tables ([[models]])")
    for name, service in values.get("services", {}).items():
        _check(file, f"services.{name}", service, _keys(ServiceFacts) - {"name"})
        _check_parts(file, f"services.{name}", service)
    for place, model in enumerate(values.get("models", []), 1):
        _check(file, f"models entry {place}", model, _keys(ModelFacts))
        _check_parts(file, f"models entry {place}", model)
        if not isinstance(model.get("service"), str) or not isinstance(model.get("name"), str):
            raise CatalogueError(f"{file}: models entry {place} needs service and name, both text")
    return values


def _keys(record: type) -> set[str]:
    return {part.name for part in fields(record)}


def _check(file: Path, where: str, values: object, known: set[str]) -> None:
    if not isinstance(values, dict):
        raise CatalogueError(f"{file}: {where} must be a table")
    if unknown := sorted(set(values) - known):
        place = f" in {where}" if where else ""
        raise CatalogueError(f"{file}: {unknown[0]}{place} is not known; known are {', '.join(sorted(known))}")
    for key in ("as_of", "shutdown", "last_day_of_new_jobs"):
        if key in values and type(values[key]) is not datetime.date:
            raise CatalogueError(f"{file}: {key} in {where or 'the file'} must be a date such as 2027-01-14, unquoted")
    for key in ("methods", "notices", "does"):
        if key in values and not isinstance(values[key], list):
            raise CatalogueError(f"{file}: {key} in {where} must be a list")


def _check_parts(file: Path, where: str, values: dict[str, Any]) -> None:
    for part, known in (
        ("prices", _keys(Prices)),
        ("base_prices", {*_OF_ANSWERS, "as_of", "source", "note"}),
        ("limits", _keys(Limits)),
    ):
        if part not in values:
            continue
        _check(file, f"{where}.{part}", values[part], known)
        for key, value in values[part].items():
            number = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf
            if key not in ("as_of", "source", "note") and not number:
                raise CatalogueError(f"{file}: {key} in {where}.{part} must be a number that is not negative")


def _laid_over(ours: dict[str, Any], theirs: dict[str, Any], file: Path) -> dict[str, Any]:
    services = dict(ours["services"])
    for name, values in theirs.get("services", {}).items():
        services[name] = _merged(services.get(name, {}), values, file)
    models = {(model["service"], model["name"]): model for model in ours["models"]}
    for model in theirs.get("models", []):
        key = (model["service"], model["name"])
        models[key] = _merged(models.get(key, {}), model, file)
    return {"as_of": theirs.get("as_of", ours["as_of"]), "services": services, "models": list(models.values())}


def _merged(ours: dict[str, Any], theirs: dict[str, Any], file: Path) -> dict[str, Any]:
    """One entry with the user's keys in place of ours; a price of the user's own is not told as ours."""
    merged = {**ours, **theirs}
    for part in ("prices", "base_prices", "limits"):
        if part in theirs:
            merged[part] = {**ours.get(part, {}), **theirs[part]}
    for part in ("prices", "base_prices"):
        if part in theirs:
            merged[part].update({"source": str(file), "note": ""} | theirs[part])
            for key in ("as_of", "training_below_billions"):
                if key not in theirs[part]:
                    merged[part].pop(key, None)
    return merged


def _catalogue(values: dict[str, Any]) -> Catalogue:
    as_of = values["as_of"]
    services = {
        name: ServiceFacts(
            **{
                **entry,
                "name": name,
                "notices": tuple(entry.get("notices", ())),
                "does": tuple(entry.get("does", ())),
                "limits": Limits(**entry.get("limits", {})),
                "prices": _part(Prices, entry.get("prices")),
            }
        )
        for name, entry in values["services"].items()
    }
    models = tuple(
        ModelFacts(
            **{
                "as_of": as_of,
                **entry,
                "methods": tuple(entry["methods"]) if "methods" in entry else None,
                "prices": _part(Prices, entry.get("prices")),
                "base_prices": _part(Prices, entry.get("base_prices")),
            }
        )
        for entry in values["models"]
    )
    return Catalogue(as_of, MappingProxyType(services), models)


def _part(record: type[_T], values: dict[str, Any] | None) -> _T | None:
    return None if values is None else record(**values)


def _names(name: str) -> list[str]:
    """The name itself, then the base that it was tuned from, where the name says it.

    `ft:<base>:<org>:<suffix>:<id>` at OpenAI, `<base>.ft-<id>` at Azure, `<base>-LoRa:<name>-<id>` at Nebius.
    """
    patterns = (r"ft:([^:]+):.*", r"(.+?)\.ft-.*", r"(.+?)-LoRa:.*")
    return [name, *(match[1] for pattern in patterns if (match := re.fullmatch(pattern, name, re.DOTALL)))]


def _billions(name: str) -> float | None:
    """Parameters in billions as a model's name tells them (`70B`, `8x7B`, the larger of `30B-A3B`), or None."""
    found = re.findall(r"(?<![\w.])(?:(\d+)x)?(\d+(?:\.\d+)?)[bB](?![a-zA-Z0-9])", _names(name)[-1].rpartition("/")[2])
    return max((float(times or 1) * float(size) for times, size in found), default=None)


def _date(text: str | None) -> datetime.date | None:
    try:
        return None if text is None else datetime.date.fromisoformat(str(text)[:10])
    except ValueError:
        return None
