"""The five modes, and the keys that are in force on every screen (ctrl+o over dialogs too)."""

from __future__ import annotations

from collections.abc import Callable

from textual.binding import Binding, BindingType
from textual.screen import Screen

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
    Binding("less_than_sign", "split('columns', -1)", "Left pane smaller", show=False, id="split.smaller"),
    Binding("greater_than_sign", "split('columns', 1)", "Left pane larger", show=False, id="split.larger"),
    Binding("minus", "split('rows', -1)", "Upper pane smaller", show=False, id="split.lower"),
    Binding("plus", "split('rows', 1)", "Upper pane larger", show=False, id="split.higher"),
    Binding("equals_sign", "split('', 0)", "Panes as at first", show=False, id="split.reset"),
    Binding("escape", "clear_notifications", "Close notices", show=False, id="notices.close"),
    Binding("q", "quit", "Quit", id="quit", tooltip="Quit; jobs go on in the engine, evaluations stop"),
]


def mode_screen(name: str) -> Callable[[], Screen[None]]:
    """What makes a mode's screen; its module is loaded only then."""

    def make() -> Screen[None]:
        import importlib

        module = importlib.import_module(f"ftb_tui.ui.screens.{name}")
        screen: Screen[None] = getattr(module, f"{name.capitalize()}Screen")()
        return screen

    return make
