"""Intervals and tests for shares of right answers. Pure Python; checked against scipy in the tests."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Generic, TypeVar

from ftb_tui.benchmark.model import Question

_Key = TypeVar("_Key", bound=Hashable)


def wilson(correct: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """The score interval of Wilson (1927) for a share; (0, 1) when nothing was asked."""
    if not 0 <= correct <= n:
        raise ValueError(f"{correct} right of {n} is not a share")
    if n == 0:
        return 0.0, 1.0
    return wilson_share(correct / n, n, confidence)


def wilson_share(share: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval for a share of n answers, where n may be an effective number and no whole one."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    scale = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # The formula gives the ends exactly 0 and 1 at the extremes; floating point does not.
    low = 0.0 if share == 0 else max(0.0, centre - half)
    high = 1.0 if share == 1 else min(1.0, centre + half)
    return low, high


def newcombe(correct: int, n: int, other_correct: int, other_n: int, confidence: float = 0.95) -> tuple[float, float]:
    """The interval for the difference of two independent shares, first minus second: Newcombe (1998), method 10."""
    share, other = (correct / n if n else 0.0), (other_correct / other_n if other_n else 0.0)
    low, high = wilson(correct, n, confidence)
    other_low, other_high = wilson(other_correct, other_n, confidence)
    below = math.hypot(share - low, other_high - other)
    above = math.hypot(high - share, other - other_low)
    return max(-1.0, share - other - below), min(1.0, share - other + above)


MCNEMAR, SIGN_TEST = "exact McNemar", "sign test over facts"
"""What tests a difference: with one answer to each question, and where questions were asked several times."""


def mcnemar_exact(fixed: int, broken: int) -> float:
    """The two-sided exact p-value of McNemar's test: a sign test on the questions that changed.

    1 when none changed. Edwards 1948 has the test; the exact form is the binomial with p = 1/2. The tail is summed
    from its largest term down, each term from the one before, so that thousands of changes take no longer than needed.
    """
    changed, fewer = fixed + broken, min(fixed, broken)
    if changed == 0:
        return 1.0
    term = tail = 1.0
    for k in range(fewer, 0, -1):
        term *= k / (changed - k + 1)
        tail += term
        if term < tail * 1e-17:
            break
    return min(1.0, 2 * tail * _binomial_half(changed, fewer))


def _binomial_half(n: int, k: int) -> float:
    """The probability of k heads in n throws of a fair coin; above a thousand to ten digits."""
    if n <= 1000:
        return math.comb(n, k) / (1 << n)
    return math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2))


@dataclass(frozen=True, slots=True)
class Flips(Generic[_Key]):
    """The questions that two models both answered, by who was right: before (base) and after (tuned)."""

    fixed: tuple[_Key, ...]
    broken: tuple[_Key, ...]
    both_right: tuple[_Key, ...]
    both_wrong: tuple[_Key, ...]

    @property
    def p_value(self) -> float:
        """Exact McNemar on the flips."""
        return mcnemar_exact(len(self.fixed), len(self.broken))


def flips(before: Mapping[_Key, bool], after: Mapping[_Key, bool]) -> Flips[_Key]:
    """Compare on the keys that both have, in the order of `after`."""
    groups: dict[tuple[bool, bool], list[_Key]] = defaultdict(list)
    for key, right in after.items():
        if key in before:
            groups[before[key], right].append(key)
    return Flips(
        fixed=tuple(groups[False, True]),
        broken=tuple(groups[True, False]),
        both_right=tuple(groups[True, True]),
        both_wrong=tuple(groups[False, False]),
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for their number by Holm's step-down method (1979), in the order given."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def macro_average(scores: Iterable[float]) -> float:
    """The unweighted mean, each score counting the same whatever its number of questions; NaN for none."""
    listed = list(scores)
    return math.fsum(listed) / len(listed) if listed else math.nan


@dataclass(frozen=True, slots=True)
class TrivialBaselines:
    """What a yes/no task gives without any knowledge: always No, always Yes, the majority of each template."""

    n: int
    always_no: float
    always_yes: float
    majority: float


def trivial_baselines(questions: Iterable[Question]) -> TrivialBaselines | None:
    """The baselines of the questions whose gold is Yes or No; None when there is no such question."""
    return baselines_of_counts(Counter((question.template, question.answer) for question in questions))


def baselines_of_counts(counts: Mapping[tuple[str, str], int]) -> TrivialBaselines | None:
    """The same from how many questions have each template and gold; golds other than Yes and No are left out."""
    by_template: dict[str, Counter[str]] = defaultdict(Counter)
    for (template, gold), count in counts.items():
        if gold in ("Yes", "No"):
            by_template[template][gold] += count
    n = sum(golds.total() for golds in by_template.values())
    if n == 0:
        return None
    no = sum(golds["No"] for golds in by_template.values())
    majority = sum(max(golds.values()) for golds in by_template.values())
    return TrivialBaselines(n, no / n, (n - no) / n, majority / n)
