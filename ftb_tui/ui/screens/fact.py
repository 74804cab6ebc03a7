"""One fact through all its tasks: every question that rests on it, and what every model said."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from ftb_tui.report.fact_sheet import fact_sheet, taught
from ftb_tui.report.plain import one_line, readable, shortened
from ftb_tui.report.tables import model_label, short_label
from ftb_tui.store.drilldown import FactAnswer, fact_answers
from ftb_tui.ui.screens.answer_detail import GLYPHS, NO_ANSWER, shown_answer
from ftb_tui.ui.screens.mode import key_lines
from ftb_tui.ui.widgets.cells import Cell, Valued
from ftb_tui.ui.widgets.detail import Detail
from ftb_tui.ui.widgets.keys import Keys
from ftb_tui.ui.widgets.splitter import Splitter
from ftb_tui.ui.widgets.table import Table

if TYPE_CHECKING:
    from ftb_tui.ui.app import FtbApp


class FactScreen(Screen[None]):
    """Opened from an answer; escape goes back to it."""

    PURPOSE = "One fact through all its tasks: where it holds, and where it is lost. Each line is one model's answer."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Back", id="fact.back", tooltip="Back to the answers"),
        Binding("e", "export", "Export", id="fact.export", tooltip="Write these answers to a file"),
        Binding("question_mark", "help", "Help", id="help", tooltip="Purpose and keys of this screen"),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]
    DEFAULT_CSS = """
    FactScreen #taught { height: auto; max-height: 4; padding: 0 1; }
    FactScreen #detail { height: 9; padding: 0 1; }
    FactScreen.-short #detail { height: 4; }
    """

    def __init__(self, dataset_id: str, fact_id: str, fact: str, grader: str) -> None:
        super().__init__()
        self._dataset_id, self._fact_id, self._fact, self._grader = dataset_id, fact_id, fact, grader
        self._rows: dict[str, FactAnswer] = {}

    def compose(self) -> ComposeResult:
        """Heading, fact, the answers, the chosen one whole."""
        yield Static(Content(f" Fact {one_line(self._fact_id, 60)}"), id="heading")
        yield Static(Content(f"Taught: {shortened(taught(self._fact), 600)}"), id="taught")
        yield Table(id="answers", tools=True)
        yield Splitter(id="above-detail", pane="answers")
        with Detail(id="detail"):
            yield Static("", id="answer", markup=False)
        yield Keys(more=True)

    async def on_mount(self) -> None:
        """Read the answers."""
        from ftb_tui.ui.app import FtbApp

        assert isinstance(self.app, FtbApp)
        await self._read(self.app)
        self.query_one("#answers").focus()

    async def _read(self, app: FtbApp) -> None:
        if app.db is None:
            return
        found = await fact_answers(app.db, self._dataset_id, self._fact_id, grader=self._grader)
        self._rows = {str(row.response_key): row for row in found}
        table = self.query_one("#answers", Table)
        table.tell = lambda key: _whole(self._rows[key])
        columns = ("", "task", "model", "gold", "said", "name")
        table.show(columns, [(key, _line(row)) for key, row in self._rows.items()], right=frozenset())

    @on(Table.RowHighlighted)
    def _chosen(self) -> None:
        row = self._rows.get(self.query_one("#answers", Table).chosen or "")
        if row is None:
            return
        content = Content(f"Asked: {shortened(row.question)}\nGold: {shortened(row.gold)}\n")
        content += Content(f"{one_line(model_label(row), 100)}: ") + shown_answer(row.answer, row.gold)
        self.query_one("#answer", Static).update(content + Content(f"\n{row.grade}: {shortened(row.reason)}"))

    def action_export(self) -> None:
        """Write the listed answers to a file that a person names."""
        from ftb_tui.ui.screens.sheet_export import ask_for_file

        listed = [self._rows[key] for key in self.query_one("#answers", Table).shown_keys]
        if not listed:
            self.notify("There is no answer to write.", markup=False)
            return
        name, fact = f"fact {self._fact_id}", self._fact
        ask_for_file(self.app, "the answers that are listed", "answer", name, lambda: fact_sheet(name, fact, listed))

    def action_help(self) -> None:
        """Show purpose and keys."""
        from ftb_tui.ui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen("Fact", self.PURPOSE, key_lines(self)))


def _line(row: FactAnswer) -> tuple[Cell, ...]:
    said = readable(row.answer, row.reason)
    # What is cut is found by a filter all the same.
    return (
        Valued(GLYPHS.get(row.grade, "?"), row.grade),
        row.task,
        one_line(model_label(row) if row.kind == "base" else short_label(row), 26),
        Valued(one_line(row.gold, 16), row.gold.casefold()),
        Valued(one_line(said, 40), said.casefold()),
        one_line(model_label(row), 60),
    )


def _whole(row: FactAnswer) -> str:
    said = (
        (f"asked, {row.task}", row.question),
        ("gold", row.gold),
        (model_label(row), readable(row.answer, NO_ANSWER)),
        ("grade", f"{row.grade}: {row.reason}"),
    )
    return "\n\n".join(f"--- {name}\n{text}" for name, text in said)
