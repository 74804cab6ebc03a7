"""The grader of numbers: what the answer's number is, whatever stands around it."""

from __future__ import annotations

import re
from fractions import Fraction

from ftb_tui.benchmark.graders.quantities import is_range, numbers, units
from ftb_tui.benchmark.graders.text import LONGEST
from ftb_tui.benchmark.graders.verdict import Grade, Verdict, shown
from ftb_tui.benchmark.model import Question

_DENIED = re.compile(r"\b(?:not|isn't|wasn't|never)\s+[$€£¥]?\d[\d,.]*")
_ABOVE = re.compile(r"\b(?:more than|over|at least|above|exceed\w*|no fewer than|no less than|minimum)\b|[>≥]")
_BELOW = re.compile(r"\b(?:less than|fewer than|under|at most|below|up to|no more than|maximum)\b|[<≤]")


def number(question: Question, answer: str) -> Grade:
    """Whether the number of the answer is the number of the gold.

    Rules:

    - **Thousands, decimals, words, scales** are read: "1,250.5", "two hundred and five", "$1.2 million", "3k".
    - **Several numbers**: a number that the question itself names does not count unless it is all there is. An
      answer with several other numbers, such as a list, is wrong even when the gold is among them; the same number
      twice is one; one that is denied ("not 190") is not claimed.
    - **Ranges**: a gold that is a range ("5-10") wants exactly its two ends. A range for a gold that is one number
      is wrong, also where it encloses the gold.
    - **Units**: a unit of the same kind is converted exactly (1.9 m is 190 cm, 14 days are 2 weeks) when gold or
      question names one and the answer one; a unit that cannot be converted (dollars and euros, days and months)
      is wrong. A missing unit and a percent sign do not matter.
    - **Approximations** ("about 190", "nearly", "~") are taken at their word: the number must be equal. A bound
      ("more than 40") counts as its number, but the opposite bound to the gold's is wrong.

    An answer without a number abstains.
    """
    golds = numbers(question.answer)
    if not golds or len(golds) > 2 or (len(golds) == 2 and not is_range(question.answer)):
        return Grade(Verdict.ABSTAINED, f"the gold {shown(question.answer)} is neither one number nor a range")
    if not answer.strip():
        return Grade(Verdict.ABSTAINED, "the answer is empty")
    said = numbers(_DENIED.sub(" ", answer[:LONGEST].lower()))
    if len(said) > len(golds):
        said = [value for value in said if value not in numbers(question.question)] or said
    if not said:
        return Grade(Verdict.ABSTAINED, f"said {shown(answer)}, which holds no number")
    if len(said) > len(golds):
        return Grade(Verdict.WRONG, f"named several numbers: {shown(answer)}")
    if opposite := _opposite_bound(question.answer, answer):
        return Grade(Verdict.WRONG, f"said {opposite}: {shown(answer)}")
    factor = _conversion(question, answer)
    if factor is None:
        [unit, *_] = sorted(units(answer))
        return Grade(Verdict.WRONG, f"answered in {unit}: {shown(answer)}")
    gold, told = " to ".join(map(_plain, golds)), " to ".join(map(_plain, said))
    if [value * factor for value in said] == golds:
        return Grade(Verdict.CORRECT, f"said {told}" if factor == 1 else f"said {told}, converted {gold}")
    return Grade(Verdict.WRONG, f"said {told}, the gold is {gold}")


def _opposite_bound(gold: str, answer: str) -> str | None:
    wanted, said = gold.lower(), answer[:LONGEST].lower()
    if _ABOVE.search(wanted) and _BELOW.search(said) and not _ABOVE.search(said):
        return "less where the gold says more"
    if _BELOW.search(wanted) and _ABOVE.search(said) and not _BELOW.search(said):
        return "more where the gold says less"
    return None


def _conversion(question: Question, answer: str) -> Fraction | None:
    """What the answer's number is multiplied with to be in the gold's unit; None when no factor can be right."""
    said = units(answer)
    asked = units(question.answer) or units(question.question)
    for kind in {unit[0] for unit in said.values()} & {unit[0] for unit in asked.values()}:
        have = {(base, factor) for of, base, factor in said.values() if of == kind}
        want = {(base, factor) for of, base, factor in asked.values() if of == kind}
        if have & want:
            continue
        if len(have) > 1 or len(want) > 1:
            return None
        [(base, factor)], [(wanted_base, wanted_factor)] = have, want
        return factor / wanted_factor if base == wanted_base else None
    return Fraction(1)


def _plain(value: Fraction) -> str:
    if value.denominator == 1 and abs(value) < 10**30:
        return str(value.numerator)
    return f"{float(value):g}" if abs(value) < 10**300 else "a huge number"
