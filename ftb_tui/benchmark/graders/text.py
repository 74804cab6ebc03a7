"""Graders that compare words: `exact` and `normalized`."""

from __future__ import annotations

import re
import string
import unicodedata

from ftb_tui.benchmark.graders.verdict import Grade, Verdict, shown
from ftb_tui.benchmark.model import Question

_ARTICLES = frozenset({"a", "an", "the"})
_ARTICLE = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
LONGEST = 20_000
"""Characters of an answer that are read; no gold is anywhere near as long."""


def exact(question: Question, answer: str) -> Grade:
    """Equality after stripping outer space and lower-casing both: the rule of the paper's notebook."""
    if answer.strip().lower() == question.answer.strip().lower():
        return Grade(Verdict.CORRECT, "equal to the gold")
    return _differs(question, answer)


def normalized(question: Question, answer: str) -> Grade:
    """Equality of words: case, ASCII punctuation, articles and spacing do not count.

    The rule of SQuAD's evaluation (Rajpurkar et al. 2016), step by step: lower case; every character of
    `string.punctuation` taken out; the words a, an, the taken out; spaces made single. Where that leaves nothing of
    the gold, articles stay in, so that the gold "A" is not any article.
    """
    if squad(answer) == squad(question.answer) and (squad(question.answer) or _unpunctuated_equal(question, answer)):
        same = answer.strip() == question.answer.strip()
        return Grade(Verdict.CORRECT, f"equal to the gold{'' if same else ' but for case, punctuation or articles'}")
    return _differs(question, answer)


def squad(text: str) -> str:
    """A text as SQuAD's evaluation compares it."""
    return " ".join(_ARTICLE.sub(" ", _unpunctuated(text)).split())


def _unpunctuated(text: str) -> str:
    return text[:LONGEST].lower().translate(_PUNCTUATION)


def _unpunctuated_equal(question: Question, answer: str) -> bool:
    gold, said = _unpunctuated(question.answer).split(), _unpunctuated(answer).split()
    return gold == said and (bool(gold) or answer.strip() == question.answer.strip())


def words(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation, symbols and English articles."""
    folded = unicodedata.normalize("NFKC", text[:LONGEST]).casefold()
    kept = "".join(
        character
        if unicodedata.category(character)[0] in "LNM"
        else ("" if character in "'’.," else " ")  # "don't", "U.S.", "1,000"
        for character in folded
    )
    return [word for word in kept.split() if word not in _ARTICLES]


def _differs(question: Question, answer: str) -> Grade:
    if not answer.strip():
        return Grade(Verdict.ABSTAINED, "the answer is empty")
    return Grade(Verdict.WRONG, f"said {shown(answer)}, the gold is {shown(question.answer)}")
