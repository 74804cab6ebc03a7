"""Intervals and tests for evaluations that asked each question several times."""

from __future__ import annotations

import aiosqlite

from ftb_tui.benchmark.clusters import clustered_share
from ftb_tui.benchmark.statistics import mcnemar_exact


async def repeated_evaluations(db: aiosqlite.Connection) -> frozenset[int]:
    """The evaluations that ask each question more than once."""
    rows = await db.execute_fetchall("SELECT evaluation_key FROM evaluations WHERE repeats > 1")
    return frozenset(row[0] for row in rows)


async def repeated_interval(
    db: aiosqlite.Connection, evaluation_key: int, task: str, grader: str
) -> tuple[float, float]:
    """The 95% interval of a score, with the answers to one fact held together; (0, 1) when nothing was answered."""
    rows = await db.execute_fetchall(
        "SELECT sum(g.verdict = 'correct'), count(*) FROM responses r JOIN grades g USING (response_key)"
        " JOIN questions q USING (question_key) WHERE r.evaluation_key = ? AND q.task = ? AND g.grader = ?"
        " GROUP BY q.fact_id",
        (evaluation_key, task, grader),
    )
    clusters = [(float(row[0]), int(row[1])) for row in rows]
    if not clusters:
        return 0.0, 1.0
    found = clustered_share(clusters)
    return found.low, found.high


async def repeated_p_value(db: aiosqlite.Connection, tuned: int, base: int, task: str, grader: str) -> float:
    """The sign test over facts: those with more right answers than before against those with fewer.

    With one answer to each question it is the exact McNemar test; answering again does not make it surer.
    """
    rows = await db.execute_fetchall(
        "SELECT sum((gt.verdict = 'correct') - (gb.verdict = 'correct')) FROM responses rt"
        " JOIN grades gt ON gt.response_key = rt.response_key AND gt.grader = :grader"
        " JOIN questions q ON q.question_key = rt.question_key AND q.task = :task"
        " JOIN responses rb ON rb.evaluation_key = :base AND rb.question_key = rt.question_key"
        " AND rb.repeat = rt.repeat JOIN grades gb ON gb.response_key = rb.response_key AND gb.grader = :grader"
        " WHERE rt.evaluation_key = :tuned GROUP BY q.fact_id",
        {"tuned": tuned, "base": base, "task": task, "grader": grader},
    )
    moved = [row[0] for row in rows]
    return mcnemar_exact(sum(change > 0 for change in moved), sum(change < 0 for change in moved))
