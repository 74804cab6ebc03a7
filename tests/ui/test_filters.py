"""Filters of tables: a mistake in one is told, and one key in the table takes a filter away again."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from ftb_tui.ui.widgets.event_log import EventLog
from ftb_tui.ui.widgets.filter_bar import FilterBar
from ftb_tui.ui.widgets.narrowing import name_fault
from ftb_tui.ui.widgets.table import Table
from tests.ui.pilot import demo_app, fill_demo, filled, shows, text_of, until

MODES = {"2": "jobs", "3": "evaluations", "5": "providers"}


async def filter_with(pilot: Pilot[None], key: str, *typed: str) -> Table:
    await filled(pilot)
    await pilot.press(key)
    await filled(pilot)
    await pilot.press("slash")
    await until(pilot, lambda: isinstance(pilot.app.focused, Input))
    await pilot.press(*typed)
    return pilot.app.screen.query_one(f"#{MODES[key]}", Table)


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
@pytest.mark.parametrize(
    ("key", "typed", "said"),
    [
        ("2", ("s", "t", "a", "t", "colon", *"fail"), "There is no stat: here. Did you mean state:?"),
        ("3", ("s", "t", "a", "t", "colon", "x"), "There is no stat: here. Did you mean state:?"),
        ("5", ("h", "o", "s", "colon", "x"), "There is no hos: here. Did you mean host:?"),
    ],
)
async def test_a_name_that_is_no_columns_is_told_with_those_there_are(
    key: str, typed: tuple[str, ...], said: str, size: tuple[int, int]
) -> None:
    await fill_demo()
    async with demo_app().run_test(size=size) as pilot:
        table = await filter_with(pilot, key, *typed)
        await until(pilot, lambda: table.row_count == 0)
        await until(pilot, shows(pilot, said))
        assert "There are" in text_of(pilot.app)
        await pilot.press(*["backspace"] * len(typed))
        await until(pilot, lambda: said not in text_of(pilot.app))


async def test_a_name_with_a_colon_that_rows_have_is_a_word_like_any() -> None:
    await fill_demo()
    async with demo_app().run_test(size=(140, 40)) as pilot:
        table = await filter_with(pilot, "3", "f", "t", "colon")
        await until(pilot, lambda: table.row_count == 1)
        assert "There is no" not in text_of(pilot.app)


def test_what_is_a_name_and_what_is_not() -> None:
    rows = [{"": "ft:gpt-4o 12:30"}]
    for text, told in (("stat:x", True), ("-stat:x", True), ("state:x", False), ("ft:gpt", False), ("-ft:gpt", False),
                       ("x stat:y", True), ("12:30", False), ("https://x", False), ("", False)):  # fmt: skip
        assert bool(name_fault(text, ("state", "model", ""), lambda: rows)) is told, text
    assert name_fault("stat:x", (), lambda: rows) == "", "a log has no columns"


@pytest.mark.parametrize("key", MODES)
async def test_escape_in_the_table_takes_a_kept_filter_away(key: str) -> None:
    await fill_demo()
    async with demo_app().run_test(size=(140, 40)) as pilot:
        await filled(pilot)
        await pilot.press(key)
        await filled(pilot)
        every = pilot.app.screen.query_one(f"#{MODES[key]}", Table).row_count
        table = await filter_with(pilot, key, "z", "q", "x", "enter")
        await until(pilot, lambda: pilot.app.focused is table)
        assert table.row_count == 0, "enter keeps it"
        await until(pilot, shows(pilot, "escape clears"))
        await until(pilot, shows(pilot, "esc All"))
        await pilot.press("escape")
        await until(pilot, lambda: table.row_count == every)
        assert not pilot.app.screen.query(FilterBar)
        assert pilot.app.focused is table
        await until(pilot, lambda: "esc All" not in text_of(pilot.app))


async def test_where_escape_closes_the_screen_the_filter_goes_first() -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(140, 40)) as pilot:
        await filled(pilot)
        await pilot.press("comma")
        await until(pilot, lambda: bool(app.screen.query("#settings")))
        opened, table = app.screen, app.screen.query_one("#settings", Table)
        await until(pilot, lambda: table.row_count > 3)
        every = table.row_count
        await pilot.press("slash")
        await until(pilot, lambda: isinstance(app.focused, Input))
        await pilot.press(*"theme", "enter")
        await until(pilot, lambda: 0 < table.row_count < every)
        await pilot.press("escape")
        await until(pilot, lambda: table.row_count == every)
        assert app.screen is opened
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is not opened)


async def test_escape_in_the_log_shows_every_line_again() -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(140, 40)) as pilot:
        await filled(pilot)
        await pilot.press("2")
        await filled(pilot)
        log = app.screen.query_one(EventLog)
        log.focus()
        await pilot.press("slash")
        await until(pilot, lambda: isinstance(app.focused, Input))
        await pilot.press(*"created", "enter")
        await until(pilot, lambda: app.focused is log and log.virtual_size.height == 1)
        await pilot.press("escape")
        await until(pilot, lambda: log.virtual_size.height > 1)
        assert not app.screen.query(FilterBar)


async def test_the_log_is_searched_for_exact_words_and_not_for_parts_of_its_clock() -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(140, 40)) as pilot:
        await filled(pilot)
        await pilot.press("2")
        await filled(pilot)
        log = app.screen.query_one(EventLog)
        log.show([f"19:31:{second:02}  Step {second} of 60" for second in range(60)], other=True)
        for text, left in (
            ("step 19", 1), ('"Step 19"', 1), ('"step 1"', 1), ("step 1", 15), ("19:31:07", 1), ('-"step 19"', 59),
            ('"tep"', 0), ("step 31", 1),
        ):  # fmt: skip
            assert log.narrow(text) == f"{left} of 60", text
        log.narrow('"step 1"')

        def marked() -> list[str]:
            return [segment.text for segment in log.render_line(0) if segment.style and segment.style.underline]

        await until(pilot, lambda: marked() == ["Step 1"])


async def test_a_tables_filter_knows_exact_words_and_closes_their_quotation_marks() -> None:
    await fill_demo()
    async with demo_app().run_test(size=(140, 40)) as pilot:
        table = await filter_with(pilot, "2", *'"fictional_people')
        field = pilot.app.screen.query_one("#filter-text", Input)
        await until(pilot, lambda: field._suggestion == '"fictional_people"')
        every = table.row_count
        await pilot.press("right")
        await until(pilot, lambda: field.value == '"fictional_people"')
        assert table.row_count == every > 0
        field.value = '"fictional_peopl"'
        await until(pilot, lambda: table.row_count == 0)
        field.value = 'dataset:"people"'
        await until(pilot, lambda: table.row_count == every)


async def test_a_row_that_is_gone_to_takes_the_filter_that_hides_it_away_in_sight_too() -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(140, 40)) as pilot:
        table = await filter_with(pilot, "2", *"running", "enter")
        await until(pilot, lambda: table.shown_keys == ["2"])
        table.choose("1")
        await until(pilot, lambda: table.chosen == "1")
        await until(pilot, lambda: not app.screen.query(FilterBar))


async def test_how_much_a_filter_leaves_is_still_true_when_it_is_there_again_the_next_time() -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(140, 40)) as pilot:
        await filter_with(pilot, "2", *"succ", "enter")
        await until(pilot, shows(pilot, "1 of 2"))
        await pilot.press("q")
    again = demo_app()
    async with again.run_test(size=(140, 40)) as pilot:
        await until(pilot, shows(pilot, "/ succ"))
        await until(pilot, shows(pilot, "1 of 2"))
