"""Evaluations, their questions, responses and grades."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import aiosqlite

from ftb_tui.benchmark.graders import DEFAULT_GRADER, VERSIONS, Grade
from ftb_tui.benchmark.graders.preference import Preference
from ftb_tui.benchmark.model import Task
from ftb_tui.store import holding, leases
from ftb_tui.store.counts import Counts, task_counts
from ftb_tui.store.database import transaction
from ftb_tui.store.models import forget_unused_base


class EvaluationNotFoundError(Exception):
    """No stored evaluation has that number."""


@dataclass(frozen=True, slots=True)
class EvaluationRow:
    """An evaluation with its totals, which are counted from the rows at every call."""

    evaluation_key: int
    model_key: int
    provider: str
    model: str
    kind: str
    dataset_id: str
    dataset: str
    grader: str
    parameters: dict[str, object]
    state: str
    error: str | None
    created_at: float
    started_at: float | None
    """When the present run of it, or else the last one, began; None where nobody has asked anything yet."""
    finished_at: float | None
    owner: str | None
    lease_until: float | None
    n_questions: int
    n_answered: int
    n_failed: int
    n_correct: int
    n_abstained: int
    prompt_tokens: int
    completion_tokens: int
    tasks: tuple[str, ...]
    repeats: int = 1
    """How often each question is asked. `n_questions` counts every time, so that totals are of answers."""
    batch: int = 0
    """1 where it is asked in batches, at half the price, within a day."""
    tokens_estimated: int = 0
    """1 where the service left out the tokens of some answers, so that tokens and money are estimated."""

    @property
    def n_missing(self) -> int:
        """Questions without an answer, failed ones included."""
        return self.n_questions - self.n_answered

    @property
    def is_abandoned(self) -> bool:
        """Whether it is said to run, but nobody who lives runs it."""
        return self.state == "running" and not holding.is_held(self.owner, self.lease_until)


@dataclass(frozen=True, slots=True)
class ResponseRecord:
    """What came of one question: an answer with its grades, or a failure."""

    question_key: int
    parameters: Mapping[str, object]
    answer: str | None = None
    grades: Mapping[str, Grade] = field(default_factory=dict)
    error_kind: str | None = None
    error: str | None = None
    attempts: int = 1
    model_reported: str | None = None
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    latency_ms: float | None = None
    request_id: str | None = None
    repeat: int = 0
    preference: Preference | None = None
    tokens_estimated: bool = False


async def create_evaluation(
    db: aiosqlite.Connection,
    *,
    model_key: int,
    dataset_id: str,
    question_keys: Sequence[int],
    parameters: Mapping[str, object],
    grader: str = DEFAULT_GRADER,
    repeats: int = 1,
    reuse: bool = False,
) -> int:
    """Plan an evaluation of exactly these questions, each asked `repeats` times.

    With `reuse` it is the newest one that asks the very same in the same way, if there is one: nobody is asked twice.
    """
    async with transaction(db):
        kept = await parameters_key(db, parameters)
        if reuse:
            same = await same_evaluations(db, model_key, dataset_id, question_keys, parameters, repeats)
            if same:
                return same[0]
        cursor = await db.execute(
            "INSERT INTO evaluations (model_key, dataset_id, grader, parameters_key, state, created_at,"
            " repeats) VALUES (?, ?, ?, ?, 'pending', ?, ?)",
            (model_key, dataset_id, grader, kept, time.time(), repeats),
        )
        key = cursor.lastrowid
        await db.executemany(
            "INSERT INTO evaluation_questions VALUES (?, ?)", [(key, question) for question in question_keys]
        )
    assert key is not None
    return key


async def same_evaluations(
    db: aiosqlite.Connection,
    model_key: int,
    dataset_id: str,
    question_keys: Sequence[int],
    parameters: Mapping[str, object],
    repeats: int,
) -> list[int]:
    """The keys of the evaluations that ask exactly these questions in exactly this way, the newest first."""
    rows = await db.execute_fetchall(
        "SELECT evaluation_key FROM evaluations JOIN request_parameters p USING (parameters_key) WHERE model_key = ?"
        " AND dataset_id = ? AND p.parameters = ? AND repeats = ? AND deleted_at IS NULL ORDER BY evaluation_key DESC",
        (model_key, dataset_id, json.dumps(parameters, sort_keys=True), repeats),
    )
    found = []
    for row in rows:
        asked = await db.execute_fetchall(
            "SELECT question_key FROM evaluation_questions WHERE evaluation_key = ?", (row[0],)
        )
        if {question[0] for question in asked} == set(question_keys):
            found.append(int(row[0]))
    return found


_EVALUATION = """
  SELECT e.evaluation_key, e.model_key, m.provider, m.name AS model, m.kind, e.dataset_id, d.name AS dataset,
         e.grader, p.parameters, e.state, e.error, e.created_at, e.started_at, e.finished_at, e.owner, e.lease_until,
         e.repeats, e.batch, e.tokens_estimated
    FROM evaluations e JOIN models m USING (model_key) JOIN datasets d USING (dataset_id)
    JOIN request_parameters p USING (parameters_key)
   WHERE e.deleted_at IS NULL
