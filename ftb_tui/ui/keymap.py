"""Every key of the app, from the bindings themselves: to check a keymap against, and to write down."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import Keys
from textual.screen import ModalScreen, Screen

import ftb_tui.ui.screens
import ftb_tui.ui.widgets

_MODIFIERS = frozenset({"ctrl", "shift", "alt", "super", "hyper", "meta"})
GENERAL = ("help", "palette.open")


@dataclass(frozen=True, slots=True)
class KnownBinding:
    """One thing that a key does: its id, its usual keys, what it does, and where."""

    id: str
    keys: tuple[str, ...]
    says: str
    owner: type[DOMNode]
    over_all: bool = False
    """Whether it is in force over dialogs, and before what has the focus."""


def known_bindings() -> dict[str, KnownBinding]:
    """Every binding of ours that has an id, by id; keys that the same id has in several places are put together."""
    found: dict[str, KnownBinding] = {}
    for owner in _owners():
        for binding in Binding.make_bindings(owner.__dict__.get("BINDINGS", ())):
            if not binding.id:
                continue
            before = found.get(binding.id)
            keys = (*(before.keys if before else ()), *binding.key.split(","))
            says = binding.tooltip or binding.description
            found[binding.id] = KnownBinding(
                binding.id, tuple(dict.fromkeys(keys)), before.says if before else says, before.owner if before else owner,
                binding.priority and issubclass(owner, App),
            )  # fmt: skip
    return found


def _owners() -> Iterator[type[DOMNode]]:
    from ftb_tui.ui.app import FtbApp

    yield FtbApp
    for package in (ftb_tui.ui.screens, ftb_tui.ui.widgets):
        for module in sorted(pkgutil.iter_modules(package.__path__, f"{package.__name__}."), key=lambda one: one.name):
            loaded = importlib.import_module(module.name)
            for _, one in sorted(inspect.getmembers(loaded, inspect.isclass)):
                if one.__module__ == loaded.__name__ and issubclass(one, DOMNode):
                    yield one


def keymap_problems(keymap: Mapping[str, str], *, where: str = "keymap") -> list[str]:
    """A line for everything in a keymap that has no effect or takes a key from something else on the same screen."""
    known = known_bindings()
    problems = []
    keys: dict[str, tuple[str, ...]] = {name: one.keys for name, one in known.items()}
    for name, value in keymap.items():
        wanted = tuple(normal_key(key) for key in value.split(",") if key.strip())
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            problems.append(f"{where}.{name} is no key's id" + (f"; did you mean {near[0]}?" if near else ""))
            continue
        problems += [f"{where}.{name}: {key!r} is no key" for key in wanted if not is_key(key)]
        keys[name] = wanted
    for name in keymap:
        for other, one in known.items():
            if name not in known or other == name or (other in keymap and other < name):
                continue
            # What shares a key as we made it, such as escape, is told apart by what is innermost.
            shared = (set(keys[name]) & set(keys[other])) - (set(known[name].keys) & set(one.keys))
            if shared and _together(known[name], one):
                key = min(shared)
                problems.append(f"{where}.{name}: {key} is the key of {other} too ({one.says})")
    return problems


def usable_keymap(keymap: Mapping[str, str]) -> dict[str, str]:
    """What of a keymap can be used: its known ids with keys that there are."""
    known = known_bindings()
    found = {}
    for name, value in keymap.items():
        keys = [normal_key(key) for key in value.split(",") if key.strip()]
        if name in known and keys and all(map(is_key, keys)):
            found[name] = ",".join(keys)
    return found


_TEXTUAL = {"solidus": "slash", "reverse_solidus": "backslash", "commercial_at": "at", "hyphen_minus": "minus",
            "plus_sign": "plus", "low_line": "underscore"}  # fmt: skip
"""Characters that Textual names otherwise than Unicode does."""


def normal_key(key: str) -> str:
    """A key as Textual names it: `/` is slash."""
    key = key.strip()
    *modifiers, last = key.split("+") if len(key) > 1 else [key]
    if len(last) == 1 and not last.isalnum():
        last = unicodedata.name(last, last).lower().replace(" ", "_").replace("-", "_")
        last = _TEXTUAL.get(last, last)
    return "+".join([*modifiers, last])


def is_key(key: str) -> bool:
    """Whether there is such a key."""
    *modifiers, last = key.split("+")
    named = {normal_key(chr(code)) for code in range(33, 127)}
    return set(modifiers) <= _MODIFIERS and (last in named or len(last) == 1 or last in {one.value for one in Keys})


def _together(first: KnownBinding, second: KnownBinding) -> bool:
    """Whether both can be in force at once."""
    one, other = first.owner, second.owner
    if first.over_all or second.over_all:
        return True
    if issubclass(one, other) or issubclass(other, one):
        return True
    if issubclass(one, Screen) and issubclass(other, Screen):
        return False
    # Keys of the app and of tables are not those of a dialog, which is over everything.
    return not any(issubclass(place, ModalScreen) for place in (one, other))


def keys_page() -> str:
    """docs/keys.md: every id, its usual keys and what they do, by where they do it."""
    sections: dict[str, list[KnownBinding]] = {}
    for one in known_bindings().values():
        sections.setdefault("Everywhere" if one.id in GENERAL else _section(one.owner), []).append(one)
    lines = [_HEAD]
    for title in sorted(sections, key=lambda name: (name != "Everywhere", name)):
        lines.append(f"## {title}\n\n| key | does | id |\n|---|---|---|")
        for one in sections[title]:
            keys = ", ".join(f"`{shown_key(key)}`" for key in one.keys)
            lines.append(f"| {keys} | {one.says.replace('|', '/')} | `{one.id}` |")
        lines.append("")
    return "\n".join(lines)


def shown_key(key: str) -> str:
    """A key as it stands on a keyboard."""
    names = {"question_mark": "?", "slash": "/", "less_than_sign": "<", "greater_than_sign": ">", "equals_sign": "=",
             "plus": "+", "minus": "-"}  # fmt: skip
    *modifiers, last = key.split("+")
    return "+".join([*modifiers, names.get(last, last)])


def _section(owner: type[DOMNode]) -> str:
    if issubclass(owner, App) or owner.__name__ in ("ModeScreen", "OpenedScreen"):
        return "Everywhere"
    name = owner.__name__.removesuffix("Screen")
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip().capitalize()
    return f"Dialog: {words.lower()}" if issubclass(owner, ModalScreen) else words


_HEAD = """\
# Keys

`?` shows the keys of the screen in view, `ctrl+p` finds every action by its name. `ctrl+o` lays a letter over every
table, field, button and tab in view, in dialogs too: the letter goes there (and presses nothing), any other key leaves
everything as it is. The bars between panes are dragged with the mouse, or moved with `<`, `>`, `-` and `+`: that one
which is nearest to the focus. `=` puts them back; where they stand is remembered. `escape` closes the notices in the
corner, as a click on one does. This page is written by `python docs/make_keys.py` from the app's own bindings.

Any of them can be changed in the configuration file (`ftb config path` says where it is), by its id:

```toml
[keymap]
"jobs.cancel" = "x"
"table.down" = "down,n"
quit = "ctrl+q"
```

Several keys stand with commas between them. `ftb config check` names ids that there are not and keys that two things on
the same screen would share; the app says so too when it begins, and goes on without them.
"""
