"""Jump mode: a letter over every place on the screen where the focus can go, and the key that goes there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from textual import events
from textual.app import App, ComposeResult
from textual.content import Content
from textual.errors import NoWidget
from textual.geometry import Region, Size
from textual.screen import ModalScreen, Screen, SystemModalScreen
from textual.widgets import Static

from ftb_tui.ui.jump import MARGIN, label_places, labels
from ftb_tui.ui.screens.small import SmallScreen
from ftb_tui.ui.widgets.tabs import tab_places

HINT = " A letter goes to its place; any other key leaves everything as it is."


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere to go: what can be seen of it, in cells of the screen, and how one gets there."""

    region: Region
    go: Callable[[], Any]


def places(screen: Screen[Any]) -> list[Place]:
    """Every place of a screen where the focus can go and that can be seen, and its tabs; in reading order."""
    found = [*_tabs(screen), *_focusable(screen)]
    return sorted(found, key=lambda place: (place.region.y, place.region.x))


def _focusable(screen: Screen[Any]) -> Iterator[Place]:
    for widget in screen.focus_chain:
        try:
            region = screen.find_widget(widget).visible_region
        except NoWidget:
            continue
        if region:
            yield Place(region, partial(screen.set_focus, widget, scroll_visible=False))


def _tabs(screen: Screen[Any]) -> Iterator[Place]:
    for bar in screen.query("#tabs"):
        for name, x, width in tab_places():
            region = Region(bar.region.x + x, bar.region.y, width, 1).intersection(bar.region)
            if region:
                yield Place(region, partial(screen.app.switch_mode, name))


class JumpScreen(ModalScreen[Place | None]):
    """Over a screen or a dialog: gives the place whose letters were pressed, or None for any other key."""

    DEFAULT_CSS = """
    JumpScreen { align: left top; background: $background 40%; }
    JumpScreen .label { position: absolute; width: auto; height: 1; background: $accent; color: $background;
        text-style: bold; }
    JumpScreen .label:ansi { background: ansi_default; color: ansi_default; text-style: bold reverse; }
    JumpScreen #hint { dock: bottom; height: 1; background: $panel; color: $text; }
    """

    def __init__(self, found: Sequence[Place]) -> None:
        super().__init__()
        self._places = dict(zip(labels(len(found)), found, strict=True))
        self._typed = ""
        self._made_for: Size | None = None

    def compose(self) -> ComposeResult:
        """The labels, each over its place."""
        yield Static(Content(HINT), id="hint")
        width = MARGIN + max(map(len, self._places), default=0)
        offsets = label_places([place.region for place in self._places.values()], width, self.app.size)
        for text, offset in zip(self._places, offsets, strict=True):
            label = Static(Content(f"[{text}]"), classes="label", name=text)
            label.styles.offset = offset
            yield label

    def on_key(self, event: events.Key) -> None:
        """Go there, wait for the second letter, or leave."""
        event.stop()
        event.prevent_default()
        self._typed += (event.character or "\0").lower()
        if self._typed in self._places:
            self.leave(self._places[self._typed])
        elif any(text.startswith(self._typed) for text in self._places):
            for label in self.query(".label"):
                label.display = (label.name or "").startswith(self._typed)
        else:
            self.leave()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """The mouse goes wherever it wants by itself."""
        event.stop()
        self.leave()

    def on_resize(self, event: events.Resize) -> None:
        """In a window of another size the places are elsewhere."""
        if self._made_for not in (None, event.size):
            self.leave()
        self._made_for = event.size

    def on_screen_resume(self) -> None:
        """The app went to another mode meanwhile and came back: what stands below may have changed."""
        if self._made_for is not None:
            self.leave()

    def leave(self, place: Place | None = None) -> None:
        """Take the letters away, and go to a place."""
        if self.is_current:
            self.dismiss(place)


def jump(app: App[Any]) -> None:
    """Lay the letters over the screen or the dialog in view; pressed again, take them away."""
    screen = app.screen
    if isinstance(screen, JumpScreen):
        screen.leave()
        return
    if isinstance(screen, SmallScreen | SystemModalScreen):
        return
    if found := places(screen):
        app.push_screen(JumpScreen(found), lambda place: place.go() if place is not None else None)
    else:
        app.notify("There is no place to go to here.", markup=False)
