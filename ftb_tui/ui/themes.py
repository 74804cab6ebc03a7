"""The app's own looks, dark and light; the terminal's own colours are Textual's `ansi-dark` and `ansi-light`."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from textual.theme import Theme

from ftb_tui.ui.remembered import table_of

DARK = Theme(
    name="ftb",
    primary="#5f9ea0",
    secondary="#8fa876",
    accent="#d0a85c",
    warning="#d0a85c",
    error="#cc6666",
    success="#8fa876",
    foreground="#d8dee4",
    background="#14181c",
    surface="#1b2026",
    panel="#242b33",
    dark=True,
)
LIGHT = Theme(
    name="ftb-light",
    primary="#2f6f73",
    secondary="#4f6b2f",
    accent="#8a5a00",
    warning="#8a5a00",
    error="#a52a2a",
    success="#4f6b2f",
    foreground="#1b2026",
    background="#fbfaf7",
    surface="#f3f1ec",
    panel="#e4e1d8",
    dark=False,
)
OWN = (DARK, LIGHT)
FIRST = ("ftb", "ftb-light", "ansi-dark", "ansi-light")
"""What the palette shows first."""


def known_themes() -> tuple[str, ...]:
    """Every theme there is: ours and the terminal's first, then Textual's."""
    from textual.theme import BUILTIN_THEMES

    return (*FIRST, *sorted(set(BUILTIN_THEMES) - set(FIRST)))


def first_theme(memory: Mapping[str, Any], asked: str, known: Container[str]) -> tuple[str, str]:
    """The theme chosen last, or the configuration's where that was changed since; and what is wrong with the latter."""
    chosen = table_of(memory, "theme")
    name = chosen.get("name") if chosen.get("configured") == asked else asked
    if isinstance(name, str) and name in known:
        return name, ""
    return OWN[0].name, f"ui.theme: there is no theme {asked!r}" if asked and asked not in known else ""
