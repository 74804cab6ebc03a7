"""The grader of numbers: what the answer's number is, whatever stands around it."""

from __future__ import annotations

import re
from fractions import Fraction

from ftb_tui.benchmark.graders.text import LONGEST
from ftb_tui.benchmark.graders.verdict import Grade, Verdict, shown
from ftb_tui.benchmark.model import Question

_DIGITS = re.compile(r"[-−]?(?<![\w.])\d{1,3}(?:,\d{3})+(?:\.\d+)?|[-−]?\d+(?:\.\d+)?")
_WORDS = re.compile(r"[a-z]+(?:-[a-z]+)?")
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_SMALL = {
    word: value
    for value, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2
    )
}
_UNITS = {
    "length": {"cm": "cm", "centimetre": "cm", "centimeter": "cm", "metre": "m", "meter": "m", "m": "m", "mm": "mm",
               "foot": "ft", "feet": "ft", "ft": "ft", "inch": "in", "inches": "in", "km": "km"},
    "weight": {"kg": "kg", "kilo": "kg", "kilogram": "kg", "pound": "lb", "lb": "lb", "lbs": "lb", "gram": "g",
               "g": "g", "stone": "st"},
}  # fmt: skip


def number(question: Question, answer: str) -> Grade:
    """Whether the one number of the answer is the one number of the gold.

    Rules: thousands commas and decimals are read ("1,250.5"); so are number words ("two hundred and five"). A number
    that the question itself names does not count unless it is all there is. An answer with several different
    numbers, such as a range or a list, is wrong even when the gold is among them; the same number twice is one. A
    unit of the same kind as the question's but another one ("190 inches" for centimetres) is wrong. Approximations
    ("about 190") are taken at their word. An answer without a number abstains.
    """
    golds = numbers(question.answer)
    if len(golds) != 1:
        return Grade(Verdict.ABSTAINED, f"the gold {shown(question.answer)} is not one number")
    if not answer.strip():
        return Grade(Verdict.ABSTAINED, "the answer is empty")
    [gold] = golds
    said = numbers(answer)
    if len(said) > 1:
        said = [value for value in said if value not in numbers(question.question)] or said
    if not said:
        return Grade(Verdict.ABSTAINED, f"said {shown(answer)}, which holds no number")
    if len(said) > 1:
        return Grade(Verdict.WRONG, f"named several numbers: {shown(answer)}")
    if wrong_unit := _other_unit(question.question, answer):
        return Grade(Verdict.WRONG, f"answered in {wrong_unit}: {shown(answer)}")
    if said[0] == gold:
        return Grade(Verdict.CORRECT, f"said {_plain(gold)}")
    return Grade(Verdict.WRONG, f"said {_plain(said[0])}, the gold is {_plain(gold)}")


def numbers(text: str) -> list[Fraction]:
    """The different numbers of a text in order of appearance, digits before words."""
    text = text[:LONGEST].lower()
    found = []
    for match in _DIGITS.finditer(text):
        digits = match.group().replace(",", "").replace("−", "-")
        # A hyphen between digits joins a range or a date; it is not a sign.
        if digits.startswith("-") and match.start() > 0 and text[match.start() - 1].isalnum():
            digits = digits[1:]
        found.append(Fraction(digits[:400]))
    found.extend(_worded(text))
    return list(dict.fromkeys(found))


def _worded(text: str) -> list[Fraction]:
    found: list[Fraction] = []
    total, current, open_ = 0, 0, False
    spoken = [word for match in _WORDS.finditer(text) for word in match.group().split("-")]
    for word, following in zip(spoken, [*spoken[1:], ""], strict=False):
        value = _SMALL.get(word, _TENS.get(word))
        # Alone, "one" is mostly a pronoun.
        if value is not None and (word != "one" or open_ or following in _SCALES):
            current, open_ = current + value, True
        elif word in _SCALES and open_:
            scale = _SCALES[word]
            if scale == 100:
                current *= scale
            else:
                total, current = total + current * scale, 0
        elif not (word == "and" and open_):
            if open_:
                found.append(Fraction(total + current))
            total, current, open_ = 0, 0, False
    if open_:
        found.append(Fraction(total + current))
    return found


def _other_unit(question: str, answer: str) -> str | None:
    for units in _UNITS.values():
        asked, said = _units_in(question, units), _units_in(answer, units)
        if asked and said and not asked & said:
            return min(said)
    return None


def _units_in(text: str, units: dict[str, str]) -> set[str]:
    found = set()
    for word in re.findall(r"[a-z]+", text[:LONGEST].lower()):
        unit = units.get(word) or units.get(word.removesuffix("s"))
        if unit:
            found.add(unit)
    return found


def _plain(value: Fraction) -> str:
    if value.denominator == 1 and abs(value) < 10**30:
        return str(value.numerator)
    return f"{float(value):g}" if abs(value) < 10**300 else "a huge number"
