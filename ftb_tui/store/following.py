"""Which jobs are to be followed, and what a look at one could not read although its service answers."""

from __future__ import annotations

from collections.abc import Sequence

import aiosqlite

from ftb_tui.providers.base import JobState
from ftb_tui.store.jobs import JobRow

_PARTLY = "cannot be read for now: "


async def unfinished_jobs(db: aiosqlite.Connection) -> list[int]:
    """The keys of the jobs that are at their services and may still change, the newest first."""
    ends = [str(state) for state in JobState if state.is_final]
    rows = await db.execute_fetchall(
        f"SELECT job_key FROM jobs WHERE intent = 'confirmed' AND state NOT IN ({','.join('?' * len(ends))})"
        " ORDER BY job_key DESC",
        ends,
    )
    return [row[0] for row in rows]


def unread(what: Sequence[str], why: str) -> str:
    """The sentence that of a job that answers its `what` (say `events`) could not be read."""
    return f"its {' and '.join(what)} {_PARTLY}{why}"


def is_answering(row: JobRow) -> bool:
    """Whether the service answered at the last look, if perhaps not with everything."""
    return row.follow_error is None or _PARTLY in row.follow_error
