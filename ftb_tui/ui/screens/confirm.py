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


class TextScreen(ModalScreen[None]):
    """The whole of a text that a cell has only the beginning of."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,space,q,enter", "dismiss", "Close", id="text.close")]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        """Title and text, scrolling."""
        from textual.containers import VerticalScroll

        from ftb_tui.report.plain import visible

        with VerticalScroll(classes="dialog"):
            yield Static(Content(f"{self._title}\n\n{visible(self._text)}\n\nescape closes"))
