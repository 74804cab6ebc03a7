"""How a score looks in the table of models x tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.text import Text
from textual.color import Color, ColorParseError

from ftb_tui.report.heat import bar, shade
from ftb_tui.report.matrix import SURE, Place, cell_text
from ftb_tui.store.results import ResultRow

NAME_WIDTH, CELL_WIDTH = 36, 28


@dataclass(frozen=True, slots=True)
class Look:
    """What the looks of all cells depend on."""

    wide: bool
    """Whether every task's bar, score, interval and change stand beside the models' whole names."""
    shades: tuple[tuple[int, int, int], tuple[int, int, int]] | None
    """The backgrounds of the lowest and the highest score; None where the terminal chooses the colours."""


def look_of(theme: Mapping[str, str], width: int, tasks: int) -> Look:
    """The look in a theme (names and values of its colours), in a table so wide and of so many tasks."""
    wide = width >= NAME_WIDTH + CELL_WIDTH * tasks
    try:
        low, high = Color.parse(theme["surface"]), Color.parse(theme["primary"])
    except (ColorParseError, KeyError):
        return Look(wide, None)
    return Look(wide, None if low.ansi is not None or high.ansi is not None else (low.rgb, high.rgb))


@dataclass(frozen=True, slots=True)
class Drawn:
    """A cell as it was made, and what it was made of."""

    row: ResultRow | None
    sure: bool
    look: Look
    text: Text


def drawn_cell(
    kept: dict[Place, Drawn], place: Place, row: ResultRow | None, adjusted: float | None, look: Look
) -> Text:
    """The cell of a place in the table; the one that was made before (and is `kept`) where nothing of it changed."""
    drawn, sure = kept.get(place), adjusted is not None and adjusted < SURE
    if drawn is None or drawn.row is not row or (drawn.sure, drawn.look) != (sure, look):
        drawn = kept[place] = Drawn(row, sure, look, _cell(row, adjusted, look))
    return drawn.text


def _cell(row: ResultRow | None, adjusted: float | None, look: Look) -> Text:
    """Parts of fixed width, so that scores, intervals and changes stand below each other."""
    parts = cell_text(row, adjusted)
    text = Text(justify="left", no_wrap=True)
    if look.wide and row is not None and row.score is not None:
        background = f"on {shade(row.score, *look.shades)}" if look.shades is not None else ""
        text.append(f" {bar(row.score)} {parts.score} ", style=background)
    else:
        text.append(f"{parts.score:^8}" if look.wide else f"{parts.score:<4}", style="" if row is not None else "dim")
    if look.wide:
        text.append(f" {parts.interval:<8}", style="dim")
    change = f" {parts.difference:<6}" if parts.difference else ""
    text.append(change or " " * 7, style={1: "green", -1: "red"}.get(parts.direction, "dim"))
    text.append(parts.progress, style="dim")
    return text
