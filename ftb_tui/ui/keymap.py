"""Every key of the app, from the bindings themselves: to check a keymap against, and to write down."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

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
    owners: tuple[type[DOMNode], ...]
    """Where it does so; the first one is where it is listed."""
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
            owners = (*(before.owners if before else ()), owner)
            found[binding.id] = KnownBinding(
                binding.id, tuple(dict.fromkeys(keys)), before.says if before else says, tuple(dict.fromkeys(owners)),
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
    return [f"{where}.{problem}" for problem in _sorted_out(keymap)[1]]


def usable_keymap(keymap: Mapping[str, str]) -> dict[str, str]:
    """What of a keymap can be used: its known ids with keys that there are and that nothing else needs."""
    return {name: ",".join(keys) for name, keys in _sorted_out(keymap)[0].items()}


def first_key(name: str, keymap: Mapping[str, str]) -> str:
    """The key that an id has while this keymap is in force, the first one if it has several."""
    return (usable_keymap(keymap).get(name) or known_bindings()[name].keys[0]).split(",")[0]


def _sorted_out(keymap: Mapping[str, str]) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """The keys that can be given to ids, and what is wrong with the others, each beginning with its id."""
    known = known_bindings()
    usable: dict[str, tuple[str, ...]] = {}
    problems = []
    for name, value in keymap.items():
        typed = [key.strip() for key in value.split(",") if key.strip()]
        wanted = tuple(normal_key(key) for key in typed)
        wrong = [problem for key in typed if (problem := key_problem(key, name))]
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            problems.append(f"{name} is no key's id" + (f"; did you mean {near[0]}?" if near else ""))
        elif wrong:
            problems += [f"{name}: {problem}" for problem in wrong]
        elif wanted:
            usable[name] = wanted
    # Whatever is left out has its usual keys again, which others may have been given.
    while (clashing := _clashing(usable, known)) is not None:
        name, others = clashing
        problems += [f"{name}: {key} is the key of {other} too ({known[other].says})" for other, key in others]
        del usable[name]
    return usable, problems


def _clashing(
    usable: Mapping[str, tuple[str, ...]], known: Mapping[str, KnownBinding]
) -> tuple[str, list[tuple[str, str]]] | None:
    """An id and all those, each with the key, that would share one with it; of two in the keymap the second."""
    keys = {name: one.keys for name, one in known.items()} | dict(usable)
    names = list(usable)
    for place, name in enumerate(names):
        found = []
        for other in (*(one for one in known if one not in usable), *names[:place]):
            # What shares a key as we made it, such as escape, is told apart by what is innermost.
            shared = (set(keys[name]) & set(keys[other])) - (set(known[name].keys) & set(known[other].keys))
            if shared and _together(known[name], known[other]):
                found.append((other, min(shared)))
        if found:
            return name, found
    return None


_TEXTUAL = {"solidus": "slash", "reverse_solidus": "backslash", "commercial_at": "at", "hyphen_minus": "minus",
            "plus_sign": "plus", "low_line": "underscore"}  # fmt: skip
"""Characters that Textual names otherwise than Unicode does."""


def normal_key(key: str) -> str:
    """A key as Textual names it: `/` is slash."""
    key = key.strip()
    if key in _TEXTUAL_KEYS:
        return key
    *modifiers, last = key.split("+") if len(key) > 1 else [key]
    if len(last) == 1 and not last.isalnum():
        last = unicodedata.name(last, last).lower().replace(" ", "_").replace("-", "_")
        last = _TEXTUAL.get(last, last)
    return "+".join([*sorted(modifiers), last])


def is_key(key: str) -> bool:
    """Whether there is such a key."""
    *modifiers, last = key.split("+")
    return set(modifiers) <= _MODIFIERS and (last in _printable() or len(last) == 1 or last in _TEXTUAL_KEYS)


def key_problem(key: str, name: str) -> str:
    """Why an id cannot have a key, as it was typed, with what to write instead; empty where it can."""
    wanted = normal_key(key)
    *modifiers, last = wanted.split("+")
    if not is_key(wanted):
        return f"{key!r} is no key"
    if modifiers == ["shift"] and (last in _printable() or len(last) == 1) and last != "space":
        instead = repr(last.upper()) if last.isalpha() and len(last) == 1 else "the character itself"
        return f"{key!r} never arrives: with shift, terminals send another character; write {instead}"
    if "ctrl" in modifiers and len(last) == 1 and last.isupper():
        return f"{key!r} never arrives: with ctrl, terminals send no capitals; write {wanted[:-1] + last.lower()!r}"
    same = _SAME.get(wanted, wanted)
    if (does := _TAKEN.get(same)) and (name, same) != ("quit", "ctrl+q"):
        there = f"{key!r} is {same} for terminals, and that" if same != wanted else f"{key!r}"
        return f"{there} {does} everywhere; write another key"
    return f"{key!r} is {same} for terminals; write {same!r}" if same != wanted else ""


@cache
def _printable() -> frozenset[str]:
    return frozenset(normal_key(chr(code)) for code in range(33, 127))


_TEXTUAL_KEYS = frozenset(one.value for one in Keys)
_SAME = {"ctrl+i": "tab", "ctrl+m": "enter", "ctrl+h": "backspace", "ctrl+left_square_bracket": "escape",
         "ctrl+[": "escape", "return": "enter", "ctrl+space": "ctrl+@"}  # fmt: skip
"""Keys for which terminals send the same as for others; those few that tell them apart are not to be reckoned with."""
_TAKEN = {"ctrl+c": "copies what the mouse selected", "super+c": "copies what the mouse selected", "ctrl+q": "quits",
          "tab": "goes to the next place", "shift+tab": "goes to the place before"}  # fmt: skip
"""What Textual itself does with keys on every screen."""


def _together(first: KnownBinding, second: KnownBinding) -> bool:
    """Whether both can be in force at once."""
    if first.over_all or second.over_all:
        return True
    return any(_on_one_path(one, other) for one in first.owners for other in second.owners)


def _on_one_path(one: type[DOMNode], other: type[DOMNode]) -> bool:
    """Whether one can be around the other (or be it), so that the keys of both are listened to.

    None of our widgets that have keys is in another one.
    """
    if issubclass(one, other) or issubclass(other, one):
        return True
    for outer, inner in ((one, other), (other, one)):
        if issubclass(outer, App):
            # A dialog is over everything, and the app's keys are not its.
            return not issubclass(inner, ModalScreen)
        if issubclass(outer, Screen) and not issubclass(inner, Screen | App):
            return may_hold(outer, inner)
    return False


def may_hold(screen: type[DOMNode], widget: type[DOMNode]) -> bool:
    """Whether this widget can be on this screen: where a screen's module knows it, or where no screen does.

    The latter is put there by another widget, as the line for a filter is.
    """

    def is_known_to(owner: type[DOMNode]) -> bool:
        modules = (sys.modules[one.__module__] for one in owner.__mro__ if one.__module__.startswith("ftb_tui."))
        return any(widget in vars(module).values() for module in modules)

    return is_known_to(screen) or not any(issubclass(one, Screen) and is_known_to(one) for one in _owners())


def keys_page() -> str:
    """docs/keys.md: every id, its usual keys and what they do, by where they do it."""
    sections: dict[str, list[KnownBinding]] = {}
    for one in known_bindings().values():
        sections.setdefault("Everywhere" if one.id in GENERAL else _section(one.owners[0]), []).append(one)
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
which is nearest to the focus. `=` puts them back; where they stand is remembered. `escape` goes back from whatever was
opened; where nothing is, it closes the notices in the corner. A click on a notice closes that one anywhere. This page is
written by `python docs/make_keys.py` from the app's own bindings.

Any of them can be changed in the configuration file (`ftb config path` says where it is), by its id:

```toml
[keymap]
"jobs.cancel" = "x"
"table.down" = "j,ctrl+n"
quit = "ctrl+q"
```

Several keys stand with commas between them. `ftb config check` names ids that there are not and keys that two things on
the same screen would share, and keys that no terminal sends, with what to write instead: `N` for shift+n, `enter` for
ctrl+m. The app says so too when it begins, and leaves those lines out: what they name has its usual
keys.
"""
