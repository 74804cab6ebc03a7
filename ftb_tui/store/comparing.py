"""Two models on the same questions: who was right where, counted by the store and read a page at a time."""

from __future__ import annotations

from dataclasses import dataclass

import aiosqlite

from ftb_tui.benchmark.averages import averages
from ftb_tui.benchmark.paired import paired_difference
from ftb_tui.benchmark.statistics import MCNEMAR, SIGN_TEST, mcnemar_exact
from ftb_tui.store.repeats import repeated_p_value

CELLS = ("both", "after", "before", "neither")
"""Who was right: both models, only the one after, only the one before, neither."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two evaluations on the answers that both have. `after` minus `before` is the difference.

    With one answer a question the test is the exact McNemar test and the interval Tango's; with repeats the sign test
    over facts and a bootstrap over facts.
    """

    both: int
    after: int
    before: int
    neither: int
    p_value: float
    low: float
    high: float
    test: str

    @property
    def n(self) -> int:
        """Answers that both have."""
        return self.both + self.after + self.before + self.neither

    @property
    def difference(self) -> float | None:
        """The share of the one after minus that of the one before."""
        return (self.after - self.before) / self.n if self.n else None


@dataclass(frozen=True, slots=True)
class ComparedAnswer:
    """One question with both answers."""

    question_key: int
    question_id: str
    repeat: int
    position: int
    question: str
    gold: str
    fact: str
    after: str
    after_grade: str
    after_reason: str
    before: str
    before_grade: str
    before_reason: str


_PAIRS = """
    FROM responses ra JOIN grades ga ON ga.response_key = ra.response_key AND ga.grader = :grader
    JOIN questions q ON q.question_key = ra.question_key AND q.task = :task
    JOIN responses rb ON rb.evaluation_key = :before AND rb.question_key = ra.question_key AND rb.repeat = ra.repeat
    JOIN grades gb ON gb.response_key = rb.response_key AND gb.grader = :grader
"""
_CELL = {
    "both": "ga.verdict = 'correct' AND gb.verdict = 'correct'",
    "after": "ga.verdict = 'correct' AND gb.verdict <> 'correct'",
    "before": "ga.verdict <> 'correct' AND gb.verdict = 'correct'",
    "neither": "ga.verdict <> 'correct' AND gb.verdict <> 'correct'",
}


async def compare(db: aiosqlite.Connection, *, after: int, before: int, task: str, grader: str) -> Comparison:
    """Compare two evaluations (by key) on one task, as one grader sees it."""
    parameters = {"grader": grader, "task": task, "after": after, "before": before}
    counts = ", ".join(f"coalesce(sum({_CELL[cell]}), 0)" for cell in CELLS)
    [row] = await db.execute_fetchall(
        f"SELECT {counts}, coalesce(max(ra.repeat), 0) {_PAIRS} WHERE ra.evaluation_key = :after", parameters
    )
    both, fixed, broken, neither, repeats = row
    if not repeats:
        low, high = paired_difference(fixed, broken, both + fixed + broken + neither)
        return Comparison(both, fixed, broken, neither, mcnemar_exact(fixed, broken), low, high, MCNEMAR)
    clusters = [
        (float(change), int(size))
        for change, size in await db.execute_fetchall(
            f"SELECT sum((ga.verdict = 'correct') - (gb.verdict = 'correct')), count(*) {_PAIRS}"
            " WHERE ra.evaluation_key = :after GROUP BY q.fact_id",
            parameters,
        )
    ]
    _, average = averages({"": clusters}, signed=True)
    p_value = await repeated_p_value(db, after, before, task, grader)
    return Comparison(both, fixed, broken, neither, p_value, average.low, average.high, SIGN_TEST)


async def compared_answers(
    db: aiosqlite.Connection,
    *,
    after: int,
    before: int,
    task: str,
    grader: str,
    cell: str,
    past: tuple[int, int] = (-1, -1),
    limit: int = 200,
) -> list[ComparedAnswer]:
    """The questions of one of `CELLS`, in the dataset's order, beginning past a (position, repeat)."""
    rows = await db.execute_fetchall(
        "SELECT q.question_key, q.question_id, ra.repeat, q.position, q.question, q.answer, coalesce(f.text, ''),"
        f" ra.answer, ga.verdict, ga.reason, rb.answer, gb.verdict, gb.reason {_PAIRS}"
        " LEFT JOIN facts f ON f.dataset_id = q.dataset_id AND f.fact_id = q.fact_id"
        f" WHERE ra.evaluation_key = :after AND {_CELL[cell]} AND (q.position, ra.repeat) > (:position, :repeat)"
        " ORDER BY q.position, ra.repeat LIMIT :limit",
        {
            "grader": grader, "task": task, "after": after, "before": before, "position": past[0], "repeat": past[1],
            "limit": limit,
        },
    )  # fmt: skip
    return [ComparedAnswer(*row) for row in rows]
