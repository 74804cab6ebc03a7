"""How checks compare texts."""

from __future__ import annotations

import re

from ftb_tui.benchmark.model import Question

_SPACE = re.compile(r"\s+")


def folded(text: str) -> str:
    """Case and spacing taken away: what must be equal for two questions to be the same question."""
    return _SPACE.sub(" ", text).strip().casefold()


def contains(text: str, gold: str) -> bool:
    """Whether the gold stands anywhere in the text, case aside.

    Inside longer words and numbers too: what is said to be missing is then surely missing.
    """
    return gold.strip().lower() in text.lower()


def contains_whole(text: str, gold: str) -> bool:
    """Whether the gold stands in the text as words or a number of its own."""
    return re.search(rf"(?<!\w){re.escape(gold.strip().lower())}(?!\w)", text.lower()) is not None


def template_of(question: Question) -> str:
    """The question's template, or its wording with numbers and names left out where none is told."""
    if question.template:
        return question.template
    first, *rest = question.question.split() or [""]
    masked = [first, *("N" if word[:1].isupper() else word for word in rest)]
    text = re.sub(r"(?:\bN\b[\s.,?]*)+", "N ", " ".join(masked))
    return re.sub(r"\d+", "#", text).strip()
