"""Several pictures of one app, since each start of an app takes longer than a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_textual_snapshot import SVGImageExtension
from syrupy.assertion import SnapshotAssertion
from textual.pilot import Pilot

from tests.ui.pilot import SIZES, settled, until


async def pictured(
    pilot: Pilot[Any], snapshot: SnapshotAssertion, name: str, sizes: Sequence[tuple[int, int]] = SIZES
) -> None:
    """What is shown looks as it did in windows of these sizes. `pytest --snapshot-update` after looking at the difference."""
    for width, height in sizes:
        await pilot.resize_terminal(width, height)
        await until(pilot, lambda size=(width, height): tuple(pilot.app.screen.size) == size)  # type: ignore[misc]
        await settled(pilot)
        shown = pilot.app.export_screenshot(simplify=True)
        picture = snapshot(name=f"{name}-{width}x{height}", extension_class=SVGImageExtension)
        assert picture == shown, f"{name} looks otherwise in a window of {width}x{height}"
