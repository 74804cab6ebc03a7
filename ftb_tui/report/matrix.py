"""The result rows as a matrix, models x tasks, one block for each dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ftb_tui.benchmark.model import Task
from ftb_tui.benchmark.statistics import holm
from ftb_tui.report.certainty import sure_sign
from ftb_tui.report.numbers import difference, interval, score
from ftb_tui.store.results import ResultRow

Place = tuple[str, int, str]
"""Dataset id, model key, task."""


def adjusted_p(rows: Sequence[ResultRow]) -> dict[Place, float]:
    """The p-value of every comparison in a table (all of its rows, by one grader), adjusted by Holm for how many there are."""
    tested = [row for row in rows if row.p_value is not None]
    adjusted = holm([row.p_value for row in tested if row.p_value is not None])
    return {(row.dataset_id, row.model_key, row.task): p for row, p in zip(tested, adjusted, strict=True)}


@dataclass(frozen=True, slots=True)
class Block:
    """The models of one dataset, each with its row of each task."""

    dataset_id: str
    dataset: str
    models: tuple[ResultRow, ...]
    """One row of each model, in the order of the table; of any task."""
    cells: dict[tuple[int, str], ResultRow]
    """By model key and task."""


def tasks_of(rows: Sequence[ResultRow]) -> tuple[str, ...]:
    """The tasks that occur, in the order of `Task`."""
    present = {row.task for row in rows}
    return tuple(str(task) for task in Task if str(task) in present)


def blocks(rows: Sequence[ResultRow], *, sort_task: str | None = None) -> list[Block]:
    """The rows (of one grader) as blocks. `sort_task` puts the models with the highest score of that task first."""
    found = []
    for dataset_id in dict.fromkeys(row.dataset_id for row in rows):
        mine = [row for row in rows if row.dataset_id == dataset_id]
        cells = {(row.model_key, row.task): row for row in mine}
        models = list({row.model_key: row for row in reversed(mine)}.values())[::-1]
        if sort_task is not None:

            def rank(model: ResultRow, task: str = sort_task, cells: dict[tuple[int, str], ResultRow] = cells) -> float:
                cell = cells.get((model.model_key, task))
                return -cell.score if cell is not None and cell.score is not None else 1.0

            models.sort(key=rank)
        found.append(Block(dataset_id, mine[0].dataset, tuple(models), cells))
    return found


@dataclass(frozen=True, slots=True)
class CellText:
    """A cell in pieces, so that a screen can give each its own weight."""

    score: str
    interval: str = ""
    difference: str = ""
    direction: int = 0
    """+1 surely better than the base, -1 surely worse, 0 not sure or nothing to compare with."""
    progress: str = ""


def cell_text(row: ResultRow | None, adjusted: float | None = None) -> CellText:
    """What stands in a cell: score, interval, difference from the base (starred when sure), how far it is."""
    if row is None:
        return CellText("·")
    progress = f"{row.n}/{row.planned}" if row.n + row.failed < row.planned else ""
    if row.score is None:
        return CellText("…" if progress else "!", progress=progress)
    if row.difference is None:
        return CellText(score(row.score), interval(row.low, row.high), progress=progress)
    sure = sure_sign(adjusted, row.difference)
    return CellText(
        score(row.score),
        interval(row.low, row.high),
        difference(row.difference) + ("*" if sure else " "),
        sure,
        progress,
    )
