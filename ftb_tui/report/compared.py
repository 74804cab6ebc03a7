"""Two models on the same questions, for readers: which two, what the four cells are called, and as an object."""

from __future__ import annotations

from collections.abc import Sequence

from ftb_tui.store.comparing import Comparison
from ftb_tui.store.results import ResultRow

SAYS = {
    "both": "both right",
    "after": "fixed: B wrong, A right",
    "before": "broken: B right, A wrong",
    "neither": "both wrong",
}
"""The cells of `ftb_tui.store.comparing.CELLS`, of A (the one after) and B (the one before)."""


def partner(row: ResultRow, rows: Sequence[ResultRow]) -> ResultRow | None:
    """What a result is compared with at first: its base, or else another model with answers to the same task."""
    others = [
        other for other in rows
        if (other.dataset_id, other.task) == (row.dataset_id, row.task) and other.model_key != row.model_key and other.n
    ]  # fmt: skip
    bases = [o for o in others if o.kind == "base" and (o.provider, o.model) == (row.provider, row.base_model)]
    return next(iter(bases or others), None)


def comparison_object(a: ResultRow, b: ResultRow, found: Comparison) -> dict[str, object]:
    """A comparison for scripts. Scores are over the `n` answers that both have, so they may differ from the table's."""
    return {
        "dataset": a.dataset,
        "task": a.task,
        "grader": a.grader,
        "a": a.model,
        "a_provider": a.provider,
        "b": b.model,
        "b_provider": b.provider,
        "n": found.n,
        "a_score": (found.both + found.after) / found.n if found.n else None,
        "b_score": (found.both + found.before) / found.n if found.n else None,
        "both": found.both,
        "fixed": found.after,
        "broken": found.before,
        "neither": found.neither,
        "difference": found.difference,
        "difference_low": found.low if found.n else None,
        "difference_high": found.high if found.n else None,
        "p_value": found.p_value if found.n else None,
        "test": found.test,
    }
