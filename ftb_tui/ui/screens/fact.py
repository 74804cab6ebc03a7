"""One fact through all its tasks: every question that rests on it, and what every model said."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from ftb_tui.report.plain import one_line, shortened
from ftb_tui.store.drilldown import FactAnswer, fact_answers
from ftb_tui.ui.screens.answer_detail import GLYPHS
from ftb_tui.ui.screens.mode import key_lines
from ftb_tui.ui.widgets.detail import Detail
from ftb_tui.ui.widgets.keys import Keys
from ftb_tui.ui.widgets.marked import marked
from ftb_tui.ui.widgets.splitter import Splitter
from ftb_tui.ui.widgets.table import Table

if TYPE_CHECKING:
    from ftb_tui.ui.app import FtbApp


class FactScreen(Screen[None]):
    """Opened from an answer; escape goes back to it."""

    PURPOSE = "One fact through all its tasks: where it holds, and where it is lost. Each line is one model's answer."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Back", id="fact.back", tooltip="Back to the answers"),
        Binding("question_mark", "help", "Help", id="help", tooltip="Purpose and keys of this screen"),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]
    DEFAULT_CSS = """
    FactScreen #taught { height: auto; max-height: 4; padding: 0 1; }
    FactScreen #detail { height: 9; padding: 0 1; }
    """

    def __init__(self, dataset_id: str, fact_id: str, fact: str, grader: str) -> None:
        super().__init__()
        self._dataset_id, self._fact_id, self._fact, self._grader = dataset_id, fact_id, fact, grader
        self._rows: list[FactAnswer] = []

    def compose(self) -> ComposeResult:
        """Heading, fact, the answers, the chosen one whole."""
        yield Static(Content(f" Fact {one_line(self._fact_id, 60)}"), id="heading")
        yield Static(Content(f"Taught: {shortened(self._fact, 600)}"), id="taught")
        yield Table(id="answers")
        yield Splitter(id="above-detail", pane="answers")
        with Detail(id="detail"):
            yield Static("", id="answer", markup=False)
        yield Keys()

    async def on_mount(self) -> None:
        """Read the answers."""
        from ftb_tui.ui.app import FtbApp

        assert isinstance(self.app, FtbApp)
        await self._read(self.app)
        self.query_one("#answers").focus()

    async def _read(self, app: FtbApp) -> None:
        if app.db is None:
            return
        self._rows = await fact_answers(app.db, self._dataset_id, self._fact_id, grader=self._grader)
        lines = [
            (
                str(place),
                (
                    GLYPHS.get(row.grade, "?"),
                    row.task,
                    f"epoch {row.epoch}" if row.kind == "checkpoint" and row.epoch else row.kind,
                    one_line(row.gold, 16),
                    one_line(row.answer if row.answer is not None else row.reason, 40),
                    one_line(row.model, 50),
                ),
            )
            for place, row in enumerate(self._rows)
        ]
        columns = ("", "task", "model", "gold", "said", "name")
        self.query_one("#answers", Table).show(columns, lines, right=frozenset())

    @on(Table.RowHighlighted)
    def _chosen(self, event: Table.RowHighlighted) -> None:
        if not 0 <= event.cursor_row < len(self._rows):
            return
        row = self._rows[event.cursor_row]
        said = Content("(no answer)") if row.answer is None else marked(shortened(row.answer), shortened(row.gold))
        content = Content(f"Asked: {shortened(row.question)}\nGold: {shortened(row.gold)}\nSaid: ") + said
        self.query_one("#answer", Static).update(content + Content(f"\n{row.grade}: {shortened(row.reason)}"))

    def action_help(self) -> None:
        """Show purpose and keys."""
        from ftb_tui.ui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen("Fact", self.PURPOSE, key_lines(self)))
