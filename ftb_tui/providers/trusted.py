"""How a service is reached: whose certificates are believed, and through which proxy."""

from __future__ import annotations

import os
import ssl
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ftb_tui.providers.base import ErrorKind, ProviderError
from ftb_tui.proxies import SettingError, is_loopback, proxy_of, require_certificates

if TYPE_CHECKING:
    import aiohttp

_READ_BUFFER = 2**22


@cache
def trusted() -> ssl.SSLContext:
    """The certificates that the SDKs trust by themselves, for every client. Read once; each reading takes 50 ms.

    Raises `ProviderError` where the environment names a file of them that cannot be read.
    """
    import httpx2

    try:
        require_certificates()
        return httpx2.create_ssl_context()
    except SettingError as error:
        raise ProviderError(ErrorKind.INVALID_REQUEST, str(error)) from error
    except OSError as error:
        text = f"SSL_CERT_FILE names {os.environ.get('SSL_CERT_FILE')!r}, where no certificates can be read ({error})."
        raise ProviderError(ErrorKind.INVALID_REQUEST, f"{text} Mend it or unset it.") from error


def proxy_for(url: str) -> str | None:
    """As `proxy_of`, but what is wrong is a `ProviderError`."""
    try:
        return proxy_of(url)
    except SettingError as error:
        parts = urlsplit(url)
        raise ProviderError(ErrorKind.INVALID_REQUEST, str(error), host=f"{parts.scheme}://{parts.netloc}") from error


def reaching(url: str) -> dict[str, Any]:
    """Arguments of an HTTP client for the service at `url`: `verify`, `proxy` and `trust_env`.

    This machine's own servers need no certificates, and no proxy gets to see what is said to them. Raises
    `ProviderError` that names the variable of the environment by which it cannot be reached.
    """
    parts = urlsplit(url)
    near = parts.scheme == "http" and is_loopback(parts.hostname)
    # Without certificates of its own it believes none, should it ever be sent elsewhere.
    verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if near else trusted()
    return {"verify": verify, "proxy": proxy_for(url), "trust_env": False}


def google_session() -> aiohttp.ClientSession:
    """A session as Google's SDK makes it for answers, but one that leaves it to `reaching` which proxy there is.

    Belongs to the running event loop, and is closed by who made it.
    """
    import aiohttp

    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), read_bufsize=_READ_BUFFER, trust_env=False)
