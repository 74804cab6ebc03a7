"""A person's verdict on an answer, or on several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ftb_tui.benchmark.graders import Verdict
from ftb_tui.report.changes import moment
from ftb_tui.report.numbers import counted
from ftb_tui.report.plain import visible
from ftb_tui.store.grading import LITERAL_GRADERS, Opinion, PersonVerdict
from ftb_tui.store.results import AnswerRow
from ftb_tui.ui.screens.answer_marks import called, named


class OverruleScreen(ModalScreen[Mapping[int, Opinion] | None]):
    """c, w and x decide; n writes a note first. Gives what is said of each answer, by its key."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "decide('correct')", "Correct", id="overrule.correct"),
        Binding("w", "decide('wrong')", "Wrong", id="overrule.wrong"),
        Binding("x", "decide('')", "As the grader", id="overrule.back"),
        Binding("n", "note", "Note", id="overrule.note"),
        Binding("escape", "leave", "Leave", id="overrule.leave"),
    ]

    def __init__(
        self, rows: Sequence[AnswerRow], grader: str, in_force: Mapping[int, PersonVerdict], *, marked: bool
    ) -> None:
        """The answers, as they are listed by this grader, what people say of them already, and whether they are marked."""
        super().__init__()
        self._rows, self._grader, self._in_force, self._marked = rows, grader, in_force, marked
        notes = {self._note_of(row) for row in rows}
        self._begun = " ".join(visible(notes.pop()).split()) if len(notes) == 1 else ""

    def _note_of(self, row: AnswerRow) -> str:
        said = self._in_force.get(row.response_key)
        return said.note if said is not None else ""

    def compose(self) -> ComposeResult:
        """What is judged, what was said of it already, the note, the keys."""
        counts = "Your verdict counts; the grader's is kept beside it."
        if self._grader in LITERAL_GRADERS:
            counts = f"Your verdict counts by other graders; {self._grader}, which is listed here, leaves it aside."
        what = called(self._rows, marked=self._marked)
        keys = "c  correct    w  wrong    n  write a note\nx  take people's verdicts back    escape  leave it"
        with Vertical(classes="dialog"):
            yield Static(Content(f"{counts}\nOn {what}:"))
            yield Static(Content(named(self._rows)), classes="acted-on")
            if told := self._told():
                yield Static(Content(told), id="in-force")
            yield Static(Content(keys), id="keys-told")
            yield Input(self._begun, placeholder="why (n to write, enter when done)", id="note", disabled=True)

    def _told(self) -> str:
        """What people have said of these answers already; empty where nobody did."""
        found = list(self._in_force.values())
        if not found:
            return ""
        if len(self._rows) == 1:
            return f"Overruled already: {found[0].verdict}, {moment(found[0].created_at)}."
        many = f"{counted(len(found), 'of them is', 'of them are')} overruled already"
        kept = "" if self._begun or not any(one.note for one in found) else "; each note stays, unless you write one"
        return f"{many}, last {moment(max(one.created_at for one in found))}{kept}."

    def action_decide(self, verdict: str) -> None:
        """Close with the verdict; a note that was there stays where none was written instead."""
        typed = " ".join(self.query_one("#note", Input).value.split())
        said = Verdict(verdict) if verdict else None
        written = typed != self._begun
        kept = {row: typed if written else self._note_of(row) if said else "" for row in self._rows}
        self.dismiss({row.response_key: Opinion(said, note) for row, note in kept.items()})

    def action_note(self) -> None:
        """Write the note."""
        field = self.query_one("#note", Input)
        field.disabled = False
        field.focus()

    @on(Input.Submitted)
    def _noted(self) -> None:
        self.query_one("#note", Input).disabled = True

    def action_leave(self) -> None:
        """Stop writing, or close without a verdict."""
        if not self.query_one("#note", Input).disabled:
            self._noted()
        else:
            self.dismiss(None)
