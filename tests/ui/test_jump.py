"""Jump mode: a letter over every place where the focus can go, on screens and in dialogs, and nothing is pressed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

import pytest
from textual.command import CommandPalette
from textual.geometry import Offset, Region, Size
from textual.pilot import Pilot
from textual.widgets import Button, Checkbox, Input, Select

from ftb_tui.ui.jump import LETTERS, label_places, labels
from ftb_tui.ui.keymap import keymap_problems
from ftb_tui.ui.screens.confirm import ConfirmScreen
from ftb_tui.ui.screens.jump import JumpScreen, places
from ftb_tui.ui.screens.mode import key_lines
from ftb_tui.ui.screens.provider_edit import ProviderScreen
from ftb_tui.ui.widgets.event_log import EventLog
from tests.ui.pilot import SIZES, demo_app, fill_demo, filled, settled, shows, text_of, until

SCREEN = Size(80, 24)


def test_labels_begin_on_the_home_row_and_none_is_the_beginning_of_another() -> None:
    assert labels(9) == list("asdfghjkl")
    assert labels(0) == []
    assert sorted(LETTERS) == list("abcdefghijklmnopqrstuvwxyz")
    assert labels(26) == list(LETTERS)
    assert labels(27)[:3] == ["aa", "as", "ad"]
    for count in (27, 676, 700):
        made = labels(count)
        assert len(set(made)) == count
        assert len({len(one) for one in made}) == 1


def test_a_label_stands_at_the_corner_of_its_place_and_covers_no_other_label() -> None:
    places = [
        Region(0, 0, 80, 20),
        Region(0, 0, 40, 10),
        Region(78, 5, 2, 1),
        Region(79, 5, 1, 1),
        Region(79, 23, 1, 1),
    ]
    stand = label_places(places, 3, SCREEN)
    assert stand == [Offset(0, 0), Offset(3, 0), Offset(77, 5), Offset(77, 6), Offset(77, 23)]
    assert label_places([Region(0, y, 9, 1) for y in range(24)], 3, SCREEN) == [Offset(0, y) for y in range(24)]


async def letters(pilot: Pilot[None]) -> dict[str, tuple[int, int]]:
    """Open jump mode; every letter on the screen with the cell where its label begins."""
    await pilot.pause()
    await pilot.press("ctrl+o")
    await until(pilot, shows(pilot, "any other key leaves everything as it is"))
    await pilot.pause()
    lines = text_of(pilot.app).splitlines()
    return {
        found[1]: (found.start(), y) for y, line in enumerate(lines) for found in re.finditer(r"\[([a-z]+)\]", line)
    }


async def escape(pilot: Pilot[None]) -> None:
    await pilot.press("escape")
    await until(pilot, lambda: not isinstance(pilot.app.screen, JumpScreen))


def focused_id(pilot: Pilot[None]) -> Callable[[], str]:
    return lambda: str(pilot.app.focused.id) if pilot.app.focused else ""


async def to(pilot: Pilot[None], letter: str, name: str) -> None:
    """Press a letter of jump mode; the focus is then on the widget of this id."""
    await pilot.press(letter)
    await until(pilot, lambda: not isinstance(pilot.app.screen, JumpScreen))
    await until(pilot, lambda: focused_id(pilot)() == name)


async def test_a_letter_goes_to_tables_logs_fields_and_tabs_on_a_narrow_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await filled(pilot)
        found = await letters(pilot)
        assert list(found) == list("asdfghjk"), "five tabs, two tables, a long detail, from the top left on"
        assert [found[letter][1] for letter in "asdfg"] == [0] * 5
        await to(pilot, "k", "detail")
        await letters(pilot)
        await to(pilot, "j", "questions")

        found = await letters(pilot)
        await pilot.press("s")
        await until(pilot, lambda: app.current_mode == "jobs")
        await filled(pilot)
        log = app.screen.query_one(EventLog)
        found = await letters(pilot)
        assert found["j"] == (log.region.x, log.region.y)
        await to(pilot, "J", "log")
        await pilot.press("slash")
        await until(pilot, lambda: isinstance(app.focused, Input))
        assert len(await letters(pilot)) == 8, "the field of a filter is a place as well, and typing is no obstacle"
        await to(pilot, "h", "jobs")

        await app.switch_mode("results")
        await filled(pilot)
        assert await letters(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(app.screen, JumpScreen))
        assert app.screen is app.screen_stack[0] and app.current_mode == "results", "enter opened no answers"


async def test_any_other_key_leaves_everything_as_it_is() -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(120, 35)) as pilot:
        await filled(pilot)
        for leave in ("escape", "z", "q", "2", "ctrl+o", "ctrl+p", "tab"):
            await letters(pilot)
            await pilot.press(leave)
            await until(pilot, lambda: not isinstance(app.screen, JumpScreen))
            assert (app.current_mode, focused_id(pilot)(), len(app.screen_stack)) == ("datasets", "datasets", 1), leave
        await letters(pilot)
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: not isinstance(app.screen, JumpScreen))
        found = await letters(pilot)
        assert max(y for _, y in found.values()) < 24
        await pilot.click(offset=(40, 12))
        await until(pilot, lambda: not isinstance(app.screen, JumpScreen))
        await letters(pilot)
        app.switch_mode("results")
        await filled(pilot)
        app.switch_mode("datasets")
        await until(pilot, lambda: app.current_mode == "datasets" and not isinstance(app.screen, JumpScreen))
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*"place in view")
        await until(pilot, shows(pilot, "Go to any place in view by a letter"))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, JumpScreen))
        await escape(pilot)
        assert ("^o", "Go to any place in view by a letter") in key_lines(app.screen), "so the help has it"
        app.theme = "ansi-light"
        assert list(await letters(pilot))[:7] == list("asdfghj"), "in the terminal's own colours too"


async def test_in_a_dialog_a_letter_goes_to_a_field_a_choice_or_a_button_and_presses_nothing() -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await filled(pilot)
        await pilot.press("i")
        await until(pilot, shows(pilot, "Import a dataset"))
        found = await letters(pilot)
        button = app.screen_stack[1].query_one("#published", Button)
        before = text_of(app)
        letter = next(letter for letter, at in found.items() if at == (button.region.x, button.region.y))
        await to(pilot, letter, "published")
        assert len(app.screen_stack) == 2 and button.has_focus
        assert "Fetching" not in text_of(app) and "Fetch FineTuneBench" in text_of(app), before
        await letters(pilot)
        await to(pilot, "f", "option-family")
        assert isinstance(app.focused, Select) and not app.focused.expanded

        app.push_screen(ProviderScreen())
        await until(pilot, lambda: isinstance(app.screen, ProviderScreen))
        found = await letters(pilot)
        dialog = app.screen_stack[-2]
        everything = dialog.focus_chain
        assert isinstance(everything[-1], Checkbox)
        assert 0 < len(found) <= len(everything), "what is scrolled out of sight has no letter"
        assert all(place.region.bottom <= 24 for place in places(dialog))
        await pilot.press("s")
        await until(pilot, lambda: app.focused is everything[1])
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, ProviderScreen))

        app.push_screen(ConfirmScreen("Pay?", yes="pay"))
        await until(pilot, shows(pilot, "Pay?"))
        await pilot.press("ctrl+o")
        await until(pilot, shows(pilot, "There is no place to go to here."))
        assert isinstance(app.screen, ConfirmScreen)


async def test_more_places_than_letters_take_two_letters_each() -> None:
    app = demo_app()
    async with app.run_test(size=(80, 45)) as pilot:
        await until(pilot, shows(pilot, "quick benchmark"))
        await app.screen.mount_all([Input(compact=True, id=f"field-{number}") for number in range(30)])
        found = await letters(pilot)
        assert len(found) >= 30 and all(len(text) == 2 for text in found)
        chosen = max(found, key=lambda text: (found[text][1], found[text][0]))
        await pilot.press(chosen[0])
        await pilot.pause()
        assert isinstance(app.screen, JumpScreen)
        assert {text[0] for text in re.findall(r"\[([a-z]{2})\]", text_of(app))} == {chosen[0]}
        await to(pilot, chosen[1], "field-29")


def test_its_key_can_be_changed_and_one_that_a_dialog_has_is_said_to_be_taken() -> None:
    assert keymap_problems({"jump": "f3"}) == []
    [problem] = keymap_problems({"jump": "ctrl+s,f3"}, where="file: keymap")[:1]
    assert "ctrl+s is the key of" in problem


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("where", ["jobs", "dialog"])
def test_the_letters_look_as_they_did(snap_compare: Callable[..., bool], where: str, size: tuple[int, int]) -> None:
    asyncio.run(fill_demo())

    async def steps(pilot: Pilot[None]) -> None:
        await filled(pilot)
        await pilot.press("2")
        await filled(pilot)
        if where == "dialog":
            pilot.app.push_screen(ProviderScreen())
            await until(pilot, lambda: isinstance(pilot.app.screen, ProviderScreen))
        await settled(pilot)
        await letters(pilot)
        await settled(pilot)

    assert snap_compare(demo_app(), terminal_size=size, run_before=steps)
