"""The providers that can be used: built in and the user's own, and how to open one."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from ftb_tui.engine_state import process_is_alive, read_engine_state
from ftb_tui.providers.base import Capabilities, ErrorKind, Provider, ProviderError, TellsPermissions
from ftb_tui.providers.catalogue import own_services
from ftb_tui.providers.config import BUILT_IN_NAMES, Config, ProviderConfig, dialect_service, load_config
from ftb_tui.providers.dialect import Dialect, load_dialect
from ftb_tui.providers.discovery import LOCAL_SERVERS, TITLES, local_url
from ftb_tui.providers.google_opening import KINDS, GoogleConfig, google_place, open_google
from ftb_tui.providers.keys import Key, find_key, missing_key, unusable_key
from ftb_tui.providers.notes import environment_notes
from ftb_tui.providers.trusted import proxy_for

BUILT_IN = BUILT_IN_NAMES


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
    notes: tuple[str, ...] = ()
    """What a person should see before anything is sent there."""
    bills: bool = False
    """Whether answers cost money there, as far as can be told without a price: not at one's own servers."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a provider answered when asked for its models."""

    name: str
    host: str
    reachable: bool
    message: str
    models: int
    key: str = ""
    quota: str = ""
    notes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """Of the models."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a provider is made of."""

    dialect: Dialect
    base_url: str
    missing: str
    """The environment variable that the base URL lacks."""
    key: Key | None
    wanted: tuple[str, ...]
    """The variables that a key is looked for in; empty where none is needed."""
    own: ProviderConfig


def provider_names(config: Config | None = None) -> tuple[str, ...]:
    """Built-in providers first, then the user's own."""
    config = config or load_config()
    own = (name for name in (*config.providers, *config.google) if name not in (*BUILT_IN, *KINDS))
    return (*BUILT_IN, *KINDS, *own)


def provider_infos(config: Config | None = None) -> list[ProviderInfo]:
    """Every provider, with where its key was found."""
    config = config or load_config()
    return [_info(name, config) for name in provider_names(config)]


def provider_info(name: str, config: Config | None = None) -> ProviderInfo:
    """One provider. Raises `ProviderError`, naming those that there are, when it is none of them."""
    return _info(name, config or load_config())


def service_name(name: str, config: Config | None = None) -> str:
    """What the catalogue calls a provider: its dialect's service, but by its own name where a person's file has that."""
    service = dialect_service(name, config or load_config())
    return name if name != service and name in own_services() else service


def open_provider(name: str, config: Config | None = None) -> Provider:
    """A provider ready to be used in the running event loop. Raises `ProviderError` when it cannot be."""
    from ftb_tui.providers.openai_wire import OpenAIWire

    config = config or load_config()
    if _is_google(name, config):
        return open_google(name, config.google.get(name, GoogleConfig()), config.keys)
    parts = _parts(name, config)
    if not parts.base_url:
        if parts.dialect.where == "engine":
            message = "The embedded engine is not running. Start it with: ftb serve"
            raise ProviderError(ErrorKind.UNREACHABLE, message, host="local")
        raise ProviderError(ErrorKind.INVALID_REQUEST, f"{name} has no address: {_how_to_address(name, parts)}.")
    if parts.key is None and _needs_key(parts):
        how = missing_key(parts.wanted, config.keys, parts.own.api_key_keyring)
        raise ProviderError(
            ErrorKind.AUTH, f"{name} needs a key, which was not found: {how}. The key goes to {_host(parts.base_url)}.",
            host=parts.base_url,
        )  # fmt: skip
    if parts.key is not None and parts.key.problem:
        raise unusable_key(name, parts.key.problem, parts.base_url)
    proxy_for(parts.base_url)
    key = parts.key.value if parts.key is not None else "none"
    return OpenAIWire(name, parts.dialect, parts.base_url, key, job_body=parts.own.job_body, deploy=parts.own.deploy)


async def check_provider(name: str, config: Config | None = None) -> CheckResult:
    """Ask a provider for its models and say in plain words what came of it."""
    info = _info(name, config or load_config())
    result = CheckResult(name, info.host, False, "", 0, key=info.key, notes=info.notes)
    try:
        provider = open_provider(name, config)
    except ProviderError as error:
        return replace(result, message=error.message)
    try:
        models = await provider.list_models()
        may, quota = await _permissions(provider)
    except ProviderError as error:
        return replace(result, host=provider.host, message=error.message)
    finally:
        await provider.close()
    message = f"reachable, {len(models)} model{'' if len(models) == 1 else 's'}, {may}"
    names = tuple(model.name for model in models)
    return replace(
        result, host=provider.host, reachable=True, message=message, models=len(models), quota=quota, names=names
    )


def launches(able: Capabilities) -> bool:
    """Whether jobs can be launched there from here: the ways to train that ftb has are `supervised` and `dpo`."""
    return able.trains and not {"supervised", "dpo"}.isdisjoint(able.methods)


