"""What a base model held before its facts were changed, and every score over those facts alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ftb_tui.report.numbers import interval, score
from ftb_tui.report.plain import one_line

if TYPE_CHECKING:
    from ftb_tui.store.known_before import KnownRow
    from ftb_tui.ui.app import FtbApp

EMPTY = (
    "No base model was asked about facts that changed. Evaluate one on coding, medical or another dataset with old "
    "answers: what it says tells what it held before."
)


async def show_known(app: FtbApp, dataset_id: str | None, grader: str) -> None:
    """Both counts and both scores of one dataset's models (of all datasets if None), in full."""
    from ftb_tui.store.known_before import known_results
    from ftb_tui.ui.screens.text import TextScreen

    if app.db is None:
        return
    rows = await known_results(app.db, dataset_id=dataset_id, grader=grader)
    if not rows:
        rows = await known_results(app.db, grader=grader)
    if not rows:
        app.notify(EMPTY)
        return
    app.push_screen(TextScreen("Known before", known_text(rows)))


def known_text(rows: Sequence[KnownRow]) -> str:
    """Both counts, and a line for each model and task, narrow enough for a small window."""
    blocks: dict[tuple[str, str], dict[str, list[KnownRow]]] = {}
    for row in rows:
        blocks.setdefault((row.dataset, row.base_model), {}).setdefault(row.model, []).append(row)
    lines = ["An update can only be learnt where the old fact was known. Scores over all, and over what the base held."]
    for (dataset, base), models in blocks.items():
        first = next(iter(models.values()))[0]
        lines += [
            "",
            f"{dataset}: {one_line(base, 40)} held {first.held_before} of {first.asked_before} old facts.",
            "",
        ]
        lines.append(f"    {'task':<14}{'all (asked)':<14}held before, 95% (asked)")
        for model, held in models.items():
            lines.append(f"  {one_line(model, 60)}")
            for row in held:
                over = f"{score(row.known_score)}  {interval(row.known_low, row.known_high)}  ({row.known})"
                every = f"{score(row.score)} ({row.n})"
                lines.append(f"    {row.task:<14}{every:<14}{over if row.known else 'none'}")
    return "\n".join(lines)
