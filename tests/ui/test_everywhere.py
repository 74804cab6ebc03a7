"""What holds on every screen: filtering, sorting, copying, themes, small windows, and standing where one left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from ftb_tui.store import intents, jobs
from ftb_tui.store.database import open_store
from ftb_tui.ui import remembered
from ftb_tui.ui.attention import desktop_notification
from ftb_tui.ui.screens.small import SmallScreen
from ftb_tui.ui.themes import FIRST, known_themes
from ftb_tui.ui.widgets.cells import Valued
from ftb_tui.ui.widgets.narrowing import completed, matches, terms
from ftb_tui.ui.widgets.splitter import Splitter
from ftb_tui.ui.widgets.table import Table
from tests.demo import CLOCK, change_store
from tests.ui.pilot import demo_app, fill_demo, filled, shows, text_of, until

MODES = {"1": "datasets", "2": "jobs", "3": "evaluations", "4": "results", "5": "providers"}


async def go(pilot: Pilot[None], key: str) -> Table:
    await filled(pilot)
    await pilot.press(key)
    await filled(pilot)
    return pilot.app.screen.query_one(f"#{MODES[key]}", Table)


@pytest.mark.parametrize(("key", "word", "left"), [("2", "succ", 1), ("3", "ft:", 1), ("5", "openai.com", 1)])
async def test_a_table_narrows_as_one_types_and_keeps_or_drops_the_filter(key: str, word: str, left: int) -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(140, 40)) as pilot:
        table = await go(pilot, key)
        every = table.row_count
        await pilot.press("slash")
        await until(pilot, lambda: isinstance(app.focused, Input))
        await pilot.press(*word)
        await until(pilot, lambda: table.row_count == left)
        assert f"{left} of {every}" in text_of(app)
        await pilot.press("enter")
        await until(pilot, lambda: app.focused is table)
        assert table.row_count == left, "enter keeps it"
        await pilot.press("slash")
        await until(pilot, lambda: isinstance(app.focused, Input))
        await pilot.press("escape")
        await until(pilot, lambda: table.row_count == every)
        assert app.focused is table


def test_a_filter_knows_columns_and_what_must_not_be_there() -> None:
    row = {"state": "✓ succeeded", "base": "smollm2-135m"}
    names = tuple(row)
    for text, fits in (
        ("", True), ("SMOL", True), ("state:succ", True), ("base:succ", False), ("-failed", True), ("-state:succ", False),
        ("ft:x", False), ("state:succ -base:gpt", True),
    ):  # fmt: skip
        assert matches(terms(text, names), row) is fits, text


def test_a_filter_is_completed_by_columns_and_by_what_stands_in_them() -> None:
    words = {"": ["state", "base"], "state": ["succeeded", "running"]}.get
    assert completed("st", lambda column: words(column, [])) == "state:"
    assert completed("x -state:su", lambda column: words(column, [])) == "x -state:succeeded"
    assert completed("state:zz", lambda column: words(column, [])) is None
    assert completed('x state:"su', lambda column: words(column, [])) == 'x state:"su"'
    assert completed('"su"', lambda column: words(column, [])) is None


async def test_sorting_is_by_value_and_the_cursor_stays_on_its_row() -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(140, 40)) as pilot:
        table = await go(pilot, "5")
        rows = [
            ("a", ("a", Valued("90 s", 90.0))), ("b", ("b", Valued("3 min", 180.0))), ("c", ("c", Valued("", None))),
            ("d", ("d", Valued("5 s", 5.0))),
        ]  # fmt: skip
        table.show(("name", "left"), rows, right=frozenset({"left"}))
        table.choose("b")
        table.sort_by("left")
        assert table.shown_keys == ["d", "a", "b", "c"], "what has no value comes last"
        assert table.chosen == "b"
        table.sort_by("left")
        assert table.shown_keys == ["b", "a", "d", "c"]
        assert table.chosen == "b"
        rows[3] = ("d", ("d", Valued("400 s", 400.0)))
        table.show(("name", "left"), rows, right=frozenset({"left"}))
        assert table.shown_keys == ["d", "b", "a", "c"], "a value that changes moves its row"
        assert table.chosen == "b", "and the cursor goes with its own"
        assert [str(table.get_row_at(place)[0]) for place in range(4)] == ["d", "b", "a", "c"]
        table.sort_by(None)
        assert table.shown_keys == ["a", "b", "c", "d"]


async def test_s_offers_the_columns_and_the_heading_shows_the_order() -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(140, 40)) as pilot:
        table = await go(pilot, "2")
        await pilot.press("s")
        await until(pilot, shows(pilot, "Sort by"))
        await pilot.press("j", "j", "j", "j", "enter")
        await until(pilot, shows(pilot, "loss ↑"))
        assert table.shown_keys == ["1", "2"]
        await pilot.press("S")
        await until(pilot, shows(pilot, "loss ↓"))
        assert table.shown_keys == ["2", "1"]


@pytest.mark.parametrize("key", ["2", "3", "5"])
async def test_a_row_is_copied_and_shown_whole(key: str) -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(140, 40)) as pilot:
        table = await go(pilot, key)
        first = str(table.get_row_at(0)[0]).strip()
        await pilot.press("y")
        assert app.clipboard.split("\t")[0] == first
        await pilot.press("space")
        await until(pilot, shows(pilot, "escape close"))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen.query("#tabs").first() is not None)


async def test_one_comes_back_to_where_one_left(home: Path) -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(140, 40)) as pilot:
        await go(pilot, "2")
        await pilot.press("j", "m", "l", "slash")
        await until(pilot, lambda: isinstance(app.focused, Input))
        await pilot.press(*"smol", "enter")
        app.screen.query_one("#beside-log", Splitter).move(4)
        app.screen.query_one("#jobs", Table).sort_by("loss")
        await pilot.press("q")
    again = demo_app()
    async with again.run_test(size=(140, 40)) as pilot:
        await until(pilot, lambda: again.current_mode == "jobs")
        await filled(pilot)
        table = again.screen.query_one("#jobs", Table)
        assert table.chosen == "1"
        assert table.remembered()["filter"] == "smol"
        await until(pilot, shows(pilot, "/ smol"))
        assert "loss ↑" in text_of(again)
        assert "logarithmic" in text_of(again)
        assert "a 1" in text_of(again)
        left = again.screen.query_one("#left").size.width
        assert left > 0.6 * 140


@pytest.mark.parametrize(
    "broken", ["", "{", "[1, 2]", '{"mode": 7, "screens": {"jobs": 3}, "theme": "x", "seen": "y"}']
)
async def test_a_broken_memory_is_no_reason_not_to_open(home: Path, broken: str) -> None:
    remembered.save({})
    remembered.memory_file().write_text(broken)
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(100, 30)) as pilot:
        await filled(pilot)
        assert app.current_mode == "datasets"
        await go(pilot, "2")
        await pilot.press("q")
    assert json.loads(remembered.memory_file().read_text())["mode"] == "jobs"


async def test_what_finished_meanwhile_is_said_once(home: Path) -> None:
    await fill_demo()
    await change_store("UPDATE jobs SET finished_at = ? WHERE job_key = 1", (CLOCK - 50,))
    remembered.save({"seen": CLOCK - 100})
    said = []
    for _ in range(2):
        app = demo_app()
        async with app.run_test(size=(100, 30), notifications=True) as pilot:
            await filled(pilot)
            said.append([one.message for one in app._notifications if "While you were away" in one.message])
            await pilot.press("q")
    assert len(said[0]) == 1 and "job 1 succeeded" in said[0][0]
    assert said[1] == []


@pytest.mark.parametrize(("state", "has_rate"), [("finished", True), ("paused", False)])
async def test_only_what_runs_or_has_ended_has_a_rate(home: Path, state: str, has_rate: bool) -> None:
    """A pause would make it sink with every look."""
    await fill_demo()
    db = await open_store()
    ended = CLOCK - 50 if state == "finished" else None
    await db.execute(
        "UPDATE evaluations SET state = ?, owner = NULL, started_at = ?, finished_at = ?", (state, CLOCK - 100, ended)
    )
    await db.commit()
    await db.close()
    app = demo_app()
    async with app.run_test(size=(120, 35)) as pilot:
        await filled(pilot)
        await go(pilot, "3")
        await until(pilot, shows(pilot, "asked with"))
        assert ("answers a second" in text_of(app)) is has_rate


@pytest.mark.parametrize("size", [(40, 10), (59, 24), (80, 14), (10, 3)])
async def test_a_window_that_is_too_small_says_so_and_recovers(size: tuple[int, int]) -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await filled(pilot)
        await pilot.resize_terminal(*size)
        await until(pilot, lambda: isinstance(app.screen, SmallScreen))
        if size[0] > 20:
            await until(pilot, shows(pilot, "ftb needs 60x15"))
        await pilot.resize_terminal(60, 15)
        await until(pilot, lambda: not isinstance(app.screen, SmallScreen))
        assert "1 Datasets" in text_of(app)


@pytest.mark.parametrize("theme", FIRST)
async def test_every_screen_opens_in_every_theme_of_ours_and_the_choice_is_remembered(theme: str) -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(120, 35)) as pilot:
        await filled(pilot)
        app.choose_theme(theme)
        for key in MODES:
            await go(pilot, key)
        await pilot.press("q")
    again = demo_app()
    async with again.run_test(size=(120, 35)) as pilot:
        await filled(pilot)
        assert again.theme == theme


async def test_the_configured_theme_holds_until_another_is_chosen_and_again_once_it_is_changed(home: Path) -> None:
    (home / "config").mkdir(parents=True)
    config = home / "config" / "config.toml"
    seen = []
    for written, chosen in (("ftb-light", None), ("ftb-light", "nord"), ("ftb-light", None), ("ansi-dark", None)):
        config.write_text(f'[ui]\ntheme = "{written}"\n')
        app = demo_app()
        async with app.run_test(size=(100, 30)) as pilot:
            await pilot.pause()
            seen.append(app.theme)
            if chosen:
                app.choose_theme(chosen)
    assert seen == ["ftb-light", "ftb-light", "nord", "ansi-dark"]
    assert set(seen) <= set(known_themes())


async def test_a_theme_that_there_is_not_and_a_broken_file_leave_the_app_open(home: Path) -> None:
    config = home / "config" / "config.toml"
    config.parent.mkdir(parents=True)
    for text in ('[ui]\ntheme = "pink"\nmotion = 3\n', "[ui\n"):
        config.write_text(text)
        app = demo_app()
        async with app.run_test(size=(100, 30), notifications=True) as pilot:
            await until(pilot, shows(pilot, "Datasets"))
            assert app.theme == "ftb"
            if "pink" in text:
                await until(pilot, shows(pilot, "2 faults in config.toml; , shows them. The"))
                await pilot.press("comma")
                await until(pilot, shows(pilot, "ui.theme: there is no theme 'pink'"))


async def test_reduced_motion_moves_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEXTUAL_ANIMATIONS")
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text('[ui]\nmotion = "reduced"\n')
    app = demo_app()
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        assert app.animation_level == "none"


async def test_a_bar_is_dragged_by_the_mouse_and_moved_by_keys_and_put_back() -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(140, 40)) as pilot:
        await go(pilot, "2")
        left = app.screen.query_one("#left")
        before = left.size.width
        bar = app.screen.query_one("#beside-log", Splitter)
        await pilot.mouse_down(bar, offset=(0, 5))
        await pilot.hover(app.screen.query_one("#right"), offset=(30, 5))
        await pilot.mouse_up(app.screen.query_one("#right"), offset=(30, 5))
        await until(pilot, lambda: left.size.width > before + 20)
        dragged = left.size.width
        await pilot.press("less_than_sign")
        await until(pilot, lambda: left.size.width < dragged)
        upper = app.screen.query_one("#jobs").size.height
        await pilot.press("plus", "plus")
        await until(pilot, lambda: app.screen.query_one("#jobs").size.height > upper)
        await pilot.press("equals_sign")
        await until(pilot, lambda: left.size.width == before)


@pytest.mark.parametrize(("notify", "focus", "called"), [
    ("away", True, False), ("away", False, True), ("always", True, True), ("never", False, False),
])  # fmt: skip
async def test_the_desktop_is_called_only_as_was_asked_for(
    home: Path, notify: str, focus: bool, called: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TMUX", "VTE_VERSION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-kitty")
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text(f'[ui]\nnotify = "{notify}"\n')
    app = demo_app()
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await pilot.pause()
        app.app_focus = focus
        written: list[str] = []
        assert app._driver is not None
        monkeypatch.setattr(app._driver, "write", written.append)
        app._tell("information", "Job 3 has succeeded.")
        assert ("\a\x1b]9;ftb: Job 3 has succeeded.\x1b\\" in written) is called


def test_a_notification_cannot_be_broken_out_of() -> None:
    hostile = "done\x1b\\\x1b]52;c;ZXZpbA==\x07;x\n2;y"
    for how in ("osc9", "osc777"):
        made = desktop_notification("ftb", hostile, how, {})
        assert made.count("\x1b") == 2 and made.endswith("\x1b\\") and "\x07" not in made and "\n" not in made
    assert made.count(";") == 3
    assert desktop_notification("ftb", "x", "none", {}) == ""
    assert desktop_notification("ftb", "x", "auto", {"TERM": "foot"}).startswith("\x1b]777;")
    assert desktop_notification("ftb", "x", "osc9", {"TMUX": "1"}).startswith("\x1bPtmux;\x1b\x1b]9;")


@pytest.mark.parametrize("key", MODES)
async def test_the_keys_below_every_screen_fit_a_narrow_window(key: str) -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await go(pilot, key)
        await until(pilot, shows(pilot, "? Help"))
        footer = app.screen.query_one("Keys")
        assert footer.virtual_size.width <= 80
        assert len(text_of(app).splitlines()) == 24


async def test_a_job_that_comes_to_the_top_does_not_move_the_cursor_to_another() -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(140, 40)) as pilot:
        table = await go(pilot, "2")
        await pilot.press("j")
        db = await open_store()
        await intents.insert_intent(
            db, intent_id="new-one", provider="local", host="h", base_model="b",
            dataset_id=(await jobs.get_job(db, 1)).dataset_id, training_file_key=1, n_epochs=1, batch_size=1,
            learning_rate_multiplier=None, seed=1, suffix=None,
        )  # fmt: skip
        await db.close()
        await until(pilot, lambda: table.row_count == 3)
        assert table.chosen == "1"


async def test_a_whole_text_is_read_in_the_pager_harmless_and_edited_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftb_tui.ui.outside import open_in_editor, read_in_pager

    program = tmp_path / "reader"
    program.write_text(f'#!/bin/sh\ncp "$2" {tmp_path}/read-$1\n')
    program.chmod(0o755)
    monkeypatch.setenv("PAGER", f"{program} pager")
    monkeypatch.setenv("EDITOR", f"{program} editor")
    monkeypatch.delenv("VISUAL", raising=False)
    text = "a\x1b[31mred\r\n\ud800 end"
    assert read_in_pager("plain") == "" and (tmp_path / "read-pager").read_text() == "plain"
    assert open_in_editor(text) == ""
    assert (tmp_path / "read-editor").read_bytes() == b"a\x1b[31mred\r\n\\ud800 end"
    monkeypatch.setenv("PAGER", str(tmp_path / "nosuch"))
    assert "could not be started" in read_in_pager("x")
    monkeypatch.setenv("PAGER", "'unclosed")
    assert "cannot be read as a command" in read_in_pager("x")


async def test_where_the_window_cannot_be_left_that_is_said() -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await go(pilot, "3")
        await pilot.press("space")
        await until(pilot, shows(pilot, "v pager, E editor"))
        assert "model ft:smollm2-135m:ftb:demo:0a1b2c3d on memorization" in text_of(app), "nothing of it is cut"
        await pilot.press("escape")
        await go(pilot, "2")
        await pilot.press("space")
        await until(pilot, shows(pilot, "v pager, E editor"))
        await pilot.press("v")
        await until(pilot, shows(pilot, "cannot be left to another program"))
