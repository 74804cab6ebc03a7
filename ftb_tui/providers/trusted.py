"""Whose certificates are believed."""

from __future__ import annotations

import ssl
from functools import cache


@cache
def trusted() -> ssl.SSLContext:
    """The certificates that the SDKs trust by themselves, for every client. Read once; each reading takes 50 ms."""
    import httpx2

    return httpx2.create_ssl_context()
