"""The answers behind a score as a file: JSON lines to the byte, CSV for spreadsheets, Markdown for reading."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import aiosqlite

from ftb_tui.benchmark.load import DatasetError
from ftb_tui.report.plain import one_line, visible
from ftb_tui.report.tables import for_spreadsheet, model_label
from ftb_tui.store.chosen import Chosen
from ftb_tui.store.drilldown import WholeAnswer, whole_answers
from ftb_tui.store.results import ResultRow, answer_pages

FIELDS = (
    "id", "task", "prompt", "answer", "response", "grade", "reason", "fact", "fact_id", "flip", "base_response",
    "base_grade", "base_reason", "question", "response_key", "question_key", "machine_grade", "machine_reason",
)  # fmt: skip


def answer_object(whole: WholeAnswer, *, training: bool = True) -> dict[str, object]:
    """An answer and what stands beside it, for JSON; `answer` is the gold, `response` what the model said."""
    found: dict[str, object] = {name: getattr(whole.row, name) for name in FIELDS}
    found |= {
        "tags": list(whole.tags),
        "repeat": whole.row.repeat,
        "note": whole.note,
        "other_models": [
            {
                "model": other.model, "kind": other.kind, "epoch": other.epoch, "grade": other.grade,
                "response": other.response, "reason": other.reason,
            }
            for other in whole.others
        ],
    }  # fmt: skip
    return found | ({"training": list(whole.training)} if training else {})


async def write_answers(
    db: aiosqlite.Connection, path: Path, result: ResultRow, *, show: str, search: str, chosen: Chosen | None = None
) -> int:
    """Write all answers of a score that are listed so; gives how many. The file is there whole or not at all.

    They are those of the `chosen` evaluation, else of the one that counts now. `db` is used by nobody else meanwhile.
    Raises `DatasetError` for an unknown ending, or where nothing can be written.
    """
    begin = _WRITERS.get(path.suffix.lower())
    if begin is None:
        raise DatasetError(f"{path.name} has to end in {', '.join(_WRITERS)}.")
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    n = 0
    try:
        try:
            # newline="" keeps the line ends inside of answers as they are.
            with part.open("w", encoding="utf-8", newline="") as file:
                put = begin(file, result, f"{show}{f', {search}' if search.strip() else ''}")
                async for page in answer_pages(
                    db, model_key=result.model_key, dataset_id=result.dataset_id, task=result.task, show=show,
                    search=search, grader=result.grader, chosen=chosen,
                ):  # fmt: skip
                    for whole in await whole_answers(db, page, model_key=result.model_key, grader=result.grader):
                        put(whole)
                        n += 1
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise DatasetError(f"{path} cannot be written: {error.strerror or error}.") from error
    return n


_Put = Callable[[WholeAnswer], None]


def _lines(file: TextIO, result: ResultRow, listed: str) -> _Put:
    return lambda whole: print(json.dumps(answer_object(whole)), file=file)


def _table(file: TextIO, result: ResultRow, listed: str) -> _Put:
    writer = csv.writer(file)
    columns = (*FIELDS, "repeat", "tags", "note", "other_models", "training")
    writer.writerow(columns)

    def put(whole: WholeAnswer) -> None:
        found = answer_object(whole)
        found["tags"] = ", ".join(whole.tags)
        found["other_models"] = json.dumps(found["other_models"]) if whole.others else ""
        found["training"] = "\n".join(whole.training)
        writer.writerow([for_spreadsheet(found[name]) for name in columns])

    return put


def _document(file: TextIO, result: ResultRow, listed: str) -> _Put:
    title = f"{model_label(result)}, {result.task}, by {result.grader}"
    file.write(f"# {_code(title)}\n\nAnswers: {_code(listed)}\n")

    def put(whole: WholeAnswer) -> None:
        row = whole.row
        file.write(f"\n## {_code(row.id)} {row.grade}{f', {row.flip}' if row.flip else ''}\n")
        said = [("Asked", row.question), ("Taught", row.fact), ("Gold", row.answer)]
        said += [] if row.base_response is None else [(f"Base, {row.base_grade}", row.base_response)]
        said += [(f"Answer, {row.grade}", row.response or ""), ("Reason", row.reason)]
        said += [(f"{_code(other.model)}, {other.grade}", other.response or other.reason) for other in whole.others]
        said += [("Tags", ", ".join(whole.tags)), ("Note", whole.note or ""), ("Trained on", "\n".join(whole.training))]
        for name, text in said:
            if text:
                file.write(f"\n{name}:\n\n{_fenced(text)}")

    return put


def _code(text: str) -> str:
    """On one line, as code: what models are called is no markup."""
    line = one_line(text, 300)
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    return f"{fence} {line} {fence}" if "`" in line else f"`{line}`"


def _fenced(text: str) -> str:
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}\n{visible(text)}\n{fence}\n"


_WRITERS: dict[str, Callable[[TextIO, ResultRow, str], _Put]] = {".jsonl": _lines, ".csv": _table, ".md": _document}
