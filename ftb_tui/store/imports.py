"""Answers that were collected elsewhere, kept as finished evaluations of models of the provider `imported`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import aiosqlite

from ftb_tui.benchmark.graders import DEFAULT_GRADER, Grade
from ftb_tui.store.evaluations import ResponseRecord, insert_responses, parameters_key
from ftb_tui.store.models import ensure_model

PROVIDER = "imported"


@dataclass(frozen=True, slots=True)
class ImportedAnswer:
    """One answer, verbatim, with its grades."""

    text: str
    grades: Mapping[str, Grade]


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: answers that are new, and those that were there already."""

    evaluation_key: int
    added: int
    known: int


async def import_answers(
    db: aiosqlite.Connection,
    *,
    model: str,
    base_model: str | None,
    dataset_id: str,
    answers: Mapping[int, ImportedAnswer],
    parameters: Mapping[str, object],
) -> Imported:
    """Keep a model's answers to questions of one task (by their keys). Part of the caller's transaction.

    An evaluation of the same model that contradicts none of them is extended by what is new, so that the same file
    twice adds nothing and parts of a task add up. Otherwise a new evaluation is made. `base_model` makes it a tuned
    model of that base.
    """
    tuned = base_model is not None and base_model != model
    model_key = await ensure_model(
        db,
        provider=PROVIDER,
        name=model,
        kind="tuned" if tuned else "base",
        base_model=base_model if base_model is not None and tuned else model,
    )
    evaluation_key, known = await _fitting(db, model_key, dataset_id, answers)
    now = time.time()
    if evaluation_key is None:
        cursor = await db.execute(
            "INSERT INTO evaluations (model_key, dataset_id, grader, parameters_key, state, created_at, started_at,"
            " finished_at) VALUES (?, ?, ?, ?, 'finished', ?, ?, ?)",
            (model_key, dataset_id, DEFAULT_GRADER, await parameters_key(db, parameters), now, now, now),
        )
        assert cursor.lastrowid is not None
        evaluation_key = cursor.lastrowid
    fresh = {key: answer for key, answer in answers.items() if key not in known}
    await db.executemany(
        "INSERT INTO evaluation_questions VALUES (?, ?)", [(evaluation_key, question_key) for question_key in fresh]
    )
    records = [
        ResponseRecord(question_key, parameters, answer=answer.text, grades=answer.grades)
        for question_key, answer in fresh.items()
    ]
    await insert_responses(db, evaluation_key, records)
    return Imported(evaluation_key, len(fresh), len(known))


async def _fitting(
    db: aiosqlite.Connection, model_key: int, dataset_id: str, answers: Mapping[int, ImportedAnswer]
) -> tuple[int | None, set[int]]:
    """The newest evaluation of the model on these questions' task without a contradiction, and what it has of them."""
    rows = await db.execute_fetchall(
        "SELECT r.evaluation_key, r.question_key, r.answer, q.task FROM responses r JOIN questions q USING (question_key)"
        " JOIN evaluations e USING (evaluation_key) WHERE e.model_key = ? AND e.dataset_id = ? AND e.deleted_at IS NULL",
        (model_key, dataset_id),
    )
    tasks = {
        row[0]
        for row in await db.execute_fetchall(
            "SELECT DISTINCT task FROM questions WHERE question_key IN (SELECT value FROM json_each(?))",
            (f"[{','.join(map(str, answers))}]",),
        )
    }
    stored: dict[int, dict[int, str]] = {}
    foreign: set[int] = set()
    for row in rows:
        stored.setdefault(row[0], {})[row[1]] = row[2]
        if row[3] not in tasks:
            foreign.add(row[0])
    for evaluation_key in sorted(set(stored) - foreign, reverse=True):
        has = stored[evaluation_key]
        shared = answers.keys() & has.keys()
        if all(has[key] == answers[key].text for key in shared):
            return evaluation_key, set(shared)
    return None, set()
