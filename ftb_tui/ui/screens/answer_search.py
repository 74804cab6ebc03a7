"""What can be typed into the search of answers, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ftb_tui.benchmark.model import Task
from ftb_tui.report.plain import one_line
from ftb_tui.report.tables import model_label
from ftb_tui.store.answer_filter import COLUMNS, VERDICTS, list_about, search_problem, unfit

if TYPE_CHECKING:
    from ftb_tui.store.results import ResultRow

PLACEHOLDER = 'words, "exact words", -word, tag:format, verdict:wrong, question: gold: answer: fact:'


def completions(column: str, result: ResultRow, tags: Sequence[str]) -> Sequence[str]:
    """What a search can be completed with behind a column's name; the names themselves for an empty one."""
    known: Mapping[str, Sequence[str]] = {
        "": COLUMNS, "verdict": VERDICTS, "tag": tags, "task": tuple(map(str, Task)),
        "model": (result.kind, result.model),
    }  # fmt: skip
    return known.get(column, ())


def search_note(search: str, result: ResultRow) -> str:
    """A sentence on what a search asks for that no answer can have, or none to this task by this model; else empty."""
    if problem := search_problem(search):
        return problem
    about = list_about(
        task=result.task, model=result.model, kind=result.kind, base_model=result.base_model, epoch=result.epoch
    )
    label = {"task": result.task, "model": one_line(model_label(result), 60)}
    alone = " and ".join(f"{name} {label[name]}" for name in unfit(search, about))
    return f"This list is of {alone} alone." if alone else ""
