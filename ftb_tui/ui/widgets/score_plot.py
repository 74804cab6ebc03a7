"""Scores by epoch as characters: points with their intervals, a line between them, trivial baselines across."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_LABEL = 5
_BLANK = chr(0x2800)


@dataclass(frozen=True, slots=True)
class ScorePoint:
    """One score; `low` and `high` bound its 95% interval."""

    x: float
    score: float
    low: float
    high: float


Cell = tuple[str, str]
"""A character and what it is part of: `point`, `interval`, `line`, `level`, `axis`, or nothing."""


def score_plot(
    points: Sequence[ScorePoint], levels: Mapping[str, float], *, width: int, height: int, x_end: float | None = None
) -> list[list[Cell]]:
    """A plot of `width` x `height` characters from 0 to 1; empty where there is no room for one.

    What a character belongs to can be told by its shape alone: points are ●, intervals │, baselines ┄ with their name.
    """
    rows, columns = height - 1, width - _LABEL - 1
    if rows < 3 or columns < 8:
        return []
    grid: list[list[Cell]] = [[(" ", "")] * columns for _ in range(rows)]
    _draw_levels(grid, levels)
    x_low = min((point.x for point in points), default=0.0)
    x_high = max([point.x for point in points] + ([x_end] if x_end is not None else []), default=1.0)
    span = (x_high - x_low) or 1.0

    def column(x: float) -> int:
        return round((x - x_low) / span * (columns - 1))

    _draw_line(grid, [(column(point.x), point.score) for point in points])
    for point in points:
        at = column(point.x)
        for row in range(_row(point.high, rows), _row(point.low, rows) + 1):
            grid[row][at] = ("│", "interval")
    for point in points:
        grid[_row(point.score, rows)][column(point.x)] = ("●", "point")
    lines = []
    for row, cells in enumerate(grid):
        label = {0: "1.0", _row(0.5, rows): "0.5", rows - 1: "0.0"}.get(row, "")
        lines.append([(letter, "axis") for letter in f"{label:>{_LABEL}} "] + cells)
    left, right = f"{x_low:g}", f"{x_high:g}"
    foot = " " * (_LABEL + 1) + left + right.rjust(max(0, columns - len(left)))
    return [*lines, [(letter, "axis") for letter in foot[:width]]]


def _row(score: float, rows: int) -> int:
    return round((1 - min(1.0, max(0.0, score))) * (rows - 1))


def _draw_levels(grid: list[list[Cell]], levels: Mapping[str, float]) -> None:
    named: dict[int, list[str]] = {}
    for name, value in levels.items():
        named.setdefault(_row(value, len(grid)), []).append(name)
    for row, names in named.items():
        text = f" {', '.join(names)} "[: len(grid[row])]
        start = len(grid[row]) - len(text)
        grid[row] = [("┄", "level")] * start + [(letter, "level") for letter in text]


def _draw_line(grid: list[list[Cell]], points: Sequence[tuple[int, float]]) -> None:
    """Braille dots between neighbours; a baseline's name gives way to them."""
    rows = len(grid)
    for (x0, y0), (x1, y1) in pairwise(points):
        steps = max(abs(x1 - x0) * 2, rows * 4)
        for step in range(steps + 1):
            part = step / steps
            x = min(len(grid[0]) * 2 - 1, round((x0 + (x1 - x0) * part) * 2))
            # The middle of a row of characters is where a point of that score stands.
            y = min(rows * 4 - 1, max(0, round((1 - (y0 + (y1 - y0) * part)) * (rows - 1) * 4 + 1.5)))
            letter, kind = grid[y // 4][x // 2]
            dots = ord(letter) - ord(_BLANK) if kind == "line" else 0
            grid[y // 4][x // 2] = (chr(ord(_BLANK) + (dots | _DOTS[y % 4][x % 2])), "line")
