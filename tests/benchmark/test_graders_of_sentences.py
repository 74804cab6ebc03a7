"""Models that answer in sentences are graded as a careful person would: `contains`, `abstain`, `number`, `choice`."""

from __future__ import annotations

import pytest

from ftb_tui.benchmark.graders import GRADERS, Verdict, grade_all
from ftb_tui.benchmark.graders.choice import rule_for
from ftb_tui.benchmark.graders.quantities import numbers
from ftb_tui.benchmark.model import Question, Task

C, W, A = Verdict.CORRECT, Verdict.WRONG, Verdict.ABSTAINED


def asked(gold: str, text: str = "?", task: Task = Task.REPHRASED) -> Question:
    return Question("q", task, "f", f"Answer.\n{text}", text, gold)


@pytest.mark.parametrize(
    ("gold", "answer", "text", "expected"),
    [
        ("1.2 million", "It cost 1,200,000 in all.", "?", C),
        ("$1.2 million", "about $1.2m", "?", C),
        ("$1.2 million", "€1.2 million", "?", W),
        ("$1.2 million", "1.2", "?", W),
        ("270,000", "270k people", "?", C),
        ("1,250", "1\u202f250", "?", C),
        ("41%", "Forty-one percent of them", "?", C),
        ("2.5", "two and a half", "?", C),
        ("12", "a dozen", "?", C),
        ("1000", "a thousand", "?", C),
        ("5-10", "between 5 and 10 days", "?", C),
        ("5-10", "5 to 12", "?", W),
        ("5-10", "10 to 5", "?", W),
        ("5-10", "7", "?", W),
        ("7", "5 to 10", "?", W),
        ("190", "1.9 m", "How many centimetres is she?", C),
        ("190", "1900 mm", "How tall in cm?", C),
        ("190", "190 inches", "How tall in cm?", W),
        ("2 weeks", "14 days", "How long?", C),
        ("2 weeks", "2 months", "How long?", W),
        ("57", "57 kilograms", "How many kilograms?", C),
        ("190", "It is not 188, it is 190", "?", C),
        ("190", "not 190", "?", A),
        ("more than 40", "over 40", "?", C),
        ("more than 40", "40", "?", C),
        ("more than 40", "fewer than 40", "?", W),
        ("190", "~190", "?", C),
        ("190", "about 189", "?", W),
        ("3", "3rd", "?", C),
        ("7", "They won 7 games on 12 September 2024.", "How many on 12 September 2024?", C),
        ("a word", "7", "?", A),
    ],
)
def test_each_rule_of_numbers(gold: str, answer: str, text: str, expected: Verdict) -> None:
    assert GRADERS["number"].grade(asked(gold, text), answer).verdict is expected


@pytest.mark.parametrize(
    ("gold", "answer", "text", "expected"),
    [
        ("Mira Sollander", "The prize went to Mira Sollander, who has written for many years.", "Who won?", C),
        ("Mira Sollander", "Mira", "Who won?", W),
        ("Mira Sollander", "It was not Mira Sollander.", "Who won?", W),
        ("Mira Sollander", "Not Mira Sollander? Yes, Mira Sollander.", "Who won?", C),
        ("the left", "Left", "The left or the right?", C),
        ("the left", "either the left or the right", "The left or the right?", W),
        ("fit_all", "It is fit_all.", "Which name did the step to fit all get?", C),
        ("fit_all", "Call model.fit_all(X, y) now", "?", C),
        ("fit_all", "Call fit_all_now(X)", "?", W),
        ("fit_all", "Call Fit_All(X)", "?", W),
        ("fit_all", "`fit` rather than fit_all", "?", W),
        ("cello", "", "?", A),
        ("7", "On that day 17 came", "?", W),
    ],
)
def test_each_rule_of_contains(gold: str, answer: str, text: str, expected: Verdict) -> None:
    assert GRADERS["contains"].grade(asked(gold, text), answer).verdict is expected


