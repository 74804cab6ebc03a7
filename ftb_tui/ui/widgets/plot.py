"""A line plot in braille characters: any size, several lines, gaps where there are no finite numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from textual.content import Content

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
LABEL = 7
"""Columns at the left for the range of y."""
_APART = 14
"""Columns between two marks on a line."""
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """(x, y) points by x. `mark` is a character drawn on the line, so that lines differ without their colours.

    With `every_point` the marks stand at the points themselves and nothing joins them: few, separate measurements.
    """

    points: tuple[tuple[float, float], ...]
    mark: str = ""
    style: str = ""
    every_point: bool = False


@dataclass(frozen=True, slots=True)
class _Scale:
    """From numbers to dots: two a column, four a row."""

    x_low: float
    x_span: float
    high: float
    span: float
    columns: int
    rows: int

    def place(self, x: float, height: float) -> tuple[int, int]:
        """The dot of a point: column from the left, row from the top."""
        column = min(self.columns * 2 - 1, max(0, int((x - self.x_low) / self.x_span * (self.columns * 2 - 1))))
        row = min(self.rows * 4 - 1, int((self.high - height) / self.span * (self.rows * 4 - 1)))
        return column, row


def plot(
    lines: Sequence[Line],
    *,
    width: int,
    height: int,
    x_end: float | None = None,
    log: bool = False,
    ticks: Mapping[float, str] | None = None,
) -> list[Content]:
    """The lines on common axes, `width` x `height` characters, the range of y at the left, that of x below.

    The first line is in front. `x_end` is where the x axis ends when more is still to come. A point that is not finite
    (on a `log` scale: not positive) leaves a gap, and so does a point that is missing in a regular row of them. Each
    column shows the range from its least to its greatest value, so that nothing is lost by the coarse grid. `ticks`
    are characters below the axis, by their x.
    """
    drawn = [[(x, _height(y, log)) for x, y in line.points if math.isfinite(x)] for line in lines]
    finite = [(x, y) for points in drawn for x, y in points if y is not None]
    columns, rows = max(1, width - LABEL), max(2, height - 1 - bool(ticks))
    if not finite:
        return [Content(" " * width) for _ in range(height)]
    low, high = min(y for _, y in finite), max(y for _, y in finite)
    low = low if log else min(0.0, low)
    x_low, x_high = min(x for x, _ in finite), max(x_end or 0.0, *(x for x, _ in finite))
    scale = _Scale(x_low, (x_high - x_low) or 1.0, high, (high - low) or 1.0, columns, rows)
    cells = _cells(lines, drawn, scale)
    shown = []
    for number, row in enumerate(cells):
        label = _label(high, log) if number == 0 else _label(low, log) if number == rows - 1 else ""
        shown.append(Content.assemble(f"{label:>{LABEL - 1}} ", *row))
    if ticks:
        below = [" "] * columns
        for x, character in ticks.items():
            if x_low <= x <= x_high:
                below[scale.place(x, high)[0] // 2] = character
        shown.append(Content(" " * LABEL + "".join(below)))
    left, right = f"{x_low:g}", f"{x_high:g}"
    shown.append(Content(" " * LABEL + left + right.rjust(max(0, columns - len(left)))))
    return shown


def _cells(
    lines: Sequence[Line], drawn: Sequence[Sequence[tuple[float, float | None]]], scale: _Scale
) -> list[list[tuple[str, str]]]:
    """(character, style) of every cell: dots of all lines together, in the style of the line in front."""
    bits = [[0] * scale.columns for _ in range(scale.rows)]
    styles: list[list[str]] = [[""] * scale.columns for _ in range(scale.rows)]
    marks: dict[tuple[int, int], tuple[str, str]] = {}
    for number in reversed(range(len(lines))):
        line, points = lines[number], drawn[number]
        dots = [] if line.every_point else _dots(points, scale)
        for column, row in dots:
            bits[row // 4][column // 2] |= _DOTS[row % 4][column % 2]
            styles[row // 4][column // 2] = line.style
        for place in _marked(line, points, dots, scale, number):
            marks[place] = (line.mark, line.style)
    return [
        [marks.get((row, column), (chr(0x2800 + bits[row][column]), styles[row][column])) for column in range(scale.columns)]
        for row in range(scale.rows)
    ]  # fmt: skip


def _marked(
    line: Line,
    points: Sequence[tuple[float, float | None]],
    dots: Sequence[tuple[int, int]],
    scale: _Scale,
    number: int,
) -> list[tuple[int, int]]:
    """The cells (row, column) where a line's mark stands: at points, or along the line and at its end."""
    if not line.mark:
        return []
    if line.every_point:
        places = [scale.place(x, y) for x, y in points if y is not None]
        return [(row // 4, column // 2) for column, row in places]
    by_column = {column // 2: row // 4 for column, row in dots}
    along = [column for column in by_column if column % _APART == (5 * number) % _APART]
    return [(by_column[column], column) for column in {*along, max(by_column)}] if by_column else []


def _dots(points: Sequence[tuple[float, float | None]], scale: _Scale) -> list[tuple[int, int]]:
    """Every dot of a line, joined but for its gaps."""
    usual = _usual_step(points)
    dots: list[tuple[int, int]] = []
    last: tuple[int, int] | None = None
    last_x = 0.0
    for x, y in points:
        if y is None:
            last = None
            continue
        here = scale.place(x, y)
        joined = last is not None and (usual is None or x - last_x <= usual * 1.5)
        dots += _between(last if joined and last is not None else here, here)
        last, last_x = here, x
    return dots


def _usual_step(points: Sequence[tuple[float, float | None]]) -> float | None:
    """How far points are apart where they come regularly; None where they do not."""
    apart = [after[0] - before[0] for before, after in pairwise(points)]
    if len(apart) < 4:
        return None
    usual = median(apart)
    regular = sum(1 for distance in apart if distance <= usual * 1.5)
    return usual if usual > 0 and regular >= 0.8 * len(apart) else None


def _between(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    return [
        (
            round(start[0] + (end[0] - start[0]) * step / steps),
            round(start[1] + (end[1] - start[1]) * step / steps),
        )
        for step in range(steps + 1)
    ]


def _height(y: float, log: bool) -> float | None:
    if not math.isfinite(y) or (log and y <= 0):
        return None
    return math.log10(y) if log else y


def _label(height: float, log: bool) -> str:
    return f"{10**height:.2g}" if log else f"{height:.2f}"
