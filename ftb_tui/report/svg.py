"""Charts as SVG text that needs nothing else: bars with intervals, and curves. Every text in them is escaped."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ftb_tui.report.plain import one_line

_LEFT, _PLOT, _RIGHT, _ROW, _TOP = 290, 360, 150, 24, 26
_LINE = 15
"""Between two lines of one label; a row is higher by as much for each line after the first."""
_LABEL = 36
"""Letters of a label in one line, which fit left of the bars; half as many of twice the width."""
_LINES = 3
_BESIDE = 12
"""So far right of a checkpoint stands the tuned model of the same step."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A share with its interval. `kind` (base, checkpoint, tuned) chooses the fill; the label says which it is."""

    label: str
    kind: str
    value: float
    low: float
    high: float
    note: str


@dataclass(frozen=True, slots=True)
class Point:
    """A score at a place on the way (an epoch or a step), with its interval.

    One that is not `joined` is beside the line, not on it.
    """

    x: float
    value: float
    low: float
    high: float
    joined: bool = True
    is_tuned: bool = False
    """Whether it is the tuned model's, which is at the same place as the last checkpoint's."""
    n: int | None = None
    """How many answers it is of."""


def escaped(text: str, limit: int = 60) -> str:
    """Foreign text as one harmless line of SVG or HTML."""
    return html.escape(one_line(text, limit))


def bar_chart(title: str, bars: Sequence[Bar], levels: Mapping[str, float]) -> str:
    """Horizontal bars from 0 to 1 with whiskers, figures beside them, and levels as dashed lines with their names."""
    labels = [_label_lines(bar.label) for bar in bars]
    bottom = _TOP + sum(map(_row_height, labels))
    height = bottom + 22 + 16 * len(levels)
    parts = [_open(_LEFT + _PLOT + _RIGHT, height, title), _text(0, 15, title, "title")]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = _LEFT + tick * _PLOT
        parts.append(f'<line class="grid" x1="{x:g}" y1="{_TOP - 4}" x2="{x:g}" y2="{bottom}"/>')
        parts.append(_text(x, bottom + 14, f"{tick:g}", "tick", "middle"))
    y: float = _TOP
    for bar, label in zip(bars, labels, strict=True):
        middle = y + _row_height(label) / 2 - 2
        low, high = (_LEFT + end * _PLOT for end in (bar.low, bar.high))
        first = middle + 4 - _LINE * (len(label) - 1) / 2
        parts += [
            *(_text(_LEFT - 8, first + _LINE * n, line, "label", "end") for n, line in enumerate(label)),
            f'<rect class="bar {_known(bar.kind)}" x="{_LEFT}" y="{middle - 8:g}" width="{bar.value * _PLOT:.1f}"'
            f' height="{_ROW - 8}"><title>{escaped(bar.label, 300)}: {escaped(bar.note)}</title></rect>',
            f'<path class="whisker" d="M{low:.1f} {middle - 4:g}v8m0-4H{high:.1f}m0-4v8"/>',
            _text(_LEFT + _PLOT + 10, middle + 4, bar.note, "note"),
        ]
        y += _row_height(label)
    for place, (name, value) in enumerate(levels.items()):
        x = _LEFT + value * _PLOT
        parts.append(f'<line class="level" x1="{x:.1f}" y1="{_TOP - 4}" x2="{x:.1f}" y2="{bottom}"/>')
        parts.append(_text(x, bottom + 30 + 16 * place, f"┆ {name} {value:.2f}", "level-name", "middle"))
    return "".join([*parts, "</svg>"])


def _row_height(label: Sequence[str]) -> float:
    return _ROW + _LINE * (len(label) - 1)


def _label_lines(label: str) -> list[str]:
    """A label in as many lines as it needs, at most three; broken between words where there are any."""
    from rich.cells import cell_len

    text = one_line(label, 500)
    width = _LABEL if cell_len(text) <= len(text) else _LABEL // 2
    lines = textwrap.wrap(text, width, break_on_hyphens=False) or [""]
    return lines if len(lines) <= _LINES else [*lines[: _LINES - 1], one_line(" ".join(lines[_LINES - 1 :]), width)]


def curve_chart(title: str, points: Sequence[Point], levels: Mapping[str, float], *, unit: str) -> str:
    """A score by epoch or step from 0 to 1, with intervals, and levels as dashed lines with their names.

    The tuned model has a mark of its own, and stands beside a checkpoint at the same place.
    """
    taken = {point.x for point in points if not point.is_tuned}
    left, width, height, top = 40, 360, 150, 28
    bottom = top + height
    first = min((point.x for point in points), default=0.0)
    span = (max((point.x for point in points), default=1.0) - first) or 1.0

    def across(x: float) -> float:
        return left + (x - first) / span * width

    def place(point: Point) -> float:
        return across(point.x) + (_BESIDE if point.is_tuned and point.x in taken else 0)

    def up(value: float) -> float:
        return bottom - value * height

    parts = [_open(left + width + 30, bottom + 36, title), _text(0, 15, title, "title", limit=70)]
    for tick in (0.0, 0.5, 1.0):
        parts.append(f'<line class="grid" x1="{left}" y1="{up(tick):g}" x2="{left + width}" y2="{up(tick):g}"/>')
        parts.append(_text(left - 6, up(tick) + 4, f"{tick:g}", "tick", "end"))
    for name, value in levels.items():
        parts.append(f'<line class="level" x1="{left}" y1="{up(value):.1f}" x2="{left + width}" y2="{up(value):.1f}"/>')
        parts.append(_text(left + width, up(value) - 4, f"{name} {value:.2f}", "level-name", "end"))
    for point in points:
        parts.append(f'<path class="whisker" d="M{place(point):.1f} {up(point.low):.1f}V{up(point.high):.1f}"/>')
    way = " ".join(f"{place(point):.1f},{up(point.value):.1f}" for point in points if point.joined)
    if way:
        parts.append(f'<polyline class="curve" points="{way}"/>')
    for point in points:
        x, y = place(point), up(point.value)
        whose = ", the tuned model" if point.is_tuned else ""
        note = f"{unit} {point.x:g}{whose}: {point.value:.2f} (95% {point.low:.2f} to {point.high:.2f})"
        note += f" of {point.n}" if point.n is not None else ""
        title = f"<title>{escaped(note)}</title>"
        kind = "point" if point.joined else "point apart"
        if point.is_tuned:
            parts.append(f'<path class="{kind}" d="M{x - 5:.1f} {y:.1f}l5 -5 5 5 -5 5z">{title}</path>')
        else:
            parts.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3.5">{title}</circle>')
    for x in sorted({point.x for point in points}):
        parts.append(_text(across(x), bottom + 16, f"{x:g}", "tick", "middle"))
    tuned = ", ◆: the tuned model" if any(point.is_tuned for point in points) else ""
    parts.append(_text(left + width / 2, bottom + 32, f"{unit} (0: the base{tuned})", "tick", "middle"))
    return "".join([*parts, "</svg>"])


def _open(width: float, height: float, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escaped(title)}" viewBox="0 0 {width:g} {height:g}"'
        f' width="{width:g}" height="{height:g}">'
    )


def _text(x: float, y: float, text: str, name: str, anchor: str = "start", limit: int = 80) -> str:
    return f'<text class="{name}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escaped(text, limit)}</text>'


def _known(kind: str) -> str:
    return kind if kind in ("base", "checkpoint", "tuned") else "other"
