"""Taking in answers that somebody else collected: read, find each row's question, grade, keep."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiosqlite

from ftb_tui.benchmark.graders import grade_all
from ftb_tui.benchmark.load import DatasetError, bundled_names, load_bundled
from ftb_tui.benchmark.model import Question, Task
from ftb_tui.benchmark.responses import Matching, ResponseFile, holds_verdicts, match_rows, read_response_file
from ftb_tui.store.database import transaction
from ftb_tui.store.datasets import find_dataset, list_datasets, questions_by_key, save_dataset
from ftb_tui.store.imports import Imported, ImportedAnswer, import_answers


@dataclass(frozen=True, slots=True)
class ColumnReport:
    """What became of one model's column of one file, in one task.

    `matched` and `unmatched` count rows with and without a question; of the matched ones `empty` had an empty cell.
    `added` are new answers, `known` were in the store already. `gold_differs` counts rows whose own gold is not the
    dataset's, which is what answers are graded against.
    """

    file: str
    model: str
    task: str
    matched: int
    unmatched: int
    refused: bool
    reason: str
    empty: int
    added: int
    known: int
    gold_differs: int
    dataset_id: str
    evaluation_key: int | None


async def import_response_files(
    db: aiosqlite.Connection,
    files: Sequence[Path],
    *,
    dataset: str,
    task: Task | None = None,
    base: str | None = None,
) -> list[ColumnReport]:
    """Import every file, or nothing when one cannot be read.

    `dataset` is an id, a name, a family, or what several names begin with (`finetunebench`). Of several the one that
    more of a file's rows match is taken, of equals the newest. `base` names the model whose column holds the base
    model's answers: all others are then its tuned models.
    Raises `DatasetError`.
    """
    read = [await asyncio.to_thread(read_response_file, path) for path in files]
    if base is not None and not any(base in file.models for file in read):
        known = ", ".join(dict.fromkeys(model for file in read for model in file.models))
        raise DatasetError(f"No file has a column {base}_response for the base; models are {known}.")
    candidates = await _candidates(db, dataset)
    chosen = []
    for file in read:
        matchings = [(name, questions, match_rows(file, questions, task)) for name, questions in candidates]
        # Of equals `max` takes the first, which is the newest.
        chosen.append((file, *max(matchings, key=lambda found: found[2].matched)))
    reports: list[ColumnReport] = []
    async with transaction(db):
        for file, dataset_id, questions, matching in chosen:
            for model in file.models:
                reports += await _import_column(db, file, model, base, dataset_id, questions, matching)
    return reports


async def _candidates(db: aiosqlite.Connection, reference: str) -> list[tuple[str, dict[int, Question]]]:
    name = reference.replace("-", "_")
    if name in bundled_names():
        await save_dataset(db, await asyncio.to_thread(load_bundled, name))
    stored = await list_datasets(db)
    exact = [row.dataset_id for row in stored if row.dataset_id == reference]
    found = exact or [row.dataset_id for row in stored if name in (row.name, row.family) or row.name == reference]
    if not found:
        found = [row.dataset_id for row in stored if row.name.startswith(f"{name}_")]
    if not found:
        found = [(await find_dataset(db, reference)).dataset_id]
    return [(dataset_id, await questions_by_key(db, dataset_id)) for dataset_id in found]


async def _import_column(
    db: aiosqlite.Connection,
    file: ResponseFile,
    model: str,
    base: str | None,
    dataset_id: str,
    questions: Mapping[int, Question],
    matching: Matching,
) -> list[ColumnReport]:
    cells = file.answers(model)
    named = matching.task
    golds = [
        row.get("answer", "") if key is None else questions[key].answer
        for row, key in zip(file.rows, matching.keys, strict=True)
    ]
    if reason := holds_verdicts(cells, golds, named):
        return [_report(file, model, str(named or ""), dataset_id, refused=True, reason=reason)]
    unmatched = len(file.rows) - matching.matched
    by_task: dict[Task, dict[int, int]] = {}
    for place, key in enumerate(matching.keys):
        if key is not None:
            by_task.setdefault(questions[key].task, {})[key] = place
    reports = []
    parts: list[tuple[Task | None, dict[int, int]]] = [*by_task.items()] or [(named, {})]
    for task, places in parts:
        answers = {
            key: ImportedAnswer(cells[place], grade_all(questions[key], cells[place]))
            for key, place in places.items()
            if cells[place]
        }
        done: Imported | None = None
        if answers:
            done = await import_answers(
                db,
                model=model,
                base_model=base,
                dataset_id=dataset_id,
                answers=answers,
                parameters={"imported_from": file.path.name, "sha256": file.sha256},
            )
        differing = Counter(
            "answer" in file.rows[place] and file.rows[place]["answer"] != questions[key].answer
            for key, place in places.items()
        )
        # Rows that belong to no task are told once, with the first.
        loose, unmatched = unmatched, 0
        reports.append(
            _report(
                file,
                model,
                str(task or ""),
                dataset_id,
                matched=len(places),
                unmatched=loose,
                reason=_why(len(places), loose, len(places) - len(answers), dataset_id),
                empty=len(places) - len(answers),
                done=done,
                gold_differs=differing[True],
            )
        )
    return reports


def _why(matched: int, unmatched: int, empty: int, dataset_id: str) -> str:
    parts = []
    if not matched:
        parts.append(f"no row asks a question of {dataset_id}; is it the right dataset and task?")
    elif unmatched:
        parts.append(f"{unmatched} rows ask nothing that {dataset_id} asks, or repeat a row")
    if empty:
        parts.append(f"{empty} cells are empty, which is no answer")
    return "; ".join(parts)


def _report(
    file: ResponseFile,
    model: str,
    task: str,
    dataset_id: str,
    *,
    matched: int = 0,
    unmatched: int = 0,
    refused: bool = False,
    reason: str = "",
    empty: int = 0,
    done: Imported | None = None,
    gold_differs: int = 0,
) -> ColumnReport:
    return ColumnReport(
        file=str(file.path),
        model=model,
        task=task,
        matched=matched,
        unmatched=unmatched,
        refused=refused,
        reason=reason,
        empty=empty,
        added=done.added if done else 0,
        known=done.known if done else 0,
        gold_differs=gold_differs,
        dataset_id=dataset_id,
        evaluation_key=done.evaluation_key if done else None,
    )
