"""Names of files and directories, suggested while a path is typed."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from textual.suggester import Suggester


class PathSuggester(Suggester):
    """Suggests the first entry of the directory that goes on as the path begins; directories with their slash."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The completed path, or None."""
        return await asyncio.to_thread(completed, value)


def completed(value: str) -> str | None:
    """The path with its last name completed; None where nothing fits or nothing is begun."""
    folder, name = os.path.split(value)
    if not name:
        return None
    try:
        with os.scandir(Path(folder or ".").expanduser()) as entries:
            fitting = sorted(
                (entry.name, entry.is_dir())
                for entry in entries
                if entry.name.startswith(name) and entry.name.isprintable()
            )
    except OSError:
        return None
    if not fitting:
        return None
    found, is_folder = fitting[0]
    whole = f"{value.removesuffix(name)}{found}{'/' if is_folder else ''}"
    return whole if whole != value else None