async def _permissions(provider: Provider) -> tuple[str, str]:
    """What the key may do, and how much of it, as far as the service tells without a job being made."""
    able = provider.capabilities
    if not able.trains:
        return "answers; it does not train" + (f". {able.why_no_training}" if able.why_no_training else ""), ""
    if not launches(able):
        return f"answers; it trains by {' and '.join(able.methods)} only, which ftb does not do", ""
    from ftb_tui.providers.openai_wire import OpenAIWire

    if isinstance(provider, TellsPermissions):
        return await provider.permissions(), ""
    if not isinstance(provider, OpenAIWire):
        return "trains and answers", ""
    try:
        await provider.newest_jobs(1)
    except ProviderError as error:
        if error.retryable:
            return f"answers; whether it trains is not known: {error.message}", ""
        return f"answers; may not train: {error.message}", ""
    return "trains and answers", await provider.job_quota()


def _how_to_address(name: str, parts: _Parts) -> str:
    """What to do where a provider's address is not known. A built-in one's cannot be configured."""
    if name in BUILT_IN:
        own = f"ftb providers set my-{name} --dialect {name} --base-url URL"
        return f"set {parts.missing}, or add a provider of your own that has one: {own}"
    return f"set {parts.missing}, or base_url in [providers.{name}]"


def _is_google(name: str, config: Config) -> bool:
    return name in KINDS or name in config.google


def _needs_key(parts: _Parts) -> bool:
    return bool(parts.wanted or parts.own.api_key_keyring) and parts.dialect.where != "engine"


def _parts(name: str, config: Config) -> _Parts:
    own = config.providers.get(name, ProviderConfig())
    if name in config.providers and name not in BUILT_IN:
        dialect = load_dialect(own.dialect)
        able = replace(dialect.capabilities, trains=dialect.capabilities.trains and not own.inference_only)
        dialect = replace(dialect, capabilities=able, title=own.title or dialect.title)
    elif name in BUILT_IN:
        dialect = load_dialect(name)
        dialect = replace(dialect, title=own.title or dialect.title)
    elif name in LOCAL_SERVERS:
        dialect = load_dialect("custom")
        able = replace(dialect.capabilities, trains=False, cost_basis="free")
        dialect = replace(dialect, capabilities=able, title=TITLES[name])
        return _Parts(dialect, local_url(name), "", None, (), own)
    else:
        raise _unknown(name, config)
    if dialect.where == "engine":
        state = read_engine_state()
        if state is None or not process_is_alive(state.pid):
            return _Parts(dialect, "", "", None, (), own)
        return _Parts(dialect, state.url, "", Key(state.token, "the engine's own token"), (), own)
    base_url, missing = dialect.url(own.base_url)
    wanted = (own.api_key_env,) if own.api_key_env else _usual_variables(dialect, base_url)
    key = find_key(name, wanted, config.keys, keyring_entry=own.api_key_keyring)
    return _Parts(dialect, base_url, missing, key, wanted, own)


def _usual_variables(dialect: Dialect, base_url: str) -> tuple[str, ...]:
    """The variables of the dialect, unless that would hand OpenAI's key to somebody else's host."""
    from ftb_tui.providers.hosts import is_openai_host

    if dialect.org_headers and base_url and not is_openai_host(urlsplit(base_url).hostname):
        return ()
    return dialect.key_env


def _unknown(name: str, config: Config) -> ProviderError:
    known = provider_names(config)
    near = difflib.get_close_matches(name, (*known, *LOCAL_SERVERS), n=1, cutoff=0.7)
    hint = f" Did you mean {near[0]}?" if near else ""
    return ProviderError(
        ErrorKind.INVALID_REQUEST,
        f"There is no provider {name!r}.{hint} Known: {', '.join(known)}. "
        f"Servers on this machine: {', '.join(LOCAL_SERVERS)}.",
    )


def _info(name: str, config: Config) -> ProviderInfo:
    if _is_google(name, config):
        place = google_place(name, config.google.get(name, GoogleConfig()), config.keys)
        return ProviderInfo(name, place.title, place.host, place.key, place.ready, place.capabilities, bills=True)
    parts = _parts(name, config)
    dialect = parts.dialect
    if dialect.where == "engine":
        where = "the engine's own token" if parts.base_url else "not running; started when needed"
        return ProviderInfo(name, dialect.title, parts.base_url or "this machine", where, True, dialect.capabilities)
    if parts.key is not None:
        where = parts.key.shown()
    elif _needs_key(parts):
        where = f"missing: {missing_key(parts.wanted, config.keys, parts.own.api_key_keyring)}"
    else:
        where = "none needed"
    has_key = parts.key is not None and not parts.key.problem
    ready = bool(parts.base_url) and (has_key or (parts.key is None and not _needs_key(parts)))
    host = parts.base_url or f"not known: set {parts.missing}"
    notes = environment_notes(parts.base_url, has_key=has_key)
    return ProviderInfo(name, dialect.title, host, where, ready, dialect.capabilities, notes, _bills(parts))


def _bills(parts: _Parts) -> bool:
    """Whether a service takes money for answers: those that we know do, and any that is far away and wants a key."""
    from ftb_tui.providers.hosts import is_near

    if parts.dialect.capabilities.cost_basis == "free":
        return False
    return parts.dialect.name != "custom" or (parts.key is not None and not is_near(urlsplit(parts.base_url).hostname))


def _host(base_url: str) -> str:
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc}"
