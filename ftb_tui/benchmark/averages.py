"""Averages over several tasks, in the two ways that are in use, with intervals by a stratified bootstrap."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

BY_FAMILY = "by_family"
"""The paper's leaderboard: the unweighted mean of the families' scores, however many questions each has."""
BY_QUESTION = "by_question"
"""Every answer counts the same, so that large families weigh more."""

Cluster = tuple[float, int]
"""What one fact brought: the sum of its answers' scores (1 for right; for a difference tuned minus base) and how many
answers there are."""


@dataclass(frozen=True, slots=True)
class Average:
    """One average. `n` counts answers, `clusters` facts, `strata` families."""

    name: str
    value: float
    low: float
    high: float
    n: int
    clusters: int
    strata: int


def averages(
    strata: Mapping[str, Sequence[Cluster]],
    *,
    signed: bool = False,
    confidence: float = 0.95,
    resamples: int = 2_000,
    seed: int = 0,
) -> tuple[Average, Average]:
    """The average by family and the average by question, in this order. Raises `ValueError` for an empty stratum.

    The interval is the percentile interval of a bootstrap (Efron and Tibshirani 1993, chapters 8 and 13) that draws
    facts with replacement within each family, so that answers to one fact stay together. A family whose facts all
    brought the same would have no width however few they are; its share of facts that would have brought something
    else is drawn from Jeffreys' posterior (Brown, Cai and DasGupta 2001) instead. `signed` says that the scores are
    differences, -1 to 1. Equal input gives equal output.
    """
    if not strata or not all(strata.values()):
        raise ValueError("an average needs at least one answer in every family")
    random = Random(seed)
    drawn: dict[str, list[float]] = {BY_FAMILY: [], BY_QUESTION: []}
    for _ in range(resamples):
        sample = {name: _drawn(random, clusters, signed) for name, clusters in strata.items()}
        for name, value in _values(sample.values()).items():
            drawn[name].append(value)
    tail = (1 - confidence) / 2
    values = _values(strata.values())
    n = sum(size for clusters in strata.values() for _, size in clusters)
    count = sum(map(len, strata.values()))
    family, question = (
        Average(
            name,
            values[name],
            min(values[name], quantile(drawn[name], tail)),
            max(values[name], quantile(drawn[name], 1 - tail)),
            n,
            count,
            len(strata),
        )
        for name in (BY_FAMILY, BY_QUESTION)
    )
    return family, question


def _drawn(random: Random, clusters: Sequence[Cluster], signed: bool) -> Sequence[Cluster]:
    total, size = clusters[0]
    same = total / size
    if same not in (-1.0, 0.0, 1.0) or any(other != same * many for other, many in clusters):
        return random.choices(clusters, k=len(clusters))
    n = sum(many for _, many in clusters)
    other_share = random.betavariate(0.5, len(clusters) + 0.5)
    if same == 0.0:
        return [((random.choice((-1, 1)) if signed else 1) * other_share * n, n)]
    return [((same - math.copysign(other_share, same)) * n, n)]


def _values(strata: Iterable[Sequence[Cluster]]) -> dict[str, float]:
    totals = [(math.fsum(total for total, _ in clusters), sum(size for _, size in clusters)) for clusters in strata]
    return {
        BY_FAMILY: math.fsum(total / size for total, size in totals) / len(totals),
        BY_QUESTION: math.fsum(total for total, _ in totals) / sum(size for _, size in totals),
    }


def quantile(values: Sequence[float], share: float) -> float:
    """The quantile with linear interpolation between order statistics (type 7 of Hyndman and Fan 1996)."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
