"""Keys are the user's: any can be changed, nothing wrong in the file keeps the app from opening, and they are written down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.keys import _character_to_key

from ftb_tui.cli.main import run
from ftb_tui.ui.keymap import (
    is_key,
    keymap_problems,
    keys_page,
    known_bindings,
    may_hold,
    normal_key,
    usable_keymap,
)
from tests.ui.pilot import demo_app, fill_demo, filled, shows, text_of, until


def write_config(home: Path, text: str) -> None:
    (home / "config").mkdir(parents=True, exist_ok=True)
    (home / "config" / "config.toml").write_text(text)


def every_binding() -> Iterator[Binding]:
    from ftb_tui.ui import keymap

    for owner in keymap._owners():
        yield from Binding.make_bindings(owner.__dict__.get("BINDINGS", ()))


def test_every_key_of_the_app_has_an_id_by_which_it_can_be_changed() -> None:
    assert [binding.action for binding in every_binding() if not binding.id] == []


def test_the_page_on_keys_says_what_the_bindings_say() -> None:
    page = Path(__file__).parents[2] / "docs" / "keys.md"
    assert page.read_text(encoding="utf-8") == keys_page(), "run: python docs/make_keys.py"


def test_keys_are_named_as_textual_names_them() -> None:
    for code in range(33, 127):
        assert normal_key(chr(code)) == _character_to_key(chr(code))
    assert all(is_key(key) for known in known_bindings().values() for key in known.keys)
    assert not is_key("nosuchkey")
    assert not is_key("hold+x")


async def test_a_key_that_was_changed_does_what_the_old_one_did_and_the_old_one_nothing(home: Path) -> None:
    write_config(home, '[keymap]\n"jobs.scale" = "L"\nmode.jobs = "f2"\n')
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await filled(pilot)
        await pilot.press("f2")
        await filled(pilot)
        assert app.current_mode == "jobs"
        await pilot.press("l")
        await pilot.pause()
        assert "logarithmic" not in text_of(app)
        await pilot.press("L")
        await until(pilot, shows(pilot, "training loss by step, logarithmic"))
        assert "L Log scale" in text_of(app), "the footer shows the new key"
        assert not app._notifications


async def test_a_keymap_with_faults_is_told_about_and_the_rest_of_it_used(home: Path) -> None:
    write_config(
        home, '[keymap]\n"jobs.scla" = "L"\n"jobs.scale" = "m"\n"jobs.mark" = "nosuchkey"\n"jobs.pause" = "P"\n'
    )
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(160, 50), notifications=True) as pilot:
        await filled(pilot)
        told = " ".join(one.message for one in app._notifications)
        assert "keymap.jobs.scla is no key's id; did you mean jobs.scale?" in told
        assert told.startswith("3 faults in config.toml; , shows them."), "in one notice"
        await pilot.press("comma")
        await until(pilot, shows(pilot, "'nosuchkey' is no key"))
        await pilot.press("escape")
        await pilot.press("escape")
        await until(pilot, lambda: not app._notifications, 5)
        await pilot.press("2")
        await filled(pilot)
        await until(pilot, shows(pilot, "P Pause"))


def test_two_things_on_one_screen_cannot_share_a_key_but_two_screens_can() -> None:
    [problem] = keymap_problems({"jobs.scale": "c"})
    assert "jobs.scale: c is the key of jobs.cancel too" in problem
    assert keymap_problems({"jobs.scale": "i"}) == []
    assert keymap_problems({"jobs.cancel": "l", "jobs.scale": "c"}) == [], "keys may be exchanged"
    assert keymap_problems({"jobs.scale": "o"}) == [], "o on the answers' screen is another screen's"
    assert keymap_problems({"quit": "y"}), "tables have y, on every screen"
    assert keymap_problems({"table.down": "down,ctrl+n"}) == [], "the line for a filter is never around a table"
    assert keymap_problems({"log.follow": "n"}) == [], "there is no log where n is the next answer"
    assert keymap_problems({"log.follow": "c"}), "but one where c cancels a job"
    assert keymap_problems({"opened.back": "escape,f7"}) == [], "escape belongs to many, the innermost has it"
    assert usable_keymap({"nosuch": "x", "quit": "%"}) == {"quit": "percent_sign"}


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("shift+n", "'shift+n' never arrives: with shift, terminals send another character; write 'N'"),
        ("shift+1", "write the character itself"),
        ("shift+slash", "write the character itself"),
        ("ctrl+N", "write 'ctrl+n'"),
        ("ctrl+i", "'ctrl+i' is tab for terminals, and that goes to the next place everywhere; write another key"),
        ("ctrl+m", "'ctrl+m' is enter for terminals; write 'enter'"),
        ("ctrl+h", "write 'backspace'"),
        ("ctrl+[", "write 'escape'"),
        ("return", "write 'enter'"),
        ("ctrl+c", "'ctrl+c' copies what the mouse selected everywhere; write another key"),
        ("ctrl+q", "'ctrl+q' quits everywhere"),
        ("tab", "'tab' goes to the next place everywhere"),
        ("x,shift+n", "write 'N'"),
    ],
)
def test_a_key_that_no_terminal_sends_is_refused_with_what_to_write_instead(
    key: str, said: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [problem] = keymap_problems({"answers.next": key})
    assert problem.startswith("keymap.answers.next: ")
    assert said in problem
    assert usable_keymap({"answers.next": key}) == {}
    assert run(["config", "set", "keymap.answers.next", key]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (home / "config" / "config.toml").exists()


def test_keys_that_terminals_send_are_taken() -> None:
    for key in (
        "N",
        "shift+up",
        "ctrl+shift+up",
        "alt+n",
        "f5",
        "ctrl+n",
        "ctrl+j",
        "ctrl+@",
        "ctrl+]",
        "shift+f3",
        "!",
        "é",
    ):
        assert keymap_problems({"answers.next": key}) == [], key
    assert usable_keymap({"answers.next": "shift+ctrl+up"}) == {"answers.next": "ctrl+shift+up"}, "as Textual names it"
    assert keymap_problems({"quit": "ctrl+q"}) == [], "there it does the same"


async def test_a_key_that_something_else_has_is_not_taken_from_it(home: Path) -> None:
    write_config(home, '[keymap]\nquit = "1"\n"jobs.mark" = "x"\n"jobs.pause" = "x"\n')
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(160, 45), notifications=True) as pilot:
        await filled(pilot)
        await pilot.press("2")
        await filled(pilot)
        await until(pilot, shows(pilot, "q Quit"))
        assert "x Mark" in text_of(app) and "p Pause" in text_of(app), "the first of two has it"
        await pilot.press("1")
        await until(pilot, lambda: app.current_mode == "datasets")
        assert app.is_running
        assert app._keymap == {"jobs.mark": "x"}


def test_of_keys_that_clash_those_are_left_out_that_are_named_and_no_others() -> None:
    clashing = {"jobs.cancel": "l", "jobs.scale": "m", "jobs.mark": "c", "jobs.pause": "l", "quit": "f9"}
    assert [problem.split(":")[0] for problem in keymap_problems(clashing)] == ["keymap.jobs.pause"]
    assert usable_keymap(clashing) == {"jobs.cancel": "l", "jobs.scale": "m", "jobs.mark": "c", "quit": "f9"}
    broken = {"jobs.cancel": "l", "jobs.scale": "nosuchkey"}
    assert usable_keymap(broken) == {}, "what a wrong line was to free is not free"
    assert len(keymap_problems(broken)) == 2


async def test_every_widget_with_keys_is_known_to_be_on_its_screen() -> None:
    await fill_demo()
    app = demo_app()
    seen = set()
    async with app.run_test(size=(160, 45)) as pilot:
        for key in "12345":
            await filled(pilot)
            await pilot.press(key)
            await filled(pilot)
            for widget in app.screen.query("*"):
                if any(binding.id for _, binding in widget._bindings):
                    seen.add(type(widget).__name__)
                    assert may_hold(type(app.screen), type(widget))
    assert {"Table", "EventLog"} <= seen


def test_the_example_of_the_page_on_keys_is_accepted(home: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "keys.md").read_text(encoding="utf-8")
    example = page.split("```toml\n")[1].split("```")[0]
    write_config(home, example)
    assert len(example.splitlines()) == 4
    assert run(["config", "check"]) == 0


def test_config_check_names_file_id_and_key(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_config(home, '[ui]\ntheme = "pink"\nmotoin = "full"\n[keymap]\n"jobs.scale" = "c"\nquit = 3\n')
    assert run(["config", "check"]) == 2
    said = capsys.readouterr().out
    for words in (
        "ui.motoin is not a setting; did you mean motion?", "there is no theme 'pink'", "keymap.quit must be a key",
        "keymap.jobs.scale: c is the key of jobs.cancel too",
    ):  # fmt: skip
        assert words in said
    assert str(home / "config" / "config.toml") in said
    write_config(home, '[ui]\ntheme = "ftb-light"\nmotion = "reduced"\n[keymap]\njobs.scale = "i"\n')
    assert run(["config", "check"]) == 0
