"""Text is put on a screen where it is not there yet, and only there."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.content import Content
from textual.widgets import Static

from ftb_tui.ui.widgets.said import say


class Page(App[None]):
    def compose(self) -> ComposeResult:
        yield Static("", markup=False)


async def test_a_text_whose_look_alone_changes_is_shown_anew_and_one_that_is_there_is_not() -> None:
    async with Page().run_test() as pilot:
        static = pilot.app.query_one(Static)
        assert not say(static, Content(""))
        assert say(static, Content("a"))
        assert not say(static, Content("a"))
        assert say(static, Content.styled("a", "bold"))
        assert static.content == Content("a"), "their words are the same"
        assert not say(static, Content.styled("a", "bold"))
