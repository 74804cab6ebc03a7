"""A full disk is called that, and nothing else is."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections import namedtuple
from pathlib import Path

import pytest

from ftb_tui.disk import is_full
from ftb_tui.store.database import StoreError, open_store
from tests.engine.process import EngineProcess

Usage = namedtuple("Usage", "total used free")
FAILED = sqlite3.OperationalError("disk I/O error")


@pytest.mark.parametrize(
    ("error", "free", "expected"),
    [
        (sqlite3.OperationalError("database or disk is full"), 10**9, True),
        (OSError(errno.ENOSPC, "No space left on device", "/x"), 10**9, True),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "/x"), 10**9, True),
        (FAILED, 10**9, False),
        (FAILED, 1000, True),
        (PermissionError(errno.EACCES, "Permission denied", "/home/full/x"), 10**9, False),
        (sqlite3.OperationalError("unable to open database file"), 1000, False),
    ],
)
def test_a_write_that_fails_for_want_of_room_is_told_from_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception, free: int, expected: bool
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(10**9, 0, free))
    assert is_full(error, tmp_path) is expected


async def test_neither_store_nor_engine_takes_a_folder_by_the_name_of_full_for_a_full_disk(tmp_path: Path) -> None:
    (tmp_path / "full").write_text("a file where a folder belongs")
    with pytest.raises(StoreError, match=r"cannot be opened for writing \(Not a directory\)"):
        await open_store(tmp_path / "full" / "data" / "ftb.db")
    engine = EngineProcess(tmp_path / "home", None, ("--data", str(tmp_path / "full" / "data")))
    with pytest.raises(AssertionError, match="cannot be used: Not a directory. Check the directory's permissions"):
        engine.start()
