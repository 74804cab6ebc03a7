"""The help of a screen: its purpose, and its keys as the bindings have them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static


class HelpScreen(ModalScreen[None]):
    """Closed by escape, ? or q."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", "Close", id="help.close")
    ]

    def __init__(self, title: str, purpose: str, keys: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._title, self._purpose, self._keys = title, purpose, keys

    def compose(self) -> ComposeResult:
        """Title, purpose, keys."""
        width = max((len(key) for key, _ in self._keys), default=0)
        lines = "\n".join(f"  {key:<{width}}  {text}" for key, text in self._keys)
        text = f"{self._title}\n\n{self._purpose}\n\nKeys\n{lines}"
        with VerticalScroll(classes="dialog") as frame:
            frame.border_subtitle = "escape close"
            yield Static(Content(text))
