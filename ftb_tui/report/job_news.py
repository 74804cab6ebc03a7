"""How old what we know of a job is, in the same words on the screen and on the command line."""

from __future__ import annotations

from dataclasses import dataclass

from ftb_tui.report.numbers import duration
from ftb_tui.report.plain import one_line
from ftb_tui.store.following import is_answering
from ftb_tui.store.jobs import JobRow

SILENT = 60.0
"""After so many seconds without news, that there is none is said in a table too."""


@dataclass(frozen=True, slots=True)
class Watch:
    """How a job is looked at: the moment now, when it is looked at next (None: not by this app)."""

    now: float
    next_look: float | None = None
    followed: bool = False


def news(row: JobRow, watch: Watch) -> str:
    """How old what we know is, what is done about it, and since when nobody answers."""
    age = None if row.heard_at is None else watch.now - row.heard_at
    again = ""
    if watch.next_look is not None and watch.next_look > watch.now:
        again = f"{'next look' if is_answering(row) else 'retrying'} in {duration(watch.next_look - watch.now)}"
    if not is_answering(row):
        since = "no answer yet" if age is None else f"no answer for {duration(age)}"
        return f"{', '.join(filter(None, (since, again)))}: {one_line(row.follow_error or '', 160)}"
    is_young = row.is_being_sent or (row.heard_at is None and watch.now - row.created_at < SILENT)
    if row.intent == "intended":
        if row.is_being_sent:
            return "its training file is being sent"
        return "planned, but nothing was sent: nothing was started and nothing is owed"
    if is_young:
        return ", ".join(filter(None, ("sent; the service has said nothing yet", again)))
    heard = "never heard" if age is None else f"heard {duration(age)} ago"
    if not again and not watch.followed and (age is None or age > SILENT):
        again = "nobody follows it here now"
    said = one_line(row.raw_state, 40) or "nothing yet"
    unread = one_line(row.follow_error or "", 160)
    return "; ".join(filter(None, (", ".join(filter(None, (f"the service says {said}", heard, again))), unread)))
