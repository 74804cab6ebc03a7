"""The line of tabs above every mode, each of which can be clicked."""

from __future__ import annotations

from textual.content import Content
from textual.style import Style

MODES = ("datasets", "jobs", "evaluations", "results", "providers")


def tabs(current: str) -> Content:
    """The five modes with their keys; the current one is marked."""
    parts = [Content(" ftb ")]
    for number, name in enumerate(MODES, 1):
        style = Style(bold=name == current, reverse=name == current) + Style.from_meta(
            {"@click": f"app.switch_mode('{name}')"}
        )
        parts.append(Content.styled(f" {number} {name.capitalize()} ", style))
    return Content("").join(parts)
