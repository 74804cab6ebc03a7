"""Columns share the room that there is."""

from __future__ import annotations

import pytest

from ftb_tui.report.columns import shared_room


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
