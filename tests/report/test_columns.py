"""Columns share the room that there is."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from ftb_tui.report.columns import field, shared_room


@pytest.mark.parametrize(
    ("room", "widths"),
    [
        (200, [5, 40, 30, 90]),
        (120, [5, 40, 30, 45]),
        (96, [5, 31, 30, 30]),
        (50, [5, 15, 15, 15]),
        (20, [5, 10, 10, 10]),
    ],
)
def test_a_column_gets_what_it_needs_or_as_much_as_the_others(room: int, widths: list[int]) -> None:
    assert shared_room(room, [5, 40, 30, 90], [10, 10, 10, 10]) == widths


def test_columns_with_nothing_in_them_need_nothing() -> None:
    assert shared_room(80, [0, 0], [14, 20]) == [0, 0]


@pytest.mark.parametrize(
    "text", ["", "short", "word " * 40, "x" * 500, "第三個答案" * 40, "  led by spaces", "a   b " * 30]
)
def test_a_field_is_folded_below_itself_and_loses_nothing(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    lines = field("said", text).splitlines()
    assert lines[0].startswith("  said")
    assert all(line.startswith(" " * 10) for line in lines[1:])
    assert max(map(cell_len, lines)) < 60
    assert "".join(line[10:] for line in lines).replace(" ", "") == text.replace(" ", "")
    monkeypatch.delenv("COLUMNS")
    assert field("said", text) == f"  said    {text}".rstrip() + "\n"
