"""Every answer that the result table counts, with the verdict of every grader, page by page."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import aiosqlite

from ftb_tui.store.chosen import CHOSEN, chosen_places

PAGE = 1_000

COLUMNS = (
    "dataset", "dataset_id", "family", "provider", "model", "kind", "base_model", "epoch", "step", "task", "question_id",
    "fact_id", "other_fact_id", "repeat", "question", "gold", "answer", "error_kind", "error", "model_reported",
    "finish_reason", "prompt_tokens", "completion_tokens", "latency_ms", "parameters", "evaluation_key", "response_key",
)  # fmt: skip

_PAGE = """
  SELECT d.name AS dataset, d.dataset_id, d.family, m.provider, m.name AS model, m.kind, m.base_model, m.epoch, m.step,
         q.task, q.question_id, q.fact_id, q.other_fact_id, r.repeat, q.question, q.answer AS gold, r.answer,
         r.error_kind, r.error, r.model_reported, r.finish_reason, r.prompt_tokens, r.completion_tokens, r.latency_ms,
         p.parameters, r.evaluation_key, r.response_key, q.position
    FROM responses r JOIN questions q USING (question_key) JOIN evaluations e USING (evaluation_key)
    JOIN models m USING (model_key) JOIN datasets d ON d.dataset_id = e.dataset_id
    JOIN request_parameters p ON p.parameters_key = r.parameters_key
   WHERE r.evaluation_key = :evaluation AND q.task = :task AND (q.position, r.repeat) > (:position, :repeat)
   ORDER BY q.position, r.repeat LIMIT :limit
"""


async def exported_answers(
    db: aiosqlite.Connection, *, dataset_id: str | None = None
) -> AsyncIterator[list[dict[str, object]]]:
    """Answers and failures as objects with `COLUMNS` and `grades`: grader -> its version and verdict.

    Where a person overruled a grader, `verdict` is the person's and `machine_verdict` the grader's own.
    """
    chosen = await db.execute_fetchall(
        f"{CHOSEN} SELECT c.evaluation_key, c.task FROM chosen c ORDER BY c.dataset_id, c.evaluation_key, c.task",
        {"chosen": await chosen_places(db, dataset_id)},
    )
    for evaluation, task in chosen:
        past = (-1, -1)
        while True:
            rows = list(
                await db.execute_fetchall(
                    _PAGE,
                    {"evaluation": evaluation, "task": task, "position": past[0], "repeat": past[1], "limit": PAGE},
                )
            )
            if not rows:
                break
            past = (rows[-1]["position"], rows[-1]["repeat"])
            grades = await _grades(db, [row["response_key"] for row in rows])
            yield [
                {**{name: row[name] for name in COLUMNS}, "grades": grades.get(row["response_key"], {})} for row in rows
            ]


async def _grades(db: aiosqlite.Connection, keys: list[int]) -> dict[int, dict[str, dict[str, object]]]:
    found: dict[int, dict[str, dict[str, object]]] = {}
    for key, grader, version, verdict, machine in await db.execute_fetchall(
        "SELECT response_key, grader, version, verdict, machine_verdict FROM grades"
        " WHERE response_key IN (SELECT value FROM json_each(?)) ORDER BY response_key, grader",
        (json.dumps(keys),),
    ):
        grade = {"version": version, "verdict": verdict}
        found.setdefault(key, {})[grader] = grade if machine is None else {**grade, "machine_verdict": machine}
    return found