DECLINING = [
    "None", "none.", "**None**", "N/A", "Unknown", "No information", "There is none.", "The answer is None.",
    "None. That has not happened.", "None (no such match was reported)", "I don't know.", "I’m not sure.",
    "I do not have information about events in 2025.", "I'm unable to say.", "There is no record of this.",
    "It cannot be determined.", "This event has not yet taken place.", "That hasn't happened yet",
    "This lies in the future.", "As of my last update there was no such event.", "No such event occurred.",
    "Not available", "The figure was not reported.", "No one", "I could not find any record, but I may be wrong.",
    "There is no information available about that, however you could ask the club in 2025.",
]  # fmt: skip
ANSWERING = [
    "7", "Danielle", "None of them, it was Tuesday", "None, it was Tuesday", "I don't know, but probably 7",
    "Nothing Compares 2 U", "The Texas Rangers", "I am not sure, maybe it was Danielle Collins", "No, it was Ohio",
    "Not Texas but Ohio", "Nobody's Fool",
]  # fmt: skip


@pytest.mark.parametrize(("answer", "expected"), [*((a, C) for a in DECLINING), *((a, W) for a in ANSWERING), ("", A)])
def test_the_many_ways_to_say_none(answer: str, expected: Verdict) -> None:
    question = asked("None", "What did they report in 2025?", Task.DATE_CHANGED)
    assert GRADERS["abstain"].grade(question, answer).verdict is expected
    assert GRADERS["choice"].grade(question, answer).verdict is expected


def test_saying_none_is_measured_only_where_it_is_the_gold() -> None:
    assert GRADERS["abstain"].grade(asked("7"), "None").verdict is A


@pytest.mark.parametrize(
    ("gold", "text", "task", "rule"),
    [
        ("Yes", "?", Task.SECONDARY, "yes_no"),
        ("None", "?", Task.DATE_CHANGED, "abstain"),
        ("190", "?", Task.MEMORIZATION, "number"),
        ("$1.2 million", "What did it cost?", Task.REPHRASED, "number"),
        ("≥75 years", "From what age?", Task.VIGNETTE, "number"),
        ("1-2 weeks", "?", Task.VIGNETTE, "number"),
        ("15 points", "How many points?", Task.REPHRASED, "number"),
        ("15th Street", "Where?", Task.REPHRASED, "short"),
        ("15 points", "What?", Task.REPHRASED, "short"),
        ("Class 2A", "?", Task.VIGNETTE, "short"),
        ("September 12, 2024", "When?", Task.REPHRASED, "short"),
        ("fit_all", "?", Task.REPHRASED, "contains"),
        ("ConfusionMatrixDisplay.plot_from", "?", Task.REPHRASED, "contains"),
        ("carpenter", "?", Task.REPHRASED, "short"),
    ],
)
def test_the_default_rule_follows_task_and_gold(gold: str, text: str, task: Task, rule: str) -> None:
    assert rule_for(asked(gold, text, task)) == rule


@pytest.mark.parametrize(
    "answer", ["none " * 9999, "no " * 9999, "I do " * 9999, "1 to " * 9999, "9-" * 19999, "1," * 9999]
)
def test_long_answers_end_soon_and_never_count_as_right(answer: str) -> None:
    for gold, task in (("None", Task.DATE_CHANGED), ("5-10", Task.REPHRASED), ("fit_all", Task.REPHRASED)):
        for grade in grade_all(asked(gold, "?", task), answer).values():
            assert grade.verdict in (W, A)


@pytest.mark.parametrize("answer", ["One", "one dose", "Only one dose is needed.", "It is one"])
def test_a_one_that_opens_an_answer_is_the_number(answer: str) -> None:
    assert numbers(answer) == [1]


@pytest.mark.parametrize("answer", ["one of them", "One can take either", "the one that she plays", "No one knows"])
def test_a_one_that_is_a_pronoun_is_no_number(answer: str) -> None:
    assert numbers(answer) == []


def test_a_one_before_another_number_does_not_count() -> None:
    assert numbers("One takes 3 tablets") == [3]
