"""What is wrong with a dataset, seen before money is spent on it; and the rows behind each finding."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from ftb_tui.benchmark.audit import Finding, Severity, audit, tally
from ftb_tui.benchmark.load import DatasetError
from ftb_tui.benchmark.model import Dataset, Fact, Question
from ftb_tui.report.plain import json_text, one_line, shortened, visible
from ftb_tui.store.datasets import load_dataset
from ftb_tui.ui.acting import telling
from ftb_tui.ui.away import away
from ftb_tui.ui.screens.opened import OpenedScreen
from ftb_tui.ui.widgets.detail import Detail
from ftb_tui.ui.widgets.splitter import Splitter
from ftb_tui.ui.widgets.table import Table

if TYPE_CHECKING:
    import aiosqlite

GLYPHS: Mapping[Severity, tuple[str, str]] = {
    Severity.ERROR: ("✗ error", "bold #cc6666"),
    Severity.WARNING: ("▲ warning", "#d0a85c"),
    Severity.NOTE: ("· note", "dim"),
}
NOTHING = (
    "Nothing was found: no question is asked twice with different golds, none leaks into another task, every gold is "
    "there. That is what the checks can see; whether the facts are true they cannot."
)
ORDERS = ("severity", "rows", "check")
_SHOWN_ROWS = 12


async def audited(dataset_id: str, db: aiosqlite.Connection) -> tuple[Dataset, tuple[Finding, ...]]:
    """The dataset and everything that the checks find in it."""
    dataset = await load_dataset(db, dataset_id)
    return dataset, audit(dataset)


class AuditScreen(OpenedScreen):
    """Opened from a dataset; a row is a finding, enter shows the questions that it is about."""

    NAME = "Audit"
    PURPOSE = (
        "What is wrong with this dataset. Errors make scores on these rows wrong, warnings may mislead, notes are to be "
        "known when a score is read; each finding says what to do. Enter shows its questions."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "sort", "Sort", id="audit.sort", tooltip="By severity, by rows, by name of the check"),
        Binding("e", "export", "Export", id="audit.export", tooltip="Write all findings with all row ids as JSON"),
        Binding("space", "whole", "Whole text", show=False, id="audit.whole", tooltip="The finding with every row id"),
        Binding("y", "copy", "Copy", show=False, id="audit.copy", tooltip="Copy the finding with every row id"),
    ]
    DEFAULT_CSS = """
    AuditScreen #findings { width: 56%; }
    AuditScreen #detail { width: 1fr; padding: 0 2; }
    AuditScreen #finding { height: auto; }
    AuditScreen.-narrow #panes { layout: vertical; }
    AuditScreen.-narrow #findings { width: 1fr; height: 1fr; }
    AuditScreen.-narrow #detail { width: 1fr; height: 1fr; padding: 0 1; }
    """

    def __init__(self, dataset_id: str, name: str) -> None:
        super().__init__()
        self._dataset_id, self._named = dataset_id, name
        self._dataset: Dataset | None = None
        self._findings: tuple[Finding, ...] = ()
        self._order = ORDERS[0]

    def body(self) -> Iterable[Widget]:
        """The findings, and the chosen one in full."""
        with Horizontal(id="panes"):
            yield Table(id="findings")
            yield Splitter(id="beside-detail", pane="findings")
            with Detail(id="detail"):
                yield Static("", id="finding", markup=False)

    def on_mount(self) -> None:
        """Begin the checks."""
        self.head(f"Audit of {one_line(self._named, 50)}: checking…")
        self.query_one("#findings").focus()
        self._check()

    @work
    @telling
    async def _check(self) -> None:
        try:
            dataset, self._findings = await away(functools.partial(audited, self._dataset_id))
        except DatasetError as error:
            self.head(f"Audit of {one_line(self._named, 50)}")
            self.query_one("#finding", Static).update(Content(visible(str(error))))
            return
        self._dataset = dataset
        counts = tally(self._findings)
        found = ", ".join(f"{count} {severity}{'' if count == 1 else 's'}" for severity, count in counts.items())
        self.head(f"Audit of {one_line(self._named, 50)} · {found} · {len(dataset.questions)} questions")
        self._fill()

    def _sorted(self) -> list[Finding]:
        if self._order == "rows":
            return sorted(self._findings, key=lambda finding: -len(finding.question_ids))
        if self._order == "check":
            return sorted(self._findings, key=lambda finding: finding.check)
        return list(self._findings)

    def _fill(self) -> None:
        rows: list[tuple[str, tuple[str | Text, ...]]] = [
            (
                str(self._findings.index(finding)),
                (
                    Text(*GLYPHS[finding.severity]),
                    finding.check,
                    str(finding.count),
                    str(len(finding.question_ids)),
                    finding.task or "",
                ),
            )
            for finding in self._sorted()
        ]
        columns = ("severity", "check", "count", "rows", "task")
        self.query_one("#findings", Table).show(columns, rows, right=frozenset({"count", "rows"}))
        self._fill_finding()

    def _chosen(self) -> Finding | None:
        place = self.query_one("#findings", Table).chosen
        return None if place is None else self._findings[int(place)]

    @on(Table.RowHighlighted)
    def _other_finding(self) -> None:
        self._fill_finding()

    def _fill_finding(self) -> None:
        finding = self._chosen()
        nothing = NOTHING if self._dataset is not None else ""
        text = nothing if finding is None else _told(finding, _SHOWN_ROWS)
        self.query_one("#finding", Static).update(Content(text))
        self.query_one("#detail").scroll_home(animate=False)

    @on(Table.RowSelected)
    def _into_rows(self) -> None:
        finding, dataset = self._chosen(), self._dataset
        if finding is None or dataset is None:
            return
        if not finding.question_ids:
            self.notify("This finding is about the dataset as a whole, not about single questions.", markup=False)
            return
        self.app.push_screen(RowsScreen(dataset, finding))

    def action_sort(self) -> None:
        """Sort by the next order."""
        self._order = ORDERS[(ORDERS.index(self._order) + 1) % len(ORDERS)]
        self._fill()
        self.notify(f"Sorted by {self._order}.", markup=False)

    def action_whole(self) -> None:
        """The finding with every row id."""
        from ftb_tui.ui.screens.text import TextScreen

        if (finding := self._chosen()) is not None:
            self.app.push_screen(TextScreen(finding.check, _told(finding, None)))

    def action_copy(self) -> None:
        """Copy the finding with every row id."""
        if (finding := self._chosen()) is not None:
            self.app.copy_to_clipboard("\t".join((finding.check, finding.message, *finding.question_ids)))
            self.notify("Copied.", markup=False)

    def action_export(self) -> None:
        """Write the findings as JSON."""
        from ftb_tui.ui.screens.ask import Asked, AskScreen
        from ftb_tui.work.files import file_name, new_file, write_whole

        dataset, findings = self._dataset, self._findings
        if dataset is None:
            return

        def write(said: Mapping[str, str]) -> str:
            path = new_file(said["path"])
            entries = [{"dataset": dataset.name, **asdict(finding)} for finding in findings]
            write_whole(path, json_text(entries).encode() + b"\n")
            return f"{len(findings)} findings are in {path}."

        asked = [Asked("path", "File", f"{file_name(dataset.name)}-audit.json")]
        text = f"Write {len(findings)} findings with all their row ids as JSON"
        self.app.push_screen(AskScreen(text, asked, write))


def _rows(count: int) -> str:
    return f"{count} row{'' if count == 1 else 's'}"


def _told(finding: Finding, rows: int | None) -> str:
    shown = finding.question_ids[:rows]
    more = len(finding.question_ids) - len(shown)
    lines = [
        f"{GLYPHS[finding.severity][0]}: {finding.check}, {finding.count}",
        "",
        shortened(finding.message),
        "",
        f"What to do: {finding.advice}",
    ]
    if shown:
        lines += ["", f"{_rows(len(finding.question_ids))}, whose questions enter shows:"]
        lines += [f"  {one_line(question_id, 90)}" for question_id in shown]
    return "\n".join(lines) + (f"\n  and {more} more" if more else "")


class RowsScreen(OpenedScreen):
    """The questions that a finding is about; the chosen one with its prompt and fact below."""

    NAME = "Rows of a finding"
    PURPOSE = (
        "The questions that a finding is about, in the order in which the check names them: what belongs together "
        "stands together. Below is the chosen one as it is asked, with its gold and its fact."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "whole", "Whole text", id="rows.whole", tooltip="The prompt as it is sent, gold and fact"),
        Binding("y", "copy", "Copy", id="rows.copy", tooltip="Copy the rows as tab-separated text"),
    ]
    DEFAULT_CSS = """
    RowsScreen #about { height: auto; max-height: 5; padding: 0 1; color: $text-muted; }
    RowsScreen #detail { height: 12; padding: 0 1; }
    RowsScreen.-narrow #detail { height: 8; }
    RowsScreen #row { height: auto; }
    """

    def __init__(self, dataset: Dataset, finding: Finding) -> None:
        super().__init__()
        self._finding = finding
        wanted = set(finding.question_ids)
        known = {question.question_id: question for question in dataset.questions if question.question_id in wanted}
        self._questions: Sequence[Question] = [known[one] for one in finding.question_ids if one in known]
        self._facts: Mapping[str, Fact] = {fact.fact_id: fact for fact in dataset.facts}

    def body(self) -> Iterable[Widget]:
        """The message, the questions, the chosen one."""
        yield Static(Content(shortened(self._finding.message, 600)), id="about")
        yield Table(id="rows")
        yield Splitter(id="above-detail", pane="rows")
        with Detail(id="detail"):
            yield Static("", id="row", markup=False)

    def on_mount(self) -> None:
        """Show the questions."""
        self.head(f"{GLYPHS[self._finding.severity][0]}: {self._finding.check} · {_rows(len(self._questions))}")
        rows = [
            (str(place), (q.task, one_line(q.answer, 16), one_line(q.question, 120), one_line(q.question_id, 40)))
            for place, q in enumerate(self._questions)
        ]
        table = self.query_one("#rows", Table)
        table.show(("task", "gold", "question", "id"), rows, right=frozenset())
        table.focus()

    def _chosen(self) -> Question | None:
        place = self.query_one("#rows", Table).chosen
        return None if place is None else self._questions[int(place)]

    @on(Table.RowHighlighted)
    def _other_row(self) -> None:
        if (question := self._chosen()) is not None:
            self.query_one("#row", Static).update(Content(shortened(self._whole(question), 2000)))

    def _whole(self, question: Question) -> str:
        lines = [
            f"id      {question.question_id}",
            f"gold    {question.answer}",
            f"asks    {question.question.strip()}",
        ]
        for fact_id in (question.fact_id, question.other_fact_id):
            if fact_id is not None and (fact := self._facts.get(fact_id)) is not None:
                lines.append(f"fact    {fact.text or fact.context}")
        if question.answer_before:
            lines.append(f"before  {question.answer_before}")
        if question.prompt != question.question:
            lines.append(f"prompt  {question.prompt.strip()}")
        return "\n".join(lines)

    @on(Table.RowSelected)
    def _entered(self) -> None:
        self.action_whole()

    def action_whole(self) -> None:
        """The prompt as it is sent, gold and fact."""
        from ftb_tui.ui.screens.text import TextScreen

        if (question := self._chosen()) is not None:
            self.app.push_screen(TextScreen(question.question_id, self._whole(question)))

    def action_copy(self) -> None:
        """Copy the rows as tab-separated text."""
        lines = ["id\ttask\tgold\tquestion"]
        lines += [
            "\t".join(" ".join(value.split()) for value in (q.question_id, q.task, q.answer, q.question))
            for q in self._questions
        ]
        self.app.copy_to_clipboard("\n".join(lines))
        self.notify(f"{_rows(len(self._questions))} copied.", markup=False)
