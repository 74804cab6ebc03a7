"""What stands behind one answer: the request and what came back, the training lines, the fact through all its tasks."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields

import aiosqlite

from ftb_tui.benchmark.graders import DEFAULT_GRADER


@dataclass(frozen=True, slots=True)
class ResponseRecord:
    """Everything that is kept of one request and its answer."""

    response_key: int
    provider: str
    model: str
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


async def response_record(db: aiosqlite.Connection, response_key: int) -> ResponseRecord | None:
    """One response, whole; None if it is not there."""
    rows = list(
        await db.execute_fetchall(
            "SELECT r.response_key, m.provider, m.name, r.model_reported, q.prompt, p.parameters, r.answer, r.error_kind,"
            " r.error, r.finish_reason, r.prompt_tokens, r.completion_tokens, r.latency_ms, r.attempts, r.request_id,"
            " r.created_at FROM responses r JOIN evaluations e USING (evaluation_key) JOIN models m USING (model_key)"
            " JOIN questions q USING (question_key)"
            " JOIN request_parameters p ON p.parameters_key = r.parameters_key WHERE r.response_key = ?",
            (response_key,),
        )
    )
    if not rows:
        return None
    values = dict(zip((field.name for field in fields(ResponseRecord)), rows[0], strict=True))
    return ResponseRecord(**{**values, "parameters": json.loads(values["parameters"])})


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


async def fact_answers(
    db: aiosqlite.Connection, dataset_id: str, fact_id: str, *, grader: str = DEFAULT_GRADER
) -> list[FactAnswer]:
    """Every model's latest answer to every question of a fact, in the dataset's order, base models first."""
    rows = await db.execute_fetchall(
        "SELECT q.task, q.question_id, q.question, q.answer, m.name, m.kind, m.epoch,"
        " coalesce(g.verdict, 'failed'), r.answer, coalesce(g.reason, r.error, ''), max(r.evaluation_key)"
        " FROM questions q JOIN responses r USING (question_key) JOIN evaluations e USING (evaluation_key)"
        " JOIN models m USING (model_key) LEFT JOIN grades g ON g.response_key = r.response_key AND g.grader = ?"
        " WHERE q.dataset_id = ? AND (q.fact_id = ? OR q.other_fact_id = ?) AND e.deleted_at IS NULL"
        " GROUP BY q.question_key, m.model_key"
        " ORDER BY q.position, m.kind <> 'base', m.job_key, m.step, m.model_key",
        (grader, dataset_id, fact_id, fact_id),
    )
    return [FactAnswer(*tuple(row)[:10]) for row in rows]
