"""Mode 4: models x tasks; enter on a cell opens the answers behind it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.coordinate import Coordinate
from textual.widget import Widget
from textual.widgets import Static

from ftb_tui.benchmark.model import Task
from ftb_tui.report.numbers import difference, interval, p_value, score
from ftb_tui.report.reading import reading
from ftb_tui.report.tables import model_label, results_text
from ftb_tui.store.results import ResultRow, results
from ftb_tui.ui.screens.mode import ModeScreen
from ftb_tui.ui.widgets.table import Table

EMPTY = "No result yet. Press b for the quick benchmark: about a minute, no key needed."


class ResultsScreen(ModeScreen):
    """A cell is a score; below it stands what it means."""

    MODE = "results"
    PURPOSE = (
        "What each model knows: the share of right answers by task, and the difference from its base. Enter on a score "
        "opens the answers behind it."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Answers", id="results.open", tooltip="The answers behind this score", priority=True),
        Binding("s", "sort", "Sort", id="results.sort", tooltip="Sort the models by this column"),
        Binding("e", "export", "Export", id="results.export", tooltip="Write results.csv and results.json here"),
        Binding("y", "copy", "Copy", id="results.copy", tooltip="Copy the table as Markdown"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[ResultRow] = []
        self._cells: dict[tuple[str, str], ResultRow] = {}
        self._tasks: list[str] = []
        self._sort: str | None = None

    def body(self) -> Iterable[Widget]:
        """The matrix and the reading."""
        yield Static(Content(EMPTY), id="empty")
        yield Table(id="results", cursor="cell")
        with VerticalScroll(id="detail"):
            yield Static("", id="cell", markup=False)
            yield Static("", id="reading", markup=False)

    async def fill(self) -> None:
        """Scores by the default grader."""
        if self.ftb.db is None:
            return
        self._rows = await results(self.ftb.db)
        self.query_one("#empty").display = not self._rows
        self.query_one("#detail").display = bool(self._rows)
        self._tasks = [str(task) for task in Task if any(row.task == task for row in self._rows)]
        self._cells = {(_key(row), row.task): row for row in self._rows}
        models = {_key(row): row for row in self._rows}
        order = list(models)
        if self._sort is not None:
            sort = self._sort
            order.sort(key=lambda key: -((cell.score or 0) if (cell := self._cells.get((key, sort))) else -1))
        lines: list[tuple[str, tuple[str | Text, ...]]] = []
        for key in order:
            name = Text(model_label(models[key]), style="bold" if models[key].kind == "tuned" else "")
            lines.append((key, (models[key].dataset, name, *(self._cell(key, task) for task in self._tasks))))
        columns = ("dataset", "model", *self._tasks)
        table = self.query_one("#results", Table)
        first = table.row_count == 0
        table.show(columns, lines, right=frozenset(self._tasks))
        if first and lines:
            table.move_cursor(row=len(lines) - 1, column=2)
        if self.focused is None:
            table.focus()
        self._fill_cell()
        text = "\n".join(reading(self._rows))
        self.query_one("#reading", Static).update(Content(text))

    def _cell(self, key: str, task: str) -> Text:
        row = self._cells.get((key, task))
        if row is None:
            return Text("·", style="dim")
        if row.score is None:
            return Text("…", style="dim")
        text = Text(score(row.score))
        if row.difference is not None:
            sure = row.p_value is not None and row.p_value < 0.05
            colour = "green" if row.difference > 0 else "red"
            text.append(f" {difference(row.difference)}", style=colour if sure else "dim")
        if row.n < row.planned:
            text.append(f" {row.n}/{row.planned}", style="dim")
        return text

    def _chosen(self) -> ResultRow | None:
        table = self.query_one("#results", Table)
        column = table.cursor_column - 2
        if not 0 <= column < len(self._tasks) or table.chosen is None:
            return None
        return self._cells.get((table.chosen, self._tasks[column]))

    @on(Table.CellHighlighted)
    def _other_cell(self) -> None:
        self._fill_cell()

    def _fill_cell(self) -> None:
        row = self._chosen()
        text = "Move to a score to see what it is made of.\n"
        if row is not None:
            text = f"{model_label(row)}, {row.task}: {row.correct} of {row.n} right, 95% {interval(row.low, row.high)}"
            text += f", {row.abstained} abstained" if row.abstained else ""
            text += f", {row.failed} failed" if row.failed else ""
            if row.fixed is not None:
                text += (
                    f"\nAgainst its base ({score(row.base_score)} on the same questions): {row.fixed} fixed, "
                    f"{row.broken} broken, exact McNemar p {p_value(row.p_value)}"
                )
            text += "\n"
        self.query_one("#cell", Static).update(Content(text))

    def action_open(self) -> None:
        """The answers behind the score under the cursor."""
        row = self._chosen()
        if row is None:
            self.notify("Move to a score first; the models stand at the left.", markup=False)
            return
        from ftb_tui.ui.screens.answers import AnswersScreen

        self.app.push_screen(AnswersScreen(row))

    async def action_sort(self) -> None:
        """Sort by the column of the cursor; again to undo."""
        row = self._chosen()
        task = row.task if row is not None else None
        self._sort = None if self._sort == task else task
        await self.fill()

    def action_export(self) -> None:
        """Write the table to files in the working directory."""
        written = []
        for style, name in (("csv", "ftb-results.csv"), ("json", "ftb-results.json"), ("html", "ftb-results.html")):
            path = Path.cwd() / name
            try:
                path.write_text(results_text(self._rows, style), encoding="utf-8")
            except OSError as error:
                self.notify(f"{path} cannot be written: {error.strerror}", severity="error", markup=False)
                return
            written.append(name)
        self.notify(f"Written to {Path.cwd()}: {', '.join(written)}", markup=False)

    def action_copy(self) -> None:
        """Copy the table as Markdown."""
        self.app.copy_to_clipboard(results_text(self._rows, "markdown"))
        self.notify("The table was copied as Markdown.", markup=False)

    def choose(self, row: int, column: int) -> None:
        """Put the cursor on a cell."""
        self.query_one("#results", Table).cursor_coordinate = Coordinate(row, column)


def _key(row: ResultRow) -> str:
    return f"{row.dataset_id}|{row.model_key}"
