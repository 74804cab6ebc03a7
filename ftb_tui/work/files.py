"""Files that people ask for: named by them, never written over, there whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from ftb_tui.benchmark.load import DatasetError, write_dataset_folder
from ftb_tui.benchmark.model import Dataset


def file_name(text: str) -> str:
    """A name for a file made of any text: letters, digits, points, hyphens, and underscores for all else."""
    return re.sub(r"[^\w.-]+", "_", text).strip("._") or "dataset"


def new_file(typed: str) -> Path:
    """The path that a person typed, for a file that may not exist yet. Raises `DatasetError` with what to do."""
    path = _path(typed)
    if path.exists():
        raise DatasetError(f"{path} exists already; give another name or remove it.")
    if not path.parent.is_dir():
        raise DatasetError(f"The directory {path.parent} does not exist.")
    return path


def may_write(typed: str, told: set[Path]) -> Path:
    """The path that a person typed, which may exist if they were told so before; `told` keeps what they were told.

    Raises `DatasetError` with what to do.
    """
    path = _path(typed)
    if path.exists() and not path.is_dir() and path not in told:
        told.add(path)
        raise DatasetError(f"{path} exists already. Press enter again to replace it, or give another name.")
    return path if path in told else new_file(typed)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that appears under its name when it is whole. Raises `DatasetError` where it cannot be written."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        try:
            part.write_bytes(content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise DatasetError(f"{path} cannot be written: {error.strerror or error}.") from error


def export_dataset(dataset: Dataset, typed: str) -> Path:
    """Write a dataset into a folder that is new or empty; all of it or nothing. Gives the folder.

    Raises `DatasetError` for a folder that holds something, or cannot be made.
    """
    folder = _path(typed)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DatasetError(f"{folder} is not an empty directory; give a new one.")
    part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    try:
        try:
            write_dataset_folder(dataset, part)
            if folder.exists():
                folder.rmdir()
            part.replace(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise DatasetError(f"{folder} cannot be written: {error.strerror or error}.") from error
    return folder


def _path(typed: str) -> Path:
    if not typed.strip():
        raise DatasetError("Give the name of a file or directory.")
    if "\0" in typed:
        raise DatasetError("A name cannot hold a NUL character.")
    return Path(typed.strip()).expanduser().absolute()
