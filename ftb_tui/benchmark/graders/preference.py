"""The grader `yes_no_preference`: which of Yes and No the model holds for likelier, whatever it went on to say.

A tuned model that answers every question with a bare value says neither, so `yes_no` cannot tell whether it knows.
The probabilities of the first word can.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ftb_tui.benchmark.graders.verdict import Grade, Verdict
from ftb_tui.benchmark.model import YES_NO_TASKS, Question

NAME = "yes_no_preference"
VERSION = 1
WATCHED = ("Yes", "No", " Yes", " No", "yes", "no")
"""The tokens to ask for where a service can be asked for named ones."""


@dataclass(frozen=True, slots=True)
class Preference:
    """Natural-log probabilities of Yes and No as the first word; None for one that the service did not list.

    `floor` is the least that it listed: what is not listed is no likelier.
    """

    yes: float | None
    no: float | None
    floor: float | None


def preference(first_word: Mapping[str, float]) -> Preference:
    """From the likeliest tokens at the answer's first word (text -> natural-log probability).

    Spellings that differ in case and outer space only ("Yes", " yes", "YES") are the same word; their probabilities
    are added.
    """
    return Preference(
        _sum(value for token, value in first_word.items() if token.strip().casefold() == "yes"),
        _sum(value for token, value in first_word.items() if token.strip().casefold() == "no"),
        min(first_word.values(), default=None),
    )


def grade_preference(question: Question, found: Preference) -> Grade | None:
    """The verdict on a yes/no question; None for any other question.

    The likelier of the two is what the model said. Where the service listed only one of them it is the likelier one;
    where it listed neither, or both are equal, the grader abstains.
    """
    gold = question.answer.strip().capitalize()
    if question.task not in YES_NO_TASKS or gold not in ("Yes", "No"):
        return None
    if found.yes is None and found.no is None:
        return Grade(Verdict.ABSTAINED, "neither Yes nor No is among the likeliest first words")
    yes = -math.inf if found.yes is None else found.yes
    no = -math.inf if found.no is None else found.no
    if yes == no:
        return Grade(Verdict.ABSTAINED, "Yes and No are equally likely")
    said = "Yes" if yes > no else "No"
    shares = f"Yes {_share(found.yes, found.floor)}, No {_share(found.no, found.floor)}"
    if said == gold:
        return Grade(Verdict.CORRECT, f"{said} is likelier as the first word ({shares})")
    return Grade(Verdict.WRONG, f"{said} is likelier as the first word ({shares}), the gold is {gold}")


def _sum(values: Iterable[float]) -> float | None:
    listed = list(values)
    if not listed:
        return None
    largest = max(listed)
    if largest == -math.inf:
        return largest
    return largest + math.log(math.fsum(math.exp(value - largest) for value in listed))


def _share(value: float | None, floor: float | None) -> str:
    if value is None:
        return f"at most {math.exp(floor or 0.0):.2g}"
    return f"{math.exp(value):.2g}"
