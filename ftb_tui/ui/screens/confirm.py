"""A question before something begins."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static


class ConfirmScreen(ModalScreen[bool]):
    """True on enter, False on escape."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,y", "answer(True)", "Yes", id="confirm.yes"),
        Binding("escape,n,q", "answer(False)", "No", id="confirm.no"),
    ]

    def __init__(self, text: str, *, yes: str = "go on", no: str = "leave it") -> None:
        super().__init__()
        self._text, self._yes, self._no = text, yes, no

    def compose(self) -> ComposeResult:
        """The text and the two keys."""
        with Vertical(classes="dialog"):
            yield Static(Content(f"{self._text}\n\nenter  {self._yes}\nescape  {self._no}"))

    def action_answer(self, answer: bool) -> None:
        """Close with the answer."""
        self.dismiss(answer)
