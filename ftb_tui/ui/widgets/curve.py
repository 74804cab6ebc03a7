"""The loss curves of jobs, drawn for whatever size there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from textual.content import Content
from textual.widget import Widget

from ftb_tui.ui.widgets.plot import Line, plot


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is drawn: a title, lines, the end of the x axis when more is to come, and characters below the axis."""

    title: str = ""
    lines: tuple[Line, ...] = ()
    x_end: float | None = None
    log: bool = False
    ticks: Mapping[float, str] = field(default_factory=dict)
    legend: str = ""


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
        """The title, the legend where there is room, and the plot; the title alone while there are no points."""
        shown = self._shown
        width, height = self.content_size
        if not any(line.points for line in shown.lines) or height < 3:
            return Content(shown.title)
        both = f"{shown.title}   {shown.legend}".rstrip()
        head: list[Content] = [Content(both if len(both) <= width else shown.title[:width])]
        if shown.legend and height >= 8 and len(both) > width:
            head.append(Content(shown.legend[:width]))
        ticks = _fitting(shown.ticks, width) if height >= 6 else {}
        below = plot(shown.lines, width=width, height=height - len(head), x_end=shown.x_end, log=shown.log, ticks=ticks)
        return Content("\n").join([*head, *below])


def _fitting(ticks: Mapping[float, str], width: int) -> Mapping[float, str]:
    """The ticks, unless they were so many that they were a bar."""
    return ticks if len(ticks) * 2 <= max(1, width - 7) else {}


def points_of(measured: Sequence[tuple[int, float]]) -> tuple[tuple[float, float], ...]:
    """(step, value) pairs as points."""
    return tuple((float(step), value) for step, value in measured)
