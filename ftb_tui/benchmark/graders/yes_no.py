"""The grader of yes/no questions: the first clear verdict counts."""

from __future__ import annotations

import re

from ftb_tui.benchmark.graders.text import LONGEST
from ftb_tui.benchmark.graders.verdict import Grade, Verdict, shown
from ftb_tui.benchmark.model import Question

_YES = frozenset({"yes", "yeah", "yep", "true", "correct", "indeed", "affirmative"})
_NO = frozenset({"no", "nope", "false", "incorrect", "negative"})
_NOT_A_VERDICT = frozenset({"idea", "information", "way", "one", "doubt", "answer", "data", "clue"})
_WORD = re.compile(r"[^\W\d_]+")
_NEGATED = frozenset({"not", "isn't", "isnt"})


def yes_no(question: Question, answer: str) -> Grade:
    """The first clear Yes or No of the answer against the gold.

    Rules: `yes`, `true`, `correct` and their like are Yes; `no`, `false`, `incorrect` and their like are No; `not`
    before such a word turns it round; "no idea", "no information" and the like are no verdict. An answer that says
    both (other than in "yes or no" repeated from the prompt) abstains, and so does one that says neither, such as
    a bare value.
    """
    verdicts = _verdicts(answer)
    if not answer.strip():
        return Grade(Verdict.ABSTAINED, "the answer is empty")
    if not verdicts:
        return Grade(Verdict.ABSTAINED, f"said {shown(answer)}, neither Yes nor No")
    if len(set(verdicts)) > 1:
        return Grade(Verdict.ABSTAINED, f"said both Yes and No: {shown(answer)}")
    said = "Yes" if verdicts[0] else "No"
    if said == question.answer.strip().capitalize():
        return Grade(Verdict.CORRECT, f"said {said}")
    return Grade(Verdict.WRONG, f"said {said}, the gold is {question.answer}")


def _verdicts(answer: str) -> list[bool]:
    tokens = [match.group().lower() for match in _WORD.finditer(answer[:LONGEST].replace("’", "").replace("'", ""))]
    found: list[bool] = []
    index = 0
    while index < len(tokens):
        word, following = tokens[index], tokens[index + 1 : index + 3]
        if word in {"yes", "no"} and following[:2] in (["or", "no"], ["or", "yes"]):
            index += 3
            continue
        if word == "no" and following and following[0] in _NOT_A_VERDICT:
            index += 2
            continue
        if word in _YES or word in _NO:
            negated = index > 0 and tokens[index - 1] in _NEGATED
            found.append((word in _YES) is not negated)
        index += 1
    return found
