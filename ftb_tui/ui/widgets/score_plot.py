"""Scores by epoch as characters: points with their intervals, a line between them, trivial baselines across."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_LABEL = 5
_BLANK = chr(0x2800)
APART = 2
"""So many columns are between points at one place."""


@dataclass(frozen=True, slots=True)
class ScorePoint:
    """One score; `low` and `high` bound its 95% interval. `mark` is the character it is drawn as.

    One that is not `joined` is beside the line, not on it.
    """

    x: float
    score: float
    low: float
    high: float
    mark: str = "●"
    joined: bool = True


Cell = tuple[str, str]
"""A character and what it is part of: `point`, `interval`, `line`, `level`, `axis`, or nothing."""


def score_plot(
    points: Sequence[ScorePoint], levels: Mapping[str, float], *, width: int, height: int, x_end: float | None = None
) -> list[list[Cell]]:
    """A plot of `width` x `height` characters from 0 to 1; empty where there is no room for one.

    What a character belongs to can be told by its shape alone: points are ● (or their own mark), intervals │, baselines ┄
    with their name. Points at one place stand side by side.
    """
    rows, columns = height - 1, width - _LABEL - 1
    if rows < 3 or columns < 8:
        return []
    grid: list[list[Cell]] = [[(" ", "")] * columns for _ in range(rows)]
    _draw_levels(grid, levels)
    # What comes after the last place has its own columns behind it.
    beside = _beside(points)
    room = columns - 1 - APART * max(beside, default=0)
    if room < 4:
        return []
    x_low = min((point.x for point in points), default=0.0)
    x_high = max([point.x for point in points] + ([x_end] if x_end is not None else []), default=1.0)
    span = (x_high - x_low) or 1.0

    places = [
        round((point.x - x_low) / span * room) + APART * order for point, order in zip(points, beside, strict=True)
    ]
    _draw_line(grid, [(at, point.score) for at, point in zip(places, points, strict=True) if point.joined])
    for at, point in zip(places, points, strict=True):
        for row in range(_row(point.high, rows), _row(point.low, rows) + 1):
            grid[row][at] = ("│", "interval")
    for at, point in zip(places, points, strict=True):
        grid[_row(point.score, rows)][at] = (point.mark, "point")
    _name_levels(grid, levels)
    lines = []
    for row, cells in enumerate(grid):
        label = {0: "1.0", _row(0.5, rows): "0.5", rows - 1: "0.0"}.get(row, "")
        lines.append([(letter, "axis") for letter in f"{label:>{_LABEL}} "] + cells)
    left, right = f"{x_low:g}", f"{x_high:g}"
    foot = " " * (_LABEL + 1) + left + right.rjust(max(0, room + 1 - len(left)))
    return [*lines, [(letter, "axis") for letter in f"{foot:<{width}}"[:width]]]


def _beside(points: Sequence[ScorePoint]) -> list[int]:
    """How many points at the same place come before each."""
    return [sum(other.x == point.x for other in points[:place]) for place, point in enumerate(points)]


def _row(score: float, rows: int) -> int:
    return round((1 - min(1.0, max(0.0, score))) * (rows - 1))


def _draw_levels(grid: list[list[Cell]], levels: Mapping[str, float]) -> None:
    for value in levels.values():
        row = grid[_row(value, len(grid))]
        row[:] = [("┄", "level")] * len(row)


def _name_levels(grid: list[list[Cell]], levels: Mapping[str, float]) -> None:
    """Write the names into their own lines, as far to the right as nothing else stands there; where there is no such
    place, into the free line that is nearest; where there is none, into theirs, of which the curve may then hide a bit.
    """
    named: dict[int, list[str]] = {}
    for name, value in levels.items():
        named.setdefault(_row(value, len(grid)), []).append(name)
    for row, names in named.items():
        text = f" {', '.join(names)} "
        free = [
            (line, start)
            for line in sorted(range(len(grid)), key=lambda line: (abs(line - row), line))
            if line == row or line not in named
            if (start := _free(grid[line], len(text))) is not None
        ]
        if free:
            line, start = free[0]
            grid[line][start : start + len(text)] = [(letter, "level") for letter in text]
            continue
        text = text[: len(grid[row])]
        for place, letter in enumerate(text, len(grid[row]) - len(text)):
            if grid[row][place][1] in ("", "level", "line"):
                grid[row][place] = (letter, "level")


def _free(line: Sequence[Cell], n: int) -> int | None:
    """Where the last `n` characters begin that belong to no point, interval or curve."""
    starts = range(len(line) - n, -1, -1)
    return next((start for start in starts if all(kind in ("", "level") for _, kind in line[start : start + n])), None)


def _draw_line(grid: list[list[Cell]], points: Sequence[tuple[int, float]]) -> None:
    """Braille dots between neighbours."""
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
