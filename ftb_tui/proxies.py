"""What stands between us and an address, by the environment or the system's settings: proxies and certificates."""

from __future__ import annotations

import ipaddress
import os
import re
from urllib.parse import urlsplit
from urllib.request import OpenerDirector, ProxyHandler, build_opener, getproxies, proxy_bypass


class SettingError(Exception):
    """A proxy or certificates are set that cannot be used; the message names the variable."""


def is_loopback(host: str | None) -> bool:
    """Whether a host is this machine."""
    try:
        return host is not None and (host == "localhost" or ipaddress.ip_address(host).is_loopback)
    except ValueError:
        return False


def proxy_of(url: str) -> str | None:
    """The address of the proxy for `url`; None where there is none, as always for this machine itself.

    Raises `SettingError` for one that cannot be used.
    """
    parts = urlsplit(url)
    found = getproxies()
    kind = parts.scheme if found.get(parts.scheme) else "all"
    given = found.get(kind)
    if not given or is_loopback(parts.hostname) or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    address = given if "://" in given else f"http://{given}"
    if _is_usable(address):
        return address
    # Not its password.
    shown = re.sub("//.*@", "//", address)
    raise SettingError(
        f"{_where_set(kind)} names the proxy {shown!r}, which cannot be used: only http://HOST:PORT and https:// can. "
        f"Mend it, unset it, or add {parts.hostname} to no_proxy."
    )


def require_certificates() -> None:
    """Raises `SettingError` where certificates are named that are not there."""
    for name, is_there in (("SSL_CERT_FILE", os.path.isfile), ("SSL_CERT_DIR", os.path.isdir)):
        named = os.environ.get(name, "")
        if named and not any(map(is_there, (named, *named.split(os.pathsep)))):
            raise SettingError(f"{name} names {named!r}, where no certificates are. Mend it or unset it.")


def opener_for(url: str) -> OpenerDirector:
    """What opens `url`, through its proxy if it has one. Raises `SettingError`."""
    if urlsplit(url).scheme == "https":
        require_certificates()
    proxy = proxy_of(url)
    return build_opener(ProxyHandler({} if proxy is None else {"http": proxy, "https": proxy}))


def _is_usable(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def _where_set(kind: str) -> str:
    names = (f"{kind}_proxy", f"{kind}_proxy".upper())
    return next((name for name in names if os.environ.get(name)), "The system's setting")
