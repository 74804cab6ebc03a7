"""The loss curves of jobs, drawn for whatever size there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.widget import Widget

from ftb_tui.ui.widgets.plot import LABEL, Line, plot

LEAST_ROWS = 3
"""Rows of a plot below which a legend is shortened and the marks below the axis are left out."""
APART = 3
"""Columns from one mark below the axis to the next, at least, where there are many."""
FEW = 5
"""So many marks are all shown, however close they are."""
_EVERY = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Marks:
    """Characters below the axis: where they stand, by their x, and what one of them is called."""

    character: str
    name: str
    at: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is drawn: a title, lines, the end of the x axis when more is to come, marks below the axis, a legend.

    Where marks share a place, the later ones stand there. Each word of the legend is kept whole.
    """

    title: str = ""
    lines: tuple[Line, ...] = ()
    x_end: float | None = None
    log: bool = False
    marks: tuple[Marks, ...] = ()
    legend: tuple[str, ...] = ()


class Curve(Widget):
    """Lines below a title; redrawn when its size or what is drawn changes."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._shown = Drawing()

    def show(self, drawing: Drawing) -> None:
        """Draw this."""
        if drawing != self._shown:
            self._shown = drawing
            self.refresh()

    def render(self) -> Content:
        """The title, the legend, and the plot; the title alone while there are no points."""
        shown = self._shown
        width, height = self.content_size
        if not any(line.points for line in shown.lines) or height < 3:
            return Content(shown.title)
        ticks, told = thinned(shown.marks, width - LABEL, _length(shown))
        head = _wrapped([shown.title, *shown.legend, *told], width)
        if height - len(head) - 2 < LEAST_ROWS:
            ticks, head = {}, _wrapped([shown.title, *shown.legend], width)
        if height - len(head) - 1 < LEAST_ROWS:
            head = _wrapped(shown.legend or [shown.title], width)
        head = head[: max(1, height - 1 - LEAST_ROWS)]
        below = plot(shown.lines, width=width, height=height - len(head), x_end=shown.x_end, log=shown.log, ticks=ticks)
        return Content("\n").join([*map(Content, head), *below])


def thinned(marks: Sequence[Marks], columns: int, length: float) -> tuple[dict[float, str], list[str]]:
    """The characters below an axis of so many columns and such a length, and the legend for them.

    Of those that would be too close together every 2nd, 5th, 10th and so on is left, and the legend says so.
    """
    ticks: dict[float, str] = {}
    told = []
    for one in marks:
        if not one.at:
            continue
        apart = (one.at[-1] - one.at[0]) / max(1, len(one.at) - 1) / (length or 1.0) * columns
        every = 1
        if len(one.at) > FEW:
            steps = (step * 10**power for power in range(len(str(len(one.at)))) for step in _EVERY)
            every = next((step for step in steps if apart * step >= APART), len(one.at))
        ticks |= dict.fromkeys(one.at[every - 1 :: every], one.character)
        nth = f"every {every}{'nd' if every == 2 else 'th'} " if every > 1 else ""
        told.append(f"{one.character} {nth}{one.name}")
    return ticks, told


def _length(drawing: Drawing) -> float:
    """Of the x axis."""
    ends = [x for line in drawing.lines if line.points for x in (line.points[0][0], line.points[-1][0])]
    return max(drawing.x_end or 0.0, *ends) - min(ends)


def _wrapped(parts: Sequence[str], width: int) -> list[str]:
    """The parts on as few lines as they fit on, none broken over two."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + 2 + len(part) <= width:
            lines[-1] += f"  {part}"
        else:
            lines.append(part[:width])
    return lines


def points_of(measured: Sequence[tuple[int, float]]) -> tuple[tuple[float, float], ...]:
    """(step, value) pairs as points."""
    return tuple((float(step), value) for step, value in measured)
