"""Figures and counts in words."""

from __future__ import annotations

import pytest

from ftb_tui.report.numbers import counted, duration, signed_interval


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "–"), (-3, "0 s"), (89, "89 s"), (95, "2 min"), (5_400, "1 h 30 min"), (172_700, "47 h 58 min"),
        (172_800, "2 d 0 h"), (5_266_800, "60 d 23 h"),
    ],
)  # fmt: skip
def test_a_duration_is_said_in_the_units_that_fit(seconds: float | None, said: str) -> None:
    assert duration(seconds) == said


def test_one_thing_is_said_as_one() -> None:
    assert [counted(n, "answer") for n in (0, 1, 2, 1200)] == ["0 answers", "1 answer", "2 answers", "1,200 answers"]
    assert [counted(n, "family", "families") for n in (1, 3)] == ["1 family", "3 families"]


def test_the_interval_of_a_difference_has_its_signs() -> None:
    assert signed_interval(-0.123, 0.5) == "−.12 to +.50"
    assert signed_interval(None, 0.5) == signed_interval(0.1, None) == ""
