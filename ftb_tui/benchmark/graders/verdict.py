"""What a grader gives: a verdict, and a reason that a person understands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ftb_tui.benchmark.model import Question


class Verdict(StrEnum):
    """`abstained`: no answer to the question could be read. It counts as not right, and is shown apart."""

    CORRECT = "correct"
    WRONG = "wrong"
    ABSTAINED = "abstained"


@dataclass(frozen=True, slots=True)
class Grade:
    """One grader's verdict on one answer. `reason` is one plain sentence without a full stop."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class Grader:
    """A named rule."""

    name: str
    version: int
    grade: Callable[[Question, str], Grade]


def shown(text: str, limit: int = 60) -> str:
    """A text as it may stand in a reason: on one line, quoted, cut to `limit` characters."""
    one_line = " ".join(text[: limit * 4].split())
    cut = one_line if len(one_line) <= limit else one_line[: limit - 1] + "…"
    return f"“{cut}”"
