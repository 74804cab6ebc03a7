"""Files that are sent to the engine, as multipart forms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aiohttp import BodyPartReader, MultipartReader

from ftb_tui.engine.wire import ApiError, missing

MAX_UPLOAD = 512 * 2**20
_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class Upload:
    """What a form said about its file, and the file's size in bytes."""

    purpose: str
    filename: str
    size: int


async def receive(form: MultipartReader, target: Path) -> Upload:
    """Write the form's file to `target` as it comes.

    Raises `ApiError` for a form that lacks something or is too large, `OSError` when it cannot be written, and for a
    form that is broken what the library raises; the caller removes what was written then.
    """
    purpose, filename, size = None, None, 0
    async for field in form:
        if not isinstance(field, BodyPartReader):
            continue
        if field.name == "purpose":
            purpose = (await field.read(decode=True)).decode("utf-8", "replace")
        elif field.name == "file":
            filename = field.filename or "file.jsonl"
            size = 0
            with target.open("wb") as stream:
                while chunk := await field.read_chunk(_CHUNK):
                    size += len(chunk)
                    if size > MAX_UPLOAD:
                        raise ApiError(413, f"The file is larger than {MAX_UPLOAD >> 20} MB.", param="file")
                    stream.write(chunk)
    if filename is None:
        raise missing("file")
    if purpose is None:
        raise missing("purpose")
    if purpose != "fine-tune":
        raise ApiError(400, f"'{purpose}' is not a purpose of this engine; use 'fine-tune'.", param="purpose")
    return Upload(purpose, filename, size)
