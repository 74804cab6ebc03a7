"""How a score looks in the table of models x tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.text import Text
from textual.color import Color, ColorParseError

from ftb_tui.report.certainty import sure_sign
from ftb_tui.report.heat import bar, shade
from ftb_tui.report.matrix import Place, cell_text
from ftb_tui.store.results import ResultRow

SHADES = 20
"""So many steps from the lowest to the highest score; finer ones nobody sees."""

Shades = tuple[tuple[int, int, int], tuple[int, int, int]] | None
"""The backgrounds of the lowest and the highest score; None where the terminal chooses the colours."""


def shades_of(theme: Mapping[str, str]) -> Shades:
    """The backgrounds in a theme (names and values of its colours)."""
    try:
        low, high = Color.parse(theme["surface"]), Color.parse(theme["primary"])
    except (ColorParseError, KeyError):
        return None
    return None if low.ansi is not None or high.ansi is not None else (low.rgb, high.rgb)


@dataclass(frozen=True, slots=True)
class Look:
    """What stands in every cell beside the score and its bar, which always do."""

    padded: bool
    """Whether the shade is a cell wider than bar and score on both sides."""
    change: int
    """The width of the difference from the base; 0 where it has no room."""
    interval: bool
    shades: Shades = None

    @property
    def width(self) -> int:
        """Of a cell, without how far it is."""
        return (8 if self.padded else 6) + (9 if self.interval else 0) + (self.change + 1 if self.change else 0)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A cell as it was made, and what it was made of."""

    row: ResultRow | None
    sure: int
    """Whether it is surely better (+1) or worse (-1) than its base's."""
    look: Look
    text: Text


def drawn_cell(
    kept: dict[Place, Drawn], place: Place, row: ResultRow | None, adjusted: float | None, look: Look
) -> Text:
    """The cell of a place in the table; the one that was made before (and is `kept`) where nothing of it changed."""
    drawn, sure = kept.get(place), sure_sign(adjusted, row.difference) if row is not None else 0
    if drawn is None or drawn.row is not row or (drawn.sure, drawn.look) != (sure, look):
        drawn = kept[place] = Drawn(row, sure, look, _cell(row, adjusted, look))
    return drawn.text


def progress_width(row: ResultRow | None) -> int:
    """How much wider a cell is by how far it is."""
    progress = cell_text(row).progress if row is not None and row.n + row.failed < row.planned else ""
    return len(progress) + 1 if progress else 0


def _cell(row: ResultRow | None, adjusted: float | None, look: Look) -> Text:
    """Parts of fixed width, so that scores, intervals and changes stand below each other."""
    parts = cell_text(row, adjusted)
    text = Text(justify="left", no_wrap=True)
    edge = " " if look.padded else ""
    if row is not None and row.score is not None:
        shown = shade(round(row.score * SHADES) / SHADES, *look.shades) if look.shades is not None else None
        text.append(f"{edge}{bar(row.score)} {parts.score}{edge}", style="" if shown is None else f"on {shown}")
    else:
        text.append(f"{edge}  {parts.score:<4}{edge}", style="" if row is not None else "dim")
    if look.interval:
        text.append(f" {parts.interval:<8}", style="dim")
    if look.change:
        style = {1: "green", -1: "red"}.get(parts.direction, "dim")
        text.append(f" {parts.difference:<{look.change}}", style=style)
    if parts.progress:
        text.append(f" {parts.progress}", style="dim")
    return text
