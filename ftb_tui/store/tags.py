"""Tags that people put on answers to name the kind of error."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import aiosqlite

from ftb_tui.store.database import transaction
from ftb_tui.store.grading import ResponseNotFoundError

STARTER_TAGS = ("wrong value", "other entity's value", "old value", "refused", "format", "hallucinated detail")
"""What errors of tuned models mostly are; people add their own."""


@dataclass(frozen=True, slots=True)
class Tagging:
    """Tags that are put on an answer and those that are taken off it; others stay where they are."""

    on: Collection[str]
    off: Collection[str]


async def change_tags(
    db: aiosqlite.Connection, response_keys: Collection[int], *, on: Collection[str], off: Collection[str]
) -> None:
    """Put tags on answers and take others off; what else an answer has stays. Raises `ResponseNotFoundError`."""
    async with transaction(db):
        had = await _change(db, dict.fromkeys(response_keys, Tagging(on, off)))
        if gone := [key for key in response_keys if key not in had]:
            raise ResponseNotFoundError(
                f"There is no response {gone[0]} in the store; ftb wrong --json lists response_key."
            )


async def change_tags_of(db: aiosqlite.Connection, changes: Mapping[int, Tagging]) -> dict[int, tuple[str, ...]]:
    """Change the tags of each of these answers in its own way, of all of them or of none.

    Gives the tags that each answer had before; those that are gone are left out.
    """
    async with transaction(db):
        return await _change(db, changes)


async def _change(db: aiosqlite.Connection, changes: Mapping[int, Tagging]) -> dict[int, tuple[str, ...]]:
    there = await db.execute_fetchall(
        "SELECT response_key FROM responses WHERE response_key IN (SELECT value FROM json_each(?))",
        (json.dumps(list(changes)),),
    )
    tags, now = await tags_of(db, list(changes)), time.time()
    had = {row[0]: tags.get(row[0], ()) for row in there}
    await db.executemany(
        "DELETE FROM answer_tags WHERE response_key = ? AND tag = ?",
        [(key, tag) for key in had for tag in clean(changes[key].off)],
    )
    await db.executemany(
        "INSERT OR IGNORE INTO answer_tags (response_key, tag, created_at) VALUES (?, ?, ?)",
        [(key, tag, now) for key in had for tag in clean(changes[key].on)],
    )
    return had


def clean(tags: Collection[str]) -> tuple[str, ...]:
    """Tags as they are kept: single spaces between words, each once, none empty."""
    return tuple(dict.fromkeys(filter(None, (" ".join(tag.split()) for tag in tags))))


async def tags_of(db: aiosqlite.Connection, response_keys: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """The tags of each of these answers; answers without tags are not in it."""
    found: dict[int, tuple[str, ...]] = {}
    for start in range(0, len(response_keys), 500):
        page = response_keys[start : start + 500]
        rows = await db.execute_fetchall(
            f"SELECT response_key, tag FROM answer_tags WHERE response_key IN ({', '.join('?' * len(page))})"
            " ORDER BY response_key, tag",
            page,
        )
        for key, tag in rows:
            found[key] = (*found.get(key, ()), tag)
    return found


async def tag_counts(db: aiosqlite.Connection, *, evaluation_key: int | None = None) -> dict[str, int]:
    """How many answers have each tag, in one evaluation or everywhere; the most frequent first."""
    rows = await db.execute_fetchall(
        "SELECT tag, count(*) FROM answer_tags JOIN responses USING (response_key)"
        " WHERE :key IS NULL OR evaluation_key = :key GROUP BY tag ORDER BY count(*) DESC, tag",
        {"key": evaluation_key},
    )
    return {row[0]: row[1] for row in rows}
