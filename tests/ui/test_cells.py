"""A cell is drawn as Rich draws it, only sooner."""

from __future__ import annotations

import pytest
from rich.console import Console
from rich.padding import Padding
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.renderables.styled import Styled

from ftb_tui.ui.widgets.cells import drawn_line, text_of

BEFORE = Style.parse("white on blue") + Style.from_meta({"row": 1, "column": 2})
SHADED = Text.assemble(("▆ 0.71", "on #204060"), (" [64, 77]", "dim"), ("+.21*", "bold green"), "  tail")


def letters(line: list[Segment]) -> list[tuple[str, Style]]:
    return [(letter, piece.style or Style.null()) for piece in line for letter in piece.text]


@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("after", [Style.null(), Style.parse("black on red")])
@pytest.mark.parametrize(
    "cell",
    [
        "",
        "word",
        "日本 words",
        "e\u0301 and 👍🏽",
        Text("bold", "bold underline"),
        SHADED,
        " edge ",
        Text("x", "on red"),
    ],
)
def test_every_letter_has_the_place_and_the_style_that_rich_gives_it(
    cell: str | Text, after: Style, right: bool
) -> None:
    console = Console(width=80, color_system="truecolor")
    text = text_of(cell, right)
    for width in (text.cell_len + 2, text.cell_len + 9):
        line = drawn_line(text, width, BEFORE, after, 1, console)
        if line is None:
            assert right, "left to Rich: a blank at the end of what stands at the right"
            continue
        options = console.options.update_dimensions(width, 1).update(no_wrap=True)
        rich = console.render_lines(Styled(Padding(text, (0, 1)), pre_style=BEFORE, post_style=after), options)
        assert [letters(one) for one in line] == [letters(one) for one in rich]


@pytest.mark.parametrize("cell", ["two\nlines", "tab\tbed", "escape\x1b[2J", "\u202eturned", "too long"])
def test_what_breaks_a_line_is_left_to_rich(cell: str) -> None:
    assert drawn_line(text_of(cell, False), 8, BEFORE, Style.null(), 1, Console()) is None
