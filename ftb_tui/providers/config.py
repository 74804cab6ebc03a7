"""The user's configuration file: what may stand in it, and errors that name file and key."""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ftb_tui.interface import UiSettings, read_interface
from ftb_tui.paths import paths
from ftb_tui.providers.azure_management import AzureAccount
from ftb_tui.providers.dialect import dialect_names
from ftb_tui.providers.discovery import LOCAL_SERVERS
from ftb_tui.providers.google_opening import KINDS, GoogleConfig, kind_of, table_problems
from ftb_tui.providers.keys import KeySettings

BUILT_IN_NAMES = ("local", "openai", "azure", "nebius", "bedrock")
"""Providers of the OpenAI wire that are there without a configuration."""

EPOCHS = range(1, 51)
"""How many epochs may be asked for."""

EXAMPLE = """\
# Configuration of ftb. Every key is optional.

[defaults]
# provider = "local"
# dataset = "fictional_people"
# epochs = 12

[ui]
# theme = "ftb-light"              # ctrl+p shows all
# motion = "reduced"

# [keymap]                         # docs/keys.md has every id
# "jobs.cancel" = "x"

# Any server that speaks the OpenAI wire:
# [providers.my-server]
# base_url = "http://127.0.0.1:8000/v1"
# api_key_env = "MY_SERVER_KEY"    # the name of an environment variable, never the key itself
# inference_only = true

# Google's Agent Platform, to tune Gemini models (docs/google.md):
# [providers.google]
# project = "my-project"
# region = "us-central1"           # where jobs run
# bucket = "my-bucket"             # where training files go, in the same region
"""


class ConfigError(Exception):
    """The configuration file cannot be used; one line for each problem, with file and key."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What is meant when nothing is said."""

    provider: str = "local"
    dataset: str = "fictional_people"
    epochs: int = 12


@dataclass(frozen=True, slots=True)
class Budget:
    """US dollars that may be spent: by one launch, and by a day with all that it has. None: no limit."""

    per_launch: float | None = None
    per_day: float | None = None


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """A provider of the user's own, or how the user wants a built-in one (then without `base_url`)."""

    base_url: str = ""
    dialect: str = "custom"
    api_key_env: str | None = None
    api_key_keyring: str | None = None
    job_body: Mapping[str, object] = field(default_factory=dict)
    deploy: Mapping[str, object] = field(default_factory=dict)
    inference_only: bool = False
    title: str = ""


@dataclass(frozen=True, slots=True)
class Config:
    """The whole file."""

    defaults: Defaults = Defaults()
    budget: Budget = Budget()
    keys: KeySettings = field(default_factory=KeySettings)
    providers: Mapping[str, ProviderConfig] = field(default_factory=dict)
    google: Mapping[str, GoogleConfig] = field(default_factory=dict)
    """Tables of Google's kinds, which have settings of their own."""
    ui: UiSettings = field(default_factory=UiSettings)


def load_config(path: Path | None = None) -> Config:
    """Read the configuration; defaults where there is no file. Raises `ConfigError` with every problem in it."""
    file = path or paths().config_file
    values, problems = _read(file)
    if problems:
        raise ConfigError("\n".join(problems))
    own = values.get("providers", {})
    return Config(
        defaults=Defaults(**values.get("defaults", {})),
        budget=Budget(**values.get("budget", {})),
        keys=KeySettings(**values.get("keys", {})),
        providers={name: ProviderConfig(**entry) for name, entry in own.items() if not kind_of(name, entry)},
        google={name: GoogleConfig(**entry) for name, entry in own.items() if kind_of(name, entry)},
        ui=read_interface(values, file)[0],
    )


def dialect_service(name: str, config: Config) -> str:
    """The service whose facts hold for a provider: its dialect's, or what it is called itself where it has none."""
    if name in config.google:
        return name if name in KINDS else config.google[name].dialect
    own = config.providers.get(name)
    return name if own is None or own.dialect == "custom" else own.dialect


def config_problems(path: Path | None = None) -> list[str]:
    """Everything that is wrong with the file, a line each; empty if it can be used or is not there."""
    return _read(path or paths().config_file)[1]


def _read(file: Path) -> tuple[dict[str, Any], list[str]]:
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}, []
    except OSError as error:
        return {}, [f"{file} cannot be read: {error.strerror}"]
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return {}, [f"{file}: {error}"]
    problems = _unknown(file, "", values, ("defaults", "budget", "keys", "ui", "keymap", "providers"))
    for name, record in (("defaults", Defaults), ("budget", Budget), ("keys", KeySettings)):
        problems += _section(file, name, values.get(name, {}), record)
    problems += _default_problems(file, values)
    problems += _budget_problems(file, values)
    problems += read_interface(values, file)[1]
    own = values.get("providers", {})
    for name, entry in own.items() if isinstance(own, dict) else ():
        where = f"providers.{name}"
        problems += _secret_problems(file, where, entry)
        if kind_of(name, entry):
            problems += _section(file, where, entry, GoogleConfig)
            if isinstance(entry, dict):
                problems += [f"{file}: {problem}" for problem in table_problems(where, name, entry)]
            continue
        problems += _section(file, where, entry, ProviderConfig)
        if not isinstance(entry, dict):
            continue
        problems += _address_problems(file, where, name, entry)
        problems += _deploy_problems(file, f"{where}.deploy", entry.get("deploy", {}))
        if entry.get("dialect", "custom") not in dialect_names():
            problems.append(f"{file}: {where}.dialect must be one of {', '.join((*dialect_names(), *KINDS))}")
    return values, problems


