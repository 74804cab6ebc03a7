"""A job's log: lines that are followed while one stands at the end, and searched as one types."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ftb_tui.ui.widgets.narrowing import Term, matches, terms

if TYPE_CHECKING:
    from ftb_tui.ui.widgets.filter_bar import FilterBar


class EventLog(ScrollView, can_focus=True):
    """Only what is in view is drawn, so that ten thousand lines cost no more than ten. Lines are shown as they are."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", "Down", show=False, id="log.down"),
        Binding("k", "scroll_up", "Up", show=False, id="log.up"),
        Binding("g", "scroll_home", "Top", show=False, id="log.top"),
        Binding("G", "follow", "Follow", id="log.follow", tooltip="Go to the newest line and stay there"),
        Binding("slash", "filter", "Search", id="log.search", tooltip="Only lines with these words"),
        Binding("escape", "unfilter", "All", id="log.unfilter", tooltip="Show every line again"),
        Binding("y", "copy", "Copy", id="log.copy", tooltip="Copy the lines that are shown"),
        Binding("space", "whole", "Whole", show=False, id="log.whole", tooltip="The whole log as text"),
    ]
    DEFAULT_CSS = """
    EventLog { scrollbar-size-horizontal: 1; scrollbar-size-vertical: 1; }
    EventLog:focus { background: $surface; outline-left: outer $primary; }
    """

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._lines: tuple[str, ...] = ()
        self._shown: tuple[str, ...] = ()
        self._terms: tuple[Term, ...] = ()
        self.following = True
        """Whether the newest line stays in view."""

    def show(self, lines: Sequence[str], *, other: bool = False) -> None:
        """Show these lines, each fit for a terminal; `other` begins at the end again, since it is another log."""
        self.following = self.following or other
        if tuple(lines) != self._lines or other:
            self._lines = tuple(lines)
            self._lay_out()

    def _lay_out(self) -> None:
        self._shown = tuple(line for line in self._lines if all(_fits(term, line) for term in self._terms))
        self.virtual_size = Size(max(map(len, self._shown), default=0), len(self._shown))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line that is in view at this height, with the words searched for underlined."""
        left, top = self.scroll_offset
        at = top + y
        style = self.rich_style
        if at >= len(self._shown):
            return Strip.blank(self.size.width, style)
        line = self._shown[at]
        return Strip(_segments(line, self._terms, style)).crop_extend(left, left + self.size.width, style)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Whoever comes to the end goes on with it."""
        super().watch_scroll_y(old_value, new_value)
        if new_value >= self.max_scroll_y:
            self.following = self.following or self.max_scroll_y > 0

    def on_idle(self) -> None:
        """Whatever was laid out meanwhile, whoever follows stands at the end."""
        if self.allow_vertical_scroll and self.scroll_y < self.max_scroll_y:
            self._to_the_end()

    def _to_the_end(self) -> None:
        if self.following:
            self.scroll_end(animate=False, immediate=True)

    def on_mouse_scroll_up(self) -> None:
        """Whoever scrolls up stops following."""
        self.following = False

    def on_scroll_to(self) -> None:
        """So does whoever drags the bar, until it is at the end."""
        self.following = False

    def action_scroll_up(self) -> None:
        """Up, and no longer following."""
        self.following = False
        super().action_scroll_up()

    def action_page_up(self) -> None:
        """A page up, and no longer following."""
        self.following = False
        super().action_page_up()

    def action_scroll_home(self) -> None:
        """To the first line, and no longer following."""
        self.following = False
        super().action_scroll_home()

    def narrow(self, text: str) -> str:
        """Show only the lines that fit; gives how many of how many those are."""
        turned, self._terms = bool(terms(text)) != bool(self._terms), terms(text)
        if turned:
            self.screen.refresh_bindings()
        self._lay_out()
        return f"{len(self._shown)} of {len(self._lines)}" if text.strip() else ""

    def words(self, column: str) -> Sequence[str]:
        """There are no columns to complete."""
        return ()

    def fault(self, text: str) -> str:
        """Nothing is wrong with words."""
        return ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without a filter escape is free for what lies further out."""
        return action != "unfilter" or bool(self._terms)

    def action_filter(self) -> None:
        """Type what to search for, in the line below the log."""
        from ftb_tui.ui.widgets.filter_bar import open_bar

        open_bar(self)

    def action_unfilter(self) -> None:
        """Show every line again."""
        for bar in self._bars():
            bar.action_leave()

    def _bars(self) -> list[FilterBar]:
        from ftb_tui.ui.widgets.filter_bar import bars_of

        return bars_of(self)

    def action_follow(self) -> None:
        """To the newest line."""
        self.following = True
        self.scroll_end(animate=False)

    def action_copy(self) -> None:
        """Copy the lines that are shown."""
        self.app.copy_to_clipboard("\n".join(self._shown))
        self.notify(f"Copied {len(self._shown)} lines.", markup=False)

    def action_whole(self) -> None:
        """Show the lines in full, whatever their length."""
        from ftb_tui.ui.screens.text import TextScreen

        self.app.push_screen(TextScreen("Events", "\n".join(self._shown)))


# What a line begins with, where something is told with the time.
_CLOCK = re.compile(r"\d\d:\d\d:\d\d  ")


def _searched(term: Term, line: str) -> int:
    """Where in a line a term is looked for begins: behind the clock, unless a time may be meant."""
    clock = None if ":" in term.word else _CLOCK.match(line)
    return clock.end() if clock else 0


def _fits(term: Term, line: str) -> bool:
    return matches([term], {"": line[_searched(term, line) :]})


def _segments(line: str, asked: Sequence[Term], style: Style) -> list[Segment]:
    """The line with what was searched for underlined."""
    spans = [span for term in asked if not term.negated for span in term.places(line, _searched(term, line))]
    found, at = [], 0
    for start, end in sorted(spans):
        if start < at:
            continue
        found += [Segment(line[at:start], style), Segment(line[start:end], style + Style(underline=True, bold=True))]
        at = end
    return [*found, Segment(line[at:], style)]
