"""What is wrong with a dataset, before money is spent on it. Pure: questions and facts in, findings out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ftb_tui.benchmark.audit.balance import balance
from ftb_tui.benchmark.audit.comparisons import comparisons
from ftb_tui.benchmark.audit.finding import Finding, Severity
from ftb_tui.benchmark.audit.formats import format_demands
from ftb_tui.benchmark.audit.golds import given_away, missing_golds, unbacked_golds
from ftb_tui.benchmark.audit.leakage import leakage, unchanged_dates
from ftb_tui.benchmark.audit.renames import renames
from ftb_tui.benchmark.audit.repeats import near_repeats, repeats
from ftb_tui.benchmark.audit.units import unnamed_units
from ftb_tui.benchmark.model import Dataset

__all__ = ["CHECKS", "Finding", "Severity", "audit", "tally"]

CHECKS: tuple[Callable[[Dataset], Iterator[Finding]], ...] = (
    missing_golds,
    repeats,
    near_repeats,
    leakage,
    unchanged_dates,
    comparisons,
    balance,
    unbacked_golds,
    given_away,
    renames,
    unnamed_units,
    format_demands,
)


def audit(dataset: Dataset) -> tuple[Finding, ...]:
    """Everything that the checks find, errors first, then warnings, then notes; within them in the checks' order."""
    found = [finding for check in CHECKS for finding in check(dataset)]
    return tuple(sorted(found, key=lambda finding: list(Severity).index(finding.severity)))


def tally(findings: Iterable[Finding]) -> dict[str, int]:
    """How many findings there are of each severity."""
    listed = list(findings)
    return {str(severity): sum(finding.severity is severity for finding in listed) for severity in Severity}
