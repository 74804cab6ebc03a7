"""Every setting of the configuration file: what kind of value it has, what it does, and what is in force."""

from __future__ import annotations

import difflib
import json
import math
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from ftb_tui.interface import CHOICES, UiSettings
from ftb_tui.paths import paths
from ftb_tui.providers.azure_management import AzureAccount
from ftb_tui.providers.config import BUILT_IN_NAMES, Budget, ConfigError, Defaults, ProviderConfig, config_problems
from ftb_tui.providers.dialect import dialect_names
from ftb_tui.providers.google_opening import KINDS, GoogleConfig, kind_of, table_keys
from ftb_tui.providers.keys import KeySettings

Kind = Literal["text", "whole", "number", "switch", "any"]
Value = str | bool | int | float

SECTIONS: Mapping[str, type] = {"defaults": Defaults, "budget": Budget, "keys": KeySettings, "ui": UiSettings}

SAYS: Mapping[str, str] = {
    "defaults.provider": "Who trains and answers when no provider is named.",
    "defaults.dataset": "What the benchmark runs on when no dataset is named.",
    "defaults.epochs": "Times through the training file when nothing is said, 1 to 50.",
    "budget.per_launch": "US dollars: a job that would cost more is not launched.",
    "budget.per_day": "US dollars that a day may cost: jobs, evaluations, judges, paraphrases.",
    "keys.dotenv": "Whether a .env file in the working directory is looked at for services' keys.",
    "keys.keyring": "Whether the system's keyring is asked for services' keys.",
    "ui.theme": "How the app looks; a theme chosen with ctrl+p holds until this changes.",
    "ui.motion": "Whether things slide, or are at their place at once.",
    "ui.notify": "When bell and desktop notification tell that something has ended.",
    "ui.desktop": "By which of the terminal's sequences the desktop is notified.",
    "providers.base_url": "Where the server is; begins with http:// or https:// and usually ends in /v1.",
    "providers.dialect": "Whose habits the server has.",
    "providers.api_key_env": "The environment variable with the key, never the key. None: the usual one.",
    "providers.api_key_keyring": "The keyring entry that holds the key; looked at first.",
    "providers.inference_only": "It answers but does not train.",
    "providers.title": "What screens call it.",
    "providers.project": "The Google Cloud project.",
    "providers.region": "Where Google's jobs run.",
    "providers.bucket": "The Cloud Storage bucket for training files, in the jobs' region.",
    "providers.base_location": "Where Google's base models are asked.",
    "providers.endpoint": "Replaces every Google host, for a gateway.",
    "providers.token_env": "A variable with a ready access token, instead of Google's usual credentials.",
    "providers.job_body": "Sent with each job that is created, for what this service alone knows.",
    "deploy.subscription": "The Azure subscription in which tuned models are deployed.",
    "deploy.resource_group": "The resource group of that account.",
    "deploy.account": "The account (resource) that gets the deployment.",
    "deploy.sku": "How Azure bills the deployment.",
    "deploy.capacity": "Of the deployment, in Azure's units.",
    "deploy.token_env": "The variable with a token for Azure's management; not the models' key.",
    "deploy.management_url": "Where Azure's management is.",
}
"""A sentence for every setting; those of a provider are the same for all."""

