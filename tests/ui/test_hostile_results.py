"""What models and servers write is shown on the screens behind the results, and exported, but never obeyed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.ui.pilot import demo_app, filled, shows, text_of, until
from tests.ui.test_hostile import HOSTILE, _plant

OPENED = {"p": "figures have", "c": "McNemar p", "l": "Learning curve · job", "a": "gap",
          "h": "What changed since the beginning", "e": "Export the results"}  # fmt: skip


LONG = ("one long line", "many lines")
TEXTS = {"all short ones": " ".join(text for name, text in HOSTILE.items() if name not in LONG)} | {
    name: HOSTILE[name] for name in LONG
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
async def test_hostile_text_is_shown_behind_the_results_and_exported_unchanged(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    await _plant(text)
    app = demo_app()
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await filled(pilot)
        await pilot.press("4")
        await filled(pilot)
        for key, words in OPENED.items():
            await pilot.press(key)
            await until(pilot, shows(pilot, words))
            if key == "c":
                await pilot.press("left", "down", "right", "enter", "y", "enter", "escape", "o")
            if key == "h":
                await pilot.press("G", "y")
                await until(pilot, lambda: app.clipboard.startswith("evaluation_key"))
            await pilot.pause()
            seen = text_of(app)
            assert all(letter.isprintable() or letter == "\n" for letter in seen), "a control character got through"
            while not app.screen.query("#results"):
                await pilot.press("escape")
                await pilot.pause()
        assert all(letter.isprintable() or letter in "\n\t" for letter in app.clipboard)
        await pilot.press("e")
        await until(pilot, shows(pilot, "Export the results"))
        await pilot.press("enter")
        await until(pilot, lambda: bool(app.screen.query("#results")))
        assert app.return_code is None
    lines = (tmp_path / "ftb-report" / "answers.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    assert text in [json.loads(line)["answer"] for line in lines]
    page = (tmp_path / "ftb-report" / "report.html").read_text(encoding="utf-8")
    assert all(letter.isprintable() or letter == "\n" for letter in page)
    assert len(page) < 2_000_000
