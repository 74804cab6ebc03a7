"""The whole of a text that a cell has only the beginning of, however long, page by page."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult, SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ftb_tui.report.plain import visible

PAGE = 8000
"""Characters a page: as much as can be laid out without the app being felt to wait."""
LINES = 400


def pages(text: str) -> list[str]:
    """The text cut into pages of at most `PAGE` characters and `LINES` lines; joined they are the text."""
    found, rest = [], text
    while rest:
        page = rest[:PAGE]
        lines = page.splitlines(keepends=True)
        page = "".join(lines[:LINES])
        found.append(page)
        rest = rest[len(page) :]
    return found or [""]


class TextScreen(ModalScreen[None]):
    """Closed by escape or space; n and p turn the pages."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,space,q,enter", "dismiss", "Close", id="text.close"),
        Binding("n", "turn(1)", "Next page", id="text.next"),
        Binding("p", "turn(-1)", "Page before", id="text.previous"),
        Binding("y", "copy", "Copy", id="text.copy"),
        Binding("v", "pager", "Pager", id="text.pager", tooltip="Read it in $PAGER"),
        Binding("E", "editor", "Editor", id="text.editor", tooltip="Open a copy of it in $EDITOR"),
    ]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text, self._pages, self._at = title, text, pages(text), 0

    def compose(self) -> ComposeResult:
        """Title and page, scrolling."""
        with VerticalScroll(classes="dialog"):
            yield Static("", id="page", markup=False)

    def on_mount(self) -> None:
        """Show the first page."""
        self._show()

    def _show(self) -> None:
        many = len(self._pages) > 1
        place = f" · page {self._at + 1} of {len(self._pages)}" if many else ""
        self.query_one("#page", Static).update(
            Content(f"{visible(self._title)}{place}\n\n{visible(self._pages[self._at])}")
        )
        frame = self.query_one(VerticalScroll)
        # In the frame they stay in view, however far the text is scrolled.
        frame.border_subtitle = (
            f"{'n next, p before, ' if many else ''}y copy, v pager, E editor (a copy), escape close"
        )
        frame.scroll_home(animate=False)

    def action_turn(self, pages: int) -> None:
        """Turn the page."""
        self._at = min(max(self._at + pages, 0), len(self._pages) - 1)
        self._show()

    def action_copy(self) -> None:
        """Copy the whole text, as it is."""
        self.app.copy_to_clipboard(self._text)
        self.notify("Copied.", markup=False)

    def action_pager(self) -> None:
        """Read the whole text in $PAGER, made harmless, since a pager may obey what is in it."""
        from ftb_tui.ui.outside import read_in_pager

        self._outside(lambda: read_in_pager(visible(self._text)))

    def action_editor(self) -> None:
        """Open a copy of the text, as it is, in $EDITOR; what is changed there changes nothing here."""
        from ftb_tui.ui.outside import open_in_editor

        self._outside(lambda: open_in_editor(self._text), done="That was a copy, and it is gone: nothing changed here.")

    def _outside(self, run: Callable[[], str], done: str = "") -> None:
        try:
            with self.app.suspend():
                problem = run()
        except SuspendNotSupported:
            problem = "This window cannot be left to another program; y copies the text."
        if problem:
            self.notify(problem, severity="warning", markup=False)
        elif done:
            self.notify(done, markup=False)
