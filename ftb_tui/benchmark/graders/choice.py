"""The default grader: for each question the rule that suits its task and gold."""

from __future__ import annotations

from ftb_tui.benchmark.graders.number import number, numbers
from ftb_tui.benchmark.graders.text import normalized, words
from ftb_tui.benchmark.graders.verdict import Grade, Verdict
from ftb_tui.benchmark.graders.yes_no import yes_no
from ftb_tui.benchmark.model import YES_NO_TASKS, Question, Task


def choice(question: Question, answer: str) -> Grade:
    """`yes_no` for yes/no tasks, `number` where the gold is a bare number, otherwise the gold's words.

    The rule for words: right when the answer equals the gold as `normalized` has it, or when a short answer (at
    most ten words more than the gold) contains the gold's words in a row, as in "She is a carpenter." For
    `date_changed` the gold is the word None, and only equality counts.
    """
    if question.task in YES_NO_TASKS:
        return yes_no(question, answer)
    if _is_number(question.answer):
        return number(question, answer)
    grade = normalized(question, answer)
    if grade.verdict is Verdict.WRONG and words(answer) == words(question.answer):
        return Grade(Verdict.CORRECT, "the words of the gold")
    if grade.verdict is Verdict.WRONG and question.task is not Task.DATE_CHANGED and _contains(question.answer, answer):
        return Grade(Verdict.CORRECT, "a short answer that contains the gold")
    return grade


def _is_number(gold: str) -> bool:
    bare = gold.strip().replace(",", "").removeprefix("-").replace(".", "", 1)
    return bare.isdecimal() and len(numbers(gold)) == 1


def _contains(gold: str, answer: str) -> bool:
    sought, said = words(gold), words(answer)
    if not sought or len(said) > len(sought) + 10:
        return False
    return any(said[start : start + len(sought)] == sought for start in range(len(said) - len(sought) + 1))
