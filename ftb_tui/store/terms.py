"""What is typed to narrow a list down, in terms: words that must be there, `-word` not, `column:word` in that column."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

# A quotation mark inside a word, as in 5", is part of it.
_TYPED = re.compile(r'-?(?:\w+:)?"[^"]*"?|\S+')
# What looks like a column's name: 12:30 does not.
_NAMED = re.compile(r"-?([^\W\d]+):(//)?")


@dataclass(frozen=True, slots=True)
class Term:
    """One word; `column` is in lower case, and empty for any column."""

    word: str
    column: str = ""
    negated: bool = False


def terms(text: str, columns: Sequence[str] = ()) -> tuple[Term, ...]:
    """The terms of a filter, words in lower case. A name before a colon that is no column's belongs to the word."""
    found = [_term(typed, columns) for typed in text.split()]
    return tuple(Term(term.word.casefold(), term.column, term.negated) for term in found if term.word)


def quoted_terms(text: str, columns: Sequence[str] = ()) -> tuple[Term, ...]:
    """The same with the words as they were typed, and with `"several words"` as one term; the last mark may be missing."""
    found = []
    for typed in _TYPED.findall(text):
        term = _term(typed, columns)
        word = term.word[1:].removesuffix('"') if term.word.startswith('"') else term.word
        if word:
            found.append(Term(word, term.column, term.negated))
    return tuple(found)


def name_problem(text: str, columns: Sequence[str]) -> str:
    """A sentence on the first name before a colon that is no column's, with what there is; empty where all are.

    Nothing is said of addresses (`https://...`) nor of what stands in quotation marks.
    """
    known = [column.casefold() for column in columns]
    for typed in _TYPED.findall(text):
        found = _NAMED.match(typed)
        if found is None or found[1].casefold() in known:
            continue
        near = difflib.get_close_matches(found[1].casefold(), known, n=1)
        if near or not found[2]:
            hint = f" Did you mean {near[0]}:?" if near else ""
            return f"There is no {found[1]}: here.{hint} There are {', '.join(f'{column}:' for column in columns)}."
    return ""


def _term(typed: str, columns: Sequence[str]) -> Term:
    negated = typed.startswith("-") and len(typed) > 1
    part = typed.removeprefix("-") if negated else typed
    name, colon, rest = part.partition(":")
    if colon and name.casefold() in {column.casefold() for column in columns}:
        return Term(rest, name.casefold(), negated)
    return Term(part, "", negated)
