"""The line of tabs above every mode, each of which can be clicked."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len
from textual.content import Content
from textual.style import Style

MODES = ("datasets", "jobs", "evaluations", "results", "providers")


_BEGIN = " ftb "


def tab_places() -> Iterator[tuple[str, int, int]]:
    """Each mode, the cell where its tab begins, and how many cells it takes."""
    x = cell_len(_BEGIN)
    for number, name in enumerate(MODES, 1):
        width = cell_len(_tab(number, name))
        yield name, x, width
        x += width


def _tab(number: int, name: str) -> str:
    return f" {number} {name.capitalize()} "


def tabs(current: str) -> Content:
    """The five modes with their keys; the current one is marked."""
    parts = [Content(_BEGIN)]
    for number, name in enumerate(MODES, 1):
        style = Style(bold=name == current, reverse=name == current) + Style.from_meta(
            {"@click": f"app.switch_mode('{name}')"}
        )
        parts.append(Content.styled(_tab(number, name), style))
    return Content("").join(parts)
