"""What a check finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ftb_tui.benchmark.model import Dataset, Question, Task


class Severity(StrEnum):
    """`error`: a score on these rows is wrong. `warning`: it may mislead. `note`: to be known when it is read."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a dataset, or of one of its tasks.

    `count` is the number of faults; `question_ids` are all rows that have part in them, so a question that is asked
    twice is one fault of two rows. `advice` says what to do.
    """

    check: str
    severity: Severity
    count: int
    question_ids: tuple[str, ...]
    message: str
    advice: str
    task: Task | None = None


def ids(questions: Iterable[Question]) -> tuple[str, ...]:
    """The questions' ids, in order."""
    return tuple(question.question_id for question in questions)


def of_task(dataset: Dataset, task: Task) -> list[Question]:
    """The questions of a task, in order."""
    return [question for question in dataset.questions if question.task is task]


def some(texts: Iterable[str], limit: int = 3) -> str:
    """The first few of several texts, quoted, each cut to 80 characters."""
    listed = list(dict.fromkeys(texts))
    shown = [f"“{' '.join(text.split())[:80]}”" for text in listed[:limit]]
    more = f" and {len(listed) - limit} more" if len(listed) > limit else ""
    return ", ".join(shown) + more
