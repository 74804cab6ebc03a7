"""Bytes -> text -> rows: encodings, delimited text, and where in the file each row began."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ftb_tui.benchmark.load import DatasetError

DELIMITERS: Mapping[str, str] = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
LONGEST_CELL = 1 << 26

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: where it begins (line, from 1) and its cells by column. A missing value (JSON's null) has no cell."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one file. `notes` say what had to be guessed: encoding, delimiter, blank rows."""

    file: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


def decoded(file: str, content: bytes, encoding: str | None = None) -> tuple[str, str]:
    """The text and the name of its encoding.

    Without `encoding`: what a byte order mark says, else UTF-8, else Windows-1252, which Excel writes in the West.
    Raises `DatasetError` with line and column of the first byte that does not fit, and what to do.
    """
    if encoding is not None:
        try:
            name = codecs.lookup(encoding).name
        except LookupError as error:
            raise DatasetError(f"There is no encoding {encoding!r}; try utf-8, utf-16, cp1252 or latin-1.") from error
        return _strict(file, content, name), name
    for mark, name in _BOMS:
        if content.startswith(mark):
            return _strict(file, content, name), name.removesuffix("-sig")
    if content[:4000].count(0) > len(content[:4000]) // 4:
        name = "utf-16-be" if content[:1] == b"\0" else "utf-16-le"
        return _strict(file, content, name), name
    try:
        return content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        try:
            return content.decode("cp1252"), "cp1252"
        except UnicodeDecodeError:
            raise DatasetError(
                _undecodable(file, content, "utf-8", error) + " It is not Windows-1252 either."
            ) from None


def _strict(file: str, content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise DatasetError(_undecodable(file, content, encoding, error)) from error


def _undecodable(file: str, content: bytes, encoding: str, error: UnicodeDecodeError) -> str:
    before = content[: error.start]
    line = before.count(b"\n") + 1
    column = error.start - (before.rfind(b"\n") + 1) + 1
    byte = content[error.start]
    return (
        f"{file}, line {line}, byte {column}: 0x{byte:02x} is not {encoding}. Name the encoding with --encoding "
        "(for example cp1252, latin-1, utf-16)."
    )


def delimited(file: str, text: str, delimiter: str, *, notes: Iterable[str] = ()) -> Table:
    """The rows of delimited text as RFC 4180 has it: cells may hold newlines, rows may not differ in length.

    Wholly blank rows are left out and counted in the notes. Raises `DatasetError` with the line of a broken row.
    """
    before = csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: tuple[str, ...] | None = None
    rows, blank = [], 0
    start = 1
    try:
        for record in reader:
            line, start = start, reader.line_num + 1
            if not any(cell.strip() for cell in record):
                blank += 1
                continue
            if columns is None:
                columns = _header(file, line, record)
                continue
            if len(record) != len(columns):
                raise DatasetError(_ragged(file, line, columns, record))
            rows.append(Row(line, dict(zip(columns, record, strict=True))))
    except csv.Error as error:
        raise DatasetError(
            f"{file}, line {start}: {error}. The row that begins there has an unclosed or stray quote."
        ) from error
    finally:
        csv.field_size_limit(before)
    if columns is None:
        raise DatasetError(f"{file} is empty: a first row with the names of the columns is expected.")
    kept = (*notes, f"{blank} blank rows were left out") if blank else tuple(notes)
    return Table(file, columns, tuple(rows), kept)


def sniffed_delimiter(text: str) -> str:
    """The delimiter that splits the first rows into equally many cells, the most of them; a comma if none does."""
    best, most = ",", 1
    for delimiter in DELIMITERS:
        lengths = _lengths(text, delimiter)
        if lengths and lengths[0] > most and len(set(lengths)) == 1:
            best, most = delimiter, lengths[0]
    if most > 1:
        return best
    # Rows of unequal length are an error to be reported, by the delimiter that the header most likely has.
    first = text.lstrip("\ufeff").split("\n", 1)[0]
    return max(DELIMITERS, key=lambda delimiter: (first.count(delimiter), delimiter == ","))


def _lengths(text: str, delimiter: str, sample: int = 50) -> list[int]:
    found = []
    try:
        for record in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if any(cell.strip() for cell in record):
                found.append(len(record))
            if len(found) >= sample:
                break
    except csv.Error:
        return []
    return found


def _header(file: str, line: int, record: list[str]) -> tuple[str, ...]:
    columns = tuple(name.strip() for name in record)
    for place, name in enumerate(columns, 1):
        if name and columns.index(name) != place - 1:
            raise DatasetError(f"{file}, line {line}, column {place}: a second column is named {name!r}. Rename one.")
    # A column without a name is what pandas makes of an index; several of them get their numbers.
    nameless = columns.count("")
    return tuple(name if name or nameless == 1 else f"column {place}" for place, name in enumerate(columns, 1))


def _ragged(file: str, line: int, columns: tuple[str, ...], record: list[str]) -> str:
    place = min(len(columns), len(record)) + 1
    if len(record) > len(columns):
        what = f"{len(record)} cells where the header names {len(columns)} columns"
        hint = "A cell that holds the delimiter or a newline must stand in quotes."
    else:
        what = f"only {len(record)} cell{'' if len(record) == 1 else 's'}; {columns[len(record)]!r} is the first that is missing"
        hint = "Perhaps a quote is missing, or --map and another delimiter are needed."
    return f"{file}, line {line}, column {place}: {what}. {hint}"
