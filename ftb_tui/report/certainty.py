"""Whether a difference between two sets of answers is sure, and in which words that is said."""

from __future__ import annotations

from ftb_tui.store.comparing import Comparison

LEVEL = 0.05
"""A difference is called sure, and gets its star, where p is below this: of one comparison the exact test's, in a table of
several the one that Holm adjusts over all of it."""


def sure_sign(p: float | None, change: float | None) -> int:
    """+1 for what is surely better, -1 for what is surely worse, 0 where that is not sure or there is nothing to tell."""
    if p is None or p >= LEVEL or not change:
        return 0
    return 1 if change > 0 else -1


def direction(found: Comparison) -> int:
    """The same of the one after beside the one before."""
    return sure_sign(found.p_value, found.difference)


def certainty(found: Comparison, *, better: str = "better", worse: str = "worse") -> str:
    """The words for that; where no answer differs there is nothing to be sure of."""
    if found.n and not found.after and not found.before:
        return "the same on every question"
    return {1: better, -1: worse, 0: "not sure: this may be chance"}[direction(found)]
