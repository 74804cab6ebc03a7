"""Whether a difference between two sets of answers is sure, and in which words that is said."""

from __future__ import annotations

from ftb_tui.store.comparing import Comparison

LEVEL = 0.05
"""A difference is called sure, and gets its star, where p is below this: of one comparison the exact test's, in a table of
several the one that Holm adjusts over all of it."""


def direction(found: Comparison) -> int:
    """+1 where the one after is surely better than the one before, -1 where it is surely worse, else 0."""
    if not found.n or found.p_value >= LEVEL:
        return 0
    return 1 if found.after > found.before else -1


def certainty(found: Comparison, *, better: str = "better", worse: str = "worse") -> str:
    """The words for that; where no answer differs there is nothing to be sure of."""
    if found.n and not found.after and not found.before:
        return "the same on every question"
    return {1: better, -1: worse, 0: "not sure: this may be chance"}[direction(found)]
