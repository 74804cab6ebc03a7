"""A folder with a report that stands alone, its tables in every format, and every answer behind its figures."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import aiosqlite

from ftb_tui.report.collect import Report
from ftb_tui.report.html_report import html_report
from ftb_tui.report.tables import for_spreadsheet, results_text
from ftb_tui.store.exports import COLUMNS, exported_answers

PAGE, CSV, LINES = "report.html", "answers.csv", "answers.jsonl"
TABLES = {"results.csv": "csv", "results.json": "json", "results.md": "markdown", "results.tex": "latex"}
FILES = (PAGE, *TABLES, CSV, LINES)
_PARTIAL = ".part"


def already_there(directory: Path) -> list[str]:
    """The files in a folder that `write_bundle` would replace. Raises `NotADirectoryError` when it is none."""
    if directory.exists() and not directory.is_dir():
        raise NotADirectoryError(f"{directory} is a file, not a folder.")
    return [name for name in FILES if (directory / name).exists()]


async def write_bundle(
    db: aiosqlite.Connection, directory: Path, report: Report, *, dataset_id: str | None = None
) -> list[Path]:
    """Write all of `FILES`; they appear together at the end, so that a failure leaves what was there before.

    CSV and JSON hold every grader's figures, the others those of the report's grader. answers.csv is for
    spreadsheets (control characters are shown, formulas are text), answers.jsonl has every answer unchanged.
    Raises `OSError`.
    """
    _make(directory)
    texts = {PAGE: html_report(report)}
    for name, style in TABLES.items():
        texts[name] = results_text(report.every if style in ("csv", "json") else report.rows, style)
    try:
        for name, text in texts.items():
            (directory / f"{name}{_PARTIAL}").write_text(text, encoding="utf-8", newline="")
        await _write_answers(db, directory, sorted({row.grader for row in report.every}), dataset_id)
        for name in FILES:
            (directory / f"{name}{_PARTIAL}").replace(directory / name)
    finally:
        for name in FILES:
            (directory / f"{name}{_PARTIAL}").unlink(missing_ok=True)
    return [directory / name for name in FILES]


def write_page(file: Path, report: Report) -> None:
    """Write the page alone, whole or not at all. Raises `OSError`."""
    partial = file.with_name(f"{file.name}{_PARTIAL}")
    _make(file.parent)
    try:
        partial.write_text(html_report(report), encoding="utf-8")
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def _make(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)


async def _write_answers(
    db: aiosqlite.Connection, directory: Path, graders: Sequence[str], dataset_id: str | None
) -> None:
    extra = [f"{grader}{end}" for grader in graders for end in ("", "_version", "_machine")]
    with ExitStack() as stack:
        # A dozen open-write calls in a thread that does nothing else.
        lines = stack.enter_context((directory / f"{LINES}{_PARTIAL}").open("w", encoding="utf-8"))
        table = stack.enter_context((directory / f"{CSV}{_PARTIAL}").open("w", encoding="utf-8", newline=""))
        writer = csv.writer(table)
        writer.writerow((*COLUMNS, *extra))
        async for page in exported_answers(db, dataset_id=dataset_id):
            for answer in page:
                lines.write(json.dumps(answer) + "\n")
                grades = answer["grades"]
                assert isinstance(grades, dict)
                verdicts: list[object] = []
                for grader in graders:
                    grade = grades.get(grader, {})
                    verdicts += [grade.get("verdict", ""), grade.get("version", ""), grade.get("machine_verdict", "")]
                writer.writerow([for_spreadsheet(value) for value in (*(answer[name] for name in COLUMNS), *verdicts)])
