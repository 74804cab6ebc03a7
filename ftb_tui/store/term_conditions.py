"""Terms as conditions in SQL: whether texts of a row hold the words that were typed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ftb_tui.store.terms import Term

_MOST = 200


class Place(NamedTuple):
    """Where a column's text stands, as an SQL expression."""

    text: str
    among: str = "{}"
    """What the condition stands in, where a row has several such texts: `EXISTS (SELECT ... AND {})`."""
    blank: str = " "
    """How a blank is spelt in the text."""


def conditions(
    found: Sequence[Term], places: Mapping[str, Place], *, anywhere: Iterable[str]
) -> tuple[str, dict[str, str]]:
    """The condition that all of these terms hold, and its parameters; a plain word stands in any of `anywhere`.

    Terms past the first 200 are left out: SQLite takes no expression of any depth.
    """
    held = ["1"]
    parameters: dict[str, str] = {}
    for term in found[:_MOST]:
        columns = (term.column,) if term.column else tuple(anywhere)
        names: dict[str, list[str]] = {}
        for blank in dict.fromkeys(places[column].blank for column in columns):
            for spelling in _spellings(term.word.replace(" ", blank)):
                name = f"term{len(parameters)}"
                parameters[name] = spelling
                names.setdefault(blank, []).append(name)
        holds = " OR ".join(
            places[column].among.format(
                _holds(places[column].text, names[places[column].blank], parameters, whole=term.whole)
            )
            for column in columns
        )
        held.append(f"{'NOT ' if term.negated else ''}({holds})")
    return " AND ".join(held), parameters


def _holds(text: str, names: list[str], parameters: dict[str, str], *, whole: bool) -> str:
    """Whether a text holds one of these spellings; for long texts, of which a hundred thousand may be looked through.

    `instr` reads on behind a NUL, but wants a copy in lower case of every text; LIKE takes no longer than to read them.
    What LIKE makes of letters outside ASCII depends on how SQLite was built, so there `instr` has the last word, and of
    whole words `holds_words`, which every connection of `open_store` knows, in those texts that have the letters.
    """
    found = []
    for name in names:
        word, there = parameters[name], f"instr(lower({text}), :{name})"
        if "\0" not in word and len(word) <= _LONGEST_PATTERN:
            parameters[f"{name}_like"] = "%" + re.sub("([%_^])", r"^\1", word) + "%"
            like = f"{text} LIKE :{name}_like ESCAPE '^'"
            there = f"({like}{'' if word.isascii() else f' AND {there}'} OR {_has_nul(text)} AND {there})"
        found.append(f"{there} AND holds_words({text}, :{name})" if whole else there)
    return f"({' OR '.join(found)})"


def _has_nul(text: str) -> str:
    # The one length is in bytes, the other in letters before a NUL: where they are equal, nothing need be looked for.
    return f"length(CAST({text} AS BLOB)) <> length({text}) AND instr({text}, char(0))"


_LONGEST_PATTERN = 1_000
"""SQLite takes no longer patterns than 50,000 bytes."""


def _spellings(word: str) -> list[str]:
    """The ways to write a word that a search has to try: SQLite's `lower` knows no letters but those of ASCII."""
    # As answers with lone surrogates are stored.
    storable = word.encode("utf-8", "backslashreplace").decode()
    tried = (storable, storable.lower(), storable.upper(), storable.capitalize())
    return list(dict.fromkeys(re.sub("[A-Z]+", lambda found: found.group().lower(), one) for one in tried))
