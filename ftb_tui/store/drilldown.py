"""What stands behind one answer: the request and what came back, the training lines, the fact through all its tasks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields

import aiosqlite

from ftb_tui.benchmark.graders import DEFAULT_GRADER
from ftb_tui.store.grading import opinions_of
from ftb_tui.store.results import AnswerRow, ModelAnswer, questions_answers
from ftb_tui.store.tags import tags_of


@dataclass(frozen=True, slots=True)
class ResponseRecord:
    """Everything that is kept of one request and its answer."""

    response_key: int
    provider: str
    model: str
    """By which name it was asked: that of its deployment then, where it had one."""
    model_reported: str | None
    prompt: str
    parameters: dict[str, object]
    answer: str | None
    error_kind: str | None
    error: str | None
    finish_reason: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    latency_ms: float | None
    attempts: int
    request_id: str | None
    created_at: float
    tokens_estimated: bool
    """Whether the service told no count of tokens for this answer, and they were reckoned from the letters."""
    yes: float | None
    """Natural-log probabilities of Yes and No as the first word, and the least that the service listed."""
    no: float | None
    floor: float | None


async def response_record(db: aiosqlite.Connection, response_key: int) -> ResponseRecord | None:
    """One response, whole; None if it is not there."""
    rows = list(
        await db.execute_fetchall(
            # The deployment of today may be another than the one that was asked.
            "SELECT r.response_key, m.provider, coalesce(p.parameters ->> 'asked_as', m.serving_name, m.name),"
            " r.model_reported, q.prompt,"
            " p.parameters, r.answer, r.error_kind, r.error, r.finish_reason, r.prompt_tokens, r.completion_tokens,"
            " r.latency_ms, r.attempts, r.request_id, r.created_at,"
            " p.parameters ->> 'tokens' IS 'estimated', f.yes, f.no, f.floor"
            " FROM responses r JOIN evaluations e USING (evaluation_key) JOIN models m USING (model_key)"
            " JOIN questions q USING (question_key)"
            " JOIN request_parameters p ON p.parameters_key = r.parameters_key"
            " LEFT JOIN preferences f USING (response_key) WHERE r.response_key = ?",
            (response_key,),
        )
    )
    if not rows:
        return None
    values = dict(zip((field.name for field in fields(ResponseRecord)), rows[0], strict=True))
    values |= {"parameters": json.loads(values["parameters"]), "tokens_estimated": bool(values["tokens_estimated"])}
    return ResponseRecord(**values)


async def training_lines(db: aiosqlite.Connection, model_key: int, fact_id: str) -> list[str]:
    """The lines of the training file of a tuned model's job that teach a fact; none for a base model."""
    rows = await db.execute_fetchall(
        "SELECT t.line FROM models m JOIN jobs j ON j.job_key = m.job_key"
        " JOIN training_examples t ON t.training_file_key = j.training_file_key AND t.fact_id = ?"
        " WHERE m.model_key = ? ORDER BY t.position",
        (fact_id, model_key),
    )
    return [row[0] for row in rows]


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """An answer and all that stands beside it on the screen."""

    row: AnswerRow
    tags: tuple[str, ...]
    note: str | None
    """What a person wrote who overruled the graders; None where nobody did."""
    others: tuple[ModelAnswer, ...]
    training: tuple[str, ...]


async def whole_answers(
    db: aiosqlite.Connection, rows: Sequence[AnswerRow], *, model_key: int, grader: str, training: bool = True
) -> list[WholeAnswer]:
    """These answers of one model, whole; without `training` the lines that taught their facts are left out."""
    found: list[WholeAnswer] = []
    for start in range(0, len(rows), _PAGE):
        page = rows[start : start + _PAGE]
        keys = [row.response_key for row in page]
        tags, opinions = await tags_of(db, keys), await opinions_of(db, keys)
        others = await questions_answers(db, [row.question_key for row in page], grader=grader)
        taught = await _lines_of_facts(db, model_key, [row.fact_id for row in page]) if training else {}
        found += [
            WholeAnswer(
                row,
                tags.get(row.response_key, ()),
                opinions[row.response_key].note if row.response_key in opinions else None,
                other_models(others.get(row.question_key, ()), model_key),
                tuple(taught.get(row.fact_id, ())),
            )
            for row in page
        ]
    return found


_PAGE = 500


def other_models(answers: Sequence[ModelAnswer], model_key: int) -> tuple[ModelAnswer, ...]:
    """Those that do not stand beside the answer already: not its own, and no base's."""
    return tuple(answer for answer in answers if answer.model_key != model_key and answer.kind != "base")


async def _lines_of_facts(db: aiosqlite.Connection, model_key: int, fact_ids: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for fact_id, line in await db.execute_fetchall(
        "SELECT t.fact_id, t.line FROM models m JOIN jobs j ON j.job_key = m.job_key"
        " JOIN training_examples t ON t.training_file_key = j.training_file_key"
        " WHERE m.model_key = ? AND t.fact_id IN (SELECT value FROM json_each(?)) ORDER BY t.position",
        (model_key, json.dumps(list(dict.fromkeys(fact_ids)))),
    ):
        found.setdefault(fact_id, []).append(line)
    return found


@dataclass(frozen=True, slots=True)
class FactAnswer:
    """One model's answer to one of the questions of a fact."""

    task: str
    question_id: str
    question: str
    gold: str
    model: str
    kind: str
    epoch: int | None
    grade: str
    answer: str | None
    reason: str
    provider: str
    base_model: str
    response_key: int


async def fact_answers(
    db: aiosqlite.Connection, dataset_id: str, fact_id: str, *, grader: str = DEFAULT_GRADER
) -> list[FactAnswer]:
    """Every model's latest answer to every question of a fact, in the dataset's order, base models first."""
    rows = await db.execute_fetchall(
        "SELECT q.task, q.question_id, q.question, q.answer, m.name, m.kind, m.epoch,"
        " coalesce(g.verdict, 'failed'), r.answer, coalesce(g.reason, r.error, ''), m.provider, m.base_model,"
        " r.response_key, max(r.evaluation_key)"
        " FROM questions q JOIN responses r USING (question_key) JOIN evaluations e USING (evaluation_key)"
        " JOIN models m USING (model_key) LEFT JOIN grades g ON g.response_key = r.response_key AND g.grader = ?"
        " WHERE q.dataset_id = ? AND (q.fact_id = ? OR q.other_fact_id = ?) AND e.deleted_at IS NULL"
        " GROUP BY q.question_key, m.model_key"
        " ORDER BY q.position, m.kind <> 'base', m.job_key, m.step, m.model_key",
        (grader, dataset_id, fact_id, fact_id),
    )
    return [FactAnswer(*tuple(row)[:-1]) for row in rows]
