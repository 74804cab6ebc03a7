"""What is said about the chosen row, beside or below its table."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll


class Detail(VerticalScroll):
    """Scrolled by the keys of tables once it has the focus; that goes there only while there is more than can be seen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", "Down", show=False, id="detail.down"),
        Binding("k", "scroll_up", "Up", show=False, id="detail.up"),
        Binding("g", "scroll_home", "Top", show=False, id="detail.top"),
        Binding("G", "scroll_end", "Bottom", show=False, id="detail.bottom"),
    ]
    DEFAULT_CSS = """
    Detail { padding: 0 1; scrollbar-size-vertical: 1; }
    Detail:focus { outline-left: outer $primary; }
    """

    def allow_focus(self) -> bool:
        """Whether there is anything to scroll to."""
        return self.can_focus and self.max_scroll_y > 0
