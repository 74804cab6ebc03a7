"""Mode 4: models x tasks; enter on a cell opens the answers behind it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from ftb_tui.benchmark.graders import DEFAULT_GRADER
from ftb_tui.benchmark.model import YES_NO_TASKS
from ftb_tui.benchmark.statistics import TrivialBaselines
from ftb_tui.report.matrix import Block, Place, adjusted_p, blocks, tasks_of
from ftb_tui.report.numbers import counted
from ftb_tui.report.plain import one_line
from ftb_tui.report.tables import model_label, results_text, short_label
from ftb_tui.store.baselines import asked_baselines
from ftb_tui.store.curves import unasked_checkpoints
from ftb_tui.store.results import ResultRow, results
from ftb_tui.ui.acting import acting
from ftb_tui.ui.screens import result_filter as narrowing
from ftb_tui.ui.screens import result_told as told
from ftb_tui.ui.screens.mode import ModeScreen
from ftb_tui.ui.screens.result_cells import Drawn, drawn_cell, shades_of
from ftb_tui.ui.screens.result_layout import INDENT, layout
from ftb_tui.ui.widgets.detail import Detail
from ftb_tui.ui.widgets.filter_bar import FilterBar
from ftb_tui.ui.widgets.said import say
from ftb_tui.ui.widgets.splitter import Splitter
from ftb_tui.ui.widgets.table import Table

EMPTY = "No result yet. Press b for the quick benchmark: about a minute, no key needed."
MOVE = "Move to a score to see what it is made of; enter opens its answers."

SENTENCES = 40
"""At most so many lines are laid out below the table at every look; a hundred models would have six hundred."""


class ResultsScreen(ModeScreen):
    """A cell is a score; below it stands what it means."""

    MODE = "results"
    PURPOSE = (
        "What each model knows: the share of right answers by task, its 95% interval where there is room, and the "
        "difference from its base. Enter on a score opens the answers behind it."
    )
    NEEDS_ROWS = frozenset(
        {"open", "grader", "sort", "compare", "learning", "regrade", "judge", "averages", "export", "history", "copy",
         "whole"}
    )  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Answers", id="results.open", tooltip="The answers behind this score", priority=True),
        Binding("r", "grader", "Grader", id="results.grader", tooltip="The scores as the next way of grading has them"),
        Binding("s", "sort", "Sort", show=False, id="results.sort",
                tooltip="Sort the models by this task; again to undo"),
        Binding("c", "compare", "Compare", id="results.compare",
                tooltip="This model against another, question by question"),
        Binding("l", "learning", "Curve", id="results.learning",
                tooltip="Scores by epoch of the job behind this model"),
        Binding("u", "regrade", "Regrade", show=False, id="results.regrade",
                tooltip="Grade stored answers by the graders of today; nobody is asked again"),
        Binding("J", "judge", "Judge", show=False, id="results.judge",
                tooltip="Have a model judge the answers, or measure one"),
        Binding("K", "known", "Known before", show=False, id="results.known",
                tooltip="Scores over facts the base held before"),
        Binding("a", "averages", "Averages", id="results.averages",
                tooltip="Averages over families, and the generalization gap"),
        Binding("p", "paper", "Paper", id="results.paper", tooltip="The paper's figures beside ours"),
        Binding("e", "export", "Export", id="results.export", tooltip="Write a report, the tables and every answer"),
        Binding("h", "history", "History", id="results.history", tooltip="What changed since you were here last"),
        Binding("y", "copy", "Copy", show=False, id="results.copy", tooltip="Copy the table as Markdown"),
        Binding("space", "whole", "Whole", show=False, id="results.whole", tooltip="All that is said below the table"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[ResultRow] = []
        self._shown: list[ResultRow] = []
        self._adjusted: dict[Place, float] = {}
        self._unasked: dict[tuple[int, str], int] = {}
        self._filter = ""
        self._blocks: list[Block] = []
        self._tasks: tuple[str, ...] = ()
        self._sort: str | None = None
        self._grader = DEFAULT_GRADER
        self._graders: list[str] = [DEFAULT_GRADER]
        self._drawn: dict[Place, Drawn] = {}
        self._cell_said = ""
        self._reading = ""
        self._baselines: dict[tuple[int, str], TrivialBaselines | None] = {}
        self._last_visit: float | None = None

    def body(self) -> Iterable[Widget]:
        """The matrix and the reading."""
        yield Static(Content(EMPTY), id="empty")
        table = Table(id="results", cursor="cell")
        table.narrower = self
        # The room beside the rows stays the same, however many there are, so that whole columns fit into it.
        table.styles.scrollbar_gutter = "stable"
        yield table
        yield Splitter(id="above-detail", pane="results")
        with Detail(id="detail"):
            yield Static("", id="cell", markup=False)
            yield Static("", id="reading", markup=False)

    def memory(self) -> dict[str, object]:
        """When the results were there to be seen."""
        return {"seen": self.ftb.now()}

    def recall(self, memory: dict[str, object]) -> None:
        """The last visit, which `history` begins from, is that of the time before."""
        seen = memory.get("seen")
        self._last_visit = float(seen) if isinstance(seen, int | float) and not isinstance(seen, bool) else None

    async def fill(self) -> None:
        """Scores by the chosen grader."""
        if self.ftb.db is None:
            return
        every = await results(self.ftb.db, grader=None)
        self._graders = told.graders_of(every)
        if self._grader not in self._graders:
            self._grader = DEFAULT_GRADER if DEFAULT_GRADER in self._graders else self._graders[0]
        self._rows = [row for row in every if row.grader == self._grader]
        self._adjusted = adjusted_p(self._rows)
        self._unasked = await unasked_checkpoints(self.ftb.db, every)
        self.say_empty(not self._rows)
        for part in ("#results", "#above-detail", "#detail"):
            self.query_one(part).display = bool(self._rows)
        self._show()
        await self._fill_cell()
        for bar in self.query(FilterBar):
            bar.say(self._how_many())

    def _show(self) -> None:
        """The table and what its figures say: of the models and tasks that the filter leaves."""
        self._shown = narrowing.narrowed(self._rows, self._filter)
        self._tasks = tasks_of(self._shown)
        self._blocks = blocks(self._shown, sort_task=self._sort)
        said, legend = told.figures_say(
            self._shown, self._rows, self._adjusted, self._grader, changes=self._show_table()
        )
        self._reading = "\n".join(line.plain for line in (*said, legend))
        more = [Content(f"Space shows {counted(len(said) - SENTENCES, 'more line')}.")] if len(said) > SENTENCES else []
        say(self.query_one("#reading", Static), Content("\n").join((*said[:SENTENCES], *more, legend)))

    def narrow(self, text: str) -> str:
        """Show only what fits; gives how much that is."""
        self._filter = text
        self._show()
        self.call_later(self._fill_cell)
        return self._how_many()

    def _how_many(self) -> str:
        return narrowing.how_many(self._shown, self._rows) if self._filter.strip() else ""

    def words(self, column: str) -> Sequence[str]:
        """What a filter can be completed with."""
        return narrowing.words(self._rows, column)

    def fault(self, text: str) -> str:
        """What is wrong with a filter."""
        return narrowing.fault(self._rows, text) if self._rows else ""

    def _show_table(self) -> bool:
        """Whether the changes from the base had room in it."""
        room = layout(
            self._blocks, self._tasks, sort=self._sort, grader=one_line(self._grader, 30), width=self.size.width - 1,
            shades=shades_of(self.app.theme_variables),
        )  # fmt: skip
        lines: list[tuple[str, tuple[str | Text, ...]]] = []
        tuned = 0
        for block in self._blocks:
            blank = ("",) * len(self._tasks)
            lines.append((block.dataset_id, (Text(room.name(one_line(block.dataset)), style="bold"), *blank)))
            for model in block.models:
                label = one_line(model_label(model) if room.long_names else short_label(model))
                name = Text(room.name(f"{INDENT}{label}"), style="bold" if model.kind == "tuned" else "")
                cells = []
                for task in self._tasks:
                    place = (block.dataset_id, model.model_key, task)
                    row = block.cells.get((model.model_key, task))
                    cells.append(drawn_cell(self._drawn, place, row, self._adjusted.get(place), room.look))
                lines.append((_key(block, model), (name, *cells)))
                tuned = tuned or (len(lines) - 1 if model.kind == "tuned" else 0)
        table = self.query_one("#results", Table)
        first = table.row_count == 0 and not table.is_recalled
        table.scroll_step = room.step
        table.show(room.headings, lines, right=frozenset())
        table.fixed_columns = 1
        if first and lines and self._tasks:
            table.move_cursor(row=tuned or 1, column=1)
        if self.focused is None and self._rows:
            table.focus()
        return room.look.change > 0

    def _place(self) -> tuple[Block, ResultRow, str] | None:
        """Block, model and task under the cursor, whether there is a score or not."""
        table = self.query_one("#results", Table)
        column = table.cursor_column - 1
        if not 0 <= column < len(self._tasks):
            return None
        for block in self._blocks:
            for model in block.models:
                if _key(block, model) == table.chosen:
                    return block, model, self._tasks[column]
        return None

    def _chosen(self) -> ResultRow | None:
        place = self._place()
        return None if place is None else place[0].cells.get((place[1].model_key, place[2]))

    @on(Table.CellHighlighted)
    async def _other_cell(self) -> None:
        await self._fill_cell()

    async def _fill_cell(self) -> None:
        place, row = self._place(), self._chosen()
        found = None if row is None else await self._baselines_of(row)
        if self._place() != place:
            # The cursor went on, or the scores did, while the store was asked: whoever was later tells it.
            return
        lines = [MOVE] if self._shown else ["No model fits the filter; escape shows all again."]
        if row is not None:
            lines = told.score_lines(row, self._rows, self._adjusted)
            if found is not None:
                lines.append(told.baseline_sentence(row, found))
        elif place is not None:
            lines = [told.nothing_sentence(*place[1:])]
        if place is not None and (count := self._unasked.get((place[1].model_key, place[1].dataset_id))):
            lines.append(told.checkpoint_sentence(count))
        self._cell_said = "\n".join(lines)
        say(self.query_one("#cell", Static), Content(f"{self._cell_said}\n"))

    async def _baselines_of(self, row: ResultRow) -> TrivialBaselines | None:
        if row.task not in YES_NO_TASKS or self.ftb.db is None:
            return None
        place = (row.evaluation_key, row.task)
        if place not in self._baselines:
            self._baselines[place] = await asked_baselines(self.ftb.db, *place)
        return self._baselines[place]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enter in the filter's line is the filter's."""
        if action == "open" and isinstance(self.focused, Input):
            return False
        return super().check_action(action, parameters)

    def action_open(self) -> None:
        """The answers behind the score under the cursor."""
        row, place = self._chosen(), self._place()
        if row is None:
            self.notify(MOVE if place is None else told.nothing_sentence(*place[1:]), markup=False)
            return
        from ftb_tui.ui.screens.answers import AnswersScreen

        self.app.push_screen(AnswersScreen(row))

    async def action_grader(self) -> None:
        """Score by the next grader that has graded anything."""
        at = self._graders.index(self._grader)
        self._grader = self._graders[(at + 1) % len(self._graders)]
        await self.fill()

    def action_compare(self) -> None:
        """The model under the cursor against its base, or another one."""
        from ftb_tui.report.compared import partner
        from ftb_tui.ui.screens.compare import CompareScreen

        row = self._chosen()
        if row is None or not row.n:
            self.notify("Move to a score first: its model is compared with another.", markup=False)
            return
        tuned = next(
            (o for o in self._rows if o.n and (o.dataset_id, o.task, o.provider, o.base_model)
             == (row.dataset_id, row.task, row.provider, row.model) and o.kind == "tuned"), None,
        ) if row.kind == "base" else None  # fmt: skip
        after, before = (tuned, row) if tuned is not None else (row, partner(row, self._rows))
        if before is None:
            self.notify("No other model has answered this task; there is nothing to compare with.", markup=False)
            return
        self.app.push_screen(CompareScreen(after, before, self._rows))

    @acting
    async def action_learning(self) -> None:
        """The learning curve of the job behind the model under the cursor."""
        from ftb_tui.store.curves import job_of_result
        from ftb_tui.ui.screens.learning import LearningScreen

        row = self._chosen()
        if row is None or self.ftb.db is None:
            self.notify("Move to a score first: its model's job has the curve.", markup=False)
            return
        job_key = await job_of_result(self.ftb.db, row)
        if job_key is None:
            self.notify("This model was not trained here, so there is no curve.", markup=False)
            return
        self.app.push_screen(LearningScreen(job_key, row.dataset_id, row.dataset, self._grader))

    @acting
    async def action_judge(self) -> None:
        """Have a model judge stored answers, or measure it against people's verdicts."""
        from ftb_tui.ui.screens.judge import judge_from

        row = self._chosen()
        await judge_from(self.ftb, row.dataset if row is not None else "")

    @acting
    async def action_known(self) -> None:
        """Scores over the facts that the base held before they were changed."""
        from ftb_tui.ui.screens.known import show_known

        row = self._chosen()
        await show_known(self.ftb, row.dataset_id if row is not None else None, self._grader)

    def action_regrade(self) -> None:
        """Grade every stored answer again, in the background; it tells when it is done."""
        if self.ftb._supervisor is None:
            self.notify("Nothing can be graded: this app runs without its background.", severity="error", markup=False)
            return
        self.ftb.supervisor.regrade()
        self.notify("Grading the stored answers again…", markup=False)

    def action_averages(self) -> None:
        """Averages over families, and the gap between what was memorized and what generalizes."""
        from ftb_tui.ui.screens.averages import AveragesScreen

        self.app.push_screen(AveragesScreen(self._grader))

    def action_paper(self) -> None:
        """The paper's figures beside ours."""
        from ftb_tui.ui.screens.paper import PaperScreen

        self.app.push_screen(PaperScreen(self._grader))

    def action_history(self) -> None:
        """What changed since the last visit."""
        from ftb_tui.ui.screens.history import HistoryScreen

        self.app.push_screen(HistoryScreen(self._grader, self._last_visit, self._rows))

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
        """Ask where to, then write the report, the tables and every answer."""
        from ftb_tui.ui.screens.export import ExportScreen

        if not self._rows:
            self.notify("There is no result to export yet.", markup=False)
            return
        self.app.push_screen(ExportScreen(self._grader, self.ftb.now()))

    def action_whole(self) -> None:
        """What stands below the table, whole."""
        from ftb_tui.ui.screens.text import TextScreen

        self.app.push_screen(TextScreen("What the figures say", f"{self._cell_said}\n\n{self._reading}"))

    def action_copy(self) -> None:
        """Copy what is shown of the table as Markdown."""
        self.app.copy_to_clipboard(results_text(self._shown, "markdown", among=self._rows))
        self.notify("The table was copied as Markdown.", markup=False)


def _key(block: Block, model: ResultRow) -> str:
    return f"{block.dataset_id}|{model.model_key}"
