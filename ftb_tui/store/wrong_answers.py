"""What a model has answered wrongly, to be taught otherwise."""

from __future__ import annotations

import aiosqlite

from ftb_tui.benchmark.graders import DEFAULT_GRADER
from ftb_tui.benchmark.model import Task


async def wrong_answers(db: aiosqlite.Connection, *, provider: str, model: str, dataset_id: str) -> dict[str, str]:
    """By question id the newest wrong answer of a model to the questions that are trained."""
    rows = await db.execute_fetchall(
        "SELECT q.question_id, r.answer FROM responses r JOIN evaluations e USING (evaluation_key)"
        " JOIN models m USING (model_key) JOIN questions q USING (question_key)"
        " JOIN grades g ON g.response_key = r.response_key AND g.grader = ?"
        " WHERE m.provider = ? AND m.name = ? AND e.dataset_id = ? AND e.deleted_at IS NULL AND q.task = ?"
        " AND g.verdict = 'wrong' ORDER BY r.response_key",
        (DEFAULT_GRADER, provider, model, dataset_id, str(Task.MEMORIZATION)),
    )
    return {row[0]: row[1] for row in rows}
