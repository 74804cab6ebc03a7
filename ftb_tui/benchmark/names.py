"""Invented, pronounceable names of people and towns, made from syllables with a seeded random generator."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

_ONSETS = (
    "b",
    "br",
    "c",
    "d",
    "dr",
    "f",
    "g",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "st",
    "t",
    "v",
    "w",
    "z",
)
_VOWELS = ("a", "e", "i", "o", "u", "ae", "ia", "ou")
_GIVEN_ENDS = ("n", "l", "ra", "s", "th", "ko", "mir", "dan", "vel", "")
_FAMILY_ENDS = ("wick", "lund", "stram", "quist", "moor", "denko", "bray", "holt", "varo", "zell")
_TOWN_ENDS = ("ford", "haven", "mouth", "burg", "fell", "minster", "stead", "brook", "dale", "port")
_TOWN_VOWELS = ("A", "E", "I", "O", "U")


def unique(make: Callable[[], str], count: int, *, taken: set[str]) -> tuple[str, ...]:
    """Call `make` until it has given `count` words that are not in `taken`; adds them to `taken`.

    Words that share their first four letters count as equal, so that no two are easily mixed up.
    """
    words: list[str] = []
    while len(words) < count:
        word = make()
        if word[:4].lower() in taken:
            continue
        taken.add(word[:4].lower())
        words.append(word)
    return tuple(words)


def given_name(random: Random) -> str:
    """A first name of two syllables and an ending, for example of the shape `Tobra` or `Wiakemir`."""
    word = "".join(random.choice(_ONSETS) + random.choice(_VOWELS) for _ in range(2))
    return (word + random.choice(_GIVEN_ENDS)).capitalize()


def family_name(random: Random) -> str:
    """A last name: one or two syllables and an ending that sounds like a surname."""
    word = "".join(random.choice(_ONSETS) + random.choice(_VOWELS) for _ in range(random.choice((1, 2))))
    return (word + random.choice(_FAMILY_ENDS)).capitalize()


def town_name(random: Random, *, vowel: bool) -> str:
    """A town that begins with a vowel or does not, as asked."""
    start = (
        random.choice(_TOWN_VOWELS) + random.choice(("l", "m", "n", "r", "s", "v"))
        if vowel
        else (random.choice(_ONSETS).capitalize())
    )
    middle = random.choice(_VOWELS) + random.choice(("l", "m", "n", "r", "s", "v"))
    return start + middle + random.choice(_TOWN_ENDS)
