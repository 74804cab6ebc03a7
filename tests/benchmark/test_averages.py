"""Averages, clustered intervals and detectable differences are those of scipy and of published tables."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ftb_tui.benchmark.averages import averages, quantile
from ftb_tui.benchmark.clusters import clustered_share
from ftb_tui.benchmark.power import detectable_paired, detectable_unpaired, fewest_flips
from ftb_tui.benchmark.statistics import mcnemar_exact, newcombe, wilson


def facts(right: int, n: int) -> list[tuple[float, int]]:
    return [(1.0, 1)] * right + [(0.0, 1)] * (n - right)


def test_the_two_averages_are_told_apart() -> None:
    family, question = averages({"large": facts(30, 100), "small": facts(12, 25)}, resamples=50)
    assert (family.name, family.value) == ("by_family", pytest.approx((0.30 + 0.48) / 2))
    assert (question.name, question.value) == ("by_question", pytest.approx(42 / 125))
    assert (family.n, family.clusters, family.strata) == (125, 125, 2)
    with pytest.raises(ValueError, match="every family"):
        averages({"large": facts(3, 10), "empty": []})


def test_the_bootstrap_gives_scipys_interval() -> None:
    """scipy 1.17.1, stats.bootstrap, percentile, 200,000 resamples, random_state=1, for the same two families."""
    family, question = averages({"a": facts(30, 100), "b": facts(12, 25)}, resamples=20_000)
    assert (family.low, family.high) == pytest.approx((0.285, 0.500), abs=0.006)
    assert (question.low, question.high) == pytest.approx((0.256, 0.416), abs=0.006)


@pytest.mark.parametrize("n", [10, 24, 150])
def test_all_right_and_all_wrong_are_not_certain(n: int) -> None:
    """A single family of equal facts gets nearly Jeffreys' interval: scipy's beta quantiles."""
    right, _ = averages({"a": facts(n, n)}, resamples=20_000)
    wrong, _ = averages({"a": facts(0, n)}, resamples=20_000)
    low = stats.beta(n + 0.5, 0.5).ppf(0.025)
    assert (right.low, right.high) == (pytest.approx(low, abs=0.01), 1.0)
    assert (wrong.low, wrong.high) == (0.0, pytest.approx(1 - low, abs=0.01))


def test_a_difference_that_is_nowhere_may_go_either_way() -> None:
    none, _ = averages({"a": facts(0, 30)}, signed=True)
    all_mended, _ = averages({"a": facts(30, 30)}, signed=True)
    assert none.low < 0.0 < none.high
    assert all_mended.low < all_mended.high == 1.0


def test_answers_to_one_fact_are_drawn_together() -> None:
    """Five equal answers to each fact carry no more than one: the interval is that of the facts."""
    once, _ = averages({"a": facts(20, 50), "b": facts(10, 30)}, seed=3)
    five, _ = averages(
        {"a": [(5 * r, 5) for r, _ in facts(20, 50)], "b": [(5 * r, 5) for r, _ in facts(10, 30)]}, seed=3
    )
    assert (five.value, five.low, five.high) == pytest.approx((once.value, once.low, once.high))
    alone, _ = averages({"a": facts(100, 250), "b": facts(50, 150)}, seed=3)
    assert alone.high - alone.low < 0.6 * (five.high - five.low)


def test_equal_input_gives_equal_output() -> None:
    strata = {"a": facts(7, 20), "b": facts(3, 9)}
    assert averages(strata, resamples=200) == averages(strata, resamples=200)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30), st.floats(0, 1))
def test_quantiles_are_numpys(values: list[float], share: float) -> None:
    assert quantile(values, share) == pytest.approx(float(np.quantile(values, share)), abs=1e-9)


@given(st.integers(1, 200), st.integers(0, 200), st.integers(1, 6))
def test_repeats_that_always_agree_give_the_interval_over_facts(n: int, right: int, repeats: int) -> None:
    right = min(right, n)
    found = clustered_share([(repeats * score, repeats) for score, _ in facts(right, n)])
    assert (found.low, found.high) == pytest.approx(wilson(right, n), abs=1e-9)
    assert found.design_effect == pytest.approx(repeats)


def test_repeats_that_are_independent_give_nearly_wilsons_interval() -> None:
    random = np.random.default_rng(5)
    found = clustered_share([(int(random.binomial(4, 0.6)), 4) for _ in range(2_000)])
    assert found.design_effect == pytest.approx(1.0, abs=0.1)
    low, high = wilson(round(found.share * found.n), found.n)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.002)


def test_a_clustered_interval_covers_what_it_says_and_a_plain_one_does_not() -> None:
    """Facts are known with probability 0.5 and then answered right 9 times of 10, else 1 of 10."""
    random, covered, plain_covered, rounds = np.random.default_rng(1), 0, 0, 400
    for _ in range(rounds):
        known = random.random(60) < 0.5
        clusters = [(int(random.binomial(8, 0.9 if k else 0.1)), 8) for k in known]
        found = clustered_share(clusters)
        covered += found.low <= 0.5 <= found.high
        low, high = wilson(sum(right for right, _ in clusters), 480)
        plain_covered += low <= 0.5 <= high
    assert 0.91 <= covered / rounds <= 0.98
    assert plain_covered / rounds < 0.7


@pytest.mark.parametrize(
    ("first", "second", "published"),
    [
        # Newcombe (1998), Interval estimation for the difference between independent proportions, table II, method 10.
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((6, 7), (2, 7), (0.0582, 0.8062)),
        ((5, 56), (0, 29), (-0.0381, 0.1926)),
    ],
)
def test_newcombe_gives_the_published_intervals(
    first: tuple[int, int], second: tuple[int, int], published: tuple[float, float]
) -> None:
    assert newcombe(*first, *second) == pytest.approx(published, abs=5e-5)


def exact_power(n: int, discordant: float, difference: float) -> float:
    """How often the exact McNemar test is significant, summed over everything that can happen (scipy's binomials)."""
    total = 0.0
    for flips in range(1, n + 1):
        if (chance := stats.binom.pmf(flips, n, discordant)) > 1e-9:
            fixed = np.arange(flips + 1)
            significant = [mcnemar_exact(int(k), int(flips - k)) < 0.05 for k in fixed]
            up = (discordant + difference) / (2 * discordant)
            total += chance * stats.binom.pmf(fixed, flips, up)[significant].sum()
    return total


@pytest.mark.parametrize(("n", "discordant"), [(150, 0.3), (50, 0.3), (590, 0.2), (125, 0.6)])
def test_the_detectable_difference_is_found_four_times_in_five(n: int, discordant: float) -> None:
    found = detectable_paired(n, discordant)
    assert found is not None
    assert 0.75 <= exact_power(n, discordant, found) <= 0.82
    larger = detectable_paired(n // 2, discordant)
    assert larger is None or larger > found


def test_the_detectable_rise_of_an_independent_share_is_found_four_times_in_five() -> None:
    found = detectable_unpaired(150, 150, 0.3)
    assert found is not None
    random = np.random.default_rng(2)
    a, b = random.binomial(150, 0.3, 20_000) / 150, random.binomial(150, 0.3 + found, 20_000) / 150
    pooled = (a + b) / 2
    z = (b - a) / np.sqrt(pooled * (1 - pooled) * 2 / 150)
    assert float(np.mean(z > stats.norm.ppf(0.975))) == pytest.approx(0.8, abs=0.02)


def test_what_cannot_be_found_is_said() -> None:
    assert fewest_flips() == 6
    assert detectable_paired(5, 0.4) is None
    assert detectable_paired(0, 0.4) is None
    assert detectable_paired(100, 0.0) is None
    assert detectable_unpaired(3, 3, 0.9) is None
