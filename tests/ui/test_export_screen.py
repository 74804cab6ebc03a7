"""An export asks where to, and never takes what is there."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from tests.ui.pilot import demo_app, fill_demo, shows, text_of, until
from tests.ui.results_pilot import on_results


async def test_an_export_asks_where_and_never_replaces_without_being_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    await fill_demo()
    async with demo_app().run_test(size=(120, 40), notifications=True) as pilot:
        await on_results(pilot)
        await pilot.press("e")
        await until(pilot, shows(pilot, "./ftb-report/"))
        await pilot.press("escape")
        await until(pilot, lambda: bool(pilot.app.screen.query("#results")))
        assert not (tmp_path / "ftb-report").exists()
        await pilot.press("e")
        await until(pilot, shows(pilot, "./ftb-report/"))
        await pilot.press("enter")
        told = pilot.app._notifications
        await until(pilot, lambda: any("6 more files beside it" in " ".join(note.message.split()) for note in told))
        assert any(str(tmp_path) in note.message.replace("\n", "") for note in told), "where they are, in full"
        page = tmp_path / "ftb-report" / "report.html"
        assert "<svg" in page.read_text(encoding="utf-8")
        page.write_text("mine")
        await pilot.press("e")
        await until(pilot, shows(pilot, "./ftb-report/"))
        await pilot.press("enter")
        await until(pilot, shows(pilot, "Press enter again to replace them"))
        assert page.read_text() == "mine"
        await pilot.press("enter")
        await until(pilot, lambda: bool(pilot.app.screen.query("#results")))
        assert "<svg" in page.read_text(encoding="utf-8")


async def test_an_export_to_an_impossible_place_says_why_and_can_be_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    await fill_demo()
    async with demo_app().run_test(size=(120, 40), notifications=True) as pilot:
        await on_results(pilot)
        await pilot.press("e")
        await until(pilot, shows(pilot, "./ftb-report/"))
        field = pilot.app.screen.query_one("#where", Input)
        for value, needle in (
            ("", "Give a folder"),
            ("file", "is a file, not a folder"),
            ("file/x.html", "cannot be written"),
        ):
            field.value = value
            await pilot.pause()
            await pilot.press("enter")
            await until(pilot, lambda needle=needle: needle in " ".join(text_of(pilot.app).split()))  # type: ignore[misc]
        field.value = str(tmp_path / "page.html")
        await pilot.pause()
        await pilot.press("enter")
        await until(pilot, (tmp_path / "page.html").exists)
