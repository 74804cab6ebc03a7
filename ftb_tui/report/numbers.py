"""Figures as text, the same on every screen and in every table."""

from __future__ import annotations


def score(value: float | None) -> str:
    """A share with two decimals, or a dash."""
    return "–" if value is None else f"{value:.2f}"


def interval(low: float | None, high: float | None) -> str:
    """An interval as `.12–.34`."""
    if low is None or high is None:
        return ""
    return f"{_short(low)}–{_short(high)}"


def difference(value: float | None) -> str:
    """A difference with its sign."""
    if value is None:
        return ""
    return "±.00" if abs(value) < 0.005 else f"{'+' if value > 0 else '−'}{_short(abs(value))}"


def p_value(value: float | None) -> str:
    """A p-value; very small ones as a bound."""
    if value is None:
        return ""
    return "<.001" if value < 0.001 else f"{value:.3f}".lstrip("0") if value < 1 else "1"


def duration(seconds: float | None) -> str:
    """Seconds as `45 s`, `3 min`, `2 h 5 min`."""
    if seconds is None:
        return "–"
    seconds = max(0.0, seconds)
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _short(value: float) -> str:
    text = f"{value:.2f}"
    return text.removeprefix("0")
