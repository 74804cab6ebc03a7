"""What changed since last time, opened from the results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from ftb_tui.report.certainty import direction
from ftb_tui.report.changes import (
    NOTHING_EVALUATED,
    before_words,
    change_object,
    difference_words,
    judged_lines,
    moment,
    since_words,
    verdict,
)
from ftb_tui.report.numbers import interval, p_value, score, signed_interval
from ftb_tui.report.plain import one_line
from ftb_tui.report.tables import model_label, short_label
from ftb_tui.store.history import History, ScoreChange
from ftb_tui.ui.acting import acting, telling
from ftb_tui.ui.away import away
from ftb_tui.ui.screens.opened import OpenedScreen
from ftb_tui.ui.widgets.detail import Detail
from ftb_tui.ui.widgets.splitter import Splitter
from ftb_tui.ui.widgets.table import Table

if TYPE_CHECKING:
    import aiosqlite

    from ftb_tui.store.results import ResultRow

DAY = 86_400.0
JUDGED = 4
"""So many sentences about verdicts given anew are shown; more would hide the scores."""
READING = "Still reading what changed."
EXPLAINED = (
    "Before is what the same model scored the last time on the same dataset and task; the difference and the exact test "
    "are over the questions that both evaluations answered. p is not adjusted for the number of rows."
)


class HistoryScreen(OpenedScreen):
    """A row is a score; rows of one evaluation stand below its heading, the newest evaluation first."""

    NAME = "What changed"
    PURPOSE = (
        "The evaluations that finished since you were here last, each score beside what the same model had before, and "
        "what people overruled or was graded anew. Enter shows the questions that were fixed or broken."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Questions", id="history.open", tooltip="The questions behind this change",
                priority=True),
        Binding("w", "when", "Since when", id="history.when", tooltip="Look further back, or less far"),
        Binding("e", "export", "Export", id="history.export", tooltip="Write all changes to a file"),
        Binding("y", "copy", "Copy", id="history.copy", tooltip="Copy all changes as tab-separated text"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    HistoryScreen #none { padding: 1 2; }
    HistoryScreen #history { height: 1fr; }
    HistoryScreen #detail { height: auto; max-height: 50%; padding: 0 1; }
    HistoryScreen #about { height: auto; }
    """

    def __init__(self, grader: str, last_visit: float | None, rows: Sequence[ResultRow]) -> None:
        super().__init__()
        self._grader, self._rows = grader, rows
        self._last_visit = last_visit
        self._spans: list[tuple[str, float | None]] = []
        self._at = 0
        self._found: History | None = None
        self._of: tuple[str, float | None] = ("", None)
        """The span that was found, which need not be the one that is being read."""
        self._changes: dict[str, ScoreChange] = {}

    def body(self) -> Iterable[Widget]:
        """What there is instead of rows, the rows, the detail."""
        yield Static("", id="none", markup=False)
        yield Table(id="history")
        yield Splitter(id="above-detail", pane="history")
        with Detail(id="detail"):
            yield Static("", id="about", markup=False)

    def on_mount(self) -> None:
        """Begin to read."""
        self.query_one("#none").display = False
        self.query_one("#history").focus()
        self._read()

    @work(exclusive=True)
    @telling
    async def _read(self) -> None:
        self.head("What changed: reading…")
        self._found = await away(self._history)
        self._of = self._spans[self._at]
        self._fill(first=True)

    async def _history(self, db: aiosqlite.Connection) -> History:
        from ftb_tui.store.history import history, run_before

        if not self._spans:
            now = self.ftb.now()
            if self._last_visit is not None:
                self._spans.append(("you were here last", self._last_visit))
            if (before := await run_before(db)) is not None:
                self._spans.append(("the run before", before))
            self._spans += [("a day ago", now - DAY), ("a week ago", now - 7 * DAY), ("the beginning", None)]
            if self._last_visit is None and before is None:
                self._at = len(self._spans) - 1
        return await history(db, since=self._spans[self._at][1], grader=self._grader)

    def _fill(self, *, first: bool = False) -> None:
        found = self._found
        if found is None:
            return
        name, since = self._of
        when = f" ({moment(since)})" if since is not None else ""
        self.head(f"What changed since {name}{when} · by {one_line(self._grader, 20)}")
        wide = self.has_class("-wide")
        self._changes = {f"{one.now.evaluation_key}|{one.now.task}": one for one in found.changes}
        lines: list[tuple[str, tuple[str | Text, ...]]] = []
        width = 9 if wide else 7
        for key, change in self._changes.items():
            head = f"evaluation {change.now.evaluation_key}"
            if all(kept != head for kept, _ in lines):
                lines += [
                    (at, (text, *("" for _ in range(width - 1))))
                    for at, text in ((head, self._heading(change)), (f"{head} on", self._dataset(change)))
                ]
            lines.append((key, self._line(change)))
        columns: tuple[str, ...] = ("evaluation", "score", "before", "diff", "fixed", "broken", "p")
        if wide:
            columns = ("evaluation", "score", "95%", "before", "diff", "95% of diff", "fixed", "broken", "p")
        table = self.query_one("#history", Table)
        table.show(columns, lines, right=frozenset({"score", "before", "fixed", "broken", "p"}))
        if first and lines:
            table.move_cursor(row=2)
        table.display = self.query_one(Splitter).display = bool(lines)
        none = self.query_one("#none", Static)
        none.update(Content(self._nothing()))
        none.display = not lines
        self._fill_about()

    def _nothing(self) -> str:
        if self._of == self._spans[-1]:
            return f"{NOTHING_EVALUATED}, or press b on the screen of the results."
        return f"No evaluation has finished since {self._of[0]}. w looks further back."

    def _heading(self, change: ScoreChange) -> Text:
        label = (model_label if self.has_class("-wide") else short_label)(change.now)
        limit = 50 if self.has_class("-wide") else 20
        return Text(f"{moment(change.finished_at)[5:]} {one_line(label, limit)}", style="bold")

    def _dataset(self, change: ScoreChange) -> Text:
        return Text(f" on {one_line(change.now.dataset, 60 if self.has_class('-wide') else 29)}")

    def _line(self, change: ScoreChange) -> tuple[str | Text, ...]:
        now, found = change.now, change.compared
        before = score(change.before.score) if change.before is not None else "first"
        flips: tuple[str | Text, ...] = ("", "", "")
        between = ""
        style = "dim"
        if found is not None and found.n:
            flips = (str(found.after), str(found.before), p_value(found.p_value))
            between = signed_interval(found.low, found.high)
            style = {1: "bold green", -1: "bold red", 0: "dim"}[direction(found)]
        changed = Text(difference_words(change), style=style)
        if not self.has_class("-wide"):
            return (f"  {now.task}", score(now.score), before, changed, *flips)
        inside = Text(interval(now.low, now.high), style="dim")
        return (f"  {now.task}", score(now.score), inside, before, changed, Text(between, style="dim"), *flips)

    def _chosen(self) -> ScoreChange | None:
        return self._changes.get(self.query_one("#history", Table).chosen or "") if self._changes else None

    @on(Table.RowHighlighted)
    def _other_row(self) -> None:
        self._fill_about()

    def _fill_about(self) -> None:
        lines = []
        if (change := self._chosen()) is not None:
            now = change.now
            lines.append(f"{one_line(model_label(now), 80)} on {one_line(now.dataset, 40)}, {now.task}")
            failed = f", {now.failed} failed" if now.failed else ""
            ours = f"{score(now.score)} ({now.correct} of {now.n}{failed}), 95% {interval(now.low, now.high)}"
            lines += [f"{ours}; {before}" if (before := before_words(change)) else ours, f"{verdict(change)}."]
        if self._found is not None and (judged := judged_lines(self._found)):
            more = [f"and {len(judged) - JUDGED} more; y copies all"] if len(judged) > JUDGED else []
            lines += [*([""] if lines else []), *judged[:JUDGED], *more]
        if self.has_class("-wide") or not lines:
            lines += [*([""] if lines else []), EXPLAINED]
        self.query_one("#about", Static).update(Content("\n".join(lines)))

    def on_resize(self) -> None:
        """More columns where there is room."""
        self.call_after_refresh(self._fill)

    def action_when(self) -> None:
        """The next moment to begin from."""
        if self._found is not None:
            self._at = (self._at + 1) % len(self._spans)
            self._read()

    @acting
    async def action_open(self) -> None:
        """The questions that both evaluations answered; the answers alone of a first score."""
        from ftb_tui.store.chosen import chosen_evaluation

        change = self._chosen()
        if change is None or self.ftb.db is None:
            self.notify("Move to a score: it has the questions.", markup=False)
            return
        now = change.now
        if change.before is not None:
            from ftb_tui.ui.screens.compare import CompareScreen

            times = {
                row.evaluation_key: moment(at)
                for one in self._changes.values()
                for row, at in ((one.now, one.finished_at), (one.before, one.before_finished_at))
                if row is not None and at is not None
            }
            rows = [row for one in self._changes.values() for row in (one.now, one.before) if row is not None]
            self.app.push_screen(CompareScreen(now, change.before, [*rows, *self._rows], times=times))
        elif await chosen_evaluation(self.ftb.db, now.model_key, now.dataset_id, now.task) == now.evaluation_key:
            from ftb_tui.ui.screens.answers import AnswersScreen

            self.app.push_screen(AnswersScreen(now))
        else:
            self.notify("Another evaluation of this model counts now; its later score has both.", markup=False)

    def action_export(self) -> None:
        """Write every change, and what was judged anew, to a file that is asked for."""
        if (found := self.there(self._found, READING)) is None:
            return
        if not (found.changes or judged_lines(found)):
            self.notify("There is nothing to write.", markup=False)
            return
        from ftb_tui.report.changes import history_sheet
        from ftb_tui.ui.screens.sheet_export import ask_for_file

        when = since_words(found.since)
        ask_for_file(self.app, f"what changed {when}", "change", f"changes {when}", lambda: history_sheet(found))

    def action_copy(self) -> None:
        """Copy every change with all that is known of it, tab-separated, with a head; then what was judged anew."""
        if (found := self.there(self._found, READING)) is None:
            return
        if not (self._changes or judged_lines(found)):
            self.notify("There is nothing to copy.", markup=False)
            return
        objects = [change_object(change) for change in self._changes.values()]
        lines = ["\t".join(objects[0])] if objects else []
        lines += [
            "\t".join("" if value is None else one_line(str(value), 200) for value in row.values()) for row in objects
        ]
        self.app.copy_to_clipboard("\n".join((*lines, *judged_lines(found))))
        self.notify(f"{len(objects)} changes were copied.", markup=False)
