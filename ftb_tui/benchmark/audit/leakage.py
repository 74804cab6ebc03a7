"""Questions that test nothing new: asked as trained, or with a date that did not change."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from ftb_tui.benchmark.audit.finding import Finding, Severity, ids, of_task, some
from ftb_tui.benchmark.audit.wording import folded
from ftb_tui.benchmark.model import Dataset, Question, Task

_DATE_WORD = re.compile(
    r"\d+|\b(?:january|february|march|april|may|june|july|august|september|october|november|december|monday|tuesday|"
    r"wednesday|thursday|friday|saturday|sunday)\b"
)


def leakage(dataset: Dataset) -> Iterator[Finding]:
    """`identical_across_tasks`: a trained question, or its whole prompt, is asked again as a test."""
    trained = {folded(question.original) for question in dataset.questions if question.original}
    for question in of_task(dataset, Task.MEMORIZATION):
        trained |= {folded(question.question), folded(question.prompt)}
    for task in dataset.tasks:
        if task is Task.MEMORIZATION:
            continue
        leaked = [q for q in of_task(dataset, task) if {folded(q.question), folded(q.prompt)} & trained]
        if leaked:
            yield Finding(
                "identical_across_tasks",
                Severity.ERROR,
                len(leaked),
                ids(leaked),
                f"{task}: {len(leaked)} questions are trained questions, word for word: "
                f"{some(question.question for question in leaked)}",
                "Ask them otherwise or leave them out: here memorization would be taken for generalization.",
                task,
            )


def unchanged_dates(dataset: Dataset) -> Iterator[Finding]:
    """`date_unchanged`: a date_changed question with the numbers, months and weekdays of the question it was made from."""
    trained = {question.fact_id: question for question in of_task(dataset, Task.MEMORIZATION)}
    same = []
    for question in of_task(dataset, Task.DATE_CHANGED):
        before = trained[question.fact_id].question if question.fact_id in trained else question.original
        if before and _dates(before) == _dates(question.question):
            same.append(question)
    if same:
        total = len(of_task(dataset, Task.DATE_CHANGED))
        yield Finding(
            "date_unchanged",
            Severity.ERROR,
            len(same),
            ids(same),
            f"date_changed: in {len(same)} of {total} questions the date is the trained one, yet the gold is "
            f"{_golds(same)}: {some(question.question for question in same)}",
            "Change the date or leave the row out: a model that knows the fact is graded wrong.",
            Task.DATE_CHANGED,
        )


def _dates(text: str) -> Counter[str]:
    return Counter(_DATE_WORD.findall(text.lower()))


def _golds(questions: list[Question]) -> str:
    return some((question.answer for question in questions), 2)
