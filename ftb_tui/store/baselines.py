"""What no knowledge at all would score on the questions that an evaluation asked."""

from __future__ import annotations

import aiosqlite

from ftb_tui.benchmark.statistics import TrivialBaselines, baselines_of_counts


async def asked_baselines(db: aiosqlite.Connection, evaluation_key: int, task: str) -> TrivialBaselines | None:
    """The trivial baselines of one task of an evaluation; None when no gold of it is Yes or No."""
    rows = await db.execute_fetchall(
        "SELECT q.template, q.answer, count(*) FROM evaluation_questions eq JOIN questions q USING (question_key)"
        " WHERE eq.evaluation_key = ? AND q.task = ? AND q.answer IN ('Yes', 'No') GROUP BY q.template, q.answer",
        (evaluation_key, task),
    )
    return baselines_of_counts({(row[0], row[1]): row[2] for row in rows})
