"""Every setting of the configuration file: what kind of value it has, what it does, and what is in force."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from ftb_tui.interface import CHOICES, UiSettings
from ftb_tui.paths import paths
from ftb_tui.providers.config import Budget, ConfigError, Defaults, ProviderConfig, config_problems
from ftb_tui.providers.dialect import dialect_names
from ftb_tui.providers.google_opening import KINDS, GoogleConfig, kind_of
from ftb_tui.providers.keys import KeySettings

Kind = Literal["text", "whole", "number", "switch"]
Value = str | bool | int | float

SECTIONS: Mapping[str, type] = {"defaults": Defaults, "budget": Budget, "keys": KeySettings, "ui": UiSettings}

SAYS: Mapping[str, str] = {
    "defaults.provider": "Who trains and answers when no provider is named.",
    "defaults.dataset": "What the benchmark runs on when no dataset is named.",
    "defaults.epochs": "Times through the training file when nothing is said, 1 to 50.",
    "budget.per_launch": "US dollars: a job that would cost more is not launched.",
    "budget.per_day": "US dollars that all jobs and evaluations of a day may cost.",
    "keys.dotenv": "Whether a .env file in the working directory is looked at for services' keys.",
    "keys.keyring": "Whether the system's keyring is asked for services' keys.",
    "ui.theme": "How the app looks; a theme chosen with ctrl+p holds until this changes.",
    "ui.motion": "Whether things slide, or are at their place at once.",
    "ui.notify": "When bell and desktop notification tell that something has ended.",
    "ui.desktop": "By which of the terminal's sequences the desktop is notified.",
    "providers.base_url": "Where the server is; begins with http:// or https:// and usually ends in /v1.",
    "providers.dialect": "Whose habits the server has.",
    "providers.api_key_env": "The environment variable that holds the key, never the key itself.",
    "providers.api_key_keyring": "The keyring entry that holds the key; looked at first.",
    "providers.inference_only": "It answers but does not train.",
    "providers.title": "What screens call it.",
    "providers.project": "The Google Cloud project.",
    "providers.region": "Where Google's jobs run.",
    "providers.bucket": "The Cloud Storage bucket for training files, in the jobs' region.",
    "providers.base_location": "Where Google's base models are asked.",
    "providers.endpoint": "Replaces every Google host, for a gateway.",
    "providers.token_env": "A variable with a ready access token, instead of Google's usual credentials.",
}
"""A sentence for every setting; those of a provider are the same for all."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of the file: its table and name there, what is meant without it (None: nothing), what may be said."""

    table: tuple[str, ...]
    name: str
    kind: Kind
    default: Value | None
    says: str
    choices: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Its place in the file in one word, `defaults.epochs`."""
        return ".".join((*self.table, self.name))


@dataclass(frozen=True, slots=True)
class Held:
    """A setting as it is now: its value (None: none), whether the file says so, and what is wrong with it."""

    setting: Setting
    value: Value | None
    in_file: bool
    problem: str = ""


def held_settings(path: Path | None = None) -> tuple[list[Held], list[str]]:
    """Every setting with what is in force, and every problem of the file.

    A value that cannot be used counts as the default, with its problem. Tables in a provider's table (`job_body`,
    `deploy`) are no single values and are not among them.
    """
    file = path or paths().config_file
    problems = config_problems(file)
    try:
        values: Mapping[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        values = {}
    found = [_held(one, values, problems, file) for one in known_settings(values)]
    return found, problems


def known_settings(values: Mapping[str, Any]) -> list[Setting]:
    """What can be set, given a parsed file: the sections, and each provider's table that is there."""
    found = []
    for section, record in SECTIONS.items():
        found += _of(record, (section,), section)
    own = values.get("providers", {})
    for name, entry in own.items() if isinstance(own, Mapping) else ():
        if isinstance(entry, Mapping):
            found += _of(
                GoogleConfig if kind_of(name, dict(entry)) else ProviderConfig, ("providers", name), "providers"
            )
    return found


def _of(record: type, table: tuple[str, ...], said_as: str) -> list[Setting]:
    kinds: dict[str, Kind] = {
        "str": "text", "str | None": "text", "int": "whole", "float | None": "number", "bool": "switch",
    }  # fmt: skip
    found = []
    for part in fields(record):
        kind = kinds.get(str(part.type))
        if kind is None:
            continue
        default = None if part.default is MISSING or part.default == "" else part.default
        choices = CHOICES.get(part.name, ()) if record is UiSettings else ()
        if record in (ProviderConfig, GoogleConfig) and part.name == "dialect":
            choices = (*dialect_names(), *KINDS)
        found.append(Setting(table, part.name, kind, default, SAYS[f"{said_as}.{part.name}"], choices))
    return found


def _held(one: Setting, values: Mapping[str, Any], problems: list[str], file: Path) -> Held:
    place: object = values
    for part in one.table:
        place = place.get(part) if isinstance(place, Mapping) else None
    said = place.get(one.name) if isinstance(place, Mapping) else None
    problem = next((p for p in problems if p.startswith((f"{file}: {one.key} ", f"{file}: {one.key}:"))), "")
    usable = isinstance(said, str | bool | int | float) and not problem
    return Held(one, said if usable else one.default, said is not None, problem)


def read_value(setting: Setting, text: str) -> Value:
    """What a person typed, as the file has it. Raises `ConfigError` with key and reason."""
    said = text.strip()
    if setting.kind == "text":
        if not said:
            raise ConfigError(f"{setting.key} must not be empty; take it out to have the default.")
        if setting.choices and said not in setting.choices:
            raise ConfigError(f"{setting.key} must be one of {', '.join(setting.choices)}, not {said!r}")
        return said
    if setting.kind == "switch":
        if said.lower() not in ("true", "false"):
            raise ConfigError(f"{setting.key} must be true or false, not {said!r}")
        return said.lower() == "true"
    try:
        number = int(said) if setting.kind == "whole" else float(said)
    except ValueError:
        wanted = "a whole number" if setting.kind == "whole" else "a number"
        raise ConfigError(f"{setting.key} must be {wanted}, not {said!r}") from None
    if not math.isfinite(number):
        raise ConfigError(f"{setting.key} must be a number that ends, not {said!r}")
    return number


def shown_value(value: Value | None) -> str:
    """A value as it is typed; nothing where there is none."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
