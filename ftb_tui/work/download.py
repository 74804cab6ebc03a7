"""Downloading one file into the cache: progress, size and hash told, nothing half-done left."""

from __future__ import annotations

import hashlib
import os
import urllib.error
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from ftb_tui.paths import paths
from ftb_tui.proxies import SettingError, opener_for

MAX_BYTES = 1 << 30
_CHUNK = 1 << 16
_TIMEOUT = 30.0

Progress = Callable[[int, int | None], None]
"""Called with bytes done and bytes in all (None if the server does not say)."""


class DownloadError(Exception):
    """A file could not be downloaded; the message names the host. `unreachable` means that trying again may help."""

    def __init__(self, message: str, *, unreachable: bool) -> None:
        super().__init__(message)
        self.unreachable = unreachable


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file that is here now."""

    path: Path
    url: str
    n_bytes: int
    sha256: str


def download(url: str, name: str, progress: Progress = lambda done, total: None) -> Downloaded:
    """Fetch `url` into the cache's `downloads` as `name`; an earlier file of that name is replaced once it is whole.

    Raises `DownloadError` for another scheme than http and https, an answer that is no 200, a broken transfer, more
    than 1 GB, or a cache that cannot be written.
    """
    host = urlsplit(url).netloc
    if urlsplit(url).scheme not in ("http", "https") or not host:
        raise DownloadError(f"{url} is not an http or https address.", unreachable=False)
    target = paths().cache / "downloads" / name
    part = target.with_name(f"{name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            n_bytes, digest = _fetch(url, host, part, progress)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise DownloadError(f"{target} cannot be written: {error.strerror or error}.", unreachable=False) from error
    return Downloaded(target, url, n_bytes, digest)


def _fetch(url: str, host: str, part: Path, progress: Progress) -> tuple[int, str]:
    digest, done = hashlib.sha256(), 0
    try:
        with opener_for(url).open(url, timeout=_TIMEOUT) as reply, part.open("wb") as file:
            length = reply.headers.get("Content-Length")
            total = int(length) if length and length.isdecimal() else None
            while chunk := reply.read(_CHUNK):
                file.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                if done > MAX_BYTES:
                    raise DownloadError(f"{host} sends more than {MAX_BYTES >> 30} GB; stopped.", unreachable=False)
                progress(done, total)
    except urllib.error.HTTPError as error:
        again = error.code >= 500 or error.code == 429
        raise DownloadError(f"{host} answered {error.code} {error.reason} for {url}.", unreachable=again) from error
    except SettingError as error:
        raise DownloadError(str(error), unreachable=False) from error
    except (urllib.error.URLError, TimeoutError, ConnectionError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise DownloadError(f"{host} cannot be reached: {reason}. Try again later.", unreachable=True) from error
    if total is not None and done < total:
        raise DownloadError(f"{host} ended the download after {done} of {total} bytes. Try again.", unreachable=True)
    return done, digest.hexdigest()
