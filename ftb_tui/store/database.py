"""Opening the store: pragmas, numbered migrations, and errors as sentences."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib import resources
from pathlib import Path
from weakref import WeakKeyDictionary

import aiosqlite

from ftb_tui.disk import FREE_SOME, MAY_BE_FULL, is_full, may_be_full
from ftb_tui.paths import paths
from ftb_tui.store.terms import holds_words

BUSY_SECONDS = 10.0

_turns: WeakKeyDictionary[aiosqlite.Connection, asyncio.Lock] = WeakKeyDictionary()


class StoreError(Exception):
    """The store cannot be read or written; the message names the file and says what to do."""


def migrations() -> dict[int, str]:
    """Every numbered migration: number -> SQL, ascending from 1 without gaps."""
    found = {}
    for file in resources.files("ftb_tui.store.schema").iterdir():
        if match := re.fullmatch(r"(\d{4})_\w+\.sql", file.name):
            found[int(match[1])] = file.read_text(encoding="utf-8")
    return dict(sorted(found.items()))


async def open_store(path: Path | None = None, *, readonly: bool = False) -> aiosqlite.Connection:
    """Open the store at `path` (the home's by default), made or brought up to date if need be.

    Raises `StoreError` for a file that is no store, is newer than this program, or cannot be written. `readonly`
    opens a store that exists, for screens that never write.
    """
    file = path or paths().store
    with sentences(file):
        if readonly and not file.exists():
            raise StoreError(f"There is no store at {file} yet.")
        if not readonly:
            _prepare(file)
        db = await aiosqlite.connect(file, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            db.row_factory = sqlite3.Row
            await db.create_function("holds_words", 2, holds_words, deterministic=True)
            await db.execute("PRAGMA foreign_keys = ON")
            await db.execute("PRAGMA synchronous = FULL")
            if readonly:
                await db.execute("PRAGMA query_only = ON")
        except BaseException:
            await db.close()
            raise
    return db


@asynccontextmanager
async def transaction(db: aiosqlite.Connection, *, wait: bool = True) -> AsyncIterator[None]:
    """All of the block's writes or none; takes the write lock at once, so that reads in it stay true.

    Tasks that share a connection take turns. Every write goes through here, so none slips into another's block.
    `wait=False` is for writes that may as well be left out: `StoreError` at once where another process writes.
    """
    lock = _turns.setdefault(db, asyncio.Lock())
    async with lock:
        with sentences(None):
            async with _patience(db, BUSY_SECONDS if wait else 0.0), _begun(db):
                yield


@asynccontextmanager
async def _patience(db: aiosqlite.Connection, seconds: float) -> AsyncIterator[None]:
    """How long to wait for the write lock; set back afterwards."""
    if seconds == BUSY_SECONDS:
        yield
        return
    await db.execute(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")
    try:
        yield
    finally:
        await db.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000:.0f}")


@asynccontextmanager
async def _begun(db: aiosqlite.Connection) -> AsyncIterator[None]:
    try:
        # Inside, since a cancelled wait for BEGIN does not keep it from being carried out.
        await db.execute("BEGIN IMMEDIATE")
        yield
        # Inside, too: when it fails for want of space, the transaction must not stay open.
        await db.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            await db.execute("ROLLBACK")
        raise


@contextmanager
def sentences(file: Path | None) -> Iterator[None]:
    """Turn SQLite's and the system's errors into `StoreError`s that a person can act on."""
    where = str(file or paths().store)
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StoreError(_sentence(where, error)) from error


def _sentence(where: str, error: Exception) -> str:
    text = str(error)
    if is_full(error, Path(where).parent):
        return f"The disk is full: nothing can be written to {where}. {FREE_SOME}; what was stored before is safe."
    if may_be_full(error):
        return f"{where}: {text}. {MAY_BE_FULL}; what was stored before is safe."
    if "not a database" in text or "malformed" in text:
        return (
            f"{where} is not a readable store ({text}). Move it away to begin with an empty one, or put a copy in its "
            "place; copies made before upgrades lie beside it."
        )
    if "locked" in text:
        return f"{where} has been busy for {BUSY_SECONDS:.0f} seconds: another program keeps it locked. Try again."
    if "readonly" in text or "unable to open" in text or isinstance(error, OSError):
        why = getattr(error, "strerror", None) or text
        return f"{where} cannot be opened for writing ({why}). Check the directory's permissions, or set FTB_HOME."
    return f"{where}: {text}"


def _prepare(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not file.exists():
        file.touch(mode=0o600)
    db = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        known = migrations()
        version = _version(db)
        if version > max(known):
            raise StoreError(
                f"{file} was written by a newer version of ftb (store version {version}; this one knows {max(known)}). "
                "Install the newer ftb, or set FTB_HOME to another directory. Nothing was changed."
            )
        if db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            db.execute("PRAGMA journal_mode = WAL")
        if version < max(known):
            _migrate(db, file, known)
    finally:
        db.close()


def _migrate(db: sqlite3.Connection, file: Path, known: dict[int, str]) -> None:
    """Apply what is missing in one transaction, under the write lock, after a copy was kept."""
    version = _version(db)
    if version:
        _keep_copy(db, file, version)
    db.execute("PRAGMA foreign_keys = OFF")
    db.execute("BEGIN IMMEDIATE")
    try:
        # Another instance may have been faster while we waited for the lock.
        for number, sql in known.items():
            if number > _version(db):
                for statement in _statements(sql):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {number}")
        db.execute("COMMIT")
    except BaseException:
        # On a full disk SQLite has rolled back by itself, and what went wrong must not be lost in that.
        with contextlib.suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise


def _keep_copy(db: sqlite3.Connection, file: Path, version: int) -> None:
    copy = file.with_name(f"{file.name}.v{version}-{time.strftime('%Y%m%d-%H%M%S')}")
    copy.touch(mode=0o600)
    target = sqlite3.connect(copy)
    try:
        db.backup(target)
    finally:
        target.close()


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _statements(sql: str) -> Iterator[str]:
    """Single statements, since `executescript` would end the transaction that they must share."""
    pending = ""
    for line in sql.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
