"""Google's providers by name: what the configuration says of them, what can be told without asking, and opening one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from ftb_tui.providers.base import Capabilities, ErrorKind, Provider, ProviderError
from ftb_tui.providers.google_settings import (
    AGENT_PLATFORM_ABLE,
    GEMINI_ABLE,
    GEMINI_HOST,
    GEMINI_VARIABLES,
    GoogleSettings,
    credentials_state,
    google_settings,
    platform_host,
    token_problem,
)
from ftb_tui.providers.keys import KeySettings, find_key, missing_key, unusable_key

KINDS = ("google", "gemini")
"""The built-in names, and the dialects that further providers of their kind are configured with."""
_GEMINI_ONLY = ("dialect", "title", "endpoint", "api_key_env", "api_key_keyring")


@dataclass(frozen=True, slots=True)
class GoogleConfig:
    """A `[providers.NAME]` table of Google's; see `GoogleSettings` for what the keys mean."""

    dialect: str = ""
    title: str = ""
    project: str = ""
    region: str = ""
    bucket: str = ""
    base_location: str = ""
    endpoint: str = ""
    token_env: str = ""
    api_key_env: str = ""
    api_key_keyring: str = ""


@dataclass(frozen=True, slots=True)
class GooglePlace:
    """What is known of one of Google's providers without asking it."""

    title: str
    host: str
    key: str
    ready: bool
    capabilities: Capabilities


def kind_of(name: str, entry: object) -> str:
    """`google`, `gemini`, or nothing, for a name in the configuration and its table."""
    if name in KINDS:
        return name
    dialect = entry.get("dialect") if isinstance(entry, Mapping) else None
    return dialect if isinstance(dialect, str) and dialect in KINDS else ""


def table_keys(kind: str) -> tuple[str, ...]:
    """What a table of this kind (`google` or `gemini`) may say."""
    if kind == "gemini":
        return _GEMINI_ONLY
    return tuple(part.name for part in fields(GoogleConfig) if "api_key" not in part.name)


def table_problems(where: str, name: str, entry: Mapping[str, object]) -> list[str]:
    """What is wrong with a table of Google's, beyond the types of its values; no file name in it."""
    kind = kind_of(name, entry)
    known = table_keys(kind)
    known_to_any = {f.name for f in fields(GoogleConfig)}
    said = [
        f"{where}.{key} is not a setting of a {kind} provider; known are {', '.join(known)}"
        for key in entry
        if key not in known and key in known_to_any
    ]
    if entry.get("dialect", kind) != kind:
        said.append(f"{where}.dialect must be {kind}: this name is taken by the built-in provider")
    endpoint = entry.get("endpoint", "")
    if endpoint and not str(endpoint).startswith(("http://", "https://")):
        said.append(f"{where}.endpoint must begin with http:// or https://")
    return said


def google_place(name: str, config: GoogleConfig, keys: KeySettings) -> GooglePlace:
    """Title with project, region and bucket, host, and the state of key or credentials."""
    if kind_of(name, {"dialect": config.dialect}) == "gemini":
        variables = _variables(config)
        key = find_key(name, variables, keys, keyring_entry=config.api_key_keyring or None)
        return GooglePlace(
            title=config.title or "Gemini by key: base models only",
            host=config.endpoint.rstrip("/") or GEMINI_HOST,
            key=key.shown() if key else f"missing: {missing_key(variables, keys, config.api_key_keyring or None)}",
            ready=key is not None and not key.problem,
            capabilities=GEMINI_ABLE,
        )
    settings = _settings(config)
    there, words = credentials_state(settings)
    parts = (
        settings.project or "no project",
        f"tunes in {settings.region}" if settings.region else "no region",
        f"gs://{settings.bucket}" if settings.bucket else "no bucket",
    )
    return GooglePlace(
        title=f"{config.title or 'Agent Platform'}: {', '.join(parts)}",
        host=platform_host(settings.region or settings.base_location, settings.endpoint),
        key=words,
        ready=there and bool(settings.project),
        capabilities=AGENT_PLATFORM_ABLE,
    )


def open_google(name: str, config: GoogleConfig, keys: KeySettings) -> Provider:
    """The provider, ready to be used in the running event loop. Raises `ProviderError` when it cannot be."""
    place = google_place(name, config, keys)
    if kind_of(name, {"dialect": config.dialect}) == "gemini":
        from ftb_tui.providers.gemini import GeminiKey

        variables = _variables(config)
        key = find_key(name, variables, keys, keyring_entry=config.api_key_keyring or None)
        if key is None:
            ways = missing_key(variables, keys, config.api_key_keyring or None)
            text = f"{name} needs a key, which was not found: {ways}. The key goes to {place.host}."
            raise ProviderError(ErrorKind.AUTH, text, host=place.host)
        if key.problem:
            raise unusable_key(name, key.problem, place.host)
        return GeminiKey(name, key.value, config.endpoint)
    settings = _settings(config)
    if not settings.project:
        text = (
            f'{name} needs a Google Cloud project: set project = "..." in [providers.{name}] or GOOGLE_CLOUD_PROJECT.'
        )
        raise ProviderError(ErrorKind.AUTH, text, host=place.host)
    if problem := token_problem(settings):
        raise unusable_key(name, problem, place.host)
    from ftb_tui.providers.google import AgentPlatform

    return AgentPlatform(name, settings)


def _variables(config: GoogleConfig) -> tuple[str, ...]:
    """Where the key may be. Google's usual variables are not for a host that only the configuration names."""
    if config.api_key_env:
        return (config.api_key_env,)
    return () if config.endpoint else GEMINI_VARIABLES


def _settings(config: GoogleConfig) -> GoogleSettings:
    return google_settings(
        project=config.project,
        region=config.region,
        bucket=config.bucket,
        base_location=config.base_location,
        endpoint=config.endpoint,
        token_env=config.token_env,
    )
