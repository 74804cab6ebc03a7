"""The bar between two panes: dragged with the mouse, or moved with keys; where it stands is remembered."""

from __future__ import annotations

from typing import Any

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

LEAST, MOST = 0.15, 0.85


class Splitter(Widget):
    """Stands after the pane whose size it sets: its width where panes stand side by side, else its height."""

    DEFAULT_CSS = """
    Splitter { width: 1; height: 1fr; color: $text-muted; }
    Splitter.-rows { width: 1fr; height: 1; }
    Splitter:hover { color: $primary; }
    """

    class Moved(Message):
        """The bar was moved by a person."""

    def __init__(self, *, id: str, pane: str) -> None:  # noqa: A002 - Textual's name
        """`pane` is the id of the widget before it."""
        super().__init__(id=id)
        self._pane = pane
        self._shares: dict[str, float] = {}
        self._dragged = False

    @property
    def axis(self) -> str:
        """`columns` where panes stand side by side, else `rows`."""
        assert isinstance(self.parent, Widget)
        layout = self.parent.styles.layout
        return "columns" if layout is not None and layout.name == "horizontal" else "rows"

    def render(self) -> Content:
        """A line along its length."""
        if self.axis == "columns":
            return Content("\n".join("│" * self.size.height))
        middle = self.size.width // 2
        return Content("─" * max(0, middle - 1) + "╌╌" + "─" * max(0, self.size.width - middle - 1))

    def remembered(self) -> dict[str, float]:
        """Its shares, by axis."""
        return dict(self._shares)

    def recall(self, memory: dict[str, Any]) -> None:
        """Stand where it stood; whatever is no share is left alone."""
        self._shares = {
            axis: min(MOST, max(LEAST, float(share)))
            for axis, share in memory.items()
            if axis in ("columns", "rows") and isinstance(share, int | float) and not isinstance(share, bool)
        }
        self._apply()

    def move(self, by: float) -> None:
        """Give the pane so much more of its parent (a share; negative: less)."""
        self._set(self._share_now() + by)

    def reset(self) -> None:
        """As it was made."""
        self._shares.pop(self.axis, None)
        self._apply()
        self.post_message(self.Moved())

    def _share_now(self) -> float:
        assert isinstance(self.parent, Widget)
        pane, whole = self.screen.query_one(f"#{self._pane}").size, self.parent.size
        now = pane.width / max(1, whole.width) if self.axis == "columns" else pane.height / max(1, whole.height)
        return self._shares.get(self.axis, now)

    def _set(self, share: float) -> None:
        self._shares[self.axis] = min(MOST, max(LEAST, share))
        self._apply()
        self.post_message(self.Moved())

    def _apply(self) -> None:
        if not self.is_attached:
            return
        styles, axis = self.screen.query_one(f"#{self._pane}").styles, self.axis
        share = self._shares.get(axis)
        size = None if share is None else f"{share * 100:.1f}%"
        styles.width = size if axis == "columns" else None
        styles.height = size if axis == "rows" else None
        styles.max_height = "100%" if axis == "rows" and size else None

    def on_mount(self) -> None:
        """Stand as the panes do."""
        self.set_class(self.axis == "rows", "-rows")

    def on_resize(self) -> None:
        """The panes may have come to stand otherwise, in a window that grew or shrank."""
        self.set_class(self.axis == "rows", "-rows")
        self._apply()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Begin to drag."""
        self._dragged = True
        self.capture_mouse()
        event.stop()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Follow the mouse."""
        if not self._dragged:
            return
        assert isinstance(self.parent, Widget)
        whole = self.parent.region
        if self.axis == "columns":
            self._set((event.screen_x - whole.x) / max(1, whole.width))
        else:
            top = self.screen.query_one(f"#{self._pane}").region.y
            self._set((event.screen_y - top) / max(1, whole.height))
        event.stop()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Let go."""
        self._dragged = False
        self.release_mouse()
        event.stop()
