"""How the table of models x tasks uses the room there is: what stands in its cells, and how wide its columns are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from ftb_tui.report.matrix import Block
from ftb_tui.report.plain import one_line
from ftb_tui.report.tables import model_label, short_label
from ftb_tui.ui.screens.result_cells import Look, Shades, progress_width

EDGES = 2
"""A blank on either side of every cell, as `DataTable` has them."""
LONG_NAME, SHORT_NAME = 40, 26
INDENT = "  "

_STEPS = (
    # whole names, a wider shade, the change from the base, the interval
    (True, True, True, True),
    (False, True, True, True),
    (False, False, True, True),
    (False, True, True, False),
    (False, False, True, False),
    (False, True, False, False),
    (False, False, False, False),
)
"""From the richest to the poorest. The bar stays."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a table of some width shows of each score."""

    look: Look
    long_names: bool
    name_width: int
    """Of the column of models."""
    headings: tuple[str, ...]
    """Of all columns, the models' first."""
    step: int
    """By how much the tasks are scrolled, so that none is cut: every column is as wide. 0 where all are in view."""

    def name(self, text: str) -> str:
        """A name with its indentation in the width that it has."""
        return fitting(text, self.name_width)


def layout(
    found: Sequence[Block], tasks: Sequence[str], *, sort: str | None, grader: str, width: int, shades: Shades
) -> Layout:
    """The most that can be said of each score with all tasks in view; else bars and changes, and tasks out of view.

    `width` is the table's without its scroll bar.
    """
    headings = [f"{task} ↓" if task == sort else task for task in tasks]
    rows = [[block.cells.get((model.model_key, task)) for block in found for model in block.models] for task in tasks]
    beyond = [max(map(progress_width, column), default=0) for column in rows]
    changes = [row.difference for column in rows for row in column if row is not None and row.fixed is not None]
    # +1.00* needs one more than +.96*
    most = 0 if not changes else 6 if any(change is not None and abs(change) >= 0.995 for change in changes) else 5
    titles = (f"graded by {grader}", f"by {grader}")

    def widths(look: Look) -> list[int]:
        return [max(cell_len(head), look.width + more) + EDGES for head, more in zip(headings, beyond, strict=True)]

    widest = {long_names: _widest(found, long_names) for long_names in (True, False)}
    for long_names, padded, change, intervals in _STEPS:
        look = Look(padded, most if change else 0, intervals, shades)
        names = widest[long_names]
        taken = sum(widths(look)) + EDGES
        for title in titles:
            if taken + max(names, cell_len(title)) <= width:
                room = min(LONG_NAME, width - taken)
                return Layout(look, long_names, room, (title, *headings), 0)
    look = Look(False, most, False, shades)
    each = max(widths(look), default=EDGES)
    title = titles[0]
    least = max(widest[False], cell_len(title)) + EDGES
    in_view = max(1, (width - least) // each)
    each = max(each, (width - least) // in_view)
    room = max(1, width - in_view * each - EDGES)
    even = [f"{head:<{each - EDGES}}" for head in headings]
    return Layout(look, False, room, (f"{fitting(title, room):<{room}}", *even), each)


def _widest(found: Sequence[Block], long_names: bool) -> int:
    most = LONG_NAME if long_names else SHORT_NAME
    widest = 0
    for block in found:
        widest = max(widest, cell_len(one_line(block.dataset, most)))
        for model in block.models:
            label = model_label(model) if long_names else short_label(model)
            widest = max(widest, cell_len(one_line(label, most)) + len(INDENT))
    return min(widest, most)


def fitting(text: str, width: int) -> str:
    """A text of one line in so many cells, with an ellipsis where it is cut."""
    return text if cell_len(text) <= width else f"{set_cell_size(text, max(0, width - 1)).rstrip()}…"