"""


def _evaluation(row: aiosqlite.Row, counts: Sequence[Counts]) -> EvaluationRow:
    values = {key: row[key] for key in row.keys()}  # noqa: SIM118 - a Row iterates over values
    scores = [count.scores[DEFAULT_GRADER] for count in counts if DEFAULT_GRADER in count.scores]
    return EvaluationRow(
        **{**values, "parameters": json.loads(values["parameters"])},
        n_questions=sum(count.planned for count in counts),
        n_answered=sum(count.answered for count in counts),
        n_failed=sum(count.failed for count in counts),
        n_correct=sum(score.correct for score in scores),
        n_abstained=sum(score.abstained for score in scores),
        prompt_tokens=sum(count.prompt_tokens for count in counts),
        completion_tokens=sum(count.completion_tokens for count in counts),
        tasks=tuple(sorted((count.task for count in counts), key=list(Task).index)),  # type: ignore[arg-type]
    )


async def list_evaluations(db: aiosqlite.Connection) -> list[EvaluationRow]:
    """Every evaluation that is not deleted, the newest first."""
    rows = await db.execute_fetchall(f"{_EVALUATION} ORDER BY e.evaluation_key DESC")
    counts: dict[int, list[Counts]] = {}
    for count in await task_counts(db):
        counts.setdefault(count.evaluation_key, []).append(count)
    return [_evaluation(row, counts.get(row["evaluation_key"], [])) for row in rows]


async def get_evaluation(db: aiosqlite.Connection, evaluation_key: int) -> EvaluationRow:
    """The evaluation with this key."""
    rows = list(await db.execute_fetchall(f"{_EVALUATION} AND e.evaluation_key = ?", (evaluation_key,)))
    if not rows:
        known = ", ".join(str(row.evaluation_key) for row in (await list_evaluations(db))[:10])
        raise EvaluationNotFoundError(
            f"There is no evaluation {evaluation_key}. "
            + (f"The newest are {known}." if known else "Nothing was evaluated yet; begin with: ftb bench --quick")
        )
    return _evaluation(rows[0], await task_counts(db, evaluation_key=evaluation_key))


async def forget_unanswered(db: aiosqlite.Connection, evaluation_key: int) -> None:
    """Remove an evaluation to which nothing was ever answered, and its base model if nothing else was done with it.

    For a model that turned out not to exist. With any response, or as part of a benchmark, it stays.
    """
    async with transaction(db):
        rows = await db.execute_fetchall(
            "DELETE FROM evaluations WHERE evaluation_key = :key"
            " AND NOT EXISTS (SELECT 1 FROM responses WHERE evaluation_key = :key)"
            " AND NOT EXISTS (SELECT 1 FROM batches WHERE evaluation_key = :key AND intent IN ('sent', 'confirmed'))"
            " AND NOT EXISTS (SELECT 1 FROM benches WHERE :key IN (base_evaluation_key, tuned_evaluation_key))"
            " RETURNING model_key",
            {"key": evaluation_key},
        )
        for row in rows:
            await forget_unused_base(db, row[0])


async def missing_questions(db: aiosqlite.Connection, evaluation_key: int, *, retry_failures: bool = True) -> list[int]:
    """The keys of the questions that lack an answer, in the dataset's order; failed ones if asked for."""
    missing = await missing_answers(db, evaluation_key, retry_failures=retry_failures)
    return list(dict.fromkeys(key for key, _ in missing))


