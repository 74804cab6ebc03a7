"""The loss curve of a job, drawn for whatever size it has."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from ftb_tui.ui.widgets.plot import line_plot


class Curve(Widget):
    """Points as a line, with a title; redrawn when its size or its points change."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._shown: tuple[str, tuple[tuple[float, float], ...], float | None, bool] = ("", (), None, False)

    def show(
        self, title: str, points: Sequence[tuple[float, float]], *, x_end: float | None = None, log: bool = False
    ) -> None:
        """Draw these points below the title; `x_end` is where the axis ends when more is to come."""
        now = (title, tuple(points), x_end, log)
        if now != self._shown:
            self._shown = now
            self.refresh()

    def render(self) -> Content:
        """The title and the plot, or the title alone while there are no points."""
        title, points, x_end, log = self._shown
        width, height = self.content_size
        if not points or height < 3:
            return Content(title)
        plot = line_plot(points, width=width, height=height - 1, x_end=x_end, log=log)
        return Content("\n".join((title, *plot)))
