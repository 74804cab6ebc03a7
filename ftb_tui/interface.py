"""What the configuration may say about the app's looks and keys: `[ui]` and `[keymap]`. Knows no Textual."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

CHOICES: Mapping[str, tuple[str, ...]] = {
    "motion": ("full", "reduced"),
    "notify": ("away", "always", "never"),
    "desktop": ("auto", "osc9", "osc777", "none"),
}
"""What may be said for the settings of few words; themes are checked where themes are known."""


@dataclass(frozen=True, slots=True)
class UiSettings:
    """How the app looks, moves and calls. `keymap` is keys (several with commas) by a binding's id."""

    theme: str = ""
    """Empty: the app's own."""
    motion: str = "full"
    notify: str = "away"
    """When bell and desktop notification tell that something has ended: while the window is not looked at, ever, never."""
    desktop: str = "auto"
    """By which of the terminal's sequences the desktop is notified."""
    keymap: Mapping[str, str] = field(default_factory=dict)


def read_interface(values: Mapping[str, Any], file: Path) -> tuple[UiSettings, list[str]]:
    """The settings in a parsed configuration, and a line for each that is wrong, with file and key.

    What is wrong is left at its default: nobody is locked out of the app by a misspelt colour.
    """
    problems: list[str] = []
    given: dict[str, Any] = {}
    section = values.get("ui", {})
    known = tuple(part.name for part in fields(UiSettings) if part.name != "keymap")
    if not isinstance(section, Mapping):
        problems.append(f"{file}: ui must be a table")
        section = {}
    for name, value in section.items():
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            problems.append(f"{file}: ui.{name} is not a setting; {hint}")
        elif not isinstance(value, str):
            problems.append(f"{file}: ui.{name} must be text, not {value!r}")
        elif name in CHOICES and value not in CHOICES[name]:
            problems.append(f"{file}: ui.{name} must be one of {', '.join(CHOICES[name])}, not {value!r}")
        else:
            given[name] = value
    keymap: dict[str, str] = {}
    bindings = values.get("keymap", {})
    if not isinstance(bindings, Mapping):
        problems.append(f"{file}: keymap must be a table")
        bindings = {}
    for name, value in _flat(bindings):
        if isinstance(value, str) and value.strip():
            keymap[name] = value
        else:
            problems.append(f"{file}: keymap.{name} must be a key such as 'x' or 'ctrl+x', not {value!r}")
    return UiSettings(**given, keymap=keymap), problems


def load_interface(file: Path) -> tuple[UiSettings, list[str]]:
    """The same from the file; defaults where it is not there or cannot be read, which others report."""
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return UiSettings(), []
    return read_interface(values, file)


def _flat(table: Mapping[str, Any], where: str = "") -> Iterator[tuple[str, object]]:
    """`jobs.cancel = "x"` is a table in a table for TOML, and one id for us."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{where}{name}.")
        else:
            yield f"{where}{name}", value
