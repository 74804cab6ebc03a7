"""What is typed to narrow a table or a log down, in the terms of `ftb_tui.store.terms`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from textual.suggester import Suggester

from ftb_tui.store.terms import Term, name_problem, terms, typed_terms

__all__ = ["Term", "TermSuggester", "completed", "matches", "name_fault", "terms"]


def matches(wanted: Sequence[Term], cells: Mapping[str, str]) -> bool:
    """Whether a row's cells, by column, are what all terms want."""
    named = {name.casefold(): text for name, text in cells.items()}
    for term in wanted:
        places = [named.get(term.column, "")] if term.column else list(named.values())
        if any(term.stands_in(place) for place in places) == term.negated:
            return False
    return True


def name_fault(text: str, columns: Sequence[str], rows: Callable[[], Iterable[Mapping[str, str]]]) -> str:
    """A sentence on a name before a colon that is no column's; empty where all are, or where rows have it as it stands.

    `ft:gpt` is a word to look for where models are named so; `stat:failed` is a mistake where there is a column state.
    """
    named = [column for column in columns if column]
    for typed in typed_terms(text) if named else ():
        said = name_problem(typed, named)
        if said and not any(matches([Term(typed.removeprefix("-"))], row) for row in rows()):
            return said
    return ""


class TermSuggester(Suggester):
    """Completes the last word of a filter: first a column's name, then after the colon what stands in that column."""

    def __init__(self, words: Callable[[str], Sequence[str]]) -> None:
        """`words` gives the columns' names for an empty text, and for a name what stands in that column."""
        super().__init__(use_cache=False, case_sensitive=True)
        self._words = words

    async def get_suggestion(self, value: str) -> str | None:
        """The value with its last word completed, or None."""
        return completed(value, self._words)


def completed(value: str, words: Callable[[str], Sequence[str]]) -> str | None:
    """The filter with its last word completed, or the words in quotation marks closed; None where nothing begins so."""
    typed = typed_terms(value)
    if typed and (opened := re.fullmatch(r'-?(?:\w+:)?"([^"]+)', typed[-1])):
        return f'{value}"' if not opened[1][-1].isspace() else None
    if not value or value[-1].isspace():
        return None
    last = value.rsplit(maxsplit=1)[-1]
    bare = last.removeprefix("-")
    name, colon, begun = bare.partition(":")
    choices = list(words(name.casefold())) if colon else [f"{column}:" for column in words("")]
    start = begun if colon else name
    for choice in choices:
        if start and choice.casefold().startswith(start.casefold()) and choice.casefold() != start.casefold():
            return value[: len(value) - len(start)] + choice
    return None
