"""What a screen shows as a file: CSV for spreadsheets, JSON for scripts, Markdown for reading, LaTeX for a paper."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ftb_tui.benchmark.load import DatasetError
from ftb_tui.report.plain import json_text, one_line
from ftb_tui.report.tables import for_markdown, for_spreadsheet, latex_table, markdown_table


@dataclass(frozen=True, slots=True)
class ReadTable:
    """A table as people read it: figures rounded, columns named in `right` set to the right."""

    title: str
    head: Sequence[str]
    lines: Sequence[Sequence[str]]
    right: Collection[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Sheet:
    """The content of a screen, for readers and for programs.

    `said` are sentences above the tables. `rows` are what CSV has, with figures in full: columns are all names that any
    row has, in the order in which they come. `whole` is what JSON has.
    """

    title: str
    said: Sequence[str]
    tables: Sequence[ReadTable]
    rows: Sequence[Mapping[str, object]]
    whole: object
    count: int | None = None
    """How many things that are counted it has, where those are not its rows."""


def sheet_bytes(path: Path, sheet: Sheet) -> bytes:
    """A sheet in the format that the file's ending names. Raises `DatasetError` for another ending."""
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise DatasetError(f"{path.name} has to end in {', '.join(_WRITERS)}.")
    return write(sheet).encode()


def columns_of(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """The names that any of the rows has, each once, in the order in which they come."""
    return list(dict.fromkeys(name for row in rows for name in row))


def _csv(sheet: Sheet) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    columns = columns_of(sheet.rows)
    writer.writerow(columns)
    writer.writerows([_cell(row.get(name)) for name in columns] for row in sheet.rows)
    return out.getvalue()


def _cell(value: object) -> object:
    """Text made harmless, several texts with commas between them, nothing as nothing."""
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value))
    return "" if value is None else for_spreadsheet(value)


def _json(sheet: Sheet) -> str:
    return json_text(sheet.whole) + "\n"


def _markdown(sheet: Sheet) -> str:
    parts = [f"# {_text(sheet.title)}\n", *(f"\n{_text(sentence)}\n" for sentence in sheet.said)]
    for table in sheet.tables:
        parts += [f"\n## {_text(table.title)}\n\n", markdown_table(table.head, table.lines, right=table.right)]
    return "".join(parts)


def _text(text: str) -> str:
    return for_markdown(one_line(text, 2000))


def _latex(sheet: Sheet) -> str:
    lines = [f"% {one_line(text, 2000)}" for text in (sheet.title, *sheet.said)]
    for table in sheet.tables:
        lines += [f"\n% {one_line(table.title, 2000)}", latex_table(table.head, table.lines, right=table.right)]
    return "\n".join(lines)


_WRITERS: Mapping[str, Callable[[Sheet], str]] = {".csv": _csv, ".json": _json, ".md": _markdown, ".tex": _latex}
