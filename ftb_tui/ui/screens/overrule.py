"""A person's verdict on an answer, or on several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ftb_tui.benchmark.graders import Verdict
from ftb_tui.report.plain import one_line, readable
from ftb_tui.store.grading import LITERAL_GRADERS, Opinion
from ftb_tui.store.results import AnswerRow


class OverruleScreen(ModalScreen[Opinion | None]):
    """c, w and x decide; n writes a note first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "decide('correct')", "Correct", id="overrule.correct"),
        Binding("w", "decide('wrong')", "Wrong", id="overrule.wrong"),
        Binding("x", "decide('')", "As the grader", id="overrule.back"),
        Binding("n", "note", "Note", id="overrule.note"),
        Binding("escape", "leave", "Leave", id="overrule.leave"),
    ]

    def __init__(self, rows: Sequence[AnswerRow], grader: str) -> None:
        """The answers, as they are listed by this grader."""
        super().__init__()
        self._rows, self._grader = rows, grader

    def compose(self) -> ComposeResult:
        """What is judged, the note, the keys."""
        first = self._rows[0]
        what = (
            f"{len(self._rows)} marked answers"
            if len(self._rows) > 1
            else f"gold    {one_line(first.answer, 60)}\nanswer  {one_line(readable(first.response, first.reason), 60)}"
        )
        keys = "c  it is correct\nw  it is wrong\nx  take people's verdicts back\nn  write a note\nescape  leave it"
        counts = "Your verdict counts; the grader's is kept beside it."
        if self._grader in LITERAL_GRADERS:
            counts = f"Your verdict counts by other graders; {self._grader}, which is listed here, leaves it aside."
        with Vertical(classes="dialog"):
            yield Static(Content(f"{counts}\n\n{what}\n\n{keys}"))
            yield Input(placeholder="why (n to write, enter when done)", id="note", disabled=True)

    def action_decide(self, verdict: str) -> None:
        """Close with the verdict."""
        note = " ".join(self.query_one("#note", Input).value.split())
        self.dismiss(Opinion(Verdict(verdict) if verdict else None, note))

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
