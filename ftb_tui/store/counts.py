"""Counts of answers, by evaluation, task and grader, taken from the rows and kept beside them until a row changes.

The schema's triggers raise the revision of an evaluation's task with every change of a planned question, a response or
a grade. Counts bear the revision at which they were taken; any other revision makes them worthless, and they are
taken again. So every figure is what counting the rows now would give, at the price of counting only what changed.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import aiosqlite

from ftb_tui.store.arrivals import (
    NEWEST,
    WORTH,
    Taken,
    TakenPair,
    memory_of,
    pair_with_arrivals,
    with_arrivals,
)
from ftb_tui.store.database import StoreError, transaction


@dataclass(frozen=True, slots=True)
class Score:
    """How many answers one grader has graded, and how."""

    n: int
    correct: int
    abstained: int


@dataclass(frozen=True, slots=True)
class Counts:
    """The answers of one evaluation to one task. `planned` counts every time that a question is to be asked."""

    evaluation_key: int
    model_key: int
    dataset_id: str
    task: str
    planned: int
    answered: int
    failed: int
    prompt_tokens: int
    completion_tokens: int
    scores: Mapping[str, Score]
    revision: int
    created_at: float
    """When the evaluation was, in seconds since 1970; tells it from an earlier one of the same key."""
    is_settled: bool
    """Whether nobody is at work on it, so that counting is worth keeping."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The answers of one evaluation beside the base's answers to the same questions, by one grader."""

    n: int
    base_correct: int
    fixed: int
    broken: int


# Driven from the index of questions by task, which holds all that is needed of a question. One statement, hence one
# moment: revision and counts belong together whatever others write meanwhile.
_COUNT = f"""
  SELECT t.revision, {NEWEST}, json_object(
    'planned', (SELECT count(*) FROM questions q CROSS JOIN evaluation_questions eq
      ON eq.evaluation_key = t.evaluation_key AND eq.question_key = q.question_key
      WHERE q.dataset_id = e.dataset_id AND q.task = t.task),
    'settled', (SELECT json_array(count(r.answer), count(r.error_kind), coalesce(sum(r.prompt_tokens), 0),
        coalesce(sum(r.completion_tokens), 0)) FROM questions q CROSS JOIN responses r
      ON r.evaluation_key = t.evaluation_key AND r.question_key = q.question_key
      WHERE q.dataset_id = e.dataset_id AND q.task = t.task),
    'scores', (SELECT json_group_object(grader, json_array(n, correct, abstained)) FROM (
      SELECT g.grader, count(*) AS n, sum(g.verdict = 'correct') AS correct, sum(g.verdict = 'abstained') AS abstained
        FROM questions q CROSS JOIN responses r
          ON r.evaluation_key = t.evaluation_key AND r.question_key = q.question_key
       CROSS JOIN grades g ON g.response_key = r.response_key
       WHERE q.dataset_id = e.dataset_id AND q.task = t.task GROUP BY g.grader)))
    FROM evaluation_tasks t JOIN evaluations e USING (evaluation_key) WHERE t.evaluation_key = ? AND t.task = ?
"""

_COUNT_PAIR = f"""
  SELECT t.revision, b.revision, {NEWEST}, (SELECT json_group_object(grader, json_array(n, base_correct, fixed, broken)) FROM (
      SELECT gt.grader, count(*) AS n, sum(gb.verdict = 'correct') AS base_correct,
             sum(gt.verdict = 'correct' AND gb.verdict <> 'correct') AS fixed,
             sum(gt.verdict <> 'correct' AND gb.verdict = 'correct') AS broken
        FROM questions q CROSS JOIN responses rt
          ON rt.evaluation_key = t.evaluation_key AND rt.question_key = q.question_key
       CROSS JOIN responses rb
          ON rb.evaluation_key = b.evaluation_key AND rb.question_key = q.question_key AND rb.repeat = rt.repeat
       CROSS JOIN grades gt ON gt.response_key = rt.response_key
       CROSS JOIN grades gb ON gb.response_key = rb.response_key AND gb.grader = gt.grader
       WHERE q.dataset_id = e.dataset_id AND q.task = t.task GROUP BY gt.grader))
    FROM evaluation_tasks t JOIN evaluations e USING (evaluation_key)
    JOIN evaluation_tasks b ON b.task = t.task AND b.evaluation_key = ?
   WHERE t.evaluation_key = ? AND t.task = ?
"""

_CELLS = f"""
  SELECT t.evaluation_key, e.model_key, e.dataset_id, t.task, t.revision, t.counted, t.counts, e.repeats, e.created_at,
         e.state = 'running' AS running, {NEWEST} AS newest
    FROM evaluation_tasks t JOIN evaluations e USING (evaluation_key)
   WHERE e.deleted_at IS NULL AND (:dataset_id IS NULL OR e.dataset_id = :dataset_id)
     AND (:evaluation_key IS NULL OR t.evaluation_key = :evaluation_key)
     AND (:model_key IS NULL OR e.model_key = :model_key) AND (:task IS NULL OR t.task = :task)
   ORDER BY t.evaluation_key, t.task
"""


