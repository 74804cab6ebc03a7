"""What is typed to narrow a list down, in terms: words that must be there, `-word` not, `column:word` in that column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# A quotation mark inside a word, as in 5", is part of it.
_TYPED = re.compile(r'-?(?:\w+:)?"[^"]*"?|\S+')


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


def _term(typed: str, columns: Sequence[str]) -> Term:
    negated = typed.startswith("-") and len(typed) > 1
    part = typed.removeprefix("-") if negated else typed
    name, colon, rest = part.partition(":")
    if colon and name.casefold() in {column.casefold() for column in columns}:
        return Term(rest, name.casefold(), negated)
    return Term(part, "", negated)
