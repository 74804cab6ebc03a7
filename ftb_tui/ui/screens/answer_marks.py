"""The answers of one score that were marked, in whichever of its lists, and what dialogs call those that they change."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ftb_tui.report.numbers import counted
from ftb_tui.report.plain import one_line, readable
from ftb_tui.store.results import AnswerRow

_NAMED = 2
"""So many of several answers are named in a dialog."""


class Marks:
    """They outlast a change of list; what is acted on next is all of them."""

    def __init__(self) -> None:
        self._rows: dict[int, AnswerRow] = {}

    def __contains__(self, row: AnswerRow) -> bool:
        return row.response_key in self._rows

    def turn(self, row: AnswerRow) -> None:
        """Mark an answer, or take its mark off."""
        if self._rows.pop(row.response_key, None) is None:
            self._rows[row.response_key] = row

    def clear(self) -> bool:
        """Take every mark off; whether there were any."""
        had = bool(self._rows)
        self._rows.clear()
        return had

    def rows(self, listed: Mapping[str, AnswerRow]) -> list[AnswerRow]:
        """All marked answers, those of this list as they stand in it, in the order of the questions."""
        found = [listed.get(str(key), row) for key, row in self._rows.items()]
        return sorted(found, key=lambda row: (row.position, row.repeat))

    def said(self, listed: Collection[str]) -> str:
        """How many there are, before something else: `3 marked, 2 elsewhere · `; empty without any."""
        away = sum(str(key) not in listed for key in self._rows)
        elsewhere = f", {away} elsewhere" if away else ""
        return f"{len(self._rows)} marked{elsewhere} · " if self._rows else ""


def called(rows: Sequence[AnswerRow], *, marked: bool) -> str:
    """What a dialog calls the answers that it changes: `this answer`, `the marked answer`, `3 marked answers`."""
    if len(rows) > 1:
        return f"{len(rows)} marked answers"
    return "the marked answer" if marked else "this answer"


def named(rows: Sequence[AnswerRow]) -> str:
    """The answers themselves: all about a single one, a line for each of a few."""
    if len(rows) == 1:
        [row] = rows
        return f"question  {one_line(row.question, 200)}\ngold      {one_line(row.answer, 200)}\nanswer    {_said(row)}"
    lines = [f"{_said(row)} ← {one_line(row.question, 200)}" for row in rows[:_NAMED]]
    more = len(rows) - _NAMED
    return "\n".join([*lines, f"and {counted(more, 'other')}"] if more > 0 else lines)


def _said(row: AnswerRow) -> str:
    return one_line(readable(row.response, row.reason), 60)
