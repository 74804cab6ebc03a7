"""The wire's files: upload, list, read, delete."""

from __future__ import annotations

import secrets
import time

from aiohttp import web

from ftb_tui.engine.records import FileRecord
from ftb_tui.engine.serving import ENGINE, page_of
from ftb_tui.engine.uploads import receive
from ftb_tui.engine.wire import (
    ApiError,
    file_body,
    not_found,
)


async def create_file(request: web.Request) -> web.Response:
    """Upload: multipart with `purpose` and `file`."""
    engine = request.app[ENGINE]
    if not request.content_type.startswith("multipart/"):
        raise ApiError(400, "Expected a multipart form with the fields purpose and file.")
    file_id = f"file-{secrets.token_hex(12)}"
    folder = engine.data / "files"
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{file_id}.part"
    try:
        upload = await receive(await request.multipart(), part)
        part.replace(folder / file_id)
    except (ApiError, OSError):
        raise
    except Exception as error:
        # The library raises what it likes for a form that breaks its rules.
        why = " ".join(str(error).split()) or "it is not well formed"
        raise ApiError(400, f"The multipart form cannot be read: {why}") from error
    finally:
        part.unlink(missing_ok=True)
    record = FileRecord(file_id, upload.filename, upload.purpose, upload.size, time.time())
    engine.records.add_file(record)
    return web.json_response(file_body(record))


async def list_files(request: web.Request) -> web.Response:
    """All files, the newest first."""
    files = [file_body(record) for record in request.app[ENGINE].records.files()]
    purpose = request.query.get("purpose")
    found = [file for file in files if purpose in (None, file["purpose"])]
    return page_of(request, found, most=10_000, default=10_000, filters=("purpose",))


def _file(request: web.Request) -> FileRecord:
    file_id = request.match_info["id"]
    record = request.app[ENGINE].records.file(file_id)
    if record is None:
        raise not_found("File object", file_id, "id")
    return record


async def get_file(request: web.Request) -> web.Response:
    """One file."""
    return web.json_response(file_body(_file(request)))


async def get_file_content(request: web.Request) -> web.StreamResponse:
    """A file's bytes."""
    return web.FileResponse(
        request.app[ENGINE].data / "files" / _file(request).id, headers={"Content-Type": "application/octet-stream"}
    )


async def delete_file(request: web.Request) -> web.Response:
    """Delete a file."""
    record = _file(request)
    engine = request.app[ENGINE]
    engine.records.delete_file(record.id)
    (engine.data / "files" / record.id).unlink(missing_ok=True)
    return web.json_response({"id": record.id, "object": "file", "deleted": True})
