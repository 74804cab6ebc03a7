"""The keys that are in force on every screen, and ctrl+o over dialogs too."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from ftb_tui.ui.widgets.tabs import MODES

EVERYWHERE: list[BindingType] = [
    *(
        Binding(str(number), f"switch_mode('{name}')", name.capitalize(), show=False, id=f"mode.{name}")
        for number, name in enumerate(MODES, 1)
    ),
    Binding("b", "bench(True)", "Benchmark", id="bench.quick", tooltip="Run the quick benchmark"),
    Binding("B", "bench(False)", "Whole benchmark", show=False, id="bench.whole", tooltip="Run the whole benchmark"),
    Binding("ctrl+p", "command_palette", "Commands", show=False, id="palette.open", tooltip="Find any action"),
    # Before everything else, so that it is there over dialogs and in fields as well.
    Binding(
        "ctrl+o", "jump", "Jump", show=False, id="jump", tooltip="Go to any place in view by a letter", priority=True
    ),
    Binding("q", "quit", "Quit", id="quit", tooltip="Quit; jobs go on in the engine"),
]
