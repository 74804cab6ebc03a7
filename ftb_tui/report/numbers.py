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


def signed_interval(low: float | None, high: float | None) -> str:
    """The interval of a difference as `+.12 to +.34`."""
    return "" if low is None or high is None else f"{difference(low)} to {difference(high)}"


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


def counted(n: int, thing: str, things: str = "") -> str:
    """`1 answer`, `1,200 answers`; `things` where the plural is not made by an s."""
    return f"{n:,} {thing if n == 1 else things or f'{thing}s'}"


def duration(seconds: float | None) -> str:
    """Seconds as `45 s`, `3 min`, `2 h 5 min`, `12 d 3 h`."""
    if seconds is None:
        return "–"
    seconds = max(0.0, seconds)
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def _short(value: float) -> str:
    text = f"{value:.2f}"
    return text.removeprefix("0")
