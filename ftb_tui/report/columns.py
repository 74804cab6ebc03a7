"""Text in aligned columns, for people who read and for tools that cut."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Collection, Sequence

from ftb_tui.report.plain import one_line, visible

CELL_LIMIT = 200


def aligned(
    head: Sequence[str],
    lines: Sequence[Sequence[object]],
    *,
    right: Collection[str] = frozenset(),
    rule: bool = False,
    limit: int = CELL_LIMIT,
) -> str:
    """A head and its lines as text, two spaces between columns; foreign text is made harmless.

    Columns named in `right` are set to the right. Widths are the terminal's, so that wide characters line up.
    """
    from rich.cells import cell_len

    cells = [[one_line(str("" if cell is None else cell), limit) for cell in line] for line in lines]
    widths = [max(cell_len(name), *(cell_len(line[place]) for line in cells), 0) for place, name in enumerate(head)]

    def render(line: Sequence[str]) -> str:
        parts = []
        for cell, width, name in zip(line, widths, head, strict=True):
            space = " " * (width - cell_len(cell))
            parts.append(space + cell if name in right else cell + space)
        return "  ".join(parts).rstrip()

    rendered = [render(head), *(["  ".join("─" * width for width in widths)] if rule else []), *map(render, cells)]
    return "".join(f"{line}\n" for line in rendered)


def field(name: str, text: str, *, room: int = 7) -> str:
    """A name and its value on a line, for `ftb wrong` and its like; foreign text is made harmless.

    On somebody's screen a long value is continued below itself, so that none of it stands where names do.
    """
    body = visible(text, keep_newlines=False)
    indent = 3 + max(room, len(name))
    width = reader_width()
    lines = [body] if width is None else _folded(body, max(20, width - 1 - indent))
    return "".join(
        f"{f'  {name:<{room}} ' if place == 0 else ' ' * indent}{line}".rstrip() + "\n"
        for place, line in enumerate(lines)
    )


def _folded(text: str, room: int) -> list[str]:
    """The text in lines of at most so many columns, broken between words where it can be."""
    from rich.cells import cell_len, chop_cells

    lines, line, used = [], "", 0
    for word in re.findall(r" *[^ ]+", text):
        if used and used + cell_len(word) > room:
            lines.append(line)
            line, used = "", 0
        *whole, rest = chop_cells(word if used or not lines else word.lstrip(" "), room) or [""]
        lines += whole
        line, used = line + rest, used + cell_len(rest)
    return [*lines, line]


def shared_room(room: int, needs: Sequence[int], least: Sequence[int]) -> list[int]:
    """Widths of columns in `room` cells: what each needs, or else as much for one as for the other, never below `least`.

    They are wider than `room` together only where `least` is.
    """
    widths = [min(need, low) for need, low in zip(needs, least, strict=True)]
    while wanting := [place for place, need in enumerate(needs) if widths[place] < need]:
        if sum(widths) >= room:
            break
        widths[min(wanting, key=lambda place: widths[place])] += 1
    return widths


def pairs(facts: Sequence[tuple[str, object]], *, limit: int = 2000) -> str:
    """Names and values, one pair a line."""
    width = max((len(name) for name, _ in facts), default=0)
    return "".join(f"{one_line(name):<{width}}  {one_line(str(value), limit)}".rstrip() + "\n" for name, value in facts)


def reader_width() -> int | None:
    """How many columns the reader of stdout has; None where nobody looks at lines (a pipe or a file)."""
    if os.environ.get("COLUMNS", "").isdigit() or sys.stdout.isatty():
        return shutil.get_terminal_size().columns
    return None
