"""A line plot in braille characters: pure text, any size, gaps where there are no finite numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_LABEL = 7


def line_plot(
    points: Sequence[tuple[float, float]], *, width: int, height: int, x_end: float | None = None, log: bool = False
) -> list[str]:
    """Lines of a plot of (x, y) points, `width` x `height` characters, with the y range at the left.

    `x_end` is where the x axis ends when more is still to come. A point that is not finite (on a `log` scale: not
    positive) leaves a gap. Each column shows the range from its least to its greatest value, so that nothing is lost
    by the coarse grid.
    """
    drawn = [(x, _height(y, log)) for x, y in points if math.isfinite(x)]
    finite = [(x, y) for x, y in drawn if y is not None]
    columns, rows = max(1, width - _LABEL), max(2, height - 1)
    if not finite:
        return [" " * width for _ in range(height)]
    low, high = min(y for _, y in finite), max(y for _, y in finite)
    low = low if log else min(0.0, low)
    span = (high - low) or 1.0
    x_low = finite[0][0]
    x_high = max(x_end or 0.0, finite[-1][0])
    x_span = (x_high - x_low) or 1.0
    grid = [[0] * columns for _ in range(rows)]
    last: tuple[int, int] | None = None
    for x, y in drawn:
        if y is None:
            last = None
            continue
        column = min(columns * 2 - 1, int((x - x_low) / x_span * (columns * 2 - 1)))
        row = min(rows * 4 - 1, int((high - y) / span * (rows * 4 - 1)))
        _connect(grid, last or (column, row), (column, row))
        last = (column, row)
    lines = []
    for place, cells in enumerate(grid):
        label = _label(high, log) if place == 0 else _label(low, log) if place == rows - 1 else ""
        lines.append(f"{label:>{_LABEL - 1}} " + "".join(chr(0x2800 + cell) for cell in cells))
    left, right = f"{x_low:g}", f"{x_high:g}"
    lines.append(" " * _LABEL + left + right.rjust(max(0, columns - len(left))))
    return lines


def _height(y: float, log: bool) -> float | None:
    if not math.isfinite(y) or (log and y <= 0):
        return None
    return math.log10(y) if log else y


def _label(height: float, log: bool) -> str:
    return f"{10**height:.2g}" if log else f"{height:.2f}"


def _connect(grid: list[list[int]], start: tuple[int, int], end: tuple[int, int]) -> None:
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    for step in range(steps + 1):
        column = round(start[0] + (end[0] - start[0]) * step / steps)
        row = round(start[1] + (end[1] - start[1]) * step / steps)
        grid[row // 4][column // 2] |= _DOTS[row % 4][column % 2]
