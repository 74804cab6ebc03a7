"""Where a Google provider is and who it is for us, found without any Google package: settings, hosts, credentials."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ftb_tui.providers.base import Capabilities
from ftb_tui.providers.keys import key_problem

GEMINI_HOST = "https://generativelanguage.googleapis.com"
STORAGE_HOST = "https://storage.googleapis.com"
MULTI_REGIONS = ("us", "eu")
"""Locations that only serve; no job can be created in them, nor in `global`."""
NO_TUNING_BY_KEY = (
    "A Gemini API key cannot fine-tune: Google has offered no tunable model there since May 2025. "
    "Tune with the provider `google` (Agent Platform, a Google Cloud project); with this key base models can be evaluated."
)
GEMINI_VARIABLES = ("GOOGLE_API_KEY", "GEMINI_API_KEY")
"""Where a Gemini key usually is; the first goes before the second."""
LOGIN = "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to a key file"

AGENT_PLATFORM_ABLE = Capabilities(
    pause=False,
    # Of jobs; questions are always sent with theirs.
    seed=False,
    suffix_length=128,
    min_examples=1,
    training_format="contents",
)
GEMINI_ABLE = Capabilities(
    trains=False,
    events=False,
    checkpoints=False,
    validation_file=False,
    seed=False,
    metadata=False,
    training_format="contents",
    why_no_training=NO_TUNING_BY_KEY,
)

_LOCATED = re.compile(r"projects/[^/]+/locations/([a-z0-9-]+)/")


@dataclass(frozen=True, slots=True)
class GoogleSettings:
    """One Google Cloud project as a provider."""

    project: str
    region: str
    """Where jobs run, for example `us-central1`. Tuned models may be served elsewhere; their names say where."""
    bucket: str
    """The Cloud Storage bucket for training files, without `gs://`."""
    base_location: str
    """Where base models are asked."""
    endpoint: str
    """Replaces every Google host (a gateway, a test server); empty for Google itself."""
    token_env: str
    """The variable with a ready access token, instead of application default credentials; empty for those."""


def google_settings(
    *, project: str = "", region: str = "", bucket: str = "", base_location: str = "", endpoint: str = "",
    token_env: str = "",
) -> GoogleSettings:  # fmt: skip
    """Settings from the configuration; project and region fall back to GOOGLE_CLOUD_PROJECT and _LOCATION."""
    return GoogleSettings(
        project=project or os.environ.get("GOOGLE_CLOUD_PROJECT", ""),
        region=region or os.environ.get("GOOGLE_CLOUD_LOCATION", ""),
        bucket=bucket.removeprefix("gs://").strip("/"),
        base_location=base_location or "global",
        endpoint=endpoint.rstrip("/"),
        token_env=token_env,
    )


def platform_host(location: str, endpoint: str = "") -> str:
    """Scheme and host that serve a location: each region has its own, the multi-regions and `global` others again."""
    if endpoint:
        return endpoint
    if location == "global":
        return "https://aiplatform.googleapis.com"
    if location in MULTI_REGIONS:
        return f"https://aiplatform.{location}.rep.googleapis.com"
    return f"https://{location}-aiplatform.googleapis.com"


def location_of(resource: str) -> str | None:
    """The location in a resource's name (`projects/P/locations/L/...`), None for a bare model name."""
    found = _LOCATED.match(resource)
    return found.group(1) if found else None


def training_problems(settings: GoogleSettings, where: str) -> list[str]:
    """What is missing before a job can be created, a sentence each; `where` is the table in the configuration."""
    said = []
    if not settings.project:
        said.append(f'the Google Cloud project: set project = "..." in [{where}] or GOOGLE_CLOUD_PROJECT')
    if not settings.region:
        said.append(f'the tuning region: set region = "us-central1" (or europe-west4) in [{where}]')
    elif settings.region in ("global", *MULTI_REGIONS):
        said.append(f"a tuning region: {settings.region!r} only serves; set region to us-central1 or europe-west4")
    if not settings.bucket:
        said.append(f'a Cloud Storage bucket for training files: set bucket = "..." in [{where}]')
    return said


def ready_token(settings: GoogleSettings) -> str:
    """The access token from the variable that the configuration names; '' where none is named or set."""
    return os.environ.get(settings.token_env, "").strip() if settings.token_env else ""


def token_problem(settings: GoogleSettings) -> str:
    """Why the access token that the configuration names cannot be used; nothing where it can, or none is named."""
    if not settings.token_env:
        return ""
    token = ready_token(settings)
    if not token:
        return f"set the environment variable {settings.token_env} to an access token"
    return key_problem(token, settings.token_env)


def credentials_state(settings: GoogleSettings) -> tuple[bool, str]:
    """Whether credentials are at hand, and where, in words. Looks at variables and file names only, asks nobody."""
    if settings.token_env:
        if problem := token_problem(settings):
            return False, f"not usable: {problem}" if ready_token(settings) else f"missing: set {settings.token_env}"
        token = ready_token(settings)
        return True, f"{settings.token_env}, …{token[-4:]}" if len(token) > 12 else settings.token_env
    named = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS", "")
    if named:
        there = Path(named).is_file()
        return there, f"GOOGLE_APPLICATION_CREDENTIALS{'' if there else f': no file {named}'}"
    folder = os.environ.get("CLOUDSDK_CONFIG") or str(Path.home() / ".config" / "gcloud")
    if (Path(folder) / "application_default_credentials.json").is_file():
        return True, "application default credentials of gcloud"
    return False, f"none found on this machine: {LOGIN}"
