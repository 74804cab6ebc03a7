"""What an import finds and does, in words and rows; and the storing itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiosqlite
from rich.text import Text

from ftb_tui.benchmark.importing import Imported
from ftb_tui.benchmark.model import Task
from ftb_tui.benchmark.responses import ResponseFile
from ftb_tui.benchmark.tabular import FIELDS
from ftb_tui.report.numbers import counted
from ftb_tui.report.plain import one_line, shortened
from ftb_tui.store.datasets import save_datasets
from ftb_tui.work.import_responses import ColumnReport, import_response_files
from ftb_tui.work.importing import Look

_WORDS = {
    "question_id": "the row's own name",
    "task": "memorization, rephrased, …",
    "prompt": "what a model is sent, word for word",
    "question": "the question without instructions",
    "answer": "the gold",
    "answer_before": "what was true before an update",
    "fact": "the sentence that is taught",
    "fact_id": "joins the questions of one fact",
    "context": "what the fact was taken from",
    "subject": "whom or what it is about",
    "attribute": "which property",
    "template": "questions that are worded alike",
    "original": "the question that this one was made from",
    "rephrased": "a second question, worded otherwise",
    "vignette": "a second question, as a case",
}
FIELD_WORDS: Mapping[str, str] = {"": "it is not used", **{name: _WORDS.get(name, "") for name in FIELDS}}
"""What a column can be, and what that means; the empty one is nothing."""
ASKED = "Are the columns right? Enter on one says what it is."
Rows = list[tuple[str, tuple[str | Text, ...]]]
_EXAMPLES = 3
_ROW_REPORTS = ("model", "task", "matched", "unmatched", "empty", "new", "known", "refused")


def found_said(found: Look) -> str:
    """What a path holds, with notes; three questions of a table as they would be asked."""
    lines = []
    if found.error:
        lines += [on_screen(found.error.partition(" Name it: --map")[0])]
    imported = found.imported
    if imported is not None and found.table is not None:
        [dataset] = imported.datasets
        tasks = ", ".join(f"{sum(q.task is task for q in dataset.questions)} {task}" for task in dataset.tasks)
        lines += [f"A table of your own, taken as {one_line(dataset.name, 60)}: {tasks}. {_tally(found)}"]
        lines += [ASKED, ""]
        lines += [
            f"  {q.task}: {one_line(q.question, 90)}  → {one_line(q.answer, 40)}" for q in dataset.questions[:_EXAMPLES]
        ]
        lines += [""]
    elif imported is not None:
        n = len(imported.datasets)
        lines += [f"{n} dataset{'' if n == 1 else 's'}. {_tally(found)}", ""]
    if imported is not None:
        lines += [f"Note: {on_screen(note)}" for note in imported.notes]
    elif found.table is not None:
        lines += [ASKED]
    return "\n".join(lines)


def on_screen(text: str) -> str:
    """A sentence made harmless, in which a command's options are the fields above."""
    return re.sub(r"--(name|family|task|encoding)\b", lambda found: found[1].capitalize(), shortened(text, 1500))


def _tally(found: Look) -> str:
    """The sum of what the audits find."""
    errors, warnings = (sum(one.get(name, 0) for one in found.tallies.values()) for name in ("error", "warning"))
    if not errors and not warnings:
        return "The audit finds no error and no warning."
    return f"The audit finds {_plural(errors, 'error')} and {_plural(warnings, 'warning')} (a shows them later)."


