"""One line below a table or a log in which a filter is typed, and which stays while one is in force."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from ftb_tui.ui.widgets.narrowing import TermSuggester
from ftb_tui.ui.widgets.said import say

ROOMY = 100
"""So wide a window also says, beside a filter that is kept, how to clear it."""


class Narrowed(Protocol):
    """What can be narrowed down."""

    def narrow(self, text: str) -> str:
        """Show only what fits; gives how much that is, such as `3 of 12`."""
        ...

    def words(self, column: str) -> Sequence[str]:
        """Names of columns for an empty text; else what stands in that column."""
        ...

    def fault(self, text: str) -> str:
        """What is wrong with a filter, in a sentence; empty where nothing is."""
        ...


class FilterBar(Vertical):
    """Enter goes back to what is narrowed and keeps the filter; escape takes it away."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Clear", id="filter.clear"),
        Binding("down", "done", "Down", show=False, id="filter.down"),
    ]
    DEFAULT_CSS = """
    FilterBar { height: auto; background: $panel; }
    FilterBar #filter-line { height: 1; }
    FilterBar #filter-slash { width: 3; color: $text-muted; }
    FilterBar #filter-text { width: 1fr; background: $panel; border: none; height: 1; padding: 0; }
    FilterBar #filter-count { width: auto; padding: 0 1; color: $text-muted; }
    FilterBar #filter-fault { height: auto; padding: 0 1 0 3; color: $text-warning; display: none; }
    """

    def __init__(self, narrowed: Widget, text: str = "") -> None:
        """`narrowed` is a widget that is `Narrowed` as well."""
        super().__init__()
        self._narrowed, self._begun = narrowed, text

    @property
    def _target(self) -> Narrowed:
        return self._narrowed  # type: ignore[return-value]

    def compose(self) -> ComposeResult:
        """A slash, the field, how much is shown; below it what is wrong."""
        with Horizontal(id="filter-line"):
            yield Static(" / ", id="filter-slash")
            yield Input(
                self._begun,
                placeholder='words, "exact words", -word, column:word · enter keeps · escape clears',
                compact=True,
                id="filter-text",
                suggester=TermSuggester(self._target.words),
                select_on_focus=False,
            )
            yield Static("", id="filter-count", markup=False)
        yield Static("", id="filter-fault", markup=False)

    def on_mount(self) -> None:
        """What was in force is in force."""
        self.say(self._target.narrow(self._begun))

    def say(self, count: str) -> None:
        """Show how much is shown, and what is wrong with what was typed."""
        told = f"{count} · escape clears" if count and self.app.size.width >= ROOMY else count
        say(self.query_one("#filter-count", Static), Content(told))
        fault = self._target.fault(self.query_one(Input).value)
        say(below := self.query_one("#filter-fault", Static), Content(fault))
        below.display = bool(fault)

    def begin(self) -> None:
        """Type."""
        self.query_one(Input).focus()

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.say(self._target.narrow(event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_done()

    def action_done(self) -> None:
        """Back to what is narrowed; without words there is nothing to keep."""
        self._narrowed.focus()
        if not self.query_one(Input).value.strip():
            self.action_leave()

    def action_leave(self) -> None:
        """Show everything again."""
        self._target.narrow("")
        self._narrowed.focus()
        self.remove()


def bars_of(narrowed: Widget) -> list[FilterBar]:
    """The filter's line of what is narrowed, where it has one."""
    assert narrowed.parent is not None
    return [bar for bar in narrowed.parent.children if isinstance(bar, FilterBar)]


def open_bar(narrowed: Widget, text: str = "", *, begin: bool = True) -> None:
    """Show the filter's line below what is narrowed, there already or new with this text; `begin` to type in it."""
    bar = next(iter(bars_of(narrowed)), None) or FilterBar(narrowed, text)
    if not bar.is_attached:
        narrowed.screen.mount(bar, after=narrowed)
    if begin:
        narrowed.call_after_refresh(bar.begin)