async def missing_answers(
    db: aiosqlite.Connection, evaluation_key: int, *, retry_failures: bool = True
) -> list[tuple[int, int]]:
    """(question key, repeat) of every answer that is missing, in the dataset's order, the first time round first."""
    kept = "r.answer IS NULL" if retry_failures else "r.response_key IS NULL"
    rows = await db.execute_fetchall(
        "WITH RECURSIVE rounds (repeat) AS (SELECT 0 UNION ALL SELECT repeat + 1 FROM rounds WHERE repeat + 1 <"
        " (SELECT repeats FROM evaluations WHERE evaluation_key = :key))"
        " SELECT eq.question_key, n.repeat FROM rounds n JOIN evaluation_questions eq"
        " JOIN questions q USING (question_key) LEFT JOIN responses r ON r.evaluation_key = eq.evaluation_key"
        " AND r.question_key = eq.question_key AND r.repeat = n.repeat"
        f" WHERE eq.evaluation_key = :key AND {kept} ORDER BY n.repeat, q.position",
        {"key": evaluation_key},
    )
    return [(row[0], row[1]) for row in rows]


async def claim_evaluation(db: aiosqlite.Connection, evaluation_key: int, owner: str) -> bool:
    """Begin a run of an evaluation; False when somebody else holds it. A dead process holds nothing."""
    async with transaction(db):
        if not await leases.take(db, leases.Lease("evaluations", evaluation_key), owner):
            return False
        await db.execute(
            "UPDATE evaluations SET state = 'running', error = NULL, finished_at = NULL,"
            " started_at = ? WHERE evaluation_key = ?",
            (time.time(), evaluation_key),
        )
    return True


async def release_evaluation(
    db: aiosqlite.Connection, evaluation_key: int, owner: str, state: str, error: str | None = None
) -> None:
    """Give the lease back and record how the run ended: `finished`, `paused` or `failed`.

    What is finished or failed is dated, until it is taken up again; what is paused has not ended.
    """
    async with transaction(db):
        if await leases.give_back(db, leases.Lease("evaluations", evaluation_key), owner):
            await db.execute(
                "UPDATE evaluations SET state = ?, error = ?,"
                " finished_at = CASE WHEN ? IN ('finished', 'failed') THEN ? END WHERE evaluation_key = ?",
                (state, error, state, time.time(), evaluation_key),
            )


async def pause_request(db: aiosqlite.Connection, evaluation_key: int) -> None:
    """Ask whoever runs the evaluation to stop: its next look at the state shows `paused`."""
    async with transaction(db):
        await db.execute(
            "UPDATE evaluations SET state = 'paused' WHERE evaluation_key = ? AND state IN ('running', 'pending')",
            (evaluation_key,),
        )


async def evaluation_state(db: aiosqlite.Connection, evaluation_key: int) -> str:
    """The state alone, cheaply."""
    [row] = await db.execute_fetchall("SELECT state FROM evaluations WHERE evaluation_key = ?", (evaluation_key,))
    return str(row[0])


async def write_responses(db: aiosqlite.Connection, evaluation_key: int, records: Iterable[ResponseRecord]) -> None:
    """Commit responses and their grades together. An answer is never replaced; a failure is."""
    async with transaction(db):
        await insert_responses(db, evaluation_key, list(records))


_INSERT = """
  INSERT INTO responses (evaluation_key, question_key, repeat, answer, error_kind, error, attempts, parameters_key,
                         model_reported, finish_reason, prompt_tokens, completion_tokens, latency_ms, request_id, created_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (evaluation_key, question_key, repeat) DO UPDATE SET answer = excluded.answer,
    error_kind = excluded.error_kind, error = excluded.error, attempts = responses.attempts + excluded.attempts,
    parameters_key = excluded.parameters_key, model_reported = excluded.model_reported,
    finish_reason = excluded.finish_reason, prompt_tokens = excluded.prompt_tokens,
    completion_tokens = excluded.completion_tokens, latency_ms = excluded.latency_ms,
    request_id = excluded.request_id, created_at = excluded.created_at WHERE responses.answer IS NULL
"""


