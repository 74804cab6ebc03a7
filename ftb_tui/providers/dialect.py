"""Dialects of the OpenAI wire: data files that say how one service differs from the others."""

from __future__ import annotations

import fnmatch
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

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
    """Where the base URL comes from: `fixed`, `config`, `environment`, `engine` (the running engine's state file)."""
    base_url: str
    """May hold `{NAMES}` of environment variables."""
    base_path: str
    """What the path of a base URL must end with; added where a user's URL leaves it out."""
    key_env: tuple[str, ...]
    org_headers: bool
    """Whether the account's organisation and project may be sent; only ever true for OpenAI itself."""
    token_parameter: str
    stop: tuple[str, ...]
    capabilities: Capabilities
    states: Mapping[str, JobState]
    hyperparameters: str = "method"
    """Where hyperparameters go in a creation: in the `method`, or at the `top` (deprecated, but all that some read)."""
    hyperparameter_defaults: Mapping[str, object] = field(default_factory=dict)
    byte_order_mark: bool = False
    upload_in_parts_above: int | None = None
    """File size in bytes from which the Uploads API is used; None where the service has none."""
    checkpoint_model: str = ""
    """How a checkpoint is named where the service gives it no callable name."""
    deployment: str = ""
    """How models are deployed: `models` (the service's own endpoint), `arm` (Azure's management), or not at all."""
    quota_path: str = ""
    """Where the service says how many jobs may run."""
    job_body: Mapping[str, object] = field(default_factory=dict)
    """What is sent in addition when a job is created."""
    job_bodies: tuple[tuple[tuple[str, ...], Mapping[str, object]], ...] = ()

    def state(self, raw: object) -> JobState:
        """Our word for the service's; anything not known is `unknown`, which never ends a job."""
        return self.states.get(str(raw), JobState.UNKNOWN)

    def additions(self, base_model: str) -> dict[str, object]:
        """What is sent in addition when a job on this base is created."""
        for patterns, body in self.job_bodies:
            if any(fnmatch.fnmatchcase(base_model, pattern) for pattern in patterns):
                return {**self.job_body, **body}
        return dict(self.job_body)

    def url(self, own: str = "") -> tuple[str, str]:
        """The base URL (a user's own one, completed, or this dialect's) and the environment variable it lacks."""
        base = own or self.base_url
        for variable in re.findall(r"\{(\w+)\}", base):
            value = os.environ.get(variable, "")
            if not value:
                return "", variable
            base = base.replace(f"{{{variable}}}", value)
        if base and self.base_path and not base.rstrip("/").endswith(self.base_path.rstrip("/")):
            base = base.rstrip("/") + self.base_path
        return base, ""


@cache
def dialect_names() -> tuple[str, ...]:
    """The dialects that ship with the program."""
    folder = resources.files("ftb_tui.providers") / "dialects"
    return tuple(sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml")))


@cache
def load_dialect(name: str) -> Dialect:
    """Read a dialect's file. Raises `FileNotFoundError` for an unknown name."""
    file = resources.files("ftb_tui.providers") / "dialects" / f"{name}.toml"
    values: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    states = {**_STATES, **values.pop("states", {})}
    capabilities = values.pop("capabilities")
    bodies = values.pop("job_bodies", [])
    return Dialect(
        name=name,
        base_url=values.pop("base_url", ""),
        base_path=values.pop("base_path", ""),
        key_env=tuple(values.pop("key_env")),
        stop=tuple(values.pop("stop")),
        capabilities=Capabilities(**{**capabilities, "methods": tuple(capabilities.get("methods", ("supervised",)))}),
        states=MappingProxyType({raw: JobState(word) for raw, word in states.items()}),
        job_bodies=tuple((tuple(entry["models"]), entry["body"]) for entry in bodies),
        **values,
    )
