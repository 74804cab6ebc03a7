"""Judgements of models, kept by the hash of all that they depend on."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import aiosqlite

from ftb_tui.benchmark.graders import Grade, Verdict


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a judge said of one content: its last reply verbatim, and what that took."""

    content_hash: str
    provider: str
    model: str
    prompt_version: int
    prompt: str
    reply: str
    grade: Grade
    requests: int
    prompt_tokens: int | None
    completion_tokens: int | None


@dataclass(frozen=True, slots=True)
class Judged:
    """A stored answer with what a judge needs beside it."""

    response_key: int
    question_key: int
    dataset_id: str
    question_id: str
    model: str
    answer: str
    fact: str


async def answers_to_judge(
    db: aiosqlite.Connection,
    *,
    dataset_id: str | None = None,
    model_key: int | None = None,
    response_keys: Sequence[int] | None = None,
) -> list[Judged]:
    """Stored answers that are not blank, with all the facts that their questions rest on."""
    rows = await db.execute_fetchall(
        "SELECT r.response_key, r.question_key, e.dataset_id, q.question_id, m.provider || '/' || m.name, r.answer,"
        " coalesce(f.text, '') AS fact, coalesce(f2.text, '') AS other FROM responses r"
        " JOIN evaluations e USING (evaluation_key) JOIN models m USING (model_key) JOIN questions q USING (question_key)"
        " LEFT JOIN facts f ON f.dataset_id = q.dataset_id AND f.fact_id = q.fact_id"
        " LEFT JOIN facts f2 ON f2.dataset_id = q.dataset_id AND f2.fact_id = q.other_fact_id"
        " WHERE r.answer IS NOT NULL AND e.deleted_at IS NULL AND (:dataset IS NULL OR e.dataset_id = :dataset)"
        " AND (:model IS NULL OR e.model_key = :model)"
        " AND (:keys IS NULL OR r.response_key IN (SELECT value FROM json_each(:keys)))"
        " ORDER BY r.response_key",
        {
            "dataset": dataset_id,
            "model": model_key,
            "keys": None if response_keys is None else json.dumps(list(response_keys)),
        },
    )
    return [
        Judged(
            row[0],
            row[1],
            row[2],
            row[3],
            row[4],
            row[5],
            " ".join(part for part in (row["fact"], row["other"]) if part),
        )
        for row in rows
        if row["answer"].strip()
    ]


async def known_judgements(db: aiosqlite.Connection, hashes: Sequence[str]) -> dict[str, Judgement]:
    """Those of the contents that were judged already."""
    rows = await db.execute_fetchall(
        "SELECT * FROM judgements WHERE content_hash IN (SELECT value FROM json_each(?))", (json.dumps(list(hashes)),)
    )
    return {
        row["content_hash"]: Judgement(
            row["content_hash"], row["provider"], row["model"], row["prompt_version"], row["prompt"], row["reply"],
            Grade(Verdict(row["verdict"]), row["reason"]), row["requests"], row["prompt_tokens"],
            row["completion_tokens"],
        )
        for row in rows
    }  # fmt: skip


async def keep_judgements(db: aiosqlite.Connection, judgements: Iterable[Judgement]) -> None:
    """Keep new judgements. Part of the caller's transaction."""
    now = time.time()
    await db.executemany(
        "INSERT OR IGNORE INTO judgements VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                j.content_hash, j.provider, j.model, j.prompt_version, _storable(j.prompt), _storable(j.reply),
                str(j.grade.verdict), _storable(j.grade.reason), j.requests, j.prompt_tokens, j.completion_tokens, now,
            )
            for j in judgements
        ],
    )  # fmt: skip


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
