"""The exact test is exact, and quick where thousands of answers changed."""

from __future__ import annotations

import math

import pytest
from scipy.stats import binomtest

from ftb_tui.benchmark.statistics import mcnemar_exact


@pytest.mark.parametrize("changed", [1, 2, 3, 7, 20, 61])
def test_every_p_value_of_few_changes_is_the_sum_of_its_binomial_terms(changed: int) -> None:
    for fixed in range(changed + 1):
        fewer = min(fixed, changed - fixed)
        tail = sum(math.comb(changed, k) for k in range(fewer + 1))
        assert mcnemar_exact(fixed, changed - fixed) == pytest.approx(min(1.0, 2 * tail / 2**changed), rel=1e-12)


@pytest.mark.parametrize(
    ("fixed", "broken"), [(500, 500), (501, 500), (1200, 900), (9000, 8800), (40_000, 39_000), (30, 2500)]
)
def test_many_changes_are_tested_as_scipy_does(fixed: int, broken: int) -> None:
    expected = binomtest(fixed, fixed + broken).pvalue
    assert mcnemar_exact(fixed, broken) == pytest.approx(expected, rel=1e-9)
    assert mcnemar_exact(fixed, broken) == mcnemar_exact(broken, fixed)
