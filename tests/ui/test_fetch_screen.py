"""Fetching the weights says why there is something to fetch."""

from __future__ import annotations

from pathlib import Path

from textual.app import App
from textual.widgets import Static

from ftb_tui.ui.screens.fetch import FetchScreen


async def test_damaged_weights_are_named_as_such() -> None:
    app: App[None] = App()
    async with app.run_test():
        await app.push_screen(FetchScreen(Path("/cache/[b]file.gguf")))
        said = str(app.screen.query_one("#text", Static).visual)
        assert "are damaged: /cache/[b]file.gguf" in said
        assert "not on this machine" not in said
