"""The field above a list that the store searches, and below it what nothing in the list can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from ftb_tui.report.plain import shortened
from ftb_tui.ui.widgets.narrowing import TermSuggester
from ftb_tui.ui.widgets.said import say


class SearchField(Vertical):
    """There as long as a search is in force. The screen has the keys, since what they act on is the whole list."""

    DEFAULT_CSS = """
    SearchField { height: auto; }
    SearchField #search { height: 3; }
    SearchField #search-note { display: none; height: auto; padding: 0 1; color: $text-warning; }
    """

    def __init__(self, placeholder: str, words: Callable[[str], Sequence[str]], text: str = "") -> None:
        """`words` as for `TermSuggester`; `text` is what is searched for already."""
        super().__init__()
        self._placeholder, self._words, self._begun = placeholder, words, text

    def compose(self) -> ComposeResult:
        """The field and the note."""
        yield Input(
            self._begun, placeholder=self._placeholder, id="search", suggester=TermSuggester(self._words),
            select_on_focus=False,
        )  # fmt: skip
        yield Static("", id="search-note", markup=False)

    def say(self, note: str) -> None:
        """Tell what is wrong with the search; nothing where nothing is."""
        static = self.query_one("#search-note", Static)
        say(static, Content(shortened(note, 400, 2)))
        static.display = bool(note)

    def begin(self) -> None:
        """Type."""
        self.query_one(Input).focus()
