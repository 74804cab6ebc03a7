"""How far two raters agree beyond chance: Cohen's kappa. Pure Python; checked against published tables in the tests."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from ftb_tui.benchmark.statistics import wilson


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two raters on the same n cases. `low` and `high` bound `share`, `kappa_low` and `kappa_high` bound `kappa`.

    Kappa is None where it is not defined: no case, or both raters always gave the same one verdict.
    """

    n: int
    agreed: int
    share: float | None
    low: float | None
    high: float | None
    kappa: float | None
    kappa_low: float | None
    kappa_high: float | None


def agreement(pairs: Sequence[tuple[str, str]], confidence: float = 0.95) -> Agreement:
    """The agreement of (first rater, second rater) pairs.

    Kappa as in Cohen (1960); its standard error is the large-sample one of Fleiss, Cohen and Everitt (1969), so the
    interval is rough below some thirty cases. It is cut to [-1, 1].
    """
    n, agreed = len(pairs), sum(first == second for first, second in pairs)
    if n == 0:
        return Agreement(0, 0, None, None, None, None, None, None)
    low, high = wilson(agreed, n, confidence)
    kappa, error = kappa_with_error(pairs)
    if kappa is None or error is None:
        return Agreement(n, agreed, agreed / n, low, high, None, None, None)
    half = NormalDist().inv_cdf(0.5 + confidence / 2) * error
    return Agreement(n, agreed, agreed / n, low, high, kappa, max(-1.0, kappa - half), min(1.0, kappa + half))


def kappa_with_error(pairs: Sequence[tuple[str, str]]) -> tuple[float | None, float | None]:
    """Cohen's kappa and its standard error; (None, None) where chance alone explains everything."""
    n = len(pairs)
    cells = Counter(pairs)
    rows, columns = Counter(first for first, _ in pairs), Counter(second for _, second in pairs)
    words = sorted(rows.keys() | columns.keys())
    expected = math.fsum(rows[word] * columns[word] for word in words) / n**2
    if expected == 1:
        return None, None
    observed = sum(cells[word, word] for word in words) / n
    kappa = (observed - expected) / (1 - expected)
    diagonal = math.fsum(
        cells[word, word] / n * (1 - (rows[word] + columns[word]) / n * (1 - kappa)) ** 2 for word in words
    )
    aside = (1 - kappa) ** 2 * math.fsum(
        count / n * ((columns[first] + rows[second]) / n) ** 2
        for (first, second), count in cells.items()
        if first != second
    )
    variance = (diagonal + aside - (kappa - expected * (1 - kappa)) ** 2) / (n * (1 - expected) ** 2)
    return kappa, math.sqrt(max(0.0, variance))
