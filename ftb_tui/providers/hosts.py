"""Whose host is whose: which secrets may go where."""

from __future__ import annotations


def is_openai_host(host: str | None) -> bool:
    """Whether a host is OpenAI's own, data residency included (`eu.api.openai.com`)."""
    return host is not None and (host == "api.openai.com" or host.endswith(".api.openai.com"))


def is_loopback(host: str | None) -> bool:
    """Whether a host is this machine."""
    return host is not None and (host in ("localhost", "::1") or host.startswith("127."))