NOT_SHOWN = "(not shown)"
"""What stands for a value that may be a secret."""
_SECRET = re.compile("key|token|secret|password|credential", re.IGNORECASE)
_FIXED = ("base_url", "dialect", "inference_only")
_TABLE = re.compile("[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of the file: its table and name there, what is meant without it (None: nothing), what may be said."""

    table: tuple[str, ...]
    name: str
    kind: Kind
    default: Value | None
    says: str
    choices: tuple[str, ...] = ()
    secret: bool = False
    """Whether its value may be a secret, which is shown nowhere."""

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

    A value that cannot be used counts as the default, with its problem. One that may be a secret is `NOT_SHOWN`.
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
    """What can be set, given a parsed file: the sections, the built-in services, and each provider that is there."""
    found = []
    for section, record in SECTIONS.items():
        found += _of(record, (section,), section)
    own = values.get("providers", {})
    tables = own if isinstance(own, Mapping) else {}
    services = tuple(name for name in (*BUILT_IN_NAMES, *KINDS) if name != "local")
    for name in dict.fromkeys((*services, *tables)):
        entry = tables.get(name, {})
        if isinstance(entry, Mapping):
            found += provider_settings(name, entry)
    return found


def provider_settings(name: str, entry: Mapping[str, Any]) -> list[Setting]:
    """What the table of a provider can say, given what it says: of its kind, and the tables in it."""
    table = ("providers", name)
    if kind := kind_of(name, entry):
        known = [part for part in table_keys(kind) if name not in KINDS or part != "dialect"]
        return _of(GoogleConfig, table, "providers", only=known)
    is_built_in = name in BUILT_IN_NAMES
    found = [one for one in _of(ProviderConfig, table, "providers") if not (is_built_in and one.name in _FIXED)]
    if "deploy" in entry or "azure" in (name, entry.get("dialect")):
        found += _of(AzureAccount, (*table, "deploy"), "deploy")
    body = entry.get("job_body")
    found += _further(body, (*table, "job_body")) if isinstance(body, Mapping) else ()
    return found


def _further(values: Mapping[str, Any], table: tuple[str, ...]) -> Iterator[Setting]:
    """A setting for each value of a table whose names the service alone knows."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _further(value, (*table, name))
        else:
            yield _free(table, name)


def _free(table: tuple[str, ...], name: str) -> Setting:
    return Setting(table, name, "any", None, SAYS["providers.job_body"], secret=_SECRET.search(name) is not None)


def provider_setting(key: str, values: Mapping[str, Any]) -> Setting:
    """The setting of this key, `providers.NAME.…`, given a parsed file; of a provider that is not there yet, too.

    Raises `ConfigError` that says what there is.
    """
    parts = key.split(".")
    if len(parts) < 3 or not all(parts):
        raise ConfigError(f"{key} is not a setting; one of a provider is providers.NAME.SETTING.")
    name, own = parts[1], values.get("providers", {})
    if not _TABLE.fullmatch(name):
        raise ConfigError(f"{name!r} cannot be a provider's name: letters, digits, - and _ only.")
    if parts[2] == "job_body" and len(parts) > 3:
        return _free(("providers", *parts[1:-1]), parts[-1])
    entry = own.get(name, {}) if isinstance(own, Mapping) else {}
    known = provider_settings(name, entry if isinstance(entry, Mapping) else {})
    if name in BUILT_IN_NAMES or not entry:
        # Of a built-in service what is fixed, so that writing says so; of a new one what it may become.
        table = ("providers", name)
        known += _of(ProviderConfig, table, "providers") + _of(AzureAccount, (*table, "deploy"), "deploy")
        known += [] if name in BUILT_IN_NAMES else _of(GoogleConfig, table, "providers")
    found = next((one for one in known if one.key == key), None)
    if found is None:
        names = list(dict.fromkeys(one.key.removeprefix(f"providers.{name}.") for one in known))
        near = difflib.get_close_matches(".".join(parts[2:]), names, n=1)
        hint = f"did you mean providers.{name}.{near[0]}?" if near else f"known are {', '.join(names)}"
        raise ConfigError(f"{key} is not a setting; {hint}")
    return found


def _of(record: type, table: tuple[str, ...], said_as: str, only: Collection[str] | None = None) -> list[Setting]:
    kinds: dict[str, Kind] = {
        "str": "text", "str | None": "text", "int": "whole", "float | None": "number", "bool": "switch",
    }  # fmt: skip
    found = []
    for part in fields(record):
        kind = kinds.get(str(part.type))
        if kind is None or (only is not None and part.name not in only):
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
    if one.secret and said is not None:
        return Held(one, NOT_SHOWN, True, problem)
    if one.kind == "any" and isinstance(said, list):
        said = json.dumps(said, ensure_ascii=False, default=str)
    usable = isinstance(said, str | bool | int | float) and not problem
    return Held(one, said if usable else one.default, said is not None, problem)


def without_secrets(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same tables, with `NOT_SHOWN` for every value in a `job_body` that may be a secret."""

    def hidden(table: Mapping[str, Any], *, inside: bool) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for name, value in table.items():
            if isinstance(value, Mapping):
                shown[name] = hidden(value, inside=inside or name == "job_body")
            else:
                shown[name] = NOT_SHOWN if inside and _SECRET.search(name) else value
        return shown

    return hidden(values, inside=False)


def secret_texts(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The texts of a `job_body` that `without_secrets` hides, to be taken out of what a service sends back.

    Those of fewer than four characters are left: words that have nothing to do with them would be taken apart.
    """
    found: list[str] = []
    for name, value in body.items():
        if isinstance(value, Mapping):
            found += secret_texts(value)
        elif _SECRET.search(name):
            found += [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]
    return tuple(one for one in found if len(one) >= 4)


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
    if setting.kind == "any":
        return _any_value(said)
    try:
        number = int(said) if setting.kind == "whole" else float(said)
    except ValueError:
        wanted = "a whole number" if setting.kind == "whole" else "a number"
        raise ConfigError(f"{setting.key} must be {wanted}, not {said!r}") from None
    if not math.isfinite(number):
        raise ConfigError(f"{setting.key} must be a number that ends, not {said!r}")
    return number


def _any_value(text: str) -> Value:
    """A number, true, false or a quoted text as TOML has them; anything else is a text as it stands."""
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, KeyError):
        return text
    return value if isinstance(value, str | bool | int | float) else text


def shown_value(value: Value | None) -> str:
    """A value as it is typed; nothing where there is none."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
