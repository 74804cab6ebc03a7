"""By which names services and providers stand in a catalogue: a provider by its own, or by the service of its dialect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ftb_tui.paths import paths
from ftb_tui.providers.config import ConfigError, dialect_service, load_config
from ftb_tui.providers.discovery import LOCAL_SERVERS


def own_file() -> Path:
    """The user's catalogue, which need not be there."""
    return paths().config_file.with_name("catalogue.toml")


def services_in(values: Mapping[str, Any]) -> set[str]:
    """Of which services such a file says something."""
    return {*values.get("services", {}), *(model["service"] for model in values.get("models", []))}


def only(values: dict[str, Any], wanted: Callable[[str], bool]) -> dict[str, Any]:
    """Of such a file what is about the services that are wanted."""
    services = {name: facts for name, facts in values.get("services", {}).items() if wanted(name)}
    models = [model for model in values.get("models", []) if wanted(model["service"])]
    return {**values, "services": services, "models": models}


def of_dialects(names: Iterable[str]) -> dict[str, str]:
    """For each of these that is a provider of a service's dialect, that service."""
    try:
        config = load_config()
    except ConfigError:
        return {}
    return {name: service for name in sorted(names) if (service := dialect_service(name, config)) != name}


def catalogue_notes() -> list[str]:
    """A sentence for each name of a service in the user's file that nothing is called by. Raises `ConfigError`."""
    from ftb_tui.providers.catalogue import own_services
    from ftb_tui.providers.registry import provider_names

    config = load_config()
    providers = (*provider_names(config), *LOCAL_SERVERS)
    known = {*providers, *(dialect_service(name, config) for name in providers)}
    return [
        f"{own_file()}: what it says of the service {name!r} holds for nobody: there is no provider of that name. "
        f"Known are {', '.join(sorted(known))}."
        for name in sorted(own_services() - known)
    ]
