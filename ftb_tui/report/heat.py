"""A score as a glyph, so that a table can be read at a glance without colour."""

from __future__ import annotations

from collections.abc import Mapping

_LEVELS = "▁▂▃▄▅▆▇█"


def bar(score: float | None) -> str:
    """One character that is the taller the higher the share; a blank where there is none."""
    if score is None:
        return " "
    return _LEVELS[min(len(_LEVELS) - 1, max(0, int(score * len(_LEVELS))))]


def shade(score: float | None, low: tuple[int, int, int], high: tuple[int, int, int]) -> str | None:
    """The colour for a share between two colours, as `#rrggbb`; None where there is no share.

    Goes two thirds of the way at most, so that text in the foreground's colour stays readable on it.
    """
    if score is None:
        return None
    part = 0.66 * min(1.0, max(0.0, score))
    mixed = (round(a + (b - a) * part) for a, b in zip(low, high, strict=True))
    return "#" + "".join(f"{value:02x}" for value in mixed)


def baseline_line(baselines: Mapping[str, float]) -> str:
    """`always No .50, majority .52` for a line of detail."""
    return ", ".join(f"{name} {value:.2f}" for name, value in baselines.items())
