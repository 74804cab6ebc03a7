"""What every screen has that is opened from a mode: a heading above, the keys below, escape back, help."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from ftb_tui.ui.screens.mode import key_lines
from ftb_tui.ui.widgets.keys import Keys

if TYPE_CHECKING:
    from ftb_tui.ui.app import FtbApp

_T = TypeVar("_T")


class OpenedScreen(Screen[None]):
    """A screen over a mode's. Subclasses say what is in it and what it is for."""

    NAME: ClassVar[str] = ""
    PURPOSE: ClassVar[str] = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="opened.back", tooltip="Back to where this was opened"),
        Binding("question_mark", "help", "Help", id="help", tooltip="Purpose and keys of this screen"),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]

    @property
    def ftb(self) -> FtbApp:
        """The app, as what it is."""
        from ftb_tui.ui.app import FtbApp

        assert isinstance(self.app, FtbApp)
        return self.app

    def compose(self) -> ComposeResult:
        """Heading, the screen's own widgets, keys."""
        yield Static("", id="heading", markup=False)
        yield from self.body()
        yield Keys()

    def body(self) -> Iterable[Widget]:
        """The screen's own widgets."""
        raise NotImplementedError

    def head(self, text: str) -> None:
        """Put text, as it is, into the heading."""
        self.query_one("#heading", Static).update(Content(f" {text}"))

    def there(self, found: _T | None, waiting: str) -> _T | None:
        """What was found; as long as it is still read nothing, and the person is told that in the words `waiting`."""
        if found is None:
            self.notify(waiting, markup=False)
        return found

    def action_back(self) -> None:
        """Close the screen."""
        self.dismiss()

    def action_help(self) -> None:
        """Show purpose and keys."""
        from ftb_tui.ui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen(self.NAME, self.PURPOSE, key_lines(self)))
