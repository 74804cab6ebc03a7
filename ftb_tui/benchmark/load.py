"""Datasets as folders: `dataset.toml`, `facts.jsonl`, `questions.jsonl` and a card; and where the bundled ones are."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any, TypeVar

import ftb_tui
from ftb_tui.benchmark.model import Dataset, Fact, Family, Provenance, Question, SourceFile, Task, record

_Record = TypeVar("_Record", Fact, Question)

CARD, HEAD, FACTS, QUESTIONS = "README.md", "dataset.toml", "facts.jsonl", "questions.jsonl"


class DatasetError(Exception):
    """A dataset cannot be read, found or used; the message names the file, the line and what to do."""


def bundled_folder() -> Path:
    """The folder of bundled datasets: inside an installed package, else beside it in a checkout."""
    package = Path(ftb_tui.__file__).parent
    inside = package / "data"
    return inside if inside.is_dir() else package.parent / "data"


def bundled_names() -> tuple[str, ...]:
    """The names of the bundled datasets, sorted."""
    folder = bundled_folder()
    found = (path.parent.name for path in folder.glob(f"*/{HEAD}"))
    return tuple(sorted(found))


def load_bundled(name: str) -> Dataset:
    """Read a bundled dataset; raises `DatasetError` that lists what there is for an unknown name."""
    if name not in bundled_names():
        known = ", ".join(bundled_names()) or "none"
        raise DatasetError(f"There is no bundled dataset {name!r}. Bundled: {known}.")
    return read_dataset_folder(bundled_folder() / name)


def read_dataset_folder(folder: Path) -> Dataset:
    """Read and check a dataset folder. Raises `DatasetError` naming file and line."""
    head_file = folder / HEAD
    try:
        head = tomllib.loads(head_file.read_text(encoding="utf-8"))
        card = (folder / CARD).read_text(encoding="utf-8") if (folder / CARD).is_file() else ""
    except FileNotFoundError as error:
        raise DatasetError(f"{folder} is not a dataset folder: {HEAD} is missing.") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DatasetError(f"{head_file}: {error}") from error
    facts = _read_lines(folder / FACTS, Fact, {})
    questions = _read_lines(folder / QUESTIONS, Question, {"task": Task})
    _check_links(folder / QUESTIONS, facts, questions)
    try:
        return Dataset(
            name=str(head["name"]),
            family=Family(head["family"]),
            facts=facts,
            questions=questions,
            title=str(head.get("title", "")),
            description=str(head.get("description", "")),
            source=str(head.get("source", "")),
            licence=str(head.get("licence", "")),
            card=card,
            answer_tokens=int(head.get("answer_tokens", 100)),
            provenance=_provenance(head["provenance"]) if "provenance" in head else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{head_file}: {error}") from error


def write_dataset_folder(dataset: Dataset, folder: Path) -> None:
    """Write a dataset so that `read_dataset_folder` gives it back. Creates the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    head = {
        "name": dataset.name,
        "family": str(dataset.family),
        "title": dataset.title,
        "description": dataset.description,
        "source": dataset.source,
        "licence": dataset.licence,
        "answer_tokens": dataset.answer_tokens,
    }
    # A JSON string is a TOML basic string as long as it is ASCII-escaped.
    text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in head.items())
    if dataset.provenance is not None:
        taken = asdict(dataset.provenance)
        files = taken.pop("files")
        text += "\n[provenance]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in taken.items())
        for file in files:
            text += "\n[[provenance.files]]\n" + "".join(
                f"{key} = {json.dumps(value)}\n" for key, value in file.items()
            )
    (folder / HEAD).write_text(text, encoding="utf-8")
    (folder / FACTS).write_text(_lines(dataset.facts), encoding="utf-8")
    (folder / QUESTIONS).write_text(_lines(dataset.questions), encoding="utf-8")
    (folder / CARD).write_text(dataset.card, encoding="utf-8")


def _provenance(values: dict[str, Any]) -> Provenance:
    files = tuple(SourceFile(**file) for file in values.get("files", ()))
    return Provenance(**{**values, "files": files})


def _lines(records: tuple[Fact, ...] | tuple[Question, ...]) -> str:
    return "".join(json.dumps(record(one), ensure_ascii=False) + "\n" for one in records)


def _read_lines(file: Path, kind: type[_Record], parsers: Mapping[str, Callable[[str], Any]]) -> tuple[_Record, ...]:
    try:
        text = file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{file}: {error}") from error
    records = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            records.append(_read_record(f"{file}, line {number}", line, kind, parsers))
    return tuple(records)


def _read_record(where: str, line: str, kind: type[_Record], parsers: Mapping[str, Callable[[str], Any]]) -> _Record:
    try:
        values = json.loads(line)
    except json.JSONDecodeError as error:
        raise DatasetError(f"{where}: not valid JSON ({error.msg}, column {error.colno}).") from error
    except (ValueError, RecursionError) as error:
        # A number of thousands of digits, or thousands of brackets.
        raise DatasetError(f"{where}: not valid JSON ({str(error).partition(';')[0]}).") from error
    if not isinstance(values, dict):
        raise DatasetError(f"{where}: an object is expected, not {type(values).__name__}.")
    known = {field.name: field for field in fields(kind)}
    if unknown := set(values) - set(known):
        raise DatasetError(f"{where}: unknown key {min(unknown)!r}; known are {', '.join(known)}.")
    for name, field in known.items():
        value = values.get(name)
        optional = field.default is not MISSING
        if value is None and not (optional and field.default is None):
            if optional and name not in values:
                continue
            raise DatasetError(f"{where}: the key {name!r} is missing.")
        if value is not None and not isinstance(value, str):
            raise DatasetError(f"{where}: {name} must be text, not {type(value).__name__}.")
        if value is not None and name in parsers:
            try:
                values[name] = parsers[name](value)
            except ValueError as error:
                raise DatasetError(f"{where}: {error}.") from error
    return kind(**values)


def _check_links(file: Path, facts: tuple[Fact, ...], questions: tuple[Question, ...]) -> None:
    known = {fact.fact_id for fact in facts}
    if len(known) != len(facts):
        raise DatasetError(f"{file.with_name(FACTS)}: two facts have the same fact_id.")
    seen: set[str] = set()
    for question in questions:
        for fact_id in (question.fact_id, question.other_fact_id):
            if fact_id is not None and fact_id not in known:
                raise DatasetError(f"{file}: question {question.question_id} cites {fact_id}, no such fact.")
        if question.question_id in seen:
            raise DatasetError(f"{file}: the question_id {question.question_id} occurs twice.")
        seen.add(question.question_id)
