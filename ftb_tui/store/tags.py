"""Tags that people put on answers to name the kind of error."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

import aiosqlite

from ftb_tui.store.database import transaction
from ftb_tui.store.grading import ResponseNotFoundError

STARTER_TAGS = ("wrong value", "other entity's value", "old value", "refused", "format", "hallucinated detail")
"""What errors of tuned models mostly are; people add their own."""


async def set_tags(db: aiosqlite.Connection, response_keys: Collection[int], tags: Collection[str]) -> None:
    """Let these answers have exactly these tags."""
    now = time.time()
    async with transaction(db):
        for key in response_keys:
            await db.execute("DELETE FROM answer_tags WHERE response_key = ?", (key,))
            await db.executemany(
                "INSERT INTO answer_tags (response_key, tag, created_at) VALUES (?, ?, ?)",
                [(key, tag, now) for tag in clean(tags)],
            )


async def change_tags(
    db: aiosqlite.Connection, response_keys: Collection[int], *, on: Collection[str], off: Collection[str]
) -> None:
    """Put tags on answers and take others off; what else an answer has stays. Raises `ResponseNotFoundError`."""
    now = time.time()
    async with transaction(db):
        for key in response_keys:
            if not list(await db.execute_fetchall("SELECT 1 FROM responses WHERE response_key = ?", (key,))):
                raise ResponseNotFoundError(
                    f"There is no response {key} in the store; ftb wrong --json lists response_key."
                )
            await db.executemany(
                "DELETE FROM answer_tags WHERE response_key = ? AND tag = ?", [(key, tag) for tag in clean(off)]
            )
            await db.executemany(
                "INSERT OR IGNORE INTO answer_tags (response_key, tag, created_at) VALUES (?, ?, ?)",
                [(key, tag, now) for tag in clean(on)],
            )


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
