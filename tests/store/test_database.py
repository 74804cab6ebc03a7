"""The store opens safely or says why not."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import stat
from pathlib import Path

import aiosqlite
import pytest

from ftb_tui.store import database
from ftb_tui.store.database import StoreError, migrations, open_store, transaction


async def test_a_new_store_is_made_private_and_complete(tmp_path: Path) -> None:
    file = tmp_path / "new" / "ftb.db"
    db = await open_store(file)
    try:
        [mode] = await db.execute_fetchall("PRAGMA journal_mode")
        assert mode[0] == "wal"
        [version] = await db.execute_fetchall("PRAGMA user_version")
        assert version[0] == max(migrations())
        strict = await db.execute_fetchall(
            "SELECT name FROM pragma_table_list WHERE strict = 0 AND name NOT LIKE 'sqlite%'"
        )
        assert list(strict) == []
    finally:
        await db.close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_a_store_from_the_future_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "ftb.db"
    raw = sqlite3.connect(file)
    raw.execute("PRAGMA user_version = 99")
    raw.close()
    before = file.read_bytes()
    with pytest.raises(StoreError, match=r"newer version of ftb \(store version 99"):
        await open_store(file)
    assert file.read_bytes() == before


async def test_a_file_that_is_no_store_is_named(tmp_path: Path) -> None:
    file = tmp_path / "ftb.db"
    file.write_bytes(b"hello " * 1000)
    with pytest.raises(StoreError, match=f"{file} is not a readable store"):
        await open_store(file)


async def test_a_place_that_cannot_be_written_is_named() -> None:
    with pytest.raises(StoreError, match="/proc/ftb"):
        await open_store(Path("/proc/ftb/ftb.db"))


async def test_an_upgrade_keeps_a_copy_and_happens_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ftb.db"
    await (await open_store(file)).close()
    real = migrations()
    latest = max(real)
    broken = {**real, latest + 1: "CREATE TABLE extra (a INTEGER) STRICT;\nCREATE TABLE models (b INTEGER) STRICT;"}
    monkeypatch.setattr(database, "migrations", lambda: broken)
    with pytest.raises(StoreError, match="already exists"):
        await open_store(file)
    raw = sqlite3.connect(file)
    assert raw.execute("PRAGMA user_version").fetchone()[0] == latest
    assert raw.execute("SELECT count(*) FROM sqlite_master WHERE name = 'extra'").fetchone()[0] == 0
    raw.close()
    monkeypatch.setattr(database, "migrations", lambda: {**real, latest + 1: "CREATE TABLE extra (a INTEGER) STRICT;"})
    db = await open_store(file)
    [version] = await db.execute_fetchall("PRAGMA user_version")
    await db.close()
    assert version[0] == latest + 1
    assert len(list(tmp_path.glob(f"ftb.db.v{latest}-*"))) >= 1


async def test_tasks_on_one_connection_do_not_mix_their_transactions(tmp_path: Path) -> None:
    db = await open_store(tmp_path / "ftb.db")

    async def add(name: str, *, fail: bool) -> None:
        async with transaction(db):
            await db.execute("INSERT INTO request_parameters (parameters) VALUES (?)", (name,))
            await asyncio.sleep(0)
            if fail:
                raise RuntimeError(name)

    done = await asyncio.gather(*(add(str(n), fail=n % 2 == 0) for n in range(10)), return_exceptions=True)
    rows = await db.execute_fetchall("SELECT parameters FROM request_parameters ORDER BY 1")
    await db.close()
    assert sum(isinstance(result, RuntimeError) for result in done) == 5
    assert [row[0] for row in rows] == ["1", "3", "5", "7", "9"]


async def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path: Path) -> None:
    db = await open_store(tmp_path / "ftb.db")
    try:
        async with transaction(db):
            await db.execute("INSERT INTO request_parameters (parameters) VALUES ('kept')")
        [pages] = await db.execute_fetchall("PRAGMA page_count")
        await db.execute(f"PRAGMA max_page_count = {pages[0]}")
        with pytest.raises(StoreError, match="The disk is full"):
            async with transaction(db):
                await db.execute("INSERT INTO request_parameters (parameters) VALUES (?)", ("x" * 1_000_000,))
        rows = await db.execute_fetchall("SELECT parameters FROM request_parameters")
        assert [row[0] for row in rows] == ["kept"]
    finally:
        await db.close()


async def test_two_programs_use_one_store_at_once(tmp_path: Path) -> None:
    first, second = await open_store(tmp_path / "ftb.db"), await open_store(tmp_path / "ftb.db")

    async def many(db: aiosqlite.Connection, name: str) -> None:
        for number in range(20):
            async with transaction(db):
                await db.execute("INSERT INTO request_parameters (parameters) VALUES (?)", (f"{name}{number}",))

    await asyncio.gather(many(first, "a"), many(second, "b"))
    [count] = await first.execute_fetchall("SELECT count(*) FROM request_parameters")
    await first.close()
    await second.close()
    assert count[0] == 40


async def test_a_reader_of_nothing_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no store"):
        await open_store(tmp_path / "ftb.db", readonly=True)


def test_no_statement_has_numbered_places_which_python_3_14_refuses_beside_a_sequence() -> None:
    """Python 3.12 warns of `?1` with a tuple, 3.14 raises; the suite runs on 3.11, which says nothing."""
    sources = Path(database.__file__).parents[1]
    assert [file.name for file in sources.rglob("*.py") if re.search(r"[ (=]\?\d", file.read_text("utf-8"))] == []
