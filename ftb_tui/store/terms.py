"""What is typed to narrow a list down, in terms: letters that must be there, `-` not, `column:` in that column.

`"in quotation marks"` stand exact words: what is found there ends where they do.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

# A quotation mark inside a word, as in 5", is part of it.
_TYPED = re.compile(r'-?(?:\w+:)?"[^"]*"?|\S+')
# What looks like a column's name: 12:30 does not.
_NAMED = re.compile(r"-?([^\W\d]+):(//)?")


@dataclass(frozen=True, slots=True)
class Term:
    """Letters, as they were typed; `column` is in lower case, and empty for any column."""

    word: str
    column: str = ""
    negated: bool = False
    whole: bool = False
    """Whether they must stand there as words, not as a part of longer ones."""

    def stands_in(self, text: str) -> bool:
        """Whether these letters are in a text, in capitals or not; says nothing of `negated`."""
        return holds_words(text, self.word) if self.whole else self.word.casefold() in text.casefold()

    def places(self, text: str, begin: int = 0) -> list[tuple[int, int]]:
        """Where in a text they stand, from the first letter to behind the last; none in what has no letter for letter."""
        lowered = text.casefold()
        if len(lowered) != len(text):
            return []
        plain = re.compile(re.escape(self.word.casefold()))
        found = _whole_words(lowered, self.word) if self.whole else (one.span() for one in plain.finditer(lowered))
        return [span for span in found if span[0] >= begin]


def terms(text: str, columns: Sequence[str] = ()) -> tuple[Term, ...]:
    """The terms of a filter. A name before a colon that is no column's belongs to the word.

    While the second quotation mark is missing, the words may go on, as they do for somebody who types them.
    """
    found = []
    for one in typed_terms(text):
        term = _term(one, columns)
        quoted = term.word.startswith('"')
        whole = quoted and len(term.word) > 2 and term.word.endswith('"')
        word = term.word[1:].removesuffix('"') if quoted else term.word
        if word:
            found.append(Term(word, term.column, term.negated, whole))
    return tuple(found)


def typed_terms(text: str) -> list[str]:
    """The terms of a filter, each as it was typed: `-gold:"149 cm"`."""
    return _TYPED.findall(text)


def holds_words(text: str, words: str) -> bool:
    """Whether these words stand in a text, in capitals or not, and not as a part of longer ones."""
    text = text.casefold()
    if text.isascii():
        # What most answers are, of which a search may look through a hundred thousand.
        return _pattern(words, True).search(text) is not None
    return any(True for _ in _whole_words(text, words))


def _whole_words(text: str, words: str) -> Iterator[tuple[int, int]]:
    """Where in a text in lower case these words begin and do not go on, and where they end."""
    plain = text.isascii()
    for found in _pattern(words, plain).finditer(text):
        at, end = found.span()
        if plain or not (_one_word(text[at - 1 : at], text[at]) or _one_word(text[end - 1], text[end : end + 1])):
            yield at, end


# Letters of Thai and Lao, Burmese, Khmer, kana, Chinese: these are written without blanks between words.
_WITHOUT_BLANKS = (
    "\\u0e00-\\u0eff\\u1000-\\u109f\\u1780-\\u17ff\\u3040-\\u30ff\\u3400-\\u4dbf\\u4e00-\\u9fff\\uf900-\\ufaff"
    "\\U00020000-\\U0003ffff"
)
_OF_A_WORD = re.compile(rf"[^\W_{_WITHOUT_BLANKS}]")


@lru_cache(maxsize=64)
def _pattern(words: str, plain: bool) -> re.Pattern[str]:
    """What finds whole words in a text of ASCII letters (`plain`), and in others those places that are to be looked at.

    It begins with the words, for `re` is fast at finding those, and has the shortest of conditions, since words of two
    letters are a part of many longer ones.
    """
    words = words.casefold()
    letter = r"[^\W_]" if plain else _OF_A_WORD.pattern
    found = re.escape(words)
    before = rf"(?<!{letter}{found})" if _OF_A_WORD.match(words[0]) else ""
    behind = rf"(?!{letter})" if _OF_A_WORD.match(words[-1]) else ""
    return re.compile(f"{found}{behind}{before}")


def _one_word(left: str, right: str) -> bool:
    """Whether no word ends between two neighbouring letters; one is empty where the text begins or ends."""
    if not (left and right):
        return False
    mark = _is_mark(right) and (left.isalnum() or _is_mark(left))
    return mark or all(_OF_A_WORD.match(one) or _is_mark(one) for one in (left, right))


def _is_mark(letter: str) -> bool:
    """Whether it belongs to the letter before it, as an accent or a vowel of Hindi, which `re` takes for no letter."""
    return unicodedata.category(letter)[0] == "M"


def name_problem(text: str, columns: Sequence[str]) -> str:
    """A sentence on the first name before a colon that is no column's, with what there is; empty where all are.

    Nothing is said of addresses (`https://...`) nor of what stands in quotation marks.
    """
    known = [column.casefold() for column in columns]
    for typed in typed_terms(text):
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
