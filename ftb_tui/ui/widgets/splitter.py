"""The bar between two panes: dragged with the mouse, or moved with keys; where it stands is remembered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from textual import events
from textual.app import App
from textual.content import Content
from textual.message import Message
from textual.screen import SystemModalScreen
from textual.widget import Widget

LEAST, MOST = 0.1, 0.9
"""The pane before a bar has at least and at most this share of what both panes have."""
LEAST_CELLS: Mapping[str, int] = {"columns": 20, "rows": 3}
"""Nor has any pane fewer cells than these, as long as there are so many."""
STEP = 0.05
"""A key moves a bar by this share, and by a cell at least."""
INSIDE = 0.25
"""A share is kept as that of whole cells and this much more, so that rounding takes no cell from either pane."""


class Splitter(Widget):
    """Stands between two panes, side by side or one above the other, and says how they share the room.

    Until somebody moves it, both have the sizes that the styles give them.
    """

    DEFAULT_CSS = """
    Splitter { width: 1; height: 1fr; color: $text-muted; }
    Splitter.-rows { width: 1fr; height: 1; }
    Splitter:hover { color: $primary; text-style: bold; }
    """

    class Moved(Message):
        """The bar was moved by a person."""

        def __init__(self, splitter: Splitter) -> None:
            super().__init__()
            self.splitter = splitter

    def __init__(self, *, id: str, pane: str) -> None:  # noqa: A002 - Textual's name
        """`pane` is the id of the pane before it; the one after it is the next widget."""
        super().__init__(id=id)
        self._pane = pane
        self._shares: dict[str, float] = {}
        self._applied: tuple[str, float, tuple[int, int]] | None = None
        self._dragged = False

    @property
    def axis(self) -> str:
        """`columns` where panes stand side by side, else `rows`."""
        assert isinstance(self.parent, Widget)
        layout = self.parent.styles.layout
        return "columns" if layout is not None and layout.name == "horizontal" else "rows"

    @property
    def is_shown(self) -> bool:
        """Whether it can be seen, and with that be moved."""
        shown = all(node.display for node in self.ancestors_with_self if isinstance(node, Widget))
        return shown and not self._is_docked

    @property
    def panes(self) -> tuple[Widget, Widget]:
        """The pane before it and the one after it."""
        assert isinstance(self.parent, Widget)
        siblings = list(self.parent.children)
        return self.parent.get_child_by_id(self._pane), siblings[siblings.index(self) + 1]

    @property
    def _is_docked(self) -> bool:
        """Whether a pane stands at an edge for now, where the bar is not between the two."""
        return any(pane.styles.dock != "none" for pane in self.panes)

    def render(self) -> Content:
        """A line along its length; in its middle it can be told to be movable."""
        long = max(self.size)
        grip = min(2, long) if long > 4 else 0
        before = (long - grip) // 2
        if self.axis == "columns":
            return Content("\n".join("│" * before + "┊" * grip + "│" * (long - grip - before)))
        return Content("─" * before + "╌" * grip + "─" * (long - grip - before))

    @property
    def shares(self) -> dict[str, float]:
        """Where a person put it, by axis."""
        return dict(self._shares)

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Stand where it stood; whatever is no share is left alone."""
        self._shares = {
            axis: min(MOST, max(LEAST, float(share)))
            for axis, share in memory.items()
            if axis in LEAST_CELLS and isinstance(share, int | float) and not isinstance(share, bool)
        }
        self._apply()

    def move(self, steps: int) -> None:
        """Give the pane before it more of the room of both (negative: less)."""
        before, after = self._cells()
        room = max(1, before + after)
        share = self._usable(self._shares.get(self.axis, (before + INSIDE) / room))
        self._set(share + steps * max(STEP, 1 / room))

    def reset(self) -> None:
        """As it was made."""
        self._shares.pop(self.axis, None)
        self._apply()
        self.post_message(self.Moved(self))

    def _cells(self) -> tuple[int, int]:
        before, after = (pane.outer_size for pane in self.panes)
        return (before.width, after.width) if self.axis == "columns" else (before.height, after.height)

    def _least(self) -> tuple[int, int]:
        """How many cells the panes have at least; one that is itself split along this axis has them twice."""
        axis = self.axis
        counts = [sum(one.axis == axis and one.is_shown for one in pane.query(Splitter)) for pane in self.panes]
        before, after = (LEAST_CELLS[axis] * (count + 1) + count for count in counts)
        return before, after

    def _usable(self, share: float) -> float:
        """The nearest share that leaves both panes what they need."""
        room, (before, after) = max(1, sum(self._cells())), self._least()
        low, high = max(LEAST, (before + INSIDE) / room), min(MOST, (room - after + INSIDE) / room)
        share = min(high, max(low, share)) if low <= high else 0.5
        return (int(share * room) + INSIDE) / room

    def _set(self, share: float) -> None:
        self._shares[self.axis] = self._usable(share)
        self._apply()
        self.post_message(self.Moved(self))

    def _apply(self) -> None:
        if not self.is_attached:
            return
        axis = self.axis
        share = None if self._is_docked else self._shares.get(axis)
        least = self._least()
        wanted = None if share is None else (axis, share, least)
        if wanted == self._applied:
            # Every style that is set lays out the whole screen again, even to what it was.
            return
        self._applied = wanted
        for pane, part, cells in zip(self.panes, (share, None if share is None else 1 - share), least, strict=True):
            size = None if part is None else f"{part:.6f}fr"
            wide, high = (size, None) if axis == "columns" else (None, size)
            pane.styles.width, pane.styles.height = wide, high
            pane.styles.min_width, pane.styles.min_height = wide and cells, high and cells
            pane.styles.max_height = high and "100%"

    def on_mount(self) -> None:
        """Stand as the panes do, and where it stood the last time."""
        from ftb_tui.ui.app import FtbApp

        self.set_class(self.axis == "rows", "-rows")
        if isinstance(self.app, FtbApp):
            self.recall(self.app.split_memory(self))

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
        first = self.panes[0].region
        at = event.screen_x - first.x if self.axis == "columns" else event.screen_y - first.y
        self._set((at + INSIDE) / max(1, sum(self._cells())))
        event.stop()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Let go."""
        self._dragged = False
        self.release_mouse()
        event.stop()


def can_split(app: App[Any], axis: str) -> bool:
    """Whether the screen in view shows a bar that can be moved along an axis; along any for none."""
    return any(axis in ("", one.axis) for one in _shown(app))


def split(app: App[Any], axis: str, steps: int) -> None:
    """Move the bar nearest to the focus along an axis, or every such bar where it is beside none; all back for no axis."""
    every = list(_shown(app))
    if not axis:
        for one in every:
            one.reset()
        return
    along = [one for one in every if one.axis == axis]
    around = [one for one in along if (focused := one.screen.focused) and one.parent in focused.ancestors]
    nearest = sorted(around, key=lambda one: len(one.ancestors))[-1:]
    for one in nearest or along:
        one.move(steps)


def _shown(app: App[Any]) -> Iterator[Splitter]:
    """The bars of the screen that is worked on, which may be below a palette."""
    screens = (one for one in reversed(app.screen_stack) if not isinstance(one, SystemModalScreen))
    return (one for screen in islice(screens, 1) for one in screen.query(Splitter) if one.is_shown)
