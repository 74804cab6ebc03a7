"""Cells of tables: what is shown, what it is sorted by, and what a filter finds in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console, JustifyMethod
from rich.segment import Segment
from rich.style import Style
from rich.text import Text


class Valued(NamedTuple):
    """A cell that is sorted by something else than its text: a number, seconds, a word. None comes last."""

    text: str | Text
    value: float | str | None


Cell = str | Text | Valued


class Row(NamedTuple):
    """A row as it is kept: what is shown, and, in a table with tools, what it is sorted by."""

    cells: tuple[Text, ...]
    values: tuple[float | str | None, ...]


def text_of(cell: Cell, right: bool) -> Text:
    """What is shown of a cell, in one line; the very same object where it is ready to be shown."""
    shown = cell.text if isinstance(cell, Valued) else cell
    justify: JustifyMethod = "right" if right else "left"
    if isinstance(shown, Text) and shown.no_wrap and shown.justify == justify:
        return shown
    text = shown.copy() if isinstance(shown, Text) else Text(shown)
    text.justify, text.no_wrap = justify, True
    return text


def value_of(cell: Cell) -> float | str | None:
    """What a cell is sorted by: its value, or the number or the words that its text is."""
    if isinstance(cell, Valued):
        return cell.value
    words = (cell.plain if isinstance(cell, Text) else cell).strip()
    if not words:
        return None
    try:
        return float(words.replace(",", "").removesuffix("%"))
    except ValueError:
        return words.casefold()


def said_in(cell: Text, value: float | str | None) -> str:
    """What a filter looks at: what is shown, and the whole of what was shortened for it."""
    return f"{cell.plain} {value}" if isinstance(value, str) else cell.plain


def told(columns: Sequence[str], cells: Sequence[Text]) -> str:
    """A whole row, a line for each column with its name."""
    width = max(map(len, columns), default=0)
    return "\n".join(f"{name:<{width}}  {cell.plain.strip()}" for name, cell in zip(columns, cells, strict=True))


def sortable(value: float | str | None) -> tuple[int, float, str]:
    """Numbers before words, so that a column may hold both."""
    return (1, 0.0, value) if isinstance(value, str) else (0, value or 0.0, "")


def drawn_line(
    cell: Text, width: int, before: Style, after: Style, padding: int, console: Console
) -> list[list[Segment]] | None:
    """A cell as a line of this width, as Rich draws it in six times the time; None for what only Rich can draw.

    `before` is below the cell's own styles, `after` above them; so many blanks stand left and right of it.
    """
    room, text = width - 2 * padding - cell.cell_len, cell.plain
    if room < 0 or not text.isprintable() or cell.justify not in ("left", "right"):
        return None
    if cell.justify == "right" and text.endswith(" "):
        return None
    own = console.get_style(cell.style, default=Style.null())
    pieces = list(cell.render(console)) if cell.spans else [Segment(text, own)]
    pieces.insert(0 if cell.justify == "right" else len(pieces), Segment(" " * room, own))
    edge = Segment(" " * padding, before + after)
    line = [Segment(piece.text, before + (piece.style or Style.null()) + after) for piece in pieces if piece.text]
    return [[edge, *line, edge]]
