"""The two scores of a yes/no task side by side: what was said, and what was likelier."""

from __future__ import annotations

from collections.abc import Sequence

from ftb_tui.report.numbers import interval, score
from ftb_tui.report.plain import one_line
from ftb_tui.store.results import ResultRow


def preference_lines(said: Sequence[ResultRow], preferred: Sequence[ResultRow]) -> list[str]:
    """One sentence for each cell that has a score of `yes_no_preference`.

    `said` are rows by `choice` (which is `yes_no` for these tasks) or `yes_no`, `preferred` those by
    `yes_no_preference`.
    """
    by_cell = {(row.dataset_id, row.model_key, row.task): row for row in said}
    lines = []
    for row in preferred:
        other = by_cell.get((row.dataset_id, row.model_key, row.task))
        if other is not None and row.n:
            lines.append(
                f"{one_line(row.model)}, {row.task}: yes_no {score(other.score)} ({other.abstained} of {other.n} said"
                f" neither), yes_no_preference {score(row.score)} (95% {interval(row.low, row.high)}): the share where"
                " the right word of Yes and No was the likelier first one."
            )
    return lines
