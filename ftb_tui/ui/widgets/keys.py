"""The line of keys below every screen: its own first, and never more than fit."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import ActiveBinding
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

LEAVE_OUT = ("bench.quick", "quit", "table.sort", "table.filter", "log.copy")
"""What is left out first where there is no room; `?` shows every key."""
KEPT = ("help",)


class Keys(Footer):
    """Textual's footer, in another order, without the keys for which there is no room."""

    def __init__(self) -> None:
        super().__init__(show_command_palette=False)
        self._laid_out_for = 0

    def compose(self) -> ComposeResult:
        """The keys that fit."""
        if not self._bindings_ready:
            return
        self._laid_out_for = self.screen.size.width
        shown = fitting(self._keys(), self._laid_out_for)
        self.styles.grid_size_columns = len(shown)
        for active, display in shown:
            binding = active.binding
            yield FooterKey(
                binding.key, display, binding.description, binding.action, disabled=not active.enabled,
                tooltip=active.tooltip or binding.description,
            ).data_bind(compact=Footer.compact)  # fmt: skip

    def _keys(self) -> list[tuple[ActiveBinding, str]]:
        """The screen's own keys, then those of what has the focus, then everybody's; each action once."""
        found: dict[str, ActiveBinding] = {}
        for active in self.screen.active_bindings.values():
            if active.binding.show:
                found.setdefault(active.binding.action, active)
        general = (self.app,)

        def place(active: ActiveBinding) -> int:
            if active.binding.id == "help":
                return 2
            return 3 if active.node in general else 0 if active.node is self.screen else 1

        ordered = sorted(found.values(), key=place)
        return [(active, self.app.get_key_display(active.binding)) for active in ordered]

    def on_resize(self) -> None:
        """More or fewer fit now."""
        if self._laid_out_for not in (0, self.screen.size.width):
            self.call_after_refresh(self.recompose)


def fitting(keys: list[tuple[ActiveBinding, str]], width: int) -> list[tuple[ActiveBinding, str]]:
    """The keys that fit into a width, in their order."""
    kept = list(keys)
    for name in (*LEAVE_OUT, ""):
        while sum(len(display) + len(active.binding.description) + 3 for active, display in kept) > width:
            leaving = [one for one in kept if one[0].binding.id == name] if name else kept
            leaving = [one for one in leaving if one[0].binding.id not in KEPT]
            if not leaving:
                break
            kept.remove(leaving[-1])
            if name:
                break
    return kept
