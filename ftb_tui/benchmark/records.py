"""One file of rows -> a `Table`: CSV and its relatives, JSONL, JSON, Parquet (optional extra `parquet`)."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from ftb_tui.benchmark.load import DatasetError
from ftb_tui.benchmark.rows import DELIMITERS, Row, Table, decoded, delimited, sniffed_delimiter
from ftb_tui.benchmark.sources import RawFile

Kind = Literal["delimited", "jsonl", "json", "parquet"]
_ENDINGS: Mapping[str, Kind] = {
    ".csv": "delimited",
    ".tsv": "delimited",
    ".tab": "delimited",
    ".txt": "delimited",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
}

_EXAMPLE = '{"question": …, "answer": …}'
_SHOWN = 40
# Numbers keep the digits that the file has: 1.10 is not 1.1.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)


def kind_of(name: str) -> Kind | None:
    """How a file of that name is read; None for one that holds no rows."""
    return next((kind for ending, kind in _ENDINGS.items() if name.lower().endswith(ending)), None)


def read_table(raw: RawFile, encoding: str | None = None) -> Table:
    """The rows of a file. Raises `DatasetError` with file, line and column of what is broken."""
    kind = kind_of(raw.name)
    if kind is None:
        known = ", ".join(_ENDINGS)
        raise DatasetError(f"{raw.name}: only files named {known} are read. Excel can save as “CSV UTF-8”.")
    if kind == "parquet":
        return _parquet(raw)
    text, used = decoded(raw.name, raw.content, encoding)
    notes = []
    if used != "utf-8" and encoding is None:
        notes.append(f"read as {used}; name another with --encoding if letters look wrong")
    if kind == "delimited":
        return _delimited(raw.name, text, notes)
    read = _lines if kind == "jsonl" else _document
    return _table(raw.name, list(read(raw.name, text)), notes)


def _delimited(name: str, text: str, notes: list[str]) -> Table:
    first, _, rest = text.partition("\n")
    # Excel's own way to name the delimiter.
    if first.strip().lower().startswith("sep=") and len(first.strip()) == 5:
        delimiter = first.strip()[4]
        table = delimited(name, "\n" + rest, delimiter, notes=notes)
        kept = tuple(note for note in table.notes if note != "1 blank rows were left out")
        return Table(table.file, table.columns, table.rows, kept)
    delimiter = "\t" if name.lower().endswith((".tsv", ".tab")) else sniffed_delimiter(text)
    if delimiter not in (",", "\t"):
        notes = [*notes, f"cells are divided by a {DELIMITERS[delimiter]}"]
    return delimited(name, text, delimiter, notes=notes)


def _lines(name: str, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                value = _DECODER.decode(line.strip("\r"))
            except json.JSONDecodeError as error:
                raise DatasetError(f"{name}, line {number}, column {error.colno}: {error.msg}.") from error
            except RecursionError as error:
                raise DatasetError(f"{name}, line {number}: too deeply nested.") from error
            yield number, _object(name, number, value)


def _document(name: str, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of the array that the document is, or of the one array of objects that it holds."""
    try:
        whole = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise DatasetError(f"{name}, line {error.lineno}, column {error.colno}: {error.msg}.") from error
    except RecursionError as error:
        raise DatasetError(f"{name}: too deeply nested.") from error
    if isinstance(whole, list):
        yield from _elements(name, text)
        return
    lists = [key for key, value in whole.items() if _objects(value)] if isinstance(whole, dict) else []
    if len(lists) != 1:
        what = f"several lists of objects ({', '.join(lists)})" if lists else "no list of objects"
        raise DatasetError(f"{name} holds {what}; a list of objects, one for each question, is expected.")
    for number, value in enumerate(whole[lists[0]], 1):
        yield number, _object(name, number, value)


def _objects(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _elements(name: str, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each element of the array with the line on which it begins."""
    place = text.index("[") + 1
    line, counted = text.count("\n", 0, place) + 1, place
    while True:
        while text[place] in " \t\r\n,":
            place += 1
        if text[place] == "]":
            return
        line, counted = line + text.count("\n", counted, place), place
        value, place = _DECODER.raw_decode(text, place)
        yield line, _object(name, line, value)


def _is_torn(value: object) -> bool:
    """Whether a text has half of a surrogate pair, as JSON can write it; in a list or an object, too."""
    if isinstance(value, dict):
        return any(_is_torn(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return any(map(_is_torn, value))
    return isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value)


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _object(name: str, line: int, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DatasetError(f"{name}, line {line}: an object is expected, such as {_EXAMPLE}, not {_shown(value)}.")
    if (broken := next((key for key, cell in value.items() if _is_torn(key) or _is_torn(cell)), None)) is not None:
        raise DatasetError(
            f"{name}, line {line}: {broken.encode('ascii', 'backslashreplace').decode()!r} holds half a character (an "
            "escape between \\ud800 and \\udfff without its other half), which nothing can store. Mend it."
        )
    messages = value.get("messages")
    if isinstance(messages, list) and _objects(messages):
        return {**{key: cell for key, cell in value.items() if key != "messages"}, **_conversation(messages)}
    return value


def _conversation(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """A line of a chat training file as prompt and answer: the last message of user and assistant."""
    last = {str(message.get("role")): message.get("content") for message in messages}
    return {key: last[role] for role, key in (("user", "prompt"), ("assistant", "answer")) if role in last}


def _table(name: str, records: list[tuple[int, dict[str, Any]]], notes: list[str]) -> Table:
    columns = tuple(dict.fromkeys(str(key) for _, record in records for key in record))
    if not columns:
        raise DatasetError(f"{name} holds no rows.")
    rows = []
    for line, record in records:
        cells = {str(key): cell for key, value in record.items() if (cell := _cell(value)) is not None}
        rows.append(Row(line, cells))
    return Table(name, columns, tuple(rows), tuple(notes))


def _cell(value: Any) -> str | None:
    """A value as text; None for one that is missing. A list of one thing is that thing."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and len(value) == 1:
        return _cell(value[0])
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, (dict, list, bool)) else str(value)


def _parquet(raw: RawFile) -> Table:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise DatasetError(
            f"{raw.name}: reading Parquet needs pyarrow. Install it with: pip install 'ftb-tui[parquet]'."
        ) from error
    try:
        records = parquet.read_table(io.BytesIO(raw.content)).to_pylist()
    except (ArrowException, OSError, ValueError) as error:
        raise DatasetError(f"{raw.name} is not readable Parquet: {str(error).rstrip('.')}.") from error
    return _table(raw.name, list(enumerate(records, 1)), [])
