"""What is shown instead of a screen when the window is too small for any."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widgets import Static

LEAST = Size(60, 15)


def too_small(size: Size) -> bool:
    """Whether no screen fits into a window of this size."""
    return size.width < LEAST.width or size.height < LEAST.height


class SmallScreen(ModalScreen[None]):
    """Closes by itself as soon as the window is large enough; everything goes on meanwhile."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "app.quit", "Quit", id="small.quit")]
    DEFAULT_CSS = """
    SmallScreen { background: $background; align: center middle; }
    SmallScreen Static { width: 100%; text-align: center; }
    """

    def compose(self) -> ComposeResult:
        """How large the window is, and how large it must be."""
        yield Static("", id="small", markup=False)

    def on_resize(self, event: events.Resize) -> None:
        """Say it anew, or go."""
        if not too_small(event.size):
            if self.is_current:
                self.dismiss()
            return
        size, least = event.size, LEAST
        text = f"{size.width}x{size.height} is too small.\nftb needs {least.width}x{least.height}.\nq quits"
        self.query_one("#small", Static).update(Content(text))
