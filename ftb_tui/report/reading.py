"""What a result table says about the paper's question, in honest sentences computed from its figures."""

from __future__ import annotations

from collections.abc import Sequence

from ftb_tui.report.numbers import interval, p_value, score
from ftb_tui.store.results import ResultRow

_GENERALIZATION = ("rephrased", "vignette", "secondary", "comparison", "date_changed")
_YES_NO = ("secondary", "comparison")


def reading(rows: Sequence[ResultRow]) -> list[str]:
    """A few sentences on the tuned models among the rows (by the default grader), or none if there is nothing to say."""
    said = []
    tuned: dict[tuple[str, int], dict[str, ResultRow]] = {}
    for row in rows:
        if row.kind == "tuned":
            tuned.setdefault((row.dataset_id, row.model_key), {})[row.task] = row
    for by_task in tuned.values():
        if not any(row.n for row in by_task.values()):
            continue
        if (memorized := by_task.get("memorization")) is not None:
            said.append(_memorized(memorized))
        for task in _GENERALIZATION:
            if (other := by_task.get(task)) is not None and other.n:
                said.append(_generalized(other))
    return said


def _memorized(row: ResultRow) -> str:
    base = "" if row.base_score is None else f", the base model {score(row.base_score)}"
    learned = row.p_value is not None and row.p_value < 0.05 and (row.difference or 0) > 0
    verdict = "The facts are not in"
    if learned:
        verdict = "The facts are in" if (row.low or 0) >= 0.75 else "Part of the facts is in"
    return (
        f"{verdict}: of the trained questions {score(row.score)} are right (95% {interval(row.low, row.high)}){base}."
    )


def _generalized(row: ResultRow) -> str:
    share = f"{row.task}: {score(row.score)} (95% {interval(row.low, row.high)})"
    if row.task in _YES_NO and row.n and row.abstained / row.n > 0.5:
        return (
            f"{share}. {row.abstained} of {row.n} answers are neither Yes nor No: the tuned model has lost the form of "
            "the answer, which does not tell whether it knows."
        )
    if row.base_score is None:
        return f"{share}."
    changed = f"against {score(row.base_score)} for the base (exact McNemar p {p_value(row.p_value)})"
    return f"{share}, {changed}."
