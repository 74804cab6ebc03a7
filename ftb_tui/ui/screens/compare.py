"""Two models on the same questions: the 2x2 of who was right, the test, and the questions of each cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from ftb_tui.report.columns import shared_room
from ftb_tui.report.compared import CALLED, SAYS, conclusion, difference_words, shares
from ftb_tui.report.fact_sheet import taught
from ftb_tui.report.numbers import score
from ftb_tui.report.plain import one_line, readable, shortened
from ftb_tui.report.tables import model_label
from ftb_tui.store.comparing import ComparedAnswer, Comparison, compare, compared_answers
from ftb_tui.store.results import ResultRow
from ftb_tui.ui.acting import acting
from ftb_tui.ui.away import kept
from ftb_tui.ui.screens.opened import OpenedScreen
from ftb_tui.ui.widgets.detail import Detail
from ftb_tui.ui.widgets.splitter import Splitter
from ftb_tui.ui.widgets.table import Table

if TYPE_CHECKING:
    import aiosqlite

    from ftb_tui.report.sheets import Sheet

GRID = (("both", "before"), ("after", "neither"))
"""Which cell stands where: rows by the one before (right, wrong), columns by the one after (right, wrong)."""
MARKS = {"both": "✓✓", "after": "↑", "before": "↓", "neither": "✗✗"}
GLYPHS = {"correct": "✓", "wrong": "✗", "abstained": "–"}
PAGE = 200

MOST = 200
"""So many characters of a text are listed at most."""
LEAST = (14, 20, 20, 18)
"""Gold, what A and B said and the question have at least so many columns, as far as they need them."""


class _Listed(Vertical):
    """What holds the list; it says when it has got more room or less."""

    class Resized(Message):
        """It has another size now."""

    def on_resize(self) -> None:
        """Say so."""
        self.post_message(self.Resized())


class CompareScreen(OpenedScreen):
    """A is the model of the score from which this was opened, B the other one."""

    NAME = "Two models"
    PURPOSE = (
        "Two models on the questions that both answered: how often each was right where the other was not, whether that "
        "can be chance (exact McNemar, or of repeated answers the sign test over facts), and the questions themselves with "
        "both answers."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "enter", "Questions", id="compare.enter", tooltip="The cell's questions; both answers in full",
                priority=True),
        Binding("o", "other", "Other", id="compare.other", tooltip="Compare with another model"),
        Binding("t", "task", "Task", id="compare.task", tooltip="The next task that both were asked"),
        Binding("x", "swap", "Swap", id="compare.swap", tooltip="Exchange A and B"),
        Binding("e", "export", "Export", id="compare.export",
                tooltip="Write the comparison and all questions of the cell to a file"),
        Binding("y", "copy", "Copy", id="compare.copy", tooltip="Copy the comparison and the listed questions"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    CompareScreen #figures { height: auto; padding: 0 1; }
    CompareScreen #list { height: 1fr; border-top: hkey $panel; }
    CompareScreen #panes { height: 1fr; }
    CompareScreen #detail { height: 1fr; padding: 0 1; }
    CompareScreen #answer { height: auto; }
    CompareScreen.-wide #list { width: 60%; }
    CompareScreen.-wide #detail { width: 1fr; }
    CompareScreen.-narrow #panes { layout: vertical; }
    """

    def __init__(
        self, after: ResultRow, before: ResultRow, rows: Sequence[ResultRow], times: Mapping[int, str] | None = None
    ) -> None:
        """`times` says when evaluations (by key) ended, where that tells two of one model apart."""
        super().__init__()
        self._after, self._before, self._rows = after, before, rows
        self._times = times or {}
        self._cell = ""
        self._found: Comparison | None = None
        self._listed: dict[str, ComparedAnswer] = {}
        self._lines: dict[str, tuple[str, ...]] = {}
        """What stands in the list of each of them where there is room for it."""
        self._needs = [0] * len(LEAST)
        """How wide the columns of the list would have to be for all of that."""
        self._widths: list[int] = []
        """Of the columns of the list that is shown; none where it is to be laid out anew."""

    def body(self) -> Iterable[Widget]:
        """Figures, the 2x2, the questions, the answers."""
        yield Static("", id="figures", markup=False)
        yield Table(id="grid", cursor="cell")
        with Horizontal(id="panes"):
            with _Listed(id="list"):
                yield Table(id="questions")
            yield Splitter(id="beside-detail", pane="list")
            with Detail(id="detail"):
                yield Static("", id="answer", markup=False)

    async def on_mount(self) -> None:
        """Compare; begin at what was fixed, else at what was broken, or at the fullest cell."""
        await self._compare()
        self.query_one("#grid").focus()

    async def _compare(self) -> None:
        db = self.ftb.db
        if db is None:
            return
        after, before = self._after, self._before
        self.head(f"Two models · {one_line(after.dataset, 30)} · {after.task} · by {one_line(after.grader, 20)}")
        found = await compare(
            db, after=after.evaluation_key, before=before.evaluation_key, task=after.task, grader=after.grader
        )
        if (self._after, self._before) != (after, before):
            # Two others were chosen meanwhile, and are compared.
            return
        self._found = found
        self.query_one("#figures", Static).update(Content("\n".join(self._facts(found))))
        counts = {"both": found.both, "after": found.after, "before": found.before, "neither": found.neither}
        lines: list[tuple[str, tuple[str | Text, ...]]] = [
            (name, (name, *(Text(f"{counts[cell]:>5} {MARKS[cell]} {SAYS[cell]}") for cell in cells)))
            for name, cells in zip(("B right", "B wrong"), GRID, strict=True)
        ]
        grid = self.query_one("#grid", Table)
        grid.show(("", "A right", "A wrong"), lines, right=frozenset())
        if not self._cell or not counts[self._cell]:
            flipped = [cell for cell in ("after", "before") if counts[cell]]
            self._cell = flipped[0] if flipped else max(counts, key=lambda cell: counts[cell])
        row = 0 if self._cell in GRID[0] else 1
        grid.move_cursor(row=row, column=1 + GRID[row].index(self._cell))
        await self._list()

    def _facts(self, found: Comparison) -> list[str]:
        wide = 80 if self.has_class("-wide") else 50
        lines = [
            f"{name}  {one_line(model_label(row), wide)}{self._time(row)}  {score(share)} ({right}/{found.n})"
            for row, (name, right, share) in zip((self._after, self._before), shares(found), strict=True)
        ]
        return [*lines, *([f"A − B  {difference_words(found)}"] if found.n else []), conclusion(found)]

    def _time(self, row: ResultRow) -> str:
        time = self._times.get(row.evaluation_key)
        return f", {time}" if time else ""

    async def _list(self, *, more: bool = False) -> None:
        db = self.ftb.db
        if db is None:
            return
        asked = (self._after, self._before, self._cell, self._listed)
        last = list(self._listed.values())[-1] if more and self._listed else None
        page = await compared_answers(
            db, after=self._after.evaluation_key, before=self._before.evaluation_key, task=self._after.task,
            grader=self._after.grader, cell=self._cell, limit=PAGE,
            past=(last.position, last.repeat) if last is not None else (-1, -1),
        )  # fmt: skip
        if (self._after, self._before, self._cell) != asked[:3] or (more and self._listed is not asked[3]):
            # Other questions are wanted by now, or these were read already.
            return
        if not more:
            self._listed, self._lines, self._needs, self._widths = {}, {}, [0] * len(LEAST), []
        fresh = {f"{row.question_key}.{row.repeat}": row for row in page}
        lines = {key: _cells(row) for key, row in fresh.items()}
        self._listed, self._lines = {**self._listed, **fresh}, {**self._lines, **lines}
        for line in lines.values():
            self._needs = [*map(max, self._needs, map(cell_len, line))]
        self._fill_questions(list(fresh))
        if not more and self._listed:
            self.query_one("#questions", Table).move_cursor(row=0)
        self._fill_answer()

    @on(_Listed.Resized)
    def _other_room(self) -> None:
        self._fill_questions([])

    def _fill_questions(self, fresh: Sequence[str]) -> None:
        """The listed questions, in as much room as there is: what was said is cut no shorter than what was asked.

        `fresh` are not in the list yet; the others are laid out again only where columns get wider or narrower.
        """
        table = self.query_one("#questions", Table)
        # A column has a space on either side; the scroll bar stands behind the last.
        widths = shared_room(table.container_size.width - 2 * len(LEAST) - 1, self._needs, LEAST)
        same = widths == self._widths
        lines = [
            (key, tuple(one_line(text, width) for text, width in zip(self._lines[key], widths, strict=True)))
            for key in (fresh if same else self._lines)
        ]
        if same:
            table.put(lines)
            return
        self._widths = widths
        table.show(("gold", "A said", "B said", "question"), lines, right=frozenset())
        table.fit()

    def _chosen(self) -> ComparedAnswer | None:
        return self._listed.get(self.query_one("#questions", Table).chosen or "") if self._listed else None

    def _fill_answer(self) -> None:
        row = self._chosen()
        if row is None:
            text = Content(f"No question here ({SAYS.get(self._cell, '')}). Move to another cell of the table.")
        else:
            text, (after, before) = Content(""), _said(row)
            for title, said in (
                ("Asked", row.question), ("Taught", taught(row.fact)), ("Gold", row.gold),
                (f"A {GLYPHS.get(row.after_grade, '?')} {row.after_grade}", after), ("", row.after_reason),
                (f"B {GLYPHS.get(row.before_grade, '?')} {row.before_grade}", before), ("", row.before_reason),
            ):  # fmt: skip
                head = f"{title}: " if title else "   "
                text += Content.styled(head, "bold") + Content(f"{shortened(said, 1500, 20)}\n")
        self.query_one("#answer", Static).update(text)

    @on(Table.CellHighlighted, "#grid")
    async def _other_cell(self) -> None:
        # Where the cursor is now: the events of filling the table come after it was placed.
        grid = self.query_one("#grid", Table)
        row, column = grid.cursor_coordinate
        if column == 0:
            grid.move_cursor(row=row, column=1)
            return
        if (cell := GRID[row][column - 1]) != self._cell:
            self._cell = cell
            await self._list()

    @on(Table.RowHighlighted, "#questions")
    async def _other_question(self, event: Table.RowHighlighted) -> None:
        if event.cursor_row >= len(self._listed) - 1 and len(self._listed) % PAGE == 0 and self._listed:
            await self._list(more=True)
        self._fill_answer()

    def action_enter(self) -> None:
        """From the 2x2 to the questions; from a question to both answers in full."""
        if self.focused is not self.query_one("#questions"):
            if self._listed:
                self.query_one("#questions").focus()
            else:
                self.notify(f"No question here: {SAYS.get(self._cell, '')}.", markup=False)
        elif (row := self._chosen()) is not None:
            from ftb_tui.ui.screens.text import TextScreen

            after, before = _said(row)
            parts = (
                ("asked", row.question), ("gold", row.gold), ("A said", after), ("why", row.after_reason),
                ("B said", before), ("why", row.before_reason),
            )  # fmt: skip
            self.app.push_screen(
                TextScreen(row.question_id, "\n\n".join(f"--- {name}\n{part}" for name, part in parts))
            )

    def action_back(self) -> None:
        """From the answers to the questions, from these to the 2x2, from there to the results."""
        if self.focused is self.query_one(Detail):
            self.query_one("#questions").focus()
        elif self.focused is self.query_one("#questions"):
            self.query_one("#grid").focus()
        else:
            self.dismiss()

    @acting
    async def action_other(self) -> None:
        """Choose another model for B."""
        from ftb_tui.ui.screens.choose import ChooseScreen

        others = self._candidates()
        if not others:
            self.notify("No other model has answered this task.", markup=False)
            return
        texts = [f"{one_line(model_label(row), 50)}   {score(row.score)} ({row.correct}/{row.n})" for row in others]
        keys = [row.model_key for row in others]
        at = keys.index(self._before.model_key) if self._before.model_key in keys else 0
        chosen = await self.app.push_screen_wait(ChooseScreen("Compare A with", texts, at=at))
        if chosen is not None:
            self._before = others[chosen]
            await self._compare()

    def _candidates(self) -> list[ResultRow]:
        mine = self._after
        return [
            row for row in self._rows
            if (row.dataset_id, row.task) == (mine.dataset_id, mine.task) and row.model_key != mine.model_key and row.n
        ]  # fmt: skip

    async def action_task(self) -> None:
        """The next task of the two models."""
        pairs = {
            task: pair
            for task in dict.fromkeys(row.task for row in self._rows)
            if (pair := (self._row_of(self._after, task), self._row_of(self._before, task))) and all(pair)
        }
        tasks = list(pairs)
        if len(tasks) < 2:
            self.notify("Both models have answered this task only.", markup=False)
            return
        after, before = pairs[tasks[(tasks.index(self._after.task) + 1) % len(tasks)]]
        assert after is not None and before is not None
        self._after, self._before = after, before
        await self._compare()

    def _row_of(self, model: ResultRow, task: str) -> ResultRow | None:
        place = (model.dataset_id, model.model_key, task)
        rows = [row for row in self._rows if (row.dataset_id, row.model_key, row.task) == place and row.n]
        same = (row for row in rows if row.evaluation_key == model.evaluation_key)
        return next(same, next(iter(rows), None))

    async def action_swap(self) -> None:
        """Exchange A and B."""
        self._after, self._before = self._before, self._after
        self._cell = {"after": "before", "before": "after"}.get(self._cell, self._cell)
        await self._compare()

    def action_export(self) -> None:
        """Write the figures, and all questions of the cell with both answers, to a file that is asked for."""
        if self._found is None:
            return
        from ftb_tui.report.compared import comparison_sheet
        from ftb_tui.ui.screens.sheet_export import ask_for_file

        after, before, cell = self._after, self._before, self._cell

        async def read(db: aiosqlite.Connection) -> Sheet:
            found = await compare(
                db, after=after.evaluation_key, before=before.evaluation_key, task=after.task, grader=after.grader
            )
            questions = await compared_answers(
                db, after=after.evaluation_key, before=before.evaluation_key, task=after.task, grader=after.grader,
                cell=cell, limit=-1,
            )  # fmt: skip
            return comparison_sheet(after, before, found, cell, questions)

        ask_for_file(
            self.app, f"the comparison and every question that is {SAYS[cell]}", "question",
            f"compare {after.dataset} {after.task} {CALLED[cell]}", lambda: kept(read),
        )  # fmt: skip

    def action_copy(self) -> None:
        """Copy the figures and the listed questions, tab-separated."""
        if self._found is None:
            return
        head = "question_id\tgold\tA said\tB said\tquestion"
        lines = [
            "\t".join(one_line(part, 2000) for part in (row.question_id, row.gold, row.after, row.before, row.question))
            for row in self._listed.values()
        ]
        self.app.copy_to_clipboard("\n".join((*self._facts(self._found), "", SAYS[self._cell], head, *lines)))
        self.notify(f"The comparison and {len(lines)} questions were copied.", markup=False)


def _cells(row: ComparedAnswer) -> tuple[str, str, str, str]:
    """Gold, what A and what B said, and the question, each on one line."""
    after, before = _said(row)
    return (
        one_line(row.gold, MOST), f"{GLYPHS.get(row.after_grade, '?')} {one_line(after, MOST)}",
        f"{GLYPHS.get(row.before_grade, '?')} {one_line(before, MOST)}", one_line(row.question, MOST),
    )  # fmt: skip


def _said(row: ComparedAnswer) -> tuple[str, str]:
    """What A and what B said, fit to be read."""
    return readable(row.after, row.after_reason), readable(row.before, row.before_reason)
