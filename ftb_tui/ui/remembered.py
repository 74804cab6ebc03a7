"""What the app remembers from one time to the next: a small file, whose loss costs nobody more than a few keys."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftb_tui.paths import paths

if TYPE_CHECKING:
    from ftb_tui.ui.screens.mode import ModeScreen
    from ftb_tui.ui.widgets.splitter import Splitter


def memory_file() -> Path:
    """Where it is kept."""
    return paths().state / "app.json"


def load() -> dict[str, Any]:
    """What was kept; nothing where there is no such file, or one that cannot be read."""
    try:
        found = json.loads(memory_file().read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def said(memory: Mapping[str, Any]) -> str:
    """The memory as text, without the time at which it was kept: to see whether it changed."""
    return json.dumps({name: value for name, value in memory.items() if name != "seen"}, default=repr)


def save(memory: dict[str, Any]) -> None:
    """Keep this in place of what was kept, all of it or nothing; a disk that takes no more is no reason to fail."""
    file = memory_file()
    temporary: str | None = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=file.name)
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            json.dump(memory, out, indent=1)
        Path(temporary).replace(file)
    except OSError:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink(missing_ok=True)


def table_of(memory: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The table below these names; an empty one where there is something else."""
    found: Any = memory
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def recall(memory: dict[str, Any], screen: ModeScreen) -> None:
    """Let a screen and its tables stand as they were left."""
    from ftb_tui.ui.widgets.table import Table

    for table in screen.query(Table):
        table.recall(table_of(memory, "screens", screen.MODE, "tables", table.id or ""))
    screen.recall(table_of(memory, "screens", screen.MODE, "own"))


def gather(memory: dict[str, Any], screens: Iterable[ModeScreen]) -> None:
    """Put into the memory how these screens stand now; of others it keeps what it has."""
    from ftb_tui.ui.widgets.table import Table

    kept = table_of(memory, "screens")
    for screen in screens:
        if screen.is_attached:
            kept[screen.MODE] = {
                "tables": {table.id: table.remembered() for table in screen.query(Table)},
                "own": screen.memory(),
            }
    memory["screens"] = kept


def split_memory(memory: dict[str, Any], splitter: Splitter) -> dict[str, Any]:
    """Where a bar between panes stood the last time that its screen was shown."""
    return table_of(memory, "splits", type(splitter.screen).__name__, splitter.id or "")


def keep_split(memory: dict[str, Any], splitter: Splitter) -> None:
    """Put into the memory where a bar between panes stands now."""
    screen, splits = type(splitter.screen).__name__, table_of(memory, "splits")
    memory["splits"] = {**splits, screen: {**table_of(splits, screen), splitter.id or "": splitter.shares}}
