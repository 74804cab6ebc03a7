"""Dialects of the OpenAI wire: data files that say how one service differs from the others."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

from ftb_tui.providers.base import Capabilities, JobState

# The words of the wire itself; a dialect adds its own.
_STATES = {
    "validating_files": "preparing", "queued": "queued", "running": "running", "paused": "paused",
    "cancelling": "cancelling", "succeeded": "succeeded", "failed": "failed", "cancelled": "cancelled",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Dialect:
    """How to speak to one service."""

    name: str
    title: str
    where: str
    """Where the base URL comes from: `fixed`, `config`, or `engine` (the running engine's state file)."""
    base_url: str
    key_env: tuple[str, ...]
    org_headers: bool
    """Whether the account's organisation and project may be sent; only ever true for OpenAI itself."""
    token_parameter: str
    stop: tuple[str, ...]
    capabilities: Capabilities
    states: Mapping[str, JobState]

    def state(self, raw: object) -> JobState:
        """Our word for the service's; anything not known is `unknown`, which never ends a job."""
        return self.states.get(str(raw), JobState.UNKNOWN)


@cache
def dialect_names() -> tuple[str, ...]:
    """The dialects that ship with the program."""
    folder = resources.files("ftb_tui.providers") / "dialects"
    return tuple(sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml")))


@cache
def load_dialect(name: str) -> Dialect:
    """Read a dialect's file. Raises `FileNotFoundError` for an unknown name."""
    file = resources.files("ftb_tui.providers") / "dialects" / f"{name}.toml"
    values = tomllib.loads(file.read_text(encoding="utf-8"))
    states = {**_STATES, **values.get("states", {})}
    return Dialect(
        name=name,
        title=values["title"],
        where=values["where"],
        base_url=values.get("base_url", ""),
        key_env=tuple(values["key_env"]),
        org_headers=values["org_headers"],
        token_parameter=values["token_parameter"],
        stop=tuple(values["stop"]),
        capabilities=Capabilities(**values["capabilities"]),
        states=MappingProxyType({raw: JobState(word) for raw, word in states.items()}),
    )