async def insert_responses(db: aiosqlite.Connection, evaluation_key: int, records: Sequence[ResponseRecord]) -> None:
    """Keep responses with their grades. Part of the caller's transaction.

    A few statements for all of them: each is a turn of the connection's thread, and turns cost more than rows.
    """
    known = await _response_keys(db, evaluation_key, records, "AND answer IS NOT NULL")
    answered = set(known)
    fresh = []
    for record in records:
        if (place := (record.question_key, record.repeat)) not in answered:
            fresh.append(record)
            if record.answer is not None:
                answered.add(place)
    texts = {json.dumps(record.parameters, sort_keys=True) for record in fresh}
    parameters = {text: await _kept_parameters(db, text) for text in texts}
    now = time.time()
    await db.executemany(
        _INSERT,
        [
            (
                evaluation_key, record.question_key, record.repeat, _storable(record.answer), record.error_kind,
                _storable(record.error), record.attempts, parameters[json.dumps(record.parameters, sort_keys=True)],
                record.model_reported, record.finish_reason, record.prompt_tokens, record.completion_tokens,
                record.latency_ms, record.request_id, now,
            )
            for record in fresh
        ],
    )  # fmt: skip
    keys = await _response_keys(db, evaluation_key, fresh)
    await db.executemany(
        "INSERT OR REPLACE INTO grades (response_key, grader, version, verdict, reason, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [
            (keys[record.question_key, record.repeat], name, VERSIONS[name], str(grade.verdict),
             _storable(grade.reason), now)
            for record in fresh
            for name, grade in record.grades.items()
        ],
    )  # fmt: skip
    preferences = [
        (keys[record.question_key, record.repeat], *map(_finite, (found.yes, found.no, found.floor)))
        for record in fresh
        if (found := record.preference) is not None
    ]
    if preferences:
        await db.executemany("INSERT OR REPLACE INTO preferences VALUES (?, ?, ?, ?)", preferences)
    if any(record.tokens_estimated for record in fresh):
        await db.execute("UPDATE evaluations SET tokens_estimated = 1 WHERE evaluation_key = ?", (evaluation_key,))


async def _response_keys(
    db: aiosqlite.Connection, evaluation_key: int, records: Sequence[ResponseRecord], which: str = ""
) -> dict[tuple[int, int], int]:
    """(question key, repeat) -> response key, of those responses that are there."""
    rows = await db.execute_fetchall(
        "SELECT question_key, repeat, response_key FROM responses WHERE evaluation_key = ?"
        f" AND question_key IN (SELECT value FROM json_each(?)) {which}",
        (evaluation_key, json.dumps([record.question_key for record in records])),
    )
    return {(row[0], row[1]): row[2] for row in rows}


async def parameters_key(db: aiosqlite.Connection, parameters: Mapping[str, object]) -> int:
    """The key of these request parameters, kept once. Part of the caller's transaction."""
    return await _kept_parameters(db, json.dumps(parameters, sort_keys=True))


async def _kept_parameters(db: aiosqlite.Connection, text: str) -> int:
    select = "SELECT parameters_key FROM request_parameters WHERE parameters = ?"
    rows = list(await db.execute_fetchall(select, (text,)))
    if not rows:
        await db.execute("INSERT INTO request_parameters (parameters) VALUES (?)", (text,))
        rows = list(await db.execute_fetchall(select, (text,)))
    return int(rows[0][0])


def _finite(logprob: float | None) -> float | None:
    """A probability of zero as a very small one, since JSON has no infinity."""
    return None if logprob is None else max(logprob, -1e9)


def _storable(text: str | None) -> str | None:
    """SQLite holds UTF-8; a lone surrogate, which JSON can carry, is kept as its escape."""
    return None if text is None else text.encode("utf-8", "backslashreplace").decode()


async def question_ids(db: aiosqlite.Connection, evaluation_key: int) -> set[str]:
    """The ids of the questions that an evaluation asks."""
    rows = await db.execute_fetchall(
        "SELECT q.question_id FROM evaluation_questions JOIN questions q USING (question_key) WHERE evaluation_key = ?",
        (evaluation_key,),
    )
    return {row[0] for row in rows}
