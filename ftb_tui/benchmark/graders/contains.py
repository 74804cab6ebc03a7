"""The grader that looks for the gold within an answer, for models that answer in sentences."""

from __future__ import annotations

import re

from ftb_tui.benchmark.graders.text import LONGEST, normalized, words
from ftb_tui.benchmark.graders.verdict import Grade, Verdict, shown
from ftb_tui.benchmark.model import Question

_IDENTIFIER = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*")
_DENYING = (["not"], ["never"], ["instead", "of"], ["rather", "than"], ["neither"], ["isnt"], ["wasnt"])


def contains(question: Question, answer: str) -> Grade:
    """Whether the gold's words stand in the answer in a row, anywhere.

    Rules: words are compared without case, punctuation and articles. A gold that is a name of a program (it has an
    underscore, a dot or a capital inside) must be a whole such name, in its own case, or the last part of a dotted
    one. An occurrence right after a denial ("not X", "rather than X") does not count. Where the question itself holds
    the gold, saying it proves nothing, and only equality (as in `normalized`) counts.
    """
    equal = normalized(question, answer)
    if equal.verdict is not Verdict.WRONG:
        return equal
    gold = words(question.answer)
    if not gold:
        return equal
    if is_program_name(question.answer):
        return _named(question, answer)
    if _places(gold, words(question.question)):
        return Grade(Verdict.WRONG, f"said {shown(answer)}; the gold stands in the question, so only equality counts")
    said = words(answer)
    found = _places(gold, said)
    if any(not _is_denied(said, place) for place in found):
        return Grade(Verdict.CORRECT, "the answer contains the gold")
    if found:
        return Grade(Verdict.WRONG, f"denied the gold: {shown(answer)}")
    return equal


def is_program_name(gold: str) -> bool:
    """Whether a gold is one identifier that ordinary prose would not hold: `fit_all`, `RidgeModel`, `a.b`."""
    name = gold.strip().removesuffix("()")
    return bool(_IDENTIFIER.fullmatch(name)) and bool(re.search(r"_|\.|[a-z][A-Z]", name))


def _named(question: Question, answer: str) -> Grade:
    gold = question.answer.strip().removesuffix("()")
    said = _IDENTIFIER.findall(answer[:LONGEST])
    for place, name in enumerate(said):
        if (name == gold or name.endswith("." + gold)) and not _is_denied([word.lower() for word in said], place):
            return Grade(Verdict.CORRECT, "the answer names the gold")
    return Grade(Verdict.WRONG, f"said {shown(answer)}, the gold is {shown(question.answer)}")


def _places(sought: list[str], said: list[str]) -> list[int]:
    length = len(sought)
    return [start for start in range(len(said) - length + 1) if said[start : start + length] == sought]


def _is_denied(said: list[str], place: int) -> bool:
    return any(said[max(0, place - len(denial)) : place] == denial for denial in _DENYING)
