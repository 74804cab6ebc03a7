"""The interval of a paired difference."""

from __future__ import annotations

import math
import random

import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from ftb_tui.benchmark.paired import paired_difference


def test_published_figures() -> None:
    """Airway hyper-responsiveness of 21 children (Fagerland, Lydersen and Laake 2014): -0.517 to -0.026."""
    low, high = paired_difference(1, 7, 21)
    assert (round(low, 3), round(high, 3)) == (-0.517, -0.026)


@pytest.mark.parametrize(("fixed", "broken", "n"), [(9, 2, 44), (23, 0, 24), (3, 3, 10), (40, 60, 600), (1, 0, 1)])
def test_the_ends_are_where_the_score_test_would_just_reject(fixed: int, broken: int, n: int) -> None:
    """Against a direct maximisation of the likelihood of the table, restricted to a difference."""

    def statistic(difference: float) -> float:
        # q: the probability of a broken question; a fixed one has q + difference. Found by its likelihood equation.
        def slope(q: float) -> float:
            rest = 1 - 2 * q - difference
            return fixed / (q + difference) + broken / q - 2 * (n - fixed - broken) / rest

        low, high = max(0.0, -difference) + 1e-13, (1 - difference) / 2 - 1e-13
        if slope(low) <= 0:
            q = low
        elif slope(high) >= 0:
            q = high
        else:
            q = brentq(slope, low, high, xtol=1e-15)
        variance = n * (2 * q + difference * (1 - difference))
        return (fixed - broken - n * difference) / math.sqrt(max(variance, 1e-15))

    low, high = paired_difference(fixed, broken, n)
    z = norm.ppf(0.975)
    if low > -1 + 1e-6:
        assert statistic(low) == pytest.approx(z, abs=1e-4)
    if high < 1 - 1e-6:
        assert statistic(high) == pytest.approx(-z, abs=1e-4)


def test_it_covers_the_truth_as_often_as_it_says() -> None:
    drawn = random.Random(1)
    hits = 0
    for _ in range(1000):
        flips = [drawn.random() for _ in range(60)]
        fixed, broken = sum(f < 0.3 for f in flips), sum(0.3 <= f < 0.4 for f in flips)
        low, high = paired_difference(fixed, broken, 60)
        hits += low <= 0.2 <= high
    assert 925 <= hits <= 975


def test_swapping_the_models_turns_it_round_and_nothing_asked_says_nothing() -> None:
    low, high = paired_difference(9, 2, 44)
    assert paired_difference(2, 9, 44) == pytest.approx((-high, -low))
    assert paired_difference(0, 0, 0) == (-1.0, 1.0)
    with pytest.raises(ValueError, match="no table"):
        paired_difference(5, 6, 10)
