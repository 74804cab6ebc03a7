"""Numbers in text, as people write them: digits, words, scales, ranges, units."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from ftb_tui.benchmark.graders.text import LONGEST

_SCALES = {
    "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12,
    "k": 10**3, "m": 10**6, "mn": 10**6, "bn": 10**9, "tn": 10**12,
}  # fmt: skip
_DIGITS = re.compile(
    r"(?P<money>[$€£¥]\s?)?"
    r"(?P<digits>[-−]?(?<![\w.])\d{1,3}(?:[,\u00a0\u202f]\d{3})+(?:\.\d+)?|[-−]?\d+(?:\.\d+)?)"
    r"(?:(?P<short>k|mn?|bn|tn)\b|[ \u00a0-](?P<scale>hundred|thousand|million|billion|trillion|dozen)\b)?"
)
_WORDS = re.compile(r"[a-z]+(?:-[a-z]+)*")
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

# Unit -> what it is reckoned in, and how much of that it is. Only units with the same base can be converted.
_UNITS: dict[str, tuple[str, str, Fraction]] = {
    **{name: ("length", "m", Fraction(1, 1000)) for name in ("mm", "millimetre", "millimeter")},
    **{name: ("length", "m", Fraction(1, 100)) for name in ("cm", "centimetre", "centimeter")},
    **{name: ("length", "m", Fraction(1)) for name in ("m", "metre", "meter")},
    **{name: ("length", "m", Fraction(1000)) for name in ("km", "kilometre", "kilometer")},
    **{name: ("length", "m", Fraction(254, 10000)) for name in ("inch", "inches")},
    **{name: ("length", "m", Fraction(3048, 10000)) for name in ("ft", "foot", "feet")},
    **{name: ("length", "m", Fraction(9144, 10000)) for name in ("yard", "yd")},
    **{name: ("length", "m", Fraction(1609344, 1000)) for name in ("mile", "mi")},
    **{name: ("weight", "g", Fraction(1)) for name in ("g", "gram", "gramme")},
    **{name: ("weight", "g", Fraction(1, 1000)) for name in ("mg", "milligram")},
    **{name: ("weight", "g", Fraction(1000)) for name in ("kg", "kilo", "kilogram", "kilogramme")},
    **{name: ("weight", "g", Fraction(45359237, 100000)) for name in ("lb", "pound")},
    "stone": ("weight", "g", Fraction(14 * 45359237, 100000)),
    **{name: ("time", "s", Fraction(1)) for name in ("second", "sec")},
    **{name: ("time", "s", Fraction(60)) for name in ("minute", "min")},
    **{name: ("time", "s", Fraction(3600)) for name in ("hour", "hr")},
    "day": ("time", "s", Fraction(86400)),
    "week": ("time", "s", Fraction(604800)),
    "month": ("time", "months", Fraction(1)),
    "year": ("time", "months", Fraction(12)),
    **{name: ("money", "dollar", Fraction(1)) for name in ("$", "dollar", "usd")},
    **{name: ("money", "euro", Fraction(1)) for name in ("€", "euro", "eur")},
    **{name: ("money", "yen", Fraction(1)) for name in ("¥", "yen")},
    **{name: ("money", "sterling", Fraction(1)) for name in ("£", "gbp")},
}  # fmt: skip
_UNIT_WORD = re.compile(r"[a-z]+|[$€£¥]")
_RANGE = re.compile(r"\d[\w%]*\s?(?:-|–|—|to|and|or|through|until)\s?[$€£¥]?\d")

_ONE = re.compile(
    r"\W*(?:(?:only|just|about|exactly|it is|it's|a single)\s+)?one\b(?!\s+(?:of|can|could|may|might|must|should|would))"
)


def numbers(text: str) -> list[Fraction]:
    """The different numbers of a text in order of appearance, digits before words.

    Thousands separators, decimals, scales ("$1.2 million", "3k") and number words ("two hundred and five", "a
    dozen", "two and a half") are read. `m` behind digits is a million only after a currency sign; a metre otherwise.
    Ordinal words ("third") are not numbers, "3rd" is 3. "One" counts where it opens the text and no other number
    follows ("One dose"); elsewhere it is mostly a pronoun.
    """
    return list(_numbers(text[:LONGEST].lower()))


# Several graders read the same gold, question and answer one after the other.
@lru_cache(maxsize=64)
def _numbers(text: str) -> tuple[Fraction, ...]:
    found = []
    for match in _DIGITS.finditer(text):
        digits = re.sub("[,\u00a0\u202f]", "", match["digits"]).replace("−", "-")
        # A hyphen between digits joins a range or a date; it is not a sign.
        if digits.startswith("-") and match.start("digits") > 0 and text[match.start("digits") - 1].isalnum():
            digits = digits[1:]
        short = match["short"] if match["short"] != "m" or match["money"] else None
        found.append(Fraction(digits[:400]) * _SCALES.get(match["scale"] or short or "", 1))
    found.extend(_worded(text))
    if not found and _ONE.match(text):
        found.append(Fraction(1))
    return tuple(dict.fromkeys(found))


def _worded(text: str) -> list[Fraction]:
    """Number words. One that stands behind digits as their scale is not read again."""
    spoken: list[tuple[str, bool]] = []
    for match in _WORDS.finditer(text):
        after_digits = bool(re.search(r"\d[ \u00a0-]$", text[max(0, match.start() - 2) : match.start()]))
        spoken += [(word, after_digits and place == 0) for place, word in enumerate(match.group().split("-"))]
    found: list[Fraction] = []
    total, current, is_open = Fraction(0), Fraction(0), False
    for place, (word, is_scale_of_digits) in enumerate(spoken):
        following = [later for later, _ in spoken[place + 1 : place + 3]]
        value = _SMALL.get(word, _TENS.get(word))
        # Alone, "one" is mostly a pronoun.
        if value is not None and (word != "one" or is_open or (following[:1] and following[0] in _SCALES)):
            current, is_open = current + value, True
        elif word == "a" and following[:1] and following[0] in _SCALES and len(following[0]) > 2 and not is_open:
            current, is_open = Fraction(1), True
        elif len(word) > 2 and word in _SCALES and is_open and not is_scale_of_digits:
            scale = _SCALES[word]
            if scale <= 100:
                current *= scale
            else:
                total, current = total + current * scale, Fraction(0)
        elif word == "and" and is_open and following == ["a", "half"]:
            current += Fraction(1, 2)
        elif not (word in ("a", "half") and is_open and current.denominator == 2) and not (word == "and" and is_open):
            if is_open:
                found.append(total + current)
            total, current, is_open = Fraction(0), Fraction(0), False
    if is_open:
        found.append(total + current)
    return found


def is_range(text: str) -> bool:
    """Whether two numbers of a text are joined to a range: "5-10", "5 to 10", "between 5 and 10"."""
    return bool(_RANGE.search(text[:LONGEST].lower()))


def units(text: str) -> dict[str, tuple[str, str, Fraction]]:
    """The units that a text names: name -> (kind, base unit, how much of the base)."""
    found = {}
    for word in _UNIT_WORD.findall(text[:LONGEST].lower()):
        name = word if word in _UNITS else word.removesuffix("s")
        if name in _UNITS:
            found[name] = _UNITS[name]
    return found


def is_unit(word: str) -> bool:
    """Whether a word or sign names a unit, or is `percent`."""
    return bool(units(word)) or word.lower() in ("%", "percent", "per", "cent")
