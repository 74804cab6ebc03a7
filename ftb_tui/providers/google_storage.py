"""Training files in Cloud Storage, through its JSON API, with no client library.

Small files go in one request, larger ones in parts that a broken connection does not lose. A file is never written
over another one: an object of that name counts as ours only if its MD5 is that of our bytes.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ftb_tui.providers.base import ErrorKind, ProviderError
from ftb_tui.providers.google_failures import google_errors, status_error

if TYPE_CHECKING:
    import httpx2

ONE_REQUEST = 8 << 20
"""Files up to so many bytes are sent in one request."""
PART = 8 << 20
"""Bytes of a part; Google wants a multiple of 256 KiB."""
UPLOAD_TIMEOUT = 600.0
_LOST_CONNECTIONS = 5
_PAUSE = 0.2
_INCOMPLETE = 308
_EXISTS = 412


async def upload(
    http: httpx2.AsyncClient,
    content: bytes,
    *,
    host: str,
    bucket: str,
    name: str,
    headers: Mapping[str, str],
    secrets: Callable[[], tuple[str, ...]],
) -> str:
    """Store the bytes as `gs://bucket/name` and return that. Sending the same file again is no error."""
    digest = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    base = f"{host}/upload/storage/v1/b/{quote(bucket, safe='')}/o"
    query = f"name={quote(name, safe='')}&ifGenerationMatch=0"
    kind = {"Content-Type": "application/jsonl"}
    with google_errors(host, secrets):
        if len(content) <= ONE_REQUEST:
            reply = await http.post(
                f"{base}?uploadType=media&{query}", content=content, headers={**headers, **kind}, timeout=UPLOAD_TIMEOUT
            )
        else:
            opened = await http.post(
                f"{base}?uploadType=resumable&{query}",
                json={"name": name, "contentType": "application/jsonl"},
                headers={**headers, "X-Upload-Content-Type": "application/jsonl"},
            )
            reply = opened
            if opened.status_code == 200:
                reply = await _in_parts(http, opened.headers.get("location", ""), content, host)
        if reply.status_code == _EXISTS:
            path = f"{host}/storage/v1/b/{quote(bucket, safe='')}/o/{quote(name, safe='')}"
            reply = await http.get(path, headers=dict(headers))
    stored = _stored(reply, host, bucket, secrets)
    if stored.get("md5Hash") != digest:
        text = f"gs://{bucket}/{name} does not hold the bytes of our training file; nothing was overwritten."
        raise ProviderError(ErrorKind.BAD_RESPONSE, text, host=host)
    return f"gs://{bucket}/{name}"


async def download(
    http: httpx2.AsyncClient,
    address: str,
    *,
    host: str,
    headers: Mapping[str, str],
    secrets: Callable[[], tuple[str, ...]],
) -> bytes:
    """The bytes of `gs://bucket/name`."""
    bucket, _, name = address.removeprefix("gs://").partition("/")
    path = f"{host}/storage/v1/b/{quote(bucket, safe='')}/o/{quote(name, safe='')}?alt=media"
    with google_errors(host, secrets):
        reply = await http.get(path, headers=dict(headers), timeout=UPLOAD_TIMEOUT)
    if reply.status_code == 200:
        return reply.content
    text = f"{address} cannot be read: {reply.text or f'status {reply.status_code}'}"
    raise status_error(reply.status_code, text, reply.headers, host, secrets())


def _stored(
    reply: httpx2.Response, host: str, bucket: str, secrets: Callable[[], tuple[str, ...]]
) -> Mapping[str, Any]:
    """The object's record in a reply; an error status as an error that says what to do about a bucket."""
    try:
        values: object = reply.json()
    except ValueError:
        values = reply.text
    if reply.status_code in (200, 201):
        if isinstance(values, dict):
            return values
        text = f"{host} answered the upload with {str(values)[:200]!r}"
        raise ProviderError(ErrorKind.BAD_RESPONSE, text, host=host)
    error = status_error(reply.status_code, values, reply.headers, host, secrets())
    advice = {
        403: f"; the account needs storage.objects.create on gs://{bucket} (role Storage Object Creator)",
        404: f"; is there a bucket gs://{bucket}?",
    }.get(reply.status_code, "")
    raise ProviderError(
        error.kind,
        error.message + advice,
        host=host,
        status=error.status,
        code=error.code,
        retry_after=error.retry_after,
    )


async def _in_parts(http: httpx2.AsyncClient, session: str, content: bytes, host: str) -> httpx2.Response:
    """Send the parts of a resumable upload; after a lost connection ask how much arrived and go on from there.

    The session's address is its own permission, so no token is sent to it.
    """
    import httpx2

    if not session.startswith(("http://", "https://")):
        raise ProviderError(ErrorKind.BAD_RESPONSE, f"{host} opened an upload without an address for it", host=host)
    total, start, lost, unsure = len(content), 0, 0, False
    while True:
        part = b"" if unsure else content[start : start + PART]
        span = f"{start}-{start + len(part) - 1}" if part else "*"
        try:
            reply = await http.put(
                session, content=part, headers={"Content-Range": f"bytes {span}/{total}"}, timeout=UPLOAD_TIMEOUT
            )
            if reply.status_code >= 500 and lost < _LOST_CONNECTIONS:
                raise httpx2.RemoteProtocolError(f"status {reply.status_code} in the middle of an upload")
        except httpx2.TransportError:
            lost += 1
            if lost > _LOST_CONNECTIONS:
                raise
            unsure = True
            await asyncio.sleep(_PAUSE * lost)
            continue
        if reply.status_code != _INCOMPLETE:
            return reply
        arrived = _arrived(reply.headers.get("range", ""))
        lost += arrived <= start
        if lost > _LOST_CONNECTIONS:
            text = f"{host} takes no more of the training file after {start} of {total} bytes"
            raise ProviderError(ErrorKind.BAD_RESPONSE, text, host=host)
        start, unsure = arrived, False


def _arrived(header: str) -> int:
    """How many bytes the service has, from `bytes=0-262143`; 0 where it has none."""
    end = header.rpartition("-")[2]
    return int(end) + 1 if end.isdigit() else 0
