"""Wordings of trained questions that models wrote, and what was decided about each."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import aiosqlite

from ftb_tui.benchmark.training import REVIEWED, Recipe
from ftb_tui.store.database import transaction


class WordingState(StrEnum):
    """`proposed` waits for a person; `rejected` was turned down by a person, or by a rule with a reason."""

    PROPOSED = "proposed"
    KEPT = "kept"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class NewWording:
    """A wording as it came in. `reason` is empty for a proposed one, else it says what a rule has against it."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class WordingRow:
    """A stored wording, with the question that it is to stand for and that question's gold."""

    paraphrase_key: int
    dataset_id: str
    question_id: str
    text: str
    provider: str
    model: str
    prompt_version: int
    state: str
    reason: str
    created_at: float
    question: str
    answer: str


async def add_wordings(
    db: aiosqlite.Connection,
    dataset_id: str,
    question_id: str,
    wordings: Iterable[NewWording],
    *,
    provider: str,
    model: str,
    prompt_version: int,
    wanted: int,
) -> None:
    """Keep one reply's wordings of a question, and that this model was asked for so many in all. All or nothing.

    A text that is there already stays as it is, whatever was decided about it.
    """
    now = time.time()
    async with transaction(db):
        for wording in wordings:
            await db.execute(
                "INSERT OR IGNORE INTO paraphrases (dataset_id, question_id, text, provider, model, prompt_version,"
                " state, reason, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    dataset_id, question_id, _storable(wording.text), provider, model, prompt_version,
                    str(WordingState.REJECTED if wording.reason else WordingState.PROPOSED), _storable(wording.reason),
                    now,
                ),
            )  # fmt: skip
        await db.execute(
            "INSERT INTO paraphrase_requests VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET wanted = excluded.wanted"
            " WHERE excluded.wanted > wanted",
            (dataset_id, question_id, provider, model, prompt_version, wanted),
        )


async def asked_for(
    db: aiosqlite.Connection, dataset_id: str, *, provider: str, model: str, prompt_version: int
) -> dict[str, int]:
    """By question id how many wordings a model was asked for and gave an answer to."""
    rows = await db.execute_fetchall(
        "SELECT question_id, wanted FROM paraphrase_requests"
        " WHERE dataset_id = ? AND provider = ? AND model = ? AND prompt_version = ?",
        (dataset_id, provider, model, prompt_version),
    )
    return {row[0]: row[1] for row in rows}


async def list_wordings(
    db: aiosqlite.Connection,
    *,
    dataset_id: str | None = None,
    state: WordingState | None = None,
    keys: Sequence[int] | None = None,
) -> list[WordingRow]:
    """Wordings in the order of their questions, then as they came."""
    rows = await db.execute_fetchall(
        "SELECT p.*, q.question, q.answer FROM paraphrases p JOIN questions q USING (dataset_id, question_id)"
        " WHERE (:dataset IS NULL OR p.dataset_id = :dataset) AND (:state IS NULL OR p.state = :state)"
        " AND (:keys IS NULL OR p.paraphrase_key IN (SELECT value FROM json_each(:keys)))"
        " ORDER BY p.dataset_id, q.position, p.paraphrase_key",
        {
            "dataset": dataset_id,
            "state": None if state is None else str(state),
            "keys": None if keys is None else json.dumps(list(keys)),
        },
    )
    return [WordingRow(*row) for row in rows]


async def decide(db: aiosqlite.Connection, decisions: Iterable[tuple[int, WordingState, str]]) -> None:
    """Set states and reasons by key, all or nothing."""
    async with transaction(db):
        await db.executemany(
            "UPDATE paraphrases SET state = ?, reason = ? WHERE paraphrase_key = ?",
            [(str(state), reason, key) for key, state, reason in decisions],
        )


async def kept_wordings(db: aiosqlite.Connection, dataset_id: str) -> dict[str, tuple[str, ...]]:
    """By question id the wordings that a person kept, the oldest first."""
    found: dict[str, list[str]] = {}
    for row in await list_wordings(db, dataset_id=dataset_id, state=WordingState.KEPT):
        found.setdefault(row.question_id, []).append(row.text)
    return {question_id: tuple(texts) for question_id, texts in found.items()}


async def wordings_for(db: aiosqlite.Connection, dataset_id: str, recipe: Recipe) -> dict[str, tuple[str, ...]]:
    """The kept wordings where a recipe takes its paraphrases from them, else none."""
    return await kept_wordings(db, dataset_id) if recipe.paraphrases_from == REVIEWED else {}


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
