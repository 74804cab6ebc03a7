"""Every setting can be seen and changed in the app; what cannot be is told and nothing is written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from ftb_tui.ui.keymap import known_bindings
from ftb_tui.ui.screens.ask import AskScreen
from ftb_tui.ui.screens.choose import ChooseScreen
from ftb_tui.ui.screens.settings import SettingsScreen
from ftb_tui.ui.widgets.table import Table
from tests.ui.pilot import SIZES, demo_app, fill_demo, filled, settled, shows, text_of, until
from tests.ui.test_snapshots import Snap

FILE = """\
# mine, by hand
[budget]
per_day = 20   # the group's

[keymap]
"jobs.cancel" = "X"
"""


@pytest.fixture
def file(home: Path) -> Path:
    path = home / "config" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(FILE)
    return path


async def settings(pilot: Pilot[None], at: str) -> Table:
    """Open the screen and stand on a setting."""
    await filled(pilot)
    await pilot.press("comma")
    await until(pilot, shows(pilot, "budget.per_day"))
    table = pilot.app.screen.query_one("#settings", Table)
    table.choose(at)
    await until(pilot, lambda: table.chosen == at)
    return table


async def test_a_value_is_typed_checked_and_written_beside_its_comment(file: Path) -> None:
    app = demo_app()
    async with app.run_test(size=(120, 35)) as pilot:
        await settings(pilot, "budget.per_day")
        assert "US dollars that a day may cost: jobs, evaluations, judges, paraphrases." in text_of(app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        field = app.screen.query_one(Input)
        assert field.value == "20"
        field.value = "-3"
        await pilot.press("enter")
        await until(pilot, shows(pilot, "must be an amount of US dollars"))
        assert file.read_text() == FILE, "nothing is written"
        field.value = "35.5"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        await until(pilot, shows(pilot, "35.5"))
        assert file.read_text() == FILE.replace("20 ", "35.5 ")


async def test_what_a_setting_may_be_names_what_there_is(file: Path) -> None:
    app = demo_app()
    async with app.run_test(size=(120, 35)) as pilot:
        await settings(pilot, "defaults.provider")
        await until(pilot, shows(pilot, "may be:  local, openai"))
        app.screen.query_one("#settings", Table).choose("defaults.dataset")
        await until(pilot, shows(pilot, "may be:  the name of a dataset; mode 1 lists them"))


async def test_a_theme_is_chosen_from_the_list_and_in_force_at_once_and_the_default_again(file: Path) -> None:
    app = demo_app()
    async with app.run_test(size=(120, 35)) as pilot:
        await settings(pilot, "ui.theme")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ChooseScreen))
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.theme == "ftb-light")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        assert file.read_text() == f'{FILE}\n[ui]\ntheme = "ftb-light"\n'
        await until(pilot, lambda: "ftb-light" in text_of(app))
        await pilot.press("d")
        await until(pilot, lambda: app.theme == "ftb")
        assert file.read_text() == f"{FILE}\n[ui]\n"


async def test_a_key_is_given_to_something_else_and_works_from_then_on(file: Path) -> None:
    app = demo_app()
    async with app.run_test(size=(120, 35)) as pilot:
        await settings(pilot, "keymap.table.down")
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        field = app.screen.query_one(Input)
        assert field.value == "j"
        field.value = "k"
        await pilot.press("enter")
        await until(pilot, shows(pilot, "k is the key of table.up too"))
        assert file.read_text() == FILE
        field.value = "ctrl+j"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        table = app.screen.query_one("#settings", Table)
        row = table.cursor_row
        await pilot.press("ctrl+j")
        await until(pilot, lambda: table.cursor_row == row + 1)
        assert file.read_text() == f'{FILE}"table.down" = "ctrl+j"\n'


async def test_a_default_dataset_is_one_of_those_that_there_are(file: Path) -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(120, 35)) as pilot:
        await settings(pilot, "defaults.dataset")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ChooseScreen))
        await until(pilot, shows(pilot, "medical"))


async def test_a_providers_settings_are_changed_like_any_other_and_a_secret_is_not_shown(file: Path) -> None:
    body = '[providers.lab]\nbase_url = "http://127.0.0.1:1/v1"\n\n[providers.lab.job_body]\napi_token = "S3CRETWORD"\n'
    file.write_text(body)
    app = demo_app()
    async with app.run_test(size=(120, 35)) as pilot:
        table = await settings(pilot, "providers.lab.job_body.api_token")
        assert "(not shown)" in text_of(app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        assert app.screen.query_one(Input).value == ""
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        assert "S3CRETWORD" not in text_of(app)
        table.choose("providers.lab.base_url")
        await until(pilot, lambda: table.chosen == "providers.lab.base_url")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        field = app.screen.query_one(Input)
        field.value = "https://me:pw@lab.example/v1"
        await pilot.press("enter")
        await until(pilot, shows(pilot, "must not hold a user name"))
        field.value = "https://lab.example/v1"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        await until(pilot, lambda: file.read_text() == body.replace("http://127.0.0.1:1", "https://lab.example"))


@pytest.mark.parametrize("text", ["[ui\n", '[ui]\ntheme = "pink\\u001b[31m[b]"\nmotin = "x"\n'])
async def test_a_broken_file_is_named_above_the_defaults_and_not_written_to(file: Path, text: str) -> None:
    file.write_text(text)
    app = demo_app()
    async with app.run_test(size=(160, 35), notifications=True) as pilot:
        await settings(pilot, "keys.dotenv")
        wrong = str(app.screen.query_one("#wrong").render())
        if "theme" in text:
            assert "there is no theme" in wrong and "did you mean motion?" in wrong and "\x1b" not in wrong
        else:
            assert "line 1" in wrong
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, ChooseScreen))
            await pilot.press("up", "enter")
            await until(pilot, shows(pilot, "Nothing was written."))
            assert file.read_text() == text


async def test_the_palette_finds_the_settings_and_escape_leads_back(file: Path) -> None:
    app = demo_app()
    async with app.run_test(size=(120, 35)) as pilot:
        await filled(pilot)
        await pilot.press("ctrl+p")
        await pilot.press(*"every setting")
        await until(pilot, shows(pilot, "See and change every setting"))
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, SettingsScreen))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_settings_look_as_they_did(
    snap_compare: Snap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    # Few keys, since every new screen brings more.
    few = {name: known_bindings()[name] for name in ("bench.quick", "palette.open", "quit", "jobs.cancel", "help")}
    monkeypatch.setattr("ftb_tui.ui.keymap.known_bindings", lambda: few)
    monkeypatch.setenv("HOME", str(tmp_path))
    file = Path(os.environ["FTB_HOME"]) / "config" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(FILE)

    async def run(pilot: Pilot[None]) -> None:
        await settings(pilot, "budget.per_day")
        await settled(pilot)

    assert snap_compare(demo_app(), terminal_size=size, run_before=run)
