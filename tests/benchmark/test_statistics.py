"""Our intervals and p-values are those of scipy and of the textbooks."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ftb_tui.benchmark.people import build_fictional_people
from ftb_tui.benchmark.statistics import flips, holm, macro_average, mcnemar_exact, trivial_baselines, wilson


@given(st.integers(0, 400), st.integers(0, 400))
def test_wilson_is_scipys(correct: int, wrong: int) -> None:
    n = correct + wrong
    if n == 0:
        assert wilson(0, 0) == (0, 1)
        return
    theirs = stats.binomtest(correct, n).proportion_ci(method="wilson")
    assert wilson(correct, n) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_scipys_sign_test(fixed: int, broken: int) -> None:
    theirs = stats.binomtest(fixed, fixed + broken).pvalue if fixed + broken else 1.0
    assert mcnemar_exact(fixed, broken) == pytest.approx(theirs, rel=1e-9)


def test_wilson_gives_the_published_example() -> None:
    """Newcombe (1998), table I: 81 of 263 and 15 of 148."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_only_ever_raises_and_keeps_the_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(p <= a <= 1 for p, a in zip(p_values, adjusted, strict=True))
    ranked = [a for _, a in sorted(zip(p_values, adjusted, strict=True))]
    assert ranked == sorted(ranked)


def test_holm_gives_the_textbook_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_flips_compare_only_what_both_answered() -> None:
    found = flips({1: False, 2: True, 3: True, 9: True}, {1: True, 2: False, 3: True, 4: True})
    assert (found.fixed, found.broken, found.both_right, found.both_wrong) == ((1,), (2,), (3,), ())
    assert found.p_value == 1.0


def test_averages_and_impossible_shares() -> None:
    assert macro_average([1.0, 0.5]) == 0.75
    assert math.isnan(macro_average([]))
    with pytest.raises(ValueError, match="not a share"):
        wilson(3, 2)


def test_trivial_baselines_of_a_balanced_task_are_near_a_half() -> None:
    questions = build_fictional_people().questions
    found = trivial_baselines(questions)
    assert found is not None
    assert found.n == 300
    assert abs(found.always_no - 0.5) < 0.02
    assert 0.5 <= found.majority <= 0.53
    assert trivial_baselines(questions[:150]) is None
