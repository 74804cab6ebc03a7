"""Why the questions of an evaluation failed."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import aiosqlite


@dataclass(frozen=True, slots=True)
class Failures:
    """The questions of an evaluation that have an error for an answer."""

    n: int
    reason: str
    """What was said of most of them, in the words for the first of these."""
    n_reason: int
    tasks: tuple[str, ...]
    """Those that they are of, the one with the most first."""


async def failures(db: aiosqlite.Connection, evaluation_key: int) -> Failures:
    """What failed in an evaluation, and why."""
    rows = await db.execute_fetchall(
        "SELECT coalesce(nullif(r.error, ''), r.error_kind), q.task FROM responses r JOIN questions q USING (question_key)"
        " WHERE r.evaluation_key = ? AND r.error_kind IS NOT NULL ORDER BY r.response_key",
        (evaluation_key,),
    )
    # What differs in numbers alone is one reason: each question has another length.
    reasons = Counter(re.sub(r"\d+", "0", str(row[0])) for row in rows)
    tasks = Counter(str(row[1]) for row in rows)
    [(kind, n_reason)] = reasons.most_common(1) or [("", 0)]
    reason = next((str(row[0]) for row in rows if re.sub(r"\d+", "0", str(row[0])) == kind), "")
    return Failures(len(list(rows)), reason, n_reason, tuple(task for task, _ in tasks.most_common()))


def failures_sentence(found: Failures) -> str:
    """The commonest reason in words."""
    most = "They failed" if found.n == found.n_reason else f"{found.n_reason} of the {found.n} failed"
    return f"{most} with: {found.reason.rstrip('.')}."
