"""Wherever panes stand side by side or above each other, the bar between them is moved by mouse and keys and stays there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

from textual.geometry import Offset
from textual.pilot import Pilot
from textual.widget import Widget

from ftb_tui.ui.app import FtbApp
from ftb_tui.ui.widgets.detail import Detail
from ftb_tui.ui.widgets.splitter import LEAST_CELLS, Splitter
from ftb_tui.ui.widgets.table import Table
from tests.ui.pilot import demo_app, fill_demo, filled, shows, text_of, until

WIDE, NARROW = (120, 35), (80, 24)
SCREENS: tuple[tuple[str, dict[str, str]], ...] = (
    *((mode, {}) for mode in "12345"),
    ("1", {"a": "Audit of fictional_people · ", "enter": "trivial_baseline · "}),
    ("1", {"v": "Training file of"}), ("1", {"p": "Wordings of"}), ("1", {"comma": "defaults.epochs"}),
    ("4", {"enter": "showing wrong", "a": "Fact fp"}),
    ("4", {"c": "Two models"}), ("4", {"a": "mean of families"}), ("4", {"p": "of 77 figures"}),
    ("4", {"h": "What changed since"}), ("4", {"l": "epoch 12 (tuned)"}),
)  # fmt: skip
"""A mode, and the keys that open one screen after another from it, each with what that shows once it is filled."""


async def every_screen(pilot: Pilot[None], names: str = "") -> AsyncIterator[str]:
    """Show every screen that has panes, one after the other; gives its name each time."""
    app = pilot.app
    for mode, opens in SCREENS:
        await filled(pilot)
        await pilot.press(mode)
        await until(pilot, lambda: bool(app.screen.query(Table)) and len(app.screen_stack) == 1)
        await filled(pilot)
        if mode == "4":
            app.screen.query_one("#results", Table).move_cursor(row=2, column=2)
        for key, words in opens.items() or (("", ""),):
            if key:
                await pilot.press(key)
                await until(pilot, shows(pilot, words))
            while "No evaluation has finished since" in text_of(app):
                await pilot.press("w")
                await until(pilot, shows(pilot, words))
            await pilot.pause()
            name = type(app.screen).__name__
            if not names or name in names:
                yield name
        for _ in opens:
            await app.pop_screen()
        await pilot.pause()


def bars(app: FtbApp) -> list[Splitter]:
    return [bar for bar in app.screen.query(Splitter) if bar.is_shown]


def cells(pane: Widget, axis: str) -> int:
    return pane.outer_size.width if axis == "columns" else pane.outer_size.height


def _is_smaller(bar: Splitter, size: int) -> bool:
    return cells(bar.panes[0], "rows") < size


async def drag(pilot: Pilot[None], bar: Splitter, by: int) -> None:
    """Take hold of a bar, move the mouse, let go."""
    along = bar.axis == "columns"
    start = bar.region.offset + (Offset(0, bar.size.height // 2) if along else Offset(bar.size.width // 2, 0))
    end = start + (Offset(by, 0) if along else Offset(0, by))
    await pilot.mouse_down(offset=start)
    await pilot.hover(offset=end)
    await pilot.mouse_up(offset=end)
    await pilot.pause()


async def test_every_bar_is_dragged_by_the_mouse_and_stands_there_the_next_time() -> None:
    await fill_demo()
    app = demo_app()
    stood: dict[tuple[str, str], int] = {}
    async with app.run_test(size=WIDE) as pilot:
        async for name in every_screen(pilot):
            for bar in bars(app):
                axis, pane = bar.axis, bar.panes[0]
                before, room = cells(pane, axis), sum(cells(one, axis) for one in bar.panes)
                by = -3 if before > room - before else 3
                await drag(pilot, bar, by)
                assert cells(pane, axis) == before + by, f"{bar} of {name}"
            for bar in bars(app):
                stood[name, str(bar.id)] = cells(bar.panes[0], bar.axis)
        assert len({screen for screen, _ in stood}) == 17, "all that have panes"
        async for name in every_screen(pilot, "AnswersScreen CompareScreen"):
            assert {str(bar.id): cells(bar.panes[0], bar.axis) for bar in bars(app)} == {
                bar: size for (screen, bar), size in stood.items() if screen == name
            }, "opened again"
        await app.action_quit()
    app = demo_app()
    async with app.run_test(size=WIDE) as pilot:
        again = {
            (name, str(bar.id)): cells(bar.panes[0], bar.axis)
            async for name in every_screen(pilot)
            for bar in bars(app)
        }
    assert again == stood, "in the next run of the app"


async def test_keys_move_the_bar_beside_the_focus_as_far_as_panes_can_be_used() -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=WIDE) as pilot:
        await filled(pilot)
        bar, other = (app.screen.query_one(f"#{name}", Splitter) for name in ("above-about", "above-fact"))
        before, untouched = cells(bar.panes[0], "rows"), cells(other.panes[0], "rows")
        await pilot.press("plus", "plus")
        await until(pilot, lambda: cells(bar.panes[0], "rows") > before)
        assert cells(other.panes[0], "rows") == untouched, "the focus is on the left"
        await pilot.press("enter")
        await until(pilot, lambda: app.focused is other.panes[0])
        await pilot.press(*["minus"] * 14)
        await until(pilot, lambda: cells(other.panes[0], "rows") == LEAST_CELLS["rows"])
        columns = app.screen.query_one("#beside-questions", Splitter)
        await pilot.press(*["less_than_sign"] * 6)
        await until(pilot, lambda: cells(columns.panes[0], "columns") == LEAST_CELLS["columns"])
        await pilot.press(*["greater_than_sign"] * 15)
        await until(pilot, lambda: cells(columns.panes[1], "columns") == LEAST_CELLS["columns"])
        await pilot.press("equals_sign")
        await until(pilot, lambda: cells(bar.panes[0], "rows") == before and cells(columns.panes[0], "columns") == 44)
        assert cells(other.panes[0], "rows") == untouched

        await pilot.press("greater_than_sign")
        await pilot.resize_terminal(*NARROW)
        await until(pilot, lambda: columns.axis == "rows" and columns.size.width == 80)
        assert [cells(pane, "columns") for pane in columns.panes] == [80, 80], "one above the other, each has its width"
        assert cells(columns.panes[0], "rows") == 6
        await pilot.press("plus")
        await until(pilot, lambda: cells(other.panes[0], "rows") == 8)
        await pilot.resize_terminal(*WIDE)
        await until(pilot, lambda: cells(columns.panes[0], "columns") == 50)


async def test_narrow_screens_stack_their_panes_and_move_them_too() -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=NARROW) as pilot:
        async for name in every_screen(pilot, "AnswersScreen CompareScreen TrainingScreen AuditScreen LearningScreen"):
            [bar] = bars(app)
            first, second = (cells(pane, "rows") for pane in bar.panes)
            await pilot.press("minus", "minus")
            await until(pilot, partial(_is_smaller, bar, first))
            assert sum(cells(pane, "rows") for pane in bar.panes) == first + second, name
            await drag(pilot, bar, -bar.region.y)
            assert cells(bar.panes[0], "rows") == LEAST_CELLS["rows"], name
            assert all(pane.region.bottom <= 23 for pane in bar.panes), "nothing is pushed out of the window"


async def test_a_detail_longer_than_its_pane_is_scrolled_by_keys_and_a_short_one_is_passed_over() -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=NARROW) as pilot:
        await filled(pilot)
        await pilot.press("4")
        await filled(pilot)
        detail = app.screen.query_one(Detail)
        await until(pilot, lambda: detail.max_scroll_y > 2)
        await pilot.press("ctrl+o", "j")
        await until(pilot, lambda: app.focused is detail)
        await pilot.press("j", "j")
        await until(pilot, lambda: detail.scroll_y == 2)
        await pilot.press("G")
        await until(pilot, lambda: detail.scroll_y == detail.max_scroll_y)
        await pilot.press("k")
        await until(pilot, lambda: detail.scroll_y == detail.max_scroll_y - 1)
        await pilot.press("tab", *["minus"] * 14)
        await until(pilot, lambda: detail.max_scroll_y == 0)
        await pilot.press("tab")
        await pilot.pause()
        assert app.focused is not detail