def _plural(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def column_rows(found: Look, told: Mapping[str, str]) -> tuple[tuple[str, ...], Rows]:
    """Each column with what it is taken for and three examples."""
    assert found.table is not None
    mapping = found.imported.mapping if found.imported is not None else None
    fields = {column: name for name, column in (mapping.columns if mapping is not None else told).items() if column}
    rows: Rows = []
    for place, column in enumerate(found.table.columns):
        name = fields.get(column, "")
        guess = mapping is not None and bool(name) and mapping.is_guess(name)
        examples = [one_line(row.cells.get(column, ""), 30) for row in found.table.rows[:_EXAMPLES]]
        examples += [""] * (_EXAMPLES - len(examples))
        what = Text(f"{name}{' (guessed)' if guess else ''}" if name else "–", style="bold" if name else "dim")
        rows.append((str(place), (one_line(column or "(no name)", 24), what, *examples)))
    return ("column", "is", "row 1", "row 2", "row 3"), rows


def dataset_rows(found: Look) -> tuple[tuple[str, ...], Rows]:
    """Each dataset with its counts and what its audit finds."""
    assert found.imported is not None
    rows: Rows = []
    for dataset in found.imported.datasets:
        tally = found.tallies.get(dataset.dataset_id, {})
        counts = (len(dataset.facts), len(dataset.questions), *(tally.get(n, 0) for n in ("error", "warning", "note")))
        tasks = ", ".join(dataset.tasks)
        rows.append((dataset.dataset_id, (one_line(dataset.name, 40), *map(str, counts), tasks)))
    return ("dataset", "facts", "questions", "errors", "warnings", "notes", "tasks"), rows


def answers_said(file: ResponseFile) -> str:
    """Whose answers a file holds."""
    models = ", ".join(one_line(model, 40) for model in file.models)
    return (
        f"Answers of {_plural(len(file.models), 'model')}, {_plural(len(file.rows), 'row')} each: {models}.\n\n"
        "They are kept word for word as evaluations and graded here; a column of verdicts (Correct, Incorrect) is "
        "refused. Each row is matched with the question that it answers, so say whose questions these are: a dataset, a "
        "family, or finetunebench for all parts of the published benchmark. A base model makes the others its tuned ones."
    )


async def store_datasets(imported: Imported, db: aiosqlite.Connection) -> list[bool]:
    """All of the datasets or none; for each whether it is new."""
    return await save_datasets(db, imported.datasets)


async def store_answers(
    file: Path, dataset: str, task: Task | None, base: str | None, db: aiosqlite.Connection
) -> list[ColumnReport]:
    """All answers of a file that answer a question; what became of each column."""
    return await import_response_files(db, [file], dataset=dataset, task=task, base=base)


def kept_said(imported: Imported, new: Sequence[bool]) -> str:
    """What was stored, and what was here already."""
    if len(new) > 1:
        questions = sum(len(dataset.questions) for dataset in imported.datasets)
        return f"Taken in: {len(new)} datasets, {sum(new)} of them new, with {questions:,} questions."
    parts = [
        f"{one_line(dataset.name, 60)}: {counted(len(dataset.questions), 'question')}{'' if is_new else ' (here already)'}"
        for dataset, is_new in zip(imported.datasets, new, strict=True)
    ]
    return "Taken in: " + "; ".join(parts)


def report_rows(reports: Sequence[ColumnReport]) -> tuple[tuple[str, ...], Rows]:
    """A row for each model and task."""
    rows: Rows = []
    for place, one in enumerate(reports):
        counts = (one.matched, one.unmatched, one.empty, one.added, one.known)
        refused = Text("✗ refused", style="bold") if one.refused else ""
        rows.append((str(place), (one_line(one.model, 40), one.task, *map(str, counts), refused)))
    return _ROW_REPORTS, rows


def reports_said(reports: Sequence[ColumnReport]) -> str:
    """What was taken in, and why what was not."""
    added, known = sum(one.added for one in reports), sum(one.known for one in reports)
    lines = [
        f"{_plural(added, 'answer')} taken in{f', {known} here already' if known else ''}. Mode 4 shows the scores."
    ]
    if not added and not known:
        lines = ["Nothing was taken in."]
    for one in reports:
        if one.refused:
            lines.append(f"Refused {one_line(one.model, 60)}_response: {shortened(one.reason, 400)}.")
        elif one.reason:
            lines.append(f"{one_line(one.model, 60)}, {one.task or 'no task'}: {shortened(one.reason, 400)}")
        if one.gold_differs:
            lines.append(
                f"{one_line(one.model, 60)}, {one.task}: {one.gold_differs} rows have another gold than "
                f"{one_line(one.dataset_id, 60)}, whose gold was graded against."
            )
    return "\n".join(lines)
