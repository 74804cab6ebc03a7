"""Intervals for answers that are not independent: several to the same fact, as with repeated sampling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ftb_tui.benchmark.averages import Cluster
from ftb_tui.benchmark.statistics import wilson_share


@dataclass(frozen=True, slots=True)
class ClusteredShare:
    """A share of right answers with an interval that knows which answers belong together.

    `design_effect` is how many answers are worth one independent one; 1 where each fact was asked once.
    """

    n: int
    clusters: int
    share: float
    low: float
    high: float
    design_effect: float


def clustered_share(clusters: Sequence[Cluster], confidence: float = 0.95) -> ClusteredShare:
    """The share of right answers over facts, each with its right answers and its number of answers.

    The variance is the ratio estimator's between clusters (Cochran 1977, section 11.3, without the small-sample
    factor G/(G-1)); over the binomial one it gives the design effect, never taken below 1; Wilson's interval is then
    computed for n divided by it (Korn and Graubard 1998 do so for exact intervals). When every answer to a fact is the
    same, as with temperature 0, this is exactly Wilson's interval over facts. Where all answers are right, or all
    wrong, nothing tells the design effect, and it is taken as if the answers to each fact were the same.
    Raises `ValueError` without any answer.
    """
    n = sum(size for _, size in clusters)
    if n == 0:
        raise ValueError("a share needs at least one answer")
    share = math.fsum(right for right, _ in clusters) / n
    if share in (0.0, 1.0):
        effect = n / len(clusters)
    else:
        between = math.fsum((right - share * size) ** 2 for right, size in clusters) / n**2
        effect = max(1.0, between / (share * (1 - share) / n))
    low, high = wilson_share(share, n / effect, confidence)
    return ClusteredShare(n, len(clusters), share, low, high, effect)
