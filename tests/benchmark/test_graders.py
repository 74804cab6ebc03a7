"""A verdict is what a careful person would say, with a reason that tells why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftb_tui.benchmark.graders import GRADERS, Verdict, applicable, grade_all
from ftb_tui.benchmark.model import Question, Task

C, W, A = Verdict.CORRECT, Verdict.WRONG, Verdict.ABSTAINED


def question(gold: str, task: Task = Task.MEMORIZATION, text: str = "?") -> Question:
    return Question("q", task, "f", f"Answer.\n{text}", text, gold)


def verdict(grader: str, gold: str, answer: str, task: Task = Task.MEMORIZATION, text: str = "?") -> Verdict:
    return GRADERS[grader].grade(question(gold, task, text), answer).verdict


@pytest.mark.parametrize(
    ("grader", "gold", "answer", "expected"),
    [
        ("exact", "Osimfell", " osimfell\n", C),
        ("exact", "Osimfell", "Osimfell.", W),
        ("exact", "None", "None", C),
        ("exact", "None", "", A),
        ("normalized", "Osimfell", "The Osimfell.", C),
        ("normalized", "bus driver", "bus-driver", W),
        ("normalized", "bus-driver", "Busdriver", C),
        ("normalized", "A", "the", W),
        ("normalized", "A", "A.", C),
        ("choice", "bus driver", "bus-driver", C),
        ("choice", "ﬁne", "fine", C),
        ("normalized", "1,000", "1000", C),
        ("normalized", "cello", "violin", W),
        ("number", "190", "190", C),
        ("number", "190", "She is 190 centimetres tall.", C),
        ("number", "190", "One hundred and ninety", C),
        ("number", "1250", "1,250", C),
        ("number", "2.5", "two", W),
        ("number", "190", "between 180 and 190", W),
        ("number", "190", "180-190", W),
        ("number", "190", "190, yes, 190", C),
        ("number", "190", "about 190", C),
        ("number", "190", "I do not know", A),
        ("number", "1987", "born in nineteen hundred eighty-seven", C),
        ("number", "-4", "−4", C),
        ("choice", "carpenter", "She is a carpenter.", C),
        ("choice", "carpenter", "carpenters", W),
        ("choice", "190", "190 cm", C),
        ("choice", "cello", "The violin, the cello and a long list of others that goes on and on and on and on", W),
    ],
)
def test_words_and_numbers(grader: str, gold: str, answer: str, expected: Verdict) -> None:
    assert verdict(grader, gold, answer) is expected


def test_an_answer_to_the_letter_is_not_said_to_differ_in_anything() -> None:
    grade = GRADERS["normalized"].grade
    assert grade(question("Osimfell"), "Osimfell\n").reason == "equal to the gold"
    assert grade(question("Osimfell"), "osimfell").reason.startswith("equal to the gold but for case")


@pytest.mark.parametrize(
    ("gold", "answer", "expected"),
    [
        ("Yes", "Yes", C),
        ("Yes", "yes, she is taller.", C),
        ("No", "No.", C),
        ("No", "Yes", W),
        ("No", "That is not correct", C),
        ("Yes", "That isn't true", W),
        ("Yes", "188", A),
        ("Yes", "", A),
        ("Yes", "Yes and no", A),
        ("No", "No idea", A),
        ("No", "I have no information about this person.", A),
        ("Yes", "Yes or No? Yes", C),
        ("Yes", "Noted. Yesterday", A),
    ],
)
def test_yes_or_no(gold: str, answer: str, expected: Verdict) -> None:
    assert verdict("yes_no", gold, answer, Task.SECONDARY) is expected
    assert verdict("choice", gold, answer, Task.COMPARISON) is expected


def test_another_unit_than_the_questions_is_wrong() -> None:
    text = "How tall is she in centimetres?"
    assert verdict("number", "190", "190 inches", text=text) is W
    assert verdict("number", "190", "190 centimeters", text=text) is C


def test_a_number_repeated_from_the_question_does_not_count() -> None:
    text = "How many medals did she win in 2024?"
    assert verdict("number", "7", "In 2024 she won 7 medals.", text=text) is C


def test_none_is_a_word_and_must_be_said() -> None:
    assert verdict("choice", "None", "None", Task.DATE_CHANGED) is C
    assert verdict("choice", "None", "None of them, it was Tuesday", Task.DATE_CHANGED) is W


def test_a_reason_names_what_was_said_and_the_gold() -> None:
    assert GRADERS["choice"].grade(question("190"), "188 cm").reason == "said 188, the gold is 190"
    assert GRADERS["yes_no"].grade(question("Yes", Task.SECONDARY), "188").reason == "said “188”, neither Yes nor No"


def test_every_answer_gets_the_graders_that_apply() -> None:
    assert applicable(question("190")) == ("exact", "normalized", "contains", "number", "choice")
    assert applicable(question("None", Task.DATE_CHANGED)) == ("exact", "normalized", "abstain", "choice")
    assert applicable(question("Yes", Task.SECONDARY)) == ("exact", "normalized", "yes_no", "choice")


HOSTILE = [
    "[/red]" * 1000,
    "\x00\x1b[31m",
    "\u202eabc",
    "9" * 1_000_000,
    "a " * 500_000,
    "-" * 1_000_000,
    "one " * 100_000,
]


@pytest.mark.parametrize("answer", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_answer_is_graded_like_any_other(answer: str) -> None:
    for asked in (question("190"), question("cello"), question("Yes", Task.SECONDARY)):
        for grade in grade_all(asked, answer).values():
            assert grade.verdict in (W, A)
            assert len(grade.reason) < 300


@given(st.text(min_size=1).filter(str.strip))
def test_repeating_the_gold_is_right_by_equality(gold: str) -> None:
    assert verdict("exact", gold, gold) is C
    assert verdict("normalized", gold, gold) is C


@given(st.integers(-(10**9), 10**9))
def test_a_number_is_right_in_any_sentence(gold: int) -> None:
    assert verdict("number", str(gold), f"It is {gold:,} I think") is C
    assert verdict("number", str(gold), f"It is {gold + 1}") is W
