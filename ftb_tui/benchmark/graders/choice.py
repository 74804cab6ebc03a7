"""The default grader: for each question the rule that suits its family, task and gold."""

from __future__ import annotations

import re

from ftb_tui.benchmark.graders.abstain import abstain, is_none
from ftb_tui.benchmark.graders.contains import contains, is_program_name
from ftb_tui.benchmark.graders.number import number
from ftb_tui.benchmark.graders.quantities import is_range, is_unit, numbers
from ftb_tui.benchmark.graders.text import normalized, words
from ftb_tui.benchmark.graders.verdict import Grade, Verdict
from ftb_tui.benchmark.graders.yes_no import yes_no
from ftb_tui.benchmark.model import YES_NO_TASKS, Question, Task

_QUANTITY = re.compile(
    r"(?:about|around|nearly|almost|approximately|over|more than|less than|at least|at most|up to|[~<>≥≤])?\s*"
    r"[$€£¥]?[-−]?\d[\d,.]*(?:\s?(?:-|–|to)\s?[$€£¥]?\d[\d,.]*)?(?:k|bn)?\s?(?P<rest>[a-z% ]*)\.?"
)
_SCALE_WORDS = frozenset({"hundred", "thousand", "million", "billion", "trillion", "dozen"})
_ASKS_AMOUNT = re.compile(r"\bhow (?:many|much|long|old|far|tall|high|big|large|fast|often)\b|\bpercent|\bnumber of\b")
_MORE_WORDS = 10


def choice(question: Question, answer: str) -> Grade:
    """The rule that `rule_for` names, with its verdict and reason."""
    return _RULES[rule_for(question)](question, answer)


def rule_for(question: Question) -> str:
    """Which rule suits a question. Task and gold tell the family apart, so that own datasets are served too.

    - yes/no tasks (secondary and comparison of fictional people): `yes_no`
    - a gold None (date_changed of the news): `abstain`
    - a gold that is a quantity (people's heights, news figures, intervals in guidelines): `number`; a noun behind the
      number is allowed where it is a unit or the question asks for an amount
    - a gold that names a part of a program (coding): `contains`, which wants the whole name
    - other words: `short`, equality of words, or a short answer (at most ten words more than the gold) that contains
      the gold's words in a row, as in "She is a carpenter."
    """
    if question.task in YES_NO_TASKS:
        return "yes_no"
    if is_none(question.answer):
        return "abstain"
    if _is_quantity(question):
        return "number"
    if is_program_name(question.answer) and question.task is not Task.DATE_CHANGED:
        return "contains"
    return "short"


def _is_quantity(question: Question) -> bool:
    match = _QUANTITY.fullmatch(question.answer.strip().lower())
    count = len(numbers(question.answer))
    if match is None or not (count == 1 or (count == 2 and is_range(question.answer))):
        return False
    nouns = [word for word in match["rest"].split() if word not in _SCALE_WORDS and not is_unit(word)]
    return not nouns or (len(nouns) <= 2 and bool(_ASKS_AMOUNT.search(question.question.lower())))


def _short(question: Question, answer: str) -> Grade:
    grade = normalized(question, answer)
    if grade.verdict is not Verdict.WRONG:
        return grade
    sought, said = words(question.answer), words(answer)
    if sought and said == sought:
        return Grade(Verdict.CORRECT, "the words of the gold")
    if question.task is Task.DATE_CHANGED or not sought or len(said) > len(sought) + _MORE_WORDS:
        return grade
    if any(said[start : start + len(sought)] == sought for start in range(len(said) - len(sought) + 1)):
        return Grade(Verdict.CORRECT, "a short answer that contains the gold")
    return grade


_RULES = {"yes_no": yes_no, "abstain": abstain, "number": number, "contains": contains, "short": _short}
