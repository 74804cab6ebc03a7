"""One of several is chosen from a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from ftb_tui.report.plain import visible


class ChooseScreen(ModalScreen[int | None]):
    """The place of what was chosen, or None on escape."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "down", "Down", show=False, id="choose.down"),
        Binding("k", "up", "Up", show=False, id="choose.up"),
        Binding("escape,q", "leave", "Leave it", id="choose.leave"),
    ]
    DEFAULT_CSS = """
    ChooseScreen OptionList { height: auto; max-height: 45vh; margin: 1 0; background: $panel; border: none; }
    ChooseScreen OptionList:focus { border: none; }
    """

    def __init__(self, text: str, choices: Sequence[str], *, at: int = 0, yes: str = "take it") -> None:
        super().__init__()
        self._text, self._choices, self._at, self._yes = text, choices, at, yes

    def compose(self) -> ComposeResult:
        """The text, the choices, the keys."""
        with Vertical(classes="dialog"):
            yield Static(Content(visible(self._text)))
            yield OptionList(*(Option(Content(visible(choice, keep_newlines=False))) for choice in self._choices))
            yield Static(Content(f"enter  {self._yes}      escape  leave it"))

    def on_mount(self) -> None:
        """Stand on what is chosen now."""
        options = self.query_one(OptionList)
        options.highlighted = self._at
        options.focus()

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_index)

    def action_down(self) -> None:
        """The next one."""
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        """The one before."""
        self.query_one(OptionList).action_cursor_up()

    def action_leave(self) -> None:
        """Choose nothing."""
        self.dismiss(None)
