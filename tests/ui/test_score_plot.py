"""Scores by epoch as characters, told apart without colour."""

from __future__ import annotations

import pytest

from ftb_tui.ui.widgets.score_plot import ScorePoint, score_plot

POINTS = [ScorePoint(0, 0.0, 0.0, 0.14), ScorePoint(6, 0.5, 0.31, 0.69), ScorePoint(12, 1.0, 0.86, 1.0)]


def text(lines: list[list[tuple[str, str]]]) -> list[str]:
    return ["".join(letter for letter, _ in line) for line in lines]


def test_points_stand_at_their_scores_with_their_intervals() -> None:
    lines = text(score_plot(POINTS, {}, width=31, height=12))
    assert [line.find("●") for line in lines if "●" in line] == [30, 18, 6]
    assert lines[0].startswith("  1.0 ")
    assert lines[10].startswith("  0.0 ●")
    assert lines[5].startswith("  0.5 ")
    assert [row for row, line in enumerate(lines) if line[18] in "│●"] == [3, 4, 5, 6, 7]
    assert lines[-1].split() == ["0", "12"]


def test_a_baseline_goes_across_with_its_name() -> None:
    lines = text(score_plot(POINTS[:1], {"majority 0.52": 0.5}, width=40, height=12, x_end=12))
    assert lines[5].endswith("┄ majority 0.52 ")
    crossed = text(score_plot(POINTS, {"majority 0.52": 0.5}, width=40, height=12))
    assert "●" in crossed[5]
    assert "┄" in crossed[5]


@pytest.mark.parametrize("score", [0.0, 0.25, 0.5, 0.75, 1.0])
@pytest.mark.parametrize("points", [1, 3, 7, 13])
def test_nothing_is_drawn_over_a_baselines_name(score: float, points: int) -> None:
    curve = [ScorePoint(x, score, max(0, score - 0.3), min(1, score + 0.3)) for x in range(points)]
    for level in (0.1, 0.5, 0.9):
        lines = text(score_plot(curve, {"always No = majority 0.50": level}, width=58, height=9, x_end=12))
        assert sum("always No = majority 0.50" in line for line in lines) == 1
        assert sum(line.count("●") for line in lines) == points, "and no point is hidden by it"


def test_two_models_at_one_epoch_stand_side_by_side_with_marks_of_their_own() -> None:
    both = [*POINTS, ScorePoint(12, 1.0, 0.86, 1.0, "◆")]
    lines = text(score_plot(both, {}, width=31, height=12))
    assert (lines[0].index("●"), lines[0].index("◆")) == (28, 30)
    assert lines[-1].split() == ["0", "12"]
    assert lines[-1].index("12") == 27, "below the first of them"


@pytest.mark.parametrize(("width", "height"), [(0, 0), (10, 4), (80, 3), (14, 4), (200, 60)])
def test_it_fits_whatever_room_there_is(width: int, height: int) -> None:
    lines = score_plot(POINTS, {"always No 0.50": 0.5, "majority 0.52": 0.52}, width=width, height=height, x_end=20)
    assert all(len(line) == width for line in lines)
    assert len(lines) in (0, height)


def test_no_points_is_an_empty_frame() -> None:
    assert not any("●" in line for line in text(score_plot([], {}, width=30, height=8)))


def test_every_kind_has_a_glyph_of_its_own() -> None:
    glyphs: dict[str, set[str]] = {}
    for line in score_plot(POINTS, {"x": 0.25}, width=60, height=20):
        for letter, kind in line:
            glyphs.setdefault(kind, set()).add(letter)
    assert glyphs["point"] == {"●"}
    assert glyphs["interval"] == {"│"}
    assert "┄" in glyphs["level"]
    assert all("⠀" <= letter <= "⣿" for letter in glyphs["line"])
