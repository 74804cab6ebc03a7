"""What it means that something cannot be written, as far as the disk has a part in it."""

from __future__ import annotations

import contextlib
import errno
import shutil
import sqlite3
from pathlib import Path

FREE_SOME = "Free some space, or set FTB_HOME to a directory on another disk"
MAY_BE_FULL = "The disk may be full or failing"
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_LEAST_ROOM = 64 * 1024


def free_bytes(folder: Path) -> int | None:
    """How much room the disk of a folder has left; None where that cannot be told."""
    with contextlib.suppress(OSError):
        return shutil.disk_usage(folder).free
    return None


def is_full(error: Exception, folder: Path) -> bool:
    """Whether something in a folder could not be written for want of room.

    SQLite has two words for that. One says it, the other only that the disk failed: then it was for want of room if not
    even the little that SQLite needs for its own bookkeeping is left.
    """
    if isinstance(error, sqlite3.Error):
        free = free_bytes(folder) if "disk I/O" in str(error) else None
        return "is full" in str(error) or (free is not None and free < _LEAST_ROOM)
    return getattr(error, "errno", None) in _NO_ROOM


def may_be_full(error: Exception) -> bool:
    """Whether the disk failed, and nothing says why."""
    return isinstance(error, sqlite3.Error) and "disk I/O" in str(error)
