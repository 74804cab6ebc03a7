"""Something that costs money is agreed to with a typed word, beside what it costs; what is free, with enter."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ftb_tui.report.numbers import counted
from ftb_tui.report.plain import one_line, visible
from ftb_tui.work.cost import money

CONFIRMATION = "launch"


def spending(cost: float | None, base_model: str, epochs: int | None, provider: str, host: str) -> str:
    """What is agreed to with the word, the money (US dollars) first: there may be little room."""
    amount = "an amount that is not known" if cost is None else money(cost)
    times = "" if epochs is None else f", {counted(epochs, 'epoch')}"
    return (
        f"type {CONFIRMATION} and press enter to spend {amount} on {one_line(base_model, 40)}{times}, "
        f"at {one_line(provider, 30)} ({one_line(host, 40)})"
    )


def is_agreed(word: str) -> bool:
    """Whether what was typed is the word."""
    return word.strip().lower() == CONFIRMATION


class SpendScreen(ModalScreen[bool]):
    """True once it is agreed to, False on escape. Without `spends` it costs nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "agree", "Send it", show=False, id="spend.send"),
        Binding("escape", "leave", "Leave it", id="spend.leave"),
    ]

    def __init__(self, text: str, *, spends: str, yes: str) -> None:
        super().__init__()
        self._text, self._spends, self._yes = text, spends, yes

    def compose(self) -> ComposeResult:
        """The text, what is spent, the field for the word."""
        with Vertical(classes="dialog"):
            yield Static(Content(visible(self._text)))
            if self._spends:
                yield Static(Content(f"\n{self._spends}"))
                yield Input(placeholder="the word", compact=True, id="spend-word")
            yield Static(Content(f"\n{'' if self._spends else f'enter  {self._yes}      '}escape  leave it"))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if is_agreed(event.value):
            self.dismiss(True)

    def action_agree(self) -> None:
        """Agree to what is free."""
        if not self._spends:
            self.dismiss(True)

    def action_leave(self) -> None:
        """Close, with nothing sent."""
        self.dismiss(False)
