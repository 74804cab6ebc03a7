"""The providers that can be used: built in and the user's own, and how to open one."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass, replace

from ftb_tui.engine_state import process_is_alive, read_engine_state
from ftb_tui.providers.base import Capabilities, ErrorKind, Provider, ProviderError
from ftb_tui.providers.config import Config, load_config
from ftb_tui.providers.dialect import Dialect, load_dialect
from ftb_tui.providers.google_opening import KINDS, GoogleConfig, google_place, open_google

BUILT_IN = ("local", "openai")


@dataclass(frozen=True, slots=True)
class ProviderInfo:
    """What is known of a provider without asking it. The key itself is never here."""

    name: str
    title: str
    host: str
    key: str
    """Where the key was found and its last four characters, or that it is missing."""
    ready: bool
    """Whether it could be opened now."""
    capabilities: Capabilities


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a provider answered when asked for its models."""

    name: str
    host: str
    reachable: bool
    message: str
    models: int


def provider_names(config: Config | None = None) -> tuple[str, ...]:
    """Built-in providers first, then the user's own."""
    config = config or load_config()
    return (*BUILT_IN, *KINDS, *config.providers, *(name for name in config.google if name not in KINDS))


def provider_infos(config: Config | None = None) -> list[ProviderInfo]:
    """Every provider, with where its key was found."""
    config = config or load_config()
    return [_info(name, config) for name in provider_names(config)]


def provider_info(name: str, config: Config | None = None) -> ProviderInfo:
    """One provider. Raises `ProviderError`, naming those that there are, when it is none of them."""
    return _info(name, config or load_config())


def service_name(name: str, config: Config | None = None) -> str:
    """What the catalogue calls a provider: the dialect of a user's own one, except a mere `custom` server."""
    config = config or load_config()
    if name in config.google:
        return name if name in KINDS else config.google[name].dialect
    own = config.providers.get(name)
    return name if own is None or own.dialect == "custom" else own.dialect


def open_provider(name: str, config: Config | None = None) -> Provider:
    """A provider ready to be used in the running event loop. Raises `ProviderError` when it cannot be."""
    from ftb_tui.providers.openai_wire import OpenAIWire

    config = config or load_config()
    if _is_google(name, config):
        return open_google(name, config.google.get(name, GoogleConfig()))
    dialect, base_url, key, source = _parts(name, config)
    if not base_url:
        raise ProviderError(
            ErrorKind.UNREACHABLE, "The embedded engine is not running. Start it with: ftb serve", host="local"
        )
    if not key and source:
        raise ProviderError(
            ErrorKind.AUTH, f"{name} needs a key: set the environment variable {source} to it.", host=base_url
        )
    return OpenAIWire(name, dialect, base_url, key or "none")


async def check_provider(name: str, config: Config | None = None) -> CheckResult:
    """Ask a provider for its models and say in plain words what came of it."""
    info = _info(name, config or load_config())
    try:
        provider = open_provider(name, config)
    except ProviderError as error:
        return CheckResult(name, info.host, False, error.message, 0)
    try:
        models = await provider.list_models()
    except ProviderError as error:
        return CheckResult(name, provider.host, False, error.message, 0)
    finally:
        await provider.close()
    able = provider.capabilities
    may = "trains and answers" if able.trains else "answers; it does not train"
    why = f". {able.why_no_training}" if able.why_no_training else ""
    return CheckResult(name, provider.host, True, f"reachable, {len(models)} models, {may}{why}", len(models))


def _is_google(name: str, config: Config) -> bool:
    return name in KINDS or name in config.google


def _parts(name: str, config: Config) -> tuple[Dialect, str, str, str]:
    """Dialect, base URL, key, and the name of the variable that the key comes from ('' if none is needed)."""
    if name in config.providers:
        own = config.providers[name]
        dialect = load_dialect(own.dialect)
        capabilities = replace(dialect.capabilities, trains=not own.inference_only)
        dialect = replace(dialect, capabilities=capabilities, title=own.title or dialect.title)
        source = own.api_key_env or ""
        return dialect, own.base_url, os.environ.get(source, "") if source else "", source
    if name not in BUILT_IN:
        known = provider_names(config)
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ProviderError(
            ErrorKind.INVALID_REQUEST, f"There is no provider {name!r}.{hint} Known: {', '.join(known)}."
        )
    dialect = load_dialect(name)
    if dialect.where == "engine":
        state = read_engine_state()
        if state is None or not process_is_alive(state.pid):
            return dialect, "", "", ""
        return dialect, state.url, state.token, ""
    source = next((env for env in dialect.key_env if os.environ.get(env)), dialect.key_env[0])
    return dialect, dialect.base_url, os.environ.get(source, ""), source


def _info(name: str, config: Config) -> ProviderInfo:
    if _is_google(name, config):
        place = google_place(name, config.google.get(name, GoogleConfig()))
        return ProviderInfo(name, place.title, place.host, place.key, place.ready, place.capabilities)
    dialect, base_url, key, source = _parts(name, config)
    if dialect.where == "engine":
        where = "the engine's own token" if base_url else "not running; started when needed"
        return ProviderInfo(name, dialect.title, base_url or "this machine", where, True, dialect.capabilities)
    if not source:
        where = "none needed"
    elif key:
        where = f"{source}, …{key[-4:]}" if len(key) > 12 else source
    else:
        where = f"missing: set {source}"
    return ProviderInfo(name, dialect.title, base_url, where, bool(key) or not source, dialect.capabilities)