async def task_counts(
    db: aiosqlite.Connection,
    *,
    dataset_id: str | None = None,
    evaluation_key: int | None = None,
    model_key: int | None = None,
    task: str | None = None,
) -> list[Counts]:
    """The counts of every task of every evaluation that is not deleted; counts only what changed since the last time."""
    rows = await db.execute_fetchall(
        _CELLS, {"dataset_id": dataset_id, "evaluation_key": evaluation_key, "model_key": model_key, "task": task}
    )
    found, fresh = [], []
    for row in rows:
        revision, text = row["revision"], row["counts"]
        if row["counted"] != revision:
            taken = await _taken(db, row)
            if taken is None:
                # The evaluation was deleted between the two statements.
                continue
            revision, text = taken.revision, taken.text
        counts = _counts(row, revision, text)
        if counts.is_settled and row["counted"] != revision:
            fresh.append((revision, text, counts.evaluation_key, counts.task))
        if counts.planned:
            found.append(counts)
    await _keep(db, "UPDATE evaluation_tasks SET counted = ?, counts = ? WHERE evaluation_key = ? AND task = ?", fresh)
    return found


async def _taken(db: aiosqlite.Connection, row: aiosqlite.Row) -> Taken | None:
    """What there is to count of a task now, by what came since this connection counted it or else by every row."""
    memory, place = memory_of(db).tasks, (row["evaluation_key"], row["task"])
    taken = memory.get(place)
    if taken is not None and (taken.created_at != row["created_at"] or row["newest"] - taken.newest > WORTH):
        taken = None
    if taken is not None and taken.revision != row["revision"]:
        taken = await with_arrivals(db, *place, taken)
    if taken is None:
        counted = list(await db.execute_fetchall(_COUNT, place))
        if not counted:
            memory.pop(place, None)
            return None
        taken = Taken(row["created_at"], *counted[0])
    memory[place] = taken
    return taken


def _counts(row: aiosqlite.Row, revision: int, text: str) -> Counts:
    questions, (answered, failed, prompt_tokens, completion_tokens), scores = _read_counts(text)
    planned = questions * row["repeats"]
    return Counts(
        evaluation_key=row["evaluation_key"],
        model_key=row["model_key"],
        dataset_id=row["dataset_id"],
        task=row["task"],
        planned=planned,
        answered=answered,
        failed=failed,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        scores=scores,
        revision=revision,
        created_at=row["created_at"],
        is_settled=not row["running"] or answered + failed >= planned,
    )


@lru_cache(maxsize=4096)
def _read_counts(text: str) -> tuple[int, tuple[int, int, int, int], Mapping[str, Score]]:
    values = json.loads(text)
    scores = {grader: Score(*score) for grader, score in values["scores"].items()}
    return values["planned"], tuple(values["settled"]), MappingProxyType(scores)


@lru_cache(maxsize=4096)
def _read_pairs(text: str) -> Mapping[str, Pair]:
    return MappingProxyType({grader: Pair(*pair) for grader, pair in json.loads(text).items()})


async def pair_counts(
    db: aiosqlite.Connection, wanted: Sequence[tuple[Counts, Counts]]
) -> dict[tuple[int, int, str], Mapping[str, Pair]]:
    """(tuned evaluation, base evaluation, task) -> grader -> pair, of one task each; graders of both alone."""
    kept = {
        (row["tuned_key"], row["base_key"], row["task"]): row
        for row in (await db.execute_fetchall("SELECT * FROM evaluation_pairs") if wanted else ())
    }
    found, fresh = {}, []
    for tuned, base in wanted:
        place = (tuned.evaluation_key, base.evaluation_key, tuned.task)
        row = kept.get(place)
        if row is not None and (row["tuned_counted"], row["base_counted"]) == (tuned.revision, base.revision):
            text = row["counts"]
        else:
            taken = await _taken_pair(db, tuned, base)
            if taken is None:
                continue
            text = taken.text
            if tuned.is_settled and base.is_settled:
                fresh.append((*place, *taken.revisions, text))
        found[place] = _read_pairs(text)
    await _keep(db, "INSERT OR REPLACE INTO evaluation_pairs VALUES (?, ?, ?, ?, ?, ?)", fresh)
    return found


async def _taken_pair(db: aiosqlite.Connection, tuned: Counts, base: Counts) -> TakenPair | None:
    """The same of two evaluations' answers to a task."""
    memory, place = memory_of(db).pairs, (tuned.evaluation_key, base.evaluation_key, tuned.task)
    created_at, revisions = (tuned.created_at, base.created_at), (tuned.revision, base.revision)
    taken = memory.get(place)
    if taken is not None and taken.created_at != created_at:
        taken = None
    if taken is not None and taken.revisions != revisions:
        taken = await pair_with_arrivals(db, place, taken, revisions)
    if taken is None:
        counted = list(await db.execute_fetchall(_COUNT_PAIR, (base.evaluation_key, tuned.evaluation_key, tuned.task)))
        if not counted:
            memory.pop(place, None)
            return None
        tuned_counted, base_counted, newest, text = counted[0]
        taken = TakenPair(created_at, (tuned_counted, base_counted), newest, text)
    memory[place] = taken
    return taken


async def _keep(db: aiosqlite.Connection, sql: str, rows: Iterable[tuple[object, ...]]) -> None:
    """Keep counts if that is possible at once; they can be taken again at any time."""
    listed = list(rows)
    if listed:
        with contextlib.suppress(StoreError):
            async with transaction(db, wait=False):
                await db.executemany(sql, listed)
