"""What every mode's screen has: the tabs above, the status line and the keys below, and when to read the store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from textual._context import active_app
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from ftb_tui.ui.widgets.keys import Keys
from ftb_tui.ui.widgets.said import say
from ftb_tui.ui.widgets.tabs import MODES, tabs

if TYPE_CHECKING:
    from ftb_tui.ui.app import FtbApp


class ModeScreen(Screen[None]):
    """A screen of one of the five modes. Subclasses say what is in it and how it is filled."""

    PURPOSE: ClassVar[str] = ""
    MODE: ClassVar[str] = ""
    NEEDS_ROWS: ClassVar[frozenset[str]] = frozenset()
    """Actions that have nothing to act on while the screen has no rows."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", "Help", id="help", tooltip="Purpose and keys of this screen"),
        Binding(
            "comma", "settings", "Settings", show=False, id="settings.open", tooltip="See and change every setting"
        ),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]

    def __init__(self) -> None:
        super().__init__()
        # A new screen gets the styles of now when it is mounted. Textual takes it for one that missed a change of them,
        # and reads and applies every style anew three times until it has been shown twice.
        self._css_update_count = active_app.get()._css_update_count

    _is_empty = False

    @property
    def ftb(self) -> FtbApp:
        """The app, as what it is."""
        from ftb_tui.ui.app import FtbApp

        assert isinstance(self.app, FtbApp)
        return self.app

    def compose(self) -> ComposeResult:
        """Tabs, the screen's own widgets, status line, keys."""
        yield Static(tabs(self.MODE), id="tabs")
        yield from self.body()
        yield Static("", id="status", markup=False)
        yield Keys()

    def body(self) -> Iterable[Widget]:
        """The screen's own widgets."""
        raise NotImplementedError

    async def fill(self) -> None:
        """Read the store and show what is there; called whenever it changed."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Stand as it was left, and fill as soon as the store is open."""
        self.ftb.recall(self)
        self.ftb.ask_for_refresh()

    def on_screen_resume(self) -> None:
        """What changed while another screen was shown is read now."""
        self.ftb.ask_for_refresh()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What acts on rows is no key while there are none: it is not shown either."""
        return action not in self.NEEDS_ROWS or not self._is_empty

    def say_empty(self, empty: bool) -> None:
        """Show the words for a screen without rows, or not, and the keys that do something."""
        self.query_one("#empty").display = empty
        if empty != self._is_empty:
            self._is_empty = empty
            self.refresh_bindings()

    def tick(self) -> None:
        """Show what grows old by itself, such as the age of news; called a few times a second."""

    def memory(self) -> dict[str, object]:
        """What the screen wants to know the next time, beside its tables."""
        return {}

    def recall(self, memory: dict[str, object]) -> None:
        """What `memory` gave the last time; it may be incomplete."""

    def show_status(self) -> None:
        """The status line: where a running benchmark is."""
        progress = self.ftb.bench_progress
        text = ""
        if progress is not None:
            from ftb_tui.ui.status import bench_status

            text = bench_status(progress)
        status = self.query_one("#status", Static)
        say(status, Content(text))
        status.display = bool(text)

    def action_settings(self) -> None:
        """Show everything that can be configured."""
        from ftb_tui.ui.screens.settings import SettingsScreen

        self.app.push_screen(SettingsScreen())

    def action_help(self) -> None:
        """Show the screen's purpose and keys."""
        from ftb_tui.ui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen(self.MODE.capitalize(), self.PURPOSE, key_lines(self)))


def key_lines(screen: Screen[Any]) -> list[tuple[str, str]]:
    """The keys that do something on a screen, from the bindings themselves: its own first, then those of every screen."""
    own: dict[str, str] = {}
    general: dict[str, str] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if not (binding.description and binding.id and active.enabled) or binding.id.startswith("mode."):
            continue
        lines = (
            own
            if active.node is screen
            and binding.id not in ("help", "settings.open")
            and not binding.id.startswith("split.")
            else general
        )
        lines.setdefault(screen.app.get_key_display(binding), binding.tooltip or binding.description)
    general[f"1–{len(MODES)}"] = ", ".join(mode.capitalize() for mode in MODES)
    return [*own.items(), *sorted(general.items(), key=lambda line: (len(line[0]) > 1, line[0]))]
