"""How small a difference so many questions can show."""

from __future__ import annotations

import math
from statistics import NormalDist

from ftb_tui.benchmark.statistics import mcnemar_exact

ALPHA = 0.05
POWER = 0.8


def detectable_paired(n: int, discordant: float, *, alpha: float = ALPHA, power: float = POWER) -> float | None:
    """The least difference between two models on the same n questions that McNemar's test finds with this power.

    `discordant` is the share of questions that one of the two has right and the other wrong. Solves Connor's
    (1987) sample-size formula n = (z_a sqrt(d) + z_b sqrt(d - D^2))^2 / D^2 for D. None when no difference that so
    few discordant questions allow can be found so often. The exact test is a little more careful than the formula: it
    finds this difference with a power some two to four hundredths lower.
    """
    if n <= 0 or not 0 < discordant <= 1:
        return None
    low, high = 0.0, discordant
    if _paired_power(n, discordant, high, alpha) < power:
        return None
    for _ in range(60):
        middle = (low + high) / 2
        if _paired_power(n, discordant, middle, alpha) < power:
            low = middle
        else:
            high = middle
    return high


def _paired_power(n: int, discordant: float, difference: float, alpha: float) -> float:
    """Connor's formula the other way round."""
    normal = NormalDist()
    spread = discordant - difference**2
    reach = difference * math.sqrt(n) - normal.inv_cdf(1 - alpha / 2) * math.sqrt(discordant)
    if spread <= 0:
        return 1.0 if reach >= 0 else 0.0
    return normal.cdf(reach / math.sqrt(spread))


def detectable_unpaired(
    n: int, other_n: int, share: float, *, alpha: float = ALPHA, power: float = POWER
) -> float | None:
    """The least rise above `share` (of n) that a two-sided test of two independent shares finds with this power.

    The normal approximation with the pooled variance under the null (Fleiss, Levin and Paik 2003, section 4.2). None
    when even a share of 1 would not be found so often.
    """
    if n <= 0 or other_n <= 0 or not 0 <= share < 1:
        return None
    low, high = 0.0, 1 - share
    if _unpaired_power(n, other_n, share, high, alpha) < power:
        return None
    for _ in range(60):
        middle = (low + high) / 2
        if _unpaired_power(n, other_n, share, middle, alpha) < power:
            low = middle
        else:
            high = middle
    return high


def _unpaired_power(n: int, other_n: int, share: float, difference: float, alpha: float) -> float:
    normal = NormalDist()
    other = share + difference
    pooled = (n * share + other_n * other) / (n + other_n)
    under_null = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / other_n))
    under_other = math.sqrt(share * (1 - share) / n + other * (1 - other) / other_n)
    reach = difference - normal.inv_cdf(1 - alpha / 2) * under_null
    if under_other == 0:
        return 1.0 if reach >= 0 else 0.0
    return normal.cdf(reach / under_other)


def fewest_flips(*, alpha: float = ALPHA) -> int:
    """How many questions must flip, all of them one way, before an exact McNemar test can be significant: 6 at 0.05."""
    flips = 1
    while mcnemar_exact(flips, 0) >= alpha:
        flips += 1
    return flips
