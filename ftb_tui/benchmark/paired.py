"""The interval of a difference between two models that answered the same questions."""

from __future__ import annotations

import math
from statistics import NormalDist


def paired_difference(fixed: int, broken: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """The interval of the difference of two paired shares, (fixed - broken) / n: Tango's score interval (1998).

    `fixed` questions are right after and wrong before, `broken` the reverse, of `n` that both answered. It is the
    inversion of the score test whose value at no difference is McNemar's, so the two seldom disagree; Fagerland,
    Lydersen and Laake (2014) recommend it for all but the smallest tables. (-1, 1) without any question. Raises
    `ValueError` for counts that are no part of `n`.
    """
    if fixed < 0 or broken < 0 or fixed + broken > n:
        raise ValueError(f"{fixed} fixed and {broken} broken of {n} is no table")
    if n == 0:
        return -1.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    return _root(fixed, broken, n, z), _root(fixed, broken, n, -z)


def _score(fixed: int, broken: int, n: int, difference: float) -> float:
    """The score statistic for a difference; falls as the difference grows."""
    distance = fixed - broken - n * difference
    middle = -fixed - broken + (2 * n - fixed + broken) * difference
    last = -broken * difference * (1 - difference)
    least = (math.sqrt(max(0.0, middle * middle - 8 * n * last)) - middle) / (4 * n)
    variance = n * (2 * least + difference * (1 - difference))
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)


def _root(fixed: int, broken: int, n: int, wanted: float) -> float:
    low, high = -1.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _score(fixed, broken, n, middle) > wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2
