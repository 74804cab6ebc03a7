"""Whose host is whose: which secrets may go where."""

from __future__ import annotations

import ipaddress

from ftb_tui.proxies import is_loopback


def is_openai_host(host: str | None) -> bool:
    """Whether a host is OpenAI's own, data residency included (`eu.api.openai.com`)."""
    return host is not None and (host == "api.openai.com" or host.endswith(".api.openai.com"))


def is_near(host: str | None) -> bool:
    """Whether a host is this machine or in one's own network, as far as its name or address tells."""
    if host is None or is_loopback(host):
        return host is not None
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".lan", ".internal", ".home.arpa"))
