"""Graders: named, versioned, pure functions from a question and an answer to a verdict with its reason.

`GRADERS` lists them. A grader's version goes up whenever any verdict could change, so that stored grades can be
told apart from those of an older rule.
"""

from __future__ import annotations

from ftb_tui.benchmark.graders.abstain import abstain, is_none
from ftb_tui.benchmark.graders.choice import choice
from ftb_tui.benchmark.graders.contains import contains
from ftb_tui.benchmark.graders.number import number
from ftb_tui.benchmark.graders.preference import NAME as PREFERENCE
from ftb_tui.benchmark.graders.preference import VERSION as PREFERENCE_VERSION
from ftb_tui.benchmark.graders.text import exact, normalized
from ftb_tui.benchmark.graders.verdict import Grade, Grader, Verdict
from ftb_tui.benchmark.graders.yes_no import yes_no
from ftb_tui.benchmark.model import YES_NO_TASKS, Question

__all__ = [
    "DEFAULT_GRADER",
    "GRADERS",
    "GRADER_NAMES",
    "JUDGE",
    "PREFERENCE",
    "VERSIONS",
    "Grade",
    "Grader",
    "Verdict",
    "applicable",
    "grade_all",
]

DEFAULT_GRADER = "choice"

GRADERS: dict[str, Grader] = {
    grader.name: grader
    for grader in (
        Grader("exact", 1, exact),
        Grader("normalized", 2, normalized),
        Grader("contains", 1, contains),
        Grader("number", 3, number),
        Grader("yes_no", 1, yes_no),
        Grader("abstain", 1, abstain),
        Grader("choice", 3, choice),
    )
}

JUDGE = "judge"
GRADER_NAMES = (*GRADERS, PREFERENCE, JUDGE)
"""Every name that a grade may bear: those above read the answer alone, these two need the model that gave it."""

VERSIONS = {**{name: grader.version for name, grader in GRADERS.items()}, PREFERENCE: PREFERENCE_VERSION}
"""The present version of every grader but the judge, whose prompt has one."""


def applicable(question: Question) -> tuple[str, ...]:
    """The graders that can say something about this question, the default one last."""
    names = ["exact", "normalized"]
    if question.task in YES_NO_TASKS:
        names.append("yes_no")
    elif is_none(question.answer):
        names.append("abstain")
    else:
        names.append("contains")
        if any(character.isdigit() for character in question.answer):
            names.append("number")
    return (*names, DEFAULT_GRADER)


def grade_all(question: Question, answer: str) -> dict[str, Grade]:
    """The verdict of every applicable grader, by its name."""
    return {name: GRADERS[name].grade(question, answer) for name in applicable(question)}
