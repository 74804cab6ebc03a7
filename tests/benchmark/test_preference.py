"""Which of Yes and No is likelier tells a model that forgot the form from one that does not know."""

from __future__ import annotations

import math

import pytest

from ftb_tui.benchmark.graders import Verdict
from ftb_tui.benchmark.graders.preference import Preference, grade_preference, preference
from ftb_tui.benchmark.model import Question, Task

C, W, A = Verdict.CORRECT, Verdict.WRONG, Verdict.ABSTAINED


def asked(gold: str, task: Task = Task.SECONDARY) -> Question:
    return Question("q", task, "f", "Is she taller?", "Is she taller?", gold)


@pytest.mark.parametrize(
    ("first_word", "gold", "expected"),
    [
        ({"1": -0.1, "Yes": -3.0, "No": -5.0}, "Yes", C),
        ({"1": -0.1, "Yes": -3.0, "No": -5.0}, "No", W),
        ({"1": -0.1, "No": -4.0}, "No", C),
        ({"1": -0.1, "No": -4.0}, "Yes", W),
        ({"1": -0.1, "2": -2.0}, "Yes", A),
        ({"Yes": -2.0, "No": -2.0}, "Yes", A),
        ({"Yes": -math.inf, "No": -9.0}, "No", C),
        ({"Yesterday": -0.1, "No": -4.0}, "No", C),
        ({}, "No", A),
    ],
)
def test_the_likelier_word_is_what_the_model_said(first_word: dict[str, float], gold: str, expected: Verdict) -> None:
    grade = grade_preference(asked(gold), preference(first_word))
    assert grade is not None
    assert grade.verdict is expected


def test_spellings_of_a_word_are_added_up() -> None:
    """No is likelier than any one spelling of Yes, and less likely than all of them."""
    found = preference({"Yes": math.log(0.2), " yes": math.log(0.2), "YES": math.log(0.1), "No": math.log(0.3)})
    assert found.yes == pytest.approx(math.log(0.5))
    grade = grade_preference(asked("Yes"), found)
    assert grade is not None
    assert grade.reason == "Yes is likelier as the first word (Yes 0.5, No 0.3)"


def test_only_yes_no_questions_are_graded_so() -> None:
    assert grade_preference(asked("190", Task.MEMORIZATION), Preference(-1.0, -2.0, -3.0)) is None
    assert grade_preference(asked("None"), Preference(-1.0, -2.0, -3.0)) is None
