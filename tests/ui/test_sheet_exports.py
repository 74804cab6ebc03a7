"""What opens from the results can be written to a file, as it is shown and whole."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from ftb_tui.ui.screens.averages import AveragesScreen
from ftb_tui.ui.screens.paper import PaperScreen
from tests.demo_curve import fill_demo_curve
from tests.ui.pilot import demo_app, fill_demo, shows, until
from tests.ui.results_pilot import filled_table, on_results
from tests.ui.test_history_screen import fill_history


async def write(pilot: Pilot[None], path: Path) -> None:
    """Press `e` and answer where to."""
    await pilot.press("e")
    await until(pilot, lambda: bool(pilot.app.screen.query("#ask-path")))
    pilot.app.screen.query_one("#ask-path", Input).value = str(path)
    await pilot.press("enter")
    await until(pilot, lambda: not pilot.app.screen.query("#ask-path") and path.exists())


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


async def test_a_comparison_is_written_with_all_questions_of_the_chosen_cell(tmp_path: Path) -> None:
    await fill_demo()
    async with demo_app().run_test(size=(120, 35), notifications=True) as pilot:
        await on_results(pilot)
        await pilot.press("down", "right", "c")
        await until(pilot, lambda: bool(pilot.app.screen.query("#questions")))
        await until(pilot, lambda: filled_table(pilot, "#questions").row_count == 16)
        await write(pilot, tmp_path / "two.csv")
        await until(pilot, shows(pilot, "16 questions written"))
        assert {(row["cell"], row["fixed"], row["task"]) for row in rows(tmp_path / "two.csv")} == {
            ("fixed", "16", "rephrased")
        }
        await write(pilot, tmp_path / "two.json")
        assert len(json.loads((tmp_path / "two.json").read_text())["questions"]) == 16
        await pilot.press("right")
        await until(pilot, lambda: filled_table(pilot, "#questions").row_count == 8)
        await write(pilot, tmp_path / "two.md")
        assert "both wrong (8)" in (tmp_path / "two.md").read_text()
        await pilot.press("up")
        await until(pilot, lambda: filled_table(pilot, "#questions").row_count == 0)
        await write(pilot, tmp_path / "none.csv")
        await until(pilot, shows(pilot, "0 questions written"))


async def test_averages_and_the_papers_figures_are_written_when_they_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill_demo()
    async with demo_app().run_test(size=(80, 24), notifications=True) as pilot:
        await on_results(pilot)
        await pilot.press("a")
        await until(pilot, shows(pilot, "generalization gap"))
        await write(pilot, tmp_path / "averages.csv")
        kinds = {(row["what"], row["average"]) for row in rows(tmp_path / "averages.csv")}
        assert len(kinds) == 6 and ("gap", "by_family") in kinds
        await write(pilot, tmp_path / "averages.tex")
        assert r"\toprule" in (tmp_path / "averages.tex").read_text()
        await pilot.press("escape", "p")
        await until(pilot, shows(pilot, "figures have ours"))
        shown = filled_table(pilot, "#paper").row_count
        await write(pilot, tmp_path / "paper.csv")
        assert len(rows(tmp_path / "paper.csv")) == shown
        await pilot.press("a")
        await until(pilot, lambda: filled_table(pilot, "#paper").row_count > shown)
        await write(pilot, tmp_path / "paper.json")
        assert len(json.loads((tmp_path / "paper.json").read_text())) == filled_table(pilot, "#paper").row_count


@pytest.mark.parametrize(
    ("opens", "screen", "keys", "says"),
    [
        ("p", PaperScreen, ("a", "e", "y"), "Still computing the averages"),
        ("a", AveragesScreen, ("m", "n", "e", "y"), "Still computing the intervals"),
    ],
)
async def test_nothing_is_decided_while_it_is_still_computed(
    monkeypatch: pytest.MonkeyPatch,
    opens: str,
    screen: type[PaperScreen | AveragesScreen],
    keys: tuple[str, ...],
    says: str,
) -> None:
    await fill_demo()
    monkeypatch.setattr(screen, "_read", lambda self: None)
    async with demo_app().run_test(size=(80, 24), notifications=True) as pilot:
        await on_results(pilot)
        await pilot.press(opens)
        await until(pilot, shows(pilot, "computing the"))
        for key in keys:
            pilot.app.clear_notifications()
            await pilot.press(key)
            await until(pilot, shows(pilot, says))
        assert not shows(pilot, "No figure has ours")()
        assert not shows(pilot, "No model was asked")()


async def test_changes_are_written_with_what_people_said(tmp_path: Path) -> None:
    await fill_history()
    async with demo_app().run_test(size=(80, 24), notifications=True) as pilot:
        await on_results(pilot)
        await pilot.press("h")
        await until(pilot, shows(pilot, "What changed since the run before"))
        await write(pilot, tmp_path / "changes.csv")
        assert [row["change"] for row in rows(tmp_path / "changes.csv")] == ["score"] * 4 + ["people's verdicts"]
        await write(pilot, tmp_path / "changes.md")
        assert "6 fixed, 0 broken of 24" in (tmp_path / "changes.md").read_text()


async def test_a_learning_curve_is_written_with_all_its_points(tmp_path: Path) -> None:
    await fill_demo_curve()
    async with demo_app().run_test(size=(120, 35), notifications=True) as pilot:
        await on_results(pilot)
        await pilot.press("l")
        await until(pilot, shows(pilot, "Learning curve · job 1"))
        await until(pilot, lambda: filled_table(pilot, "#scores").row_count == 14)
        await write(pilot, tmp_path / "curve.csv")
        points = rows(tmp_path / "curve.csv")
        assert len(points) == 14 * 4
        assert [row["epoch"] for row in points if row["task"] == "rephrased"] == [*map(str, range(13)), "12"]
        assert [row["kind"] for row in points if row["epoch"] == "12"] == ["checkpoint"] * 4 + ["tuned"] * 4
        await pilot.press("e")
        await until(pilot, lambda: bool(pilot.app.screen.query("#ask-path")))
        pilot.app.screen.query_one("#ask-path", Input).value = str(tmp_path / "curve.xlsx")
        await pilot.press("enter")
        await until(pilot, shows(pilot, "has to end in .csv, .json, .md, .tex"))
        assert not (tmp_path / "curve.xlsx").exists()
