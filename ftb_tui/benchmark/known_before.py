"""Whether a model knew a fact before it was changed: the filter of the updating families.

A question of an updating family asks for something that was `answer_before` and is to be `answer`. A model that has
not been taught the change and answers with `answer_before` held the old fact. What it learns later is an update only
for such facts; for the others it is new knowledge. So a score over the facts that the base held is given beside the
score over all, with both counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ftb_tui.benchmark.graders import DEFAULT_GRADER, GRADERS, Grade, Verdict
from ftb_tui.benchmark.model import Question, Task


def tells_what_was_before(question: Question) -> bool:
    """Whether the question can tell: it has an old answer, which is not the new one."""
    return bool(question.answer_before) and question.answer_before != question.answer


def grade_before(question: Question, answer: str) -> Grade:
    """The default grader's verdict with the old answer in the place of the gold. Raises `ValueError` if there is none."""
    if question.answer_before is None:
        raise ValueError(f"{question.question_id} has no answer_before")
    return GRADERS[DEFAULT_GRADER].grade(replace(question, answer=question.answer_before), answer)


def asking_task(questions: Iterable[Question]) -> Task | None:
    """The task whose questions are asked to find out: memorization where it can tell, else the first that can."""
    able = {question.task for question in questions if tells_what_was_before(question)}
    return next((task for task in Task if task in able), None)


def held_facts(answered: Iterable[tuple[Question, str]]) -> frozenset[str]:
    """The ids of the facts whose old answer was given, from questions of one task and their answers."""
    return frozenset(
        question.fact_id
        for question, answer in answered
        if tells_what_was_before(question) and grade_before(question, answer).verdict is Verdict.CORRECT
    )
