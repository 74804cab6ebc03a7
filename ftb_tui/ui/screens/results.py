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
from textual.widget import Widget
from textual.widgets import Static

from ftb_tui.benchmark.graders import DEFAULT_GRADER, GRADERS
from ftb_tui.report.matrix import Block, adjusted_p, blocks, cell_text, tasks_of
from ftb_tui.report.numbers import interval, p_value, score
from ftb_tui.report.plain import one_line
from ftb_tui.report.reading import reading
from ftb_tui.report.tables import model_label, results_text, short_label
from ftb_tui.store.results import ResultRow, results
from ftb_tui.ui.screens.mode import ModeScreen
from ftb_tui.ui.widgets.table import Table

EMPTY = "No result yet. Press b for the quick benchmark: about a minute, no key needed."
LEGEND = "Change from the base beside each score; * is sure (exact McNemar, Holm-adjusted over the table, p < .05)."


NO_CHANGE = "\N{NO-BREAK SPACE}" * 6
"""As wide as a change and its mark: right justification strips ordinary spaces."""


class ResultsScreen(ModeScreen):
    """A cell is a score; below it stands what it means."""

    MODE = "results"
    PURPOSE = (
        "What each model knows: the share of right answers by task, its 95% interval where there is room, and the "
        "difference from its base. Enter on a score opens the answers behind it."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Answers", id="results.open", tooltip="The answers behind this score", priority=True),
        Binding("r", "grader", "Grader", id="results.grader", tooltip="Score by the next grader"),
        Binding("s", "sort", "Sort", id="results.sort", tooltip="Sort the models by this task; again to undo"),
        Binding("e", "export", "Export", id="results.export", tooltip="Write the table as CSV, JSON and HTML here"),
        Binding("y", "copy", "Copy", id="results.copy", tooltip="Copy the table as Markdown"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[ResultRow] = []
        self._blocks: list[Block] = []
        self._tasks: tuple[str, ...] = ()
        self._sort: str | None = None
        self._grader = DEFAULT_GRADER
        self._graders: list[str] = [DEFAULT_GRADER]

    def body(self) -> Iterable[Widget]:
        """The matrix and the reading."""
        yield Static(Content(EMPTY), id="empty")
        yield Table(id="results", cursor="cell")
        with VerticalScroll(id="detail", can_focus=False):
            yield Static("", id="cell", markup=False)
            yield Static("", id="reading", markup=False)

    async def fill(self) -> None:
        """Scores by the chosen grader."""
        if self.ftb.db is None:
            return
        every = await results(self.ftb.db, grader=None)
        self._graders = [name for name in GRADERS if any(row.grader == name for row in every)] or [DEFAULT_GRADER]
        if self._grader not in self._graders:
            self._grader = self._graders[-1]
        self._rows = [row for row in every if row.grader == self._grader]
        self.query_one("#empty").display = not self._rows
        self.query_one("#results").display = bool(self._rows)
        self.query_one("#detail").display = bool(self._rows)
        self._tasks = tasks_of(self._rows)
        self._blocks = blocks(self._rows, sort_task=self._sort)
        self._show_table()
        self._fill_cell()
        by_default = [row for row in every if row.grader == DEFAULT_GRADER]
        self.query_one("#reading", Static).update(Content("\n".join((*reading(by_default), LEGEND))))

    def _show_table(self) -> None:
        adjusted = adjusted_p(self._rows)
        lines: list[tuple[str, tuple[str | Text, ...]]] = []
        first_score = 0
        for block in self._blocks:
            blank = ("",) * len(self._tasks)
            lines.append((block.dataset_id, (Text(one_line(block.dataset, 40), style="bold"), *blank)))
            for model in block.models:
                label = model_label(model) if self.has_class("-wide") else short_label(model)
                name = Text("  " + one_line(label, 40), style="bold" if model.kind == "tuned" else "")
                cells = []
                for task in self._tasks:
                    place = (block.dataset_id, model.model_key, task)
                    cells.append(self._cell(block.cells.get((model.model_key, task)), adjusted.get(place)))
                lines.append((_key(block, model), (name, *cells)))
                first_score = len(lines) - 1
        table = self.query_one("#results", Table)
        first = table.row_count == 0
        title = f"model, by {self._grader}"
        columns = (title, *(f"{task} ↓" if task == self._sort else task for task in self._tasks))
        table.show(columns, lines, right=frozenset(columns[1:]))
        table.fixed_columns = 1
        if first and lines:
            table.move_cursor(row=first_score, column=1)
        if self.focused is None and self._rows:
            table.focus()

    def _cell(self, row: ResultRow | None, adjusted: float | None) -> Text:
        parts = cell_text(row, adjusted)
        text = Text(parts.score, style="" if row is not None else "dim")
        if parts.interval and self.has_class("-wide"):
            text.append(f"  {parts.interval}", style="dim")
        if parts.difference:
            change = parts.difference.replace(" ", NO_CHANGE[0])
            text.append(f" {change}", style={1: "green", -1: "red"}.get(parts.direction, "dim"))
        elif self._has_difference(row):
            text.append(NO_CHANGE)
        if parts.progress:
            text.append(f" {parts.progress}", style="dim")
        return text

    def _has_difference(self, row: ResultRow | None) -> bool:
        """Whether another cell of the column shows a difference, so that scores stay below each other."""
        return row is not None and any(other.task == row.task and other.difference is not None for other in self._rows)

    def _chosen(self) -> ResultRow | None:
        table = self.query_one("#results", Table)
        column = table.cursor_column - 1
        if not 0 <= column < len(self._tasks):
            return None
        for block in self._blocks:
            for model in block.models:
                if _key(block, model) == table.chosen:
                    return block.cells.get((model.model_key, self._tasks[column]))
        return None

    @on(Table.CellHighlighted)
    def _other_cell(self) -> None:
        self._fill_cell()

    def _fill_cell(self) -> None:
        row = self._chosen()
        text = "Move to a score to see what it is made of.\n"
        if row is not None:
            text = f"{one_line(model_label(row))}, {row.task}: {row.correct} of {row.n} right, 95% {interval(row.low, row.high)}"
            text += f", {row.abstained} abstained" if row.abstained else ""
            text += f", {row.failed} failed" if row.failed else ""
            if row.fixed is not None:
                adjusted = adjusted_p(self._rows).get((row.dataset_id, row.model_key, row.task))
                text += (
                    f"\nAgainst its base ({score(row.base_score)} on the same questions): {row.fixed} fixed, "
                    f"{row.broken} broken, exact McNemar p {p_value(row.p_value)}, Holm-adjusted {p_value(adjusted)}"
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

    async def action_grader(self) -> None:
        """Score by the next grader that has graded anything."""
        at = self._graders.index(self._grader)
        self._grader = self._graders[(at + 1) % len(self._graders)]
        await self.fill()

    async def action_sort(self) -> None:
        """Sort by the column of the cursor; again to undo."""
        column = self.query_one("#results", Table).cursor_column - 1
        task = self._tasks[column] if 0 <= column < len(self._tasks) else None
        self._sort = None if self._sort == task else task
        await self.fill()

    def on_resize(self) -> None:
        """Intervals stand in the cells where there is room."""
        self.ftb.ask_for_refresh()

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


def _key(block: Block, model: ResultRow) -> str:
    return f"{block.dataset_id}|{model.model_key}"
