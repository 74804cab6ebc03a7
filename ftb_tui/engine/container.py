"""Arrays in a file that says when it is damaged: the safetensors layout with a checksum in its metadata.

Layout: https://huggingface.co/docs/safetensors (length of the header, JSON header, data). `ftb_sha256` covers
the header's other metadata, the names and shapes, and every byte of data.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from ftb_tui.engine.interface import AdapterError

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

_KINDS: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8")}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_CHECKSUM = "ftb_sha256"


def _checksum(metadata: Mapping[str, str], tensors: Mapping[str, Any], data: bytes | memoryview) -> str:
    header = json.dumps([dict(metadata), dict(tensors)], sort_keys=True)
    digest = hashlib.sha256(header.encode())
    digest.update(data)
    return digest.hexdigest()


def pack_arrays(arrays: Mapping[str, Array], metadata: Mapping[str, str]) -> bytes:
    """The bytes of a safetensors file with these arrays (float32 or float64)."""
    tensors: dict[str, Any] = {}
    parts: list[bytes] = []
    offset = 0
    for name, array in arrays.items():
        part = np.ascontiguousarray(array).tobytes()
        tensors[name] = {
            "dtype": _NAMES[array.dtype.newbyteorder("<")],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + len(part)],
        }
        parts.append(part)
        offset += len(part)
    data = b"".join(parts)
    checked = {**metadata, _CHECKSUM: _checksum(metadata, tensors, data)}
    header = json.dumps({"__metadata__": checked, **tensors}).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + data


def unpack_arrays(content: bytes, what: str) -> tuple[dict[str, Array], dict[str, str]]:
    """Arrays (read-only) and metadata. `what` names the file; raises `AdapterError` unless every byte is right."""
    try:
        (length,) = struct.unpack_from("<Q", content)
        header = json.loads(content[8 : 8 + length])
        metadata: dict[str, str] = header.pop("__metadata__")
        expected = metadata.pop(_CHECKSUM)
        data = memoryview(content)[8 + length :]
        if _checksum(metadata, header, data) != expected:
            raise ValueError("its checksum is wrong")
        arrays: dict[str, Array] = {}
        for name, entry in header.items():
            start, end = entry["data_offsets"]
            arrays[name] = np.frombuffer(data[start:end], dtype=_KINDS[str(entry["dtype"])]).reshape(entry["shape"])
    except (struct.error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = str(error) if str(error) == "its checksum is wrong" else "it is cut off or was overwritten"
        raise AdapterError(f"{what} is damaged: {reason}. Train again, or use another checkpoint.") from error
    return arrays, metadata


def write_atomically(path: Path, content: bytes) -> None:
    """Put the content at path as a whole or not at all, also when the power fails. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=path.name, suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
