"""What in the environment a person should know of before anything is sent."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from ftb_tui.providers.hosts import is_openai_host
from ftb_tui.proxies import is_loopback


def environment_notes(base_url: str, *, has_key: bool) -> tuple[str, ...]:
    """Sentences about settings that other programs obey and this one does not, and about keys sent in the clear."""
    parts = urlsplit(base_url)
    notes = []
    stray = os.environ.get("OPENAI_BASE_URL", "")
    if stray and is_openai_host(parts.hostname):
        notes.append(
            f"OPENAI_BASE_URL is set to {_without_password(stray)}, which ftb does not use: questions and key go to "
            f"{parts.scheme}://{parts.netloc}. To use that address, add it as a provider of its own."
        )
    if os.environ.get("OPENAI_CUSTOM_HEADERS") and is_openai_host(parts.hostname):
        notes.append("OPENAI_CUSTOM_HEADERS is set; these headers are sent to OpenAI, and to nobody else.")
    if has_key and parts.scheme == "http" and not is_loopback(parts.hostname):
        notes.append(f"The key would travel unencrypted to {parts.netloc}: use https.")
    return tuple(notes)


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"
