"""Any path -> datasets: the published benchmark, a dataset folder, a table, a Hugging Face directory."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ftb_tui.benchmark.load import HEAD, DatasetError, bundled_names, read_dataset_folder
from ftb_tui.benchmark.model import Dataset, Family, Task
from ftb_tui.benchmark.records import kind_of, read_table
from ftb_tui.benchmark.rows import Table
from ftb_tui.benchmark.sources import RawFile, Source, described, open_source
from ftb_tui.benchmark.tabular import SECOND_QUESTIONS, ColumnMap, build_dataset, dataset_name, map_columns
from ftb_tui.benchmark.upstream import read_upstream


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the user said about the source; what is not said is found out.

    `columns` is field -> column, an empty one for a field that no column is.
    """

    name: str | None = None
    family: Family | None = None
    task: Task | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """What a path gives, nothing stored yet. `mapping` is None where no column had to be guessed."""

    datasets: tuple[Dataset, ...]
    notes: tuple[str, ...]
    mapping: ColumnMap | None = None


def read_path(path: Path, options: ImportOptions | None = None, *, origin: str = "") -> Imported:
    """Read datasets from a path. Raises `DatasetError` naming file, line and column, and what to do.

    Published files are known by name or header; `columns` or `encoding` say that a file is a table of one's own.
    """
    options = options or ImportOptions()
    if (path / HEAD).is_file():
        return _named(Imported((read_dataset_folder(path),), ()), options)
    source = open_source(path, _wanted, origin=origin)
    if not options.columns and options.encoding is None:
        families = {options.family} if options.family else None
        tasks = {options.task} if options.task else None
        if (known := read_upstream(source, families=families, tasks=tasks)) is not None:
            return _named(Imported(known.datasets, known.notes), options)
    return _named(_from_tables(source, options), options)


def read_columns(path: Path, options: ImportOptions | None = None, *, origin: str = "") -> Table | None:
    """The rows of a table of one's own, so that its columns can be looked at even where none is known as the gold.

    None for what has no columns to choose from: published files, dataset folders. Raises `DatasetError`.
    """
    options = options or ImportOptions()
    if (path / HEAD).is_file():
        return None
    source = open_source(path, _wanted, origin=origin)
    if not options.columns and options.encoding is None and read_upstream(source) is not None:
        return None
    return _joined(source, [table for _, table in _tables(source, options)])


def _wanted(name: str) -> bool:
    return kind_of(name) in ("delimited", "jsonl", "json", "parquet") or name.rsplit("/", 1)[-1] == "README.md"


def _named(imported: Imported, options: ImportOptions) -> Imported:
    """With the user's name, which must be free for it: not a bundled dataset's, and not one for several families."""
    datasets = imported.datasets
    if options.name is not None:
        if not re.fullmatch(r"\w[\w.-]*", options.name):
            raise DatasetError(f"--name {options.name}: use letters, digits, underscores, hyphens and points.")
        if len({dataset.family for dataset in datasets}) > 1:
            families = ", ".join(dict.fromkeys(dataset.family for dataset in datasets))
            raise DatasetError(f"--name is for one family, and these are {families}. Choose one with --family.")
        first = datasets[0].name
        datasets = tuple(replace(one, name=options.name + one.name.removeprefix(first)) for one in datasets)
    for dataset in datasets:
        if dataset.name in bundled_names() and dataset.provenance is not None:
            raise DatasetError(f"{dataset.name} is a bundled dataset's name. Choose another with --name.")
    return Imported(datasets, imported.notes, imported.mapping)


def _tables(source: Source, options: ImportOptions) -> list[tuple[RawFile, Table]]:
    """The source's own table, or all of its Parquet files. Raises `DatasetError` where there is none, or several."""
    files = [raw for raw in source.files if kind_of(raw.name) is not None]
    parquet = [raw for raw in files if kind_of(raw.name) == "parquet"]
    chosen = parquet or files
    if not chosen and source.kind == "file":
        chosen = list(source.files)
    if not chosen:
        raise DatasetError(f"{source.origin} holds no file of rows: CSV, TSV, JSONL, JSON or Parquet.")
    if len(chosen) > 1 and not parquet:
        names = ", ".join(raw.name for raw in chosen[:8])
        raise DatasetError(f"{source.origin} holds several files, none of them published ones: {names}. Give one.")
    return [(raw, read_table(raw, options.encoding)) for raw in chosen]


def _from_tables(source: Source, options: ImportOptions) -> Imported:
    chosen, tables = zip(*_tables(source, options), strict=True)
    table = _joined(source, tables)
    mapping = map_columns(table, options.columns)
    stem = Path(source.origin).name if source.kind != "file" else chosen[0].name
    dataset = build_dataset(
        table,
        mapping,
        name=options.name or dataset_name(stem),
        family=options.family or Family.CUSTOM,
        task=options.task,
    )
    used = [described(raw, len(one.rows)) for raw, one in zip(chosen, tables, strict=True)]
    note = _licence(source.files)
    dataset = replace(dataset, licence=note, provenance=source.provenance(used, licence_note=note))
    notes = [f"{one.file}: {note}" for one in tables for note in one.notes]
    if options.task is None and "task" not in mapping.columns:
        found = mapping.columns
        second = [
            f", those of column {found[name]!r} as {task}" for name, task in SECOND_QUESTIONS.items() if name in found
        ]
        notes.append(
            f"no column names tasks: its questions are taken as memorization{''.join(second)} (say otherwise with --task)"
        )
    return Imported((dataset,), tuple(notes), mapping)


def _joined(source: Source, tables: Sequence[Table]) -> Table:
    """The rows of several Parquet files as one table; they must have the same columns."""
    first = tables[0]
    for other in tables[1:]:
        if set(other.columns) != set(first.columns):
            raise DatasetError(
                f"{first.file} has the columns {', '.join(first.columns)}, but {other.file} has "
                f"{', '.join(other.columns)}. Give one of the files."
            )
    if len(tables) == 1:
        return first
    return Table(source.origin, first.columns, tuple(row for table in tables for row in table.rows))


def _licence(files: Sequence[RawFile]) -> str:
    """The licence that the front matter of a Hugging Face dataset card names; empty if there is none."""
    for raw in files:
        if raw.name.rsplit("/", 1)[-1] == "README.md":
            text = raw.content.decode("utf-8", "replace")
            front = re.match(r"---\s*\n(.*?)\n---", text, re.DOTALL)
            if front and (found := re.search(r"^licen[cs]e:\s*(.+?)\s*$", front[1], re.MULTILINE)):
                return found[1].strip("'\"")
    return ""
