"""GGUF, the file format of quantized weights: its metadata read quickly, its tensors as numpy arrays.

The `gguf` package reads the same files, and its dequantization is used here. Its metadata reader takes
2.6 s for a vocabulary of 49,152 entries, and a cut-off file fails in it with an index error; this one takes
a tenth of a second and names the file. Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize

from ftb_tui.engine.interface import ModelFileError

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_MAX_COUNT = 10_000_000


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """Where a tensor lies and how it is coded. `shape` is numpy's order: rows first."""

    shape: tuple[int, ...]
    kind: GGMLQuantizationType
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class GgufFile:
    """The metadata of one file and the means to read its tensors."""

    path: Path
    metadata: dict[str, Any]
    tensors: dict[str, TensorInfo]

    def read(self, name: str, shape: tuple[int, ...], dtype: type[np.floating[Any]] = np.float32) -> Array:
        """The tensor's values, dequantized. Raises `ModelFileError` unless the file has it in this shape."""
        info = self.tensors.get(name)
        if info is None:
            raise ModelFileError(f"{self.path} has no tensor {name}, so it does not hold a whole Llama model.")
        if info.shape != shape:
            raise ModelFileError(f"{self.path}: tensor {name} has the shape {info.shape}, not {shape}.")
        raw = np.memmap(self.path, dtype=np.uint8, mode="r", offset=info.offset, shape=(info.size,))
        if info.kind == GGMLQuantizationType.F32:
            return np.array(raw.view("<f4").reshape(info.shape), dtype)
        try:
            values: Array = dequantize(raw.reshape(*info.shape[:-1], -1), info.kind)
        except NotImplementedError as error:
            raise ModelFileError(
                f"{self.path}: tensor {name} is coded as {info.kind.name}, which cannot be read."
            ) from error
        return values.astype(dtype, copy=False)


def open_gguf(path: Path) -> GgufFile:
    """Read the metadata and the table of tensors. Raises `ModelFileError` for anything that is not whole."""
    try:
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _parse(path, data)
    except FileNotFoundError as error:
        raise ModelFileError(f"There is no weights' file {path}.") from error
    except (OSError, ValueError, TypeError, struct.error, KeyError, RecursionError) as error:
        raise ModelFileError(
            f"{path} cannot be read as GGUF weights ({error}). If a download was cut off, delete it and fetch it"
            " again: ftb models pull smollm2-135m"
        ) from error


def _parse(path: Path, data: mmap.mmap) -> GgufFile:
    if data[:4] != b"GGUF":
        raise ValueError("it does not begin with GGUF")
    version, n_tensors, n_values = struct.unpack_from("<IQQ", data, 4)
    if version not in (2, 3):
        raise ValueError(f"its version is {version}; 2 and 3 are known")
    if n_tensors > _MAX_COUNT or n_values > _MAX_COUNT:
        raise ValueError("its header holds impossible counts")
    at = 24

    def text() -> str:
        nonlocal at
        (length,) = struct.unpack_from("<Q", data, at)
        start, at = at + 8, at + 8 + length
        if at > len(data):
            raise ValueError("it ends in the middle of a text")
        return data[start:at].decode()

    def scalar(code: str) -> Callable[[], Any]:
        layout = struct.Struct("<" + code)

        def read() -> Any:
            nonlocal at
            (value,) = layout.unpack_from(data, at)
            at += layout.size
            return value

        return read

    readers: dict[int, Callable[[], Any]] = {kind: scalar(code) for kind, code in _SCALARS.items()}
    readers[_STRING] = text
    u32, u64 = readers[4], readers[10]

    def array() -> list[Any]:
        kind, count = u32(), u64()
        if count > _MAX_COUNT:
            raise ValueError("it holds an impossibly long list")
        read = readers[kind]
        return [read() for _ in range(count)]

    readers[_ARRAY] = array
    metadata: dict[str, Any] = {}
    for _ in range(n_values):
        key = text()
        metadata[key] = readers[u32()]()
    table: list[tuple[str, tuple[int, ...], GGMLQuantizationType, int]] = []
    for _ in range(n_tensors):
        name = text()
        shape = tuple(u64() for _ in range(u32()))[::-1]
        table.append((name, shape, GGMLQuantizationType(u32()), u64()))
    alignment = int(metadata.get("general.alignment", 32))
    if alignment < 1:
        raise ValueError(f"its alignment is {alignment}")
    start = -(-at // alignment) * alignment
    tensors: dict[str, TensorInfo] = {}
    for name, shape, kind, offset in table:
        block, block_bytes = GGML_QUANT_SIZES[kind]
        values = math.prod(shape)
        if not shape or values == 0 or shape[-1] % block:
            raise ValueError(f"tensor {name} has the impossible shape {shape}")
        size = values // block * block_bytes
        if start + offset + size > len(data):
            raise ValueError(f"it ends before the end of tensor {name}")
        tensors[name] = TensorInfo(shape, kind, start + offset, size)
    return GgufFile(path, metadata, tensors)
