"""The line of keys below every screen: its own first, and never more than fit."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import ActiveBinding
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

LEAVE_OUT = ("bench.quick", "quit", "table.sort", "table.filter", "log.copy")
"""What is left out first where there is no room; `?` shows every key."""
KEPT = ("help",)
WORTH_ROOM = ("table.whole", "table.copy")
"""Of the keys of a table those that are shown beside the screen's own where there is room for more."""


class Keys(Widget):
    """The keys in one line, in the screen's order, without those for which there is no room. A click presses one.

    One widget that draws a line, where Textual's footer has a widget for each key and makes all of them anew at every
    change of the focus: that took a seventh of what the app did over a key press.
    """

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"keys--key", "keys--word"}
    DEFAULT_CSS = """
    Keys {
        dock: bottom;
        height: 1;
        color: $footer-foreground;
        background: $footer-background;

        .keys--key { color: $footer-key-foreground; background: $footer-key-background; text-style: bold; }
        .keys--word { color: $footer-description-foreground; background: $footer-description-background; }
    }
    """

    def __init__(self, *, more: bool = False) -> None:
        """With `more`, the screen's keys that are otherwise left to `?` are shown as well where there is room."""
        super().__init__()
        self._more = more
        self._shown: list[tuple[ActiveBinding, str]] = []

    def on_mount(self) -> None:
        """Follow the screen's bindings."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, screen: Screen[object]) -> None:
        if self.is_attached and screen is self.screen and self.app.app_focus:
            self.call_after_refresh(self._lay_out)

    def on_resize(self) -> None:
        """More or fewer fit now."""
        self._lay_out()

    def _lay_out(self) -> None:
        if not self.is_attached:
            return
        shown = fitting(self._keys(), self.size.width)
        if self._more:
            shown = filled(shown, self._keys(hidden=True), self.size.width)
        if shown != self._shown:
            self._shown = shown
            self.refresh()

    def render(self) -> Content:
        """The keys that fit, each with its word."""
        key, word = self.get_visual_style("keys--key"), self.get_visual_style("keys--word")
        line = Content("")
        for active, display in self._shown:
            dim = "" if active.enabled else "dim"
            one = Content.assemble((f" {display} ", key), (f"{active.binding.description} ", word))
            line += one.stylize(dim) if dim else one
        return line

    def _at(self, x: int) -> ActiveBinding | None:
        begin = 0
        for active, display in self._shown:
            begin += cell_len(display) + cell_len(active.binding.description) + 3
            if x < begin:
                return active
        return None

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Tell more of the key under the mouse."""
        active = self._at(event.x)
        self.tooltip = (active.tooltip or active.binding.description) if active else None

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Press the key under the mouse."""
        active = self._at(event.x)
        if active is None:
            return
        if active.enabled:
            self.app.simulate_key(active.binding.key)
        else:
            self.app.bell()

    def _keys(self, *, hidden: bool = False) -> list[tuple[ActiveBinding, str]]:
        """The screen's own keys, then those of what has the focus, then everybody's; each action once.

        With `hidden` also those of the screen that are not to be shown where there is little room.
        """
        found: dict[str, ActiveBinding] = {}
        is_typing = isinstance(self.screen.focused, Input)
        for active in self.screen.active_bindings.values():
            name = active.binding.id
            # Textual leaves out what a field takes as a letter, but does not know that of this one.
            if is_typing and active.binding.key == "slash":
                continue
            if active.binding.show or (hidden and name and (active.node is self.screen or name in WORTH_ROOM)):
                found.setdefault(active.binding.action, active)
        general = (self.app,)

        def place(active: ActiveBinding) -> int:
            if active.binding.id == "help":
                return 2
            return 3 if active.node in general else 0 if active.node is self.screen else 1

        ordered = sorted(found.values(), key=place)
        return [(active, self.app.get_key_display(active.binding)) for active in ordered]


def fitting(keys: list[tuple[ActiveBinding, str]], width: int) -> list[tuple[ActiveBinding, str]]:
    """The keys that fit into a width, in their order."""
    kept = list(keys)
    for name in (*LEAVE_OUT, ""):
        while _width(kept) > width:
            leaving = [one for one in kept if one[0].binding.id == name] if name else kept
            leaving = [one for one in leaving if one[0].binding.id not in KEPT]
            if not leaving:
                break
            kept.remove(leaving[-1])
            if name:
                break
    return kept


def filled(
    shown: list[tuple[ActiveBinding, str]], every: list[tuple[ActiveBinding, str]], width: int
) -> list[tuple[ActiveBinding, str]]:
    """The shown keys with as many of the others as fit beside them, in the order of `every`."""
    kept = {active.binding.action for active, _ in shown}
    room = width - _width(shown)
    for active, display in every:
        needs = _width([(active, display)])
        if active.binding.action not in kept and not active.binding.show and needs <= room:
            kept.add(active.binding.action)
            room -= needs
    return [one for one in every if one[0].binding.action in kept]


def _width(keys: list[tuple[ActiveBinding, str]]) -> int:
    return sum(cell_len(display) + cell_len(active.binding.description) + 3 for active, display in keys)