def _default_problems(file: Path, values: Mapping[str, Any]) -> list[str]:
    """Defaults of the right type that cannot be meant."""
    defaults = values.get("defaults")
    if not isinstance(defaults, dict):
        return []
    problems = []
    epochs = defaults.get("epochs", 1)
    if isinstance(epochs, int) and epochs not in EPOCHS:
        problems.append(f"{file}: defaults.epochs must be from {EPOCHS[0]} to {EPOCHS[-1]}, not {epochs}")
    own = values.get("providers", {})
    known = tuple(dict.fromkeys((*BUILT_IN_NAMES, *KINDS, *(own if isinstance(own, dict) else ()), *LOCAL_SERVERS)))
    provider = defaults.get("provider", "local")
    if isinstance(provider, str) and provider not in known:
        near = difflib.get_close_matches(provider, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
        problems.append(f"{file}: defaults.provider: there is no provider {provider!r}; {hint}")
    return problems


def _budget_problems(file: Path, values: Mapping[str, Any]) -> list[str]:
    """An amount that is none: every comparison with TOML's nan is false, so that it would allow everything."""
    budget = values.get("budget")
    return [
        f"{file}: budget.{name} must be an amount of US dollars from 0 on, not {amount}"
        for name, amount in (budget.items() if isinstance(budget, dict) else ())
        if isinstance(amount, int | float) and not (math.isfinite(amount) and amount >= 0)
    ]


def _secret_problems(file: Path, where: str, entry: object) -> list[str]:
    """A key in the place of its name, or in an address. It is not repeated here, since this is shown and logged."""
    if not isinstance(entry, dict):
        return []
    texts = {name: value for name, value in entry.items() if isinstance(value, str)}
    problems = [
        f"{file}: {where}.{name} must be the name of an environment variable, such as MY_KEY, never a key itself"
        for name in ("api_key_env", "token_env")
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*|", texts.get(name, "")) or looks_like_a_key(texts.get(name, ""))
    ]
    if looks_like_a_key(texts.get("api_key_keyring", "")):
        problems.append(f"{file}: {where}.api_key_keyring must be the name of a keyring entry, never a key itself")
    problems += [
        f"{file}: {where}.{name} must not hold a user name or a password; name the key's variable in api_key_env"
        for name in ("base_url", "endpoint", "management_url")
        if re.match(r"[A-Za-z]+://[^/?#]*@", texts.get(name, ""))
    ]
    problems += [
        f"{file}: {where}.{name} must end before the {'?' if '?' in texts[name] else '#'}: what stands behind it is not "
        "sent, and may be a secret"
        for name in ("base_url", "endpoint", "management_url")
        if re.search("[?#]", texts.get(name, ""))
    ]
    return problems


def looks_like_a_key(text: str) -> bool:
    """Whether a text can hardly be a name: sixteen letters and digits in a row, both among them."""
    return any(re.search("[0-9]", run) and re.search("[A-Za-z]", run) for run in re.findall("[A-Za-z0-9]{16,}", text))


def _deploy_problems(file: Path, where: str, deploy: object) -> list[str]:
    """What is wrong with the table in a provider's table that says where Azure makes deployments."""
    if not isinstance(deploy, dict):
        return []
    return [*_secret_problems(file, where, deploy), *_section(file, where, deploy, AzureAccount)]


def _address_problems(file: Path, where: str, name: str, entry: Mapping[str, object]) -> list[str]:
    """A built-in provider keeps its address; one of the user's own needs one, unless its dialect brings it."""
    if name in BUILT_IN_NAMES:
        taken = [key for key in ("base_url", "dialect", "inference_only") if key in entry]
        if taken:
            return [
                f"{file}: {where}: this name is taken by a built-in provider, whose {taken[0]} is fixed; "
                "choose another name"
            ]
        return []
    if "base_url" not in entry and entry.get("dialect", "custom") in BUILT_IN_NAMES:
        return []
    if not str(entry.get("base_url", "")).startswith(("http://", "https://")):
        return [f"{file}: {where}.base_url must be given and begin with http:// or https://"]
    return []


def _section(file: Path, where: str, values: object, record: type) -> list[str]:
    if not isinstance(values, dict):
        return [f"{file}: {where} must be a table"]
    kinds = {part.name: str(part.type) for part in fields(record)}
    problems = _unknown(file, f"{where}.", values, tuple(kinds))
    names: dict[str, Any] = {
        "str": str, "int": int, "bool": bool, "str | None": str, "float | None": (int, float),
        "Mapping[str, object]": dict,
    }  # fmt: skip
    for key, value in values.items():
        wanted = names.get(kinds.get(key, ""))
        if wanted is not None and (not isinstance(value, wanted) or (wanted is not bool and isinstance(value, bool))):
            words = {
                str: "text", int: "a whole number", bool: "true or false", (int, float): "a number", dict: "a table",
            }  # fmt: skip
            problems.append(f"{file}: {where}.{key} must be {words[wanted]}, not {value!r}")
    return problems


def _unknown(file: Path, where: str, values: Mapping[str, object], known: tuple[str, ...]) -> list[str]:
    problems = []
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            problems.append(f"{file}: {where}{key} is not a setting; {hint}")
    return problems
