"""All that can be configured, the app's themes and keys among it: listed, checked as `ftb config check` does, written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ftb_tui.interface import load_interface
from ftb_tui.paths import paths
from ftb_tui.providers.config import ConfigError, config_problems
from ftb_tui.providers.config_editing import write_setting
from ftb_tui.providers.settings import Held, Setting, held_settings, read_value
from ftb_tui.ui.themes import FIRST, known_themes

if TYPE_CHECKING:
    from ftb_tui.ui.app import FtbApp


def interface_problems(file: Path) -> list[str]:
    """What only the app knows to be wrong: a theme that there is not, keys that there are not or that are taken."""
    settings, _ = load_interface(file)
    problems = []
    if settings.theme and settings.theme not in known_themes():
        problems.append(
            f"{file}: ui.theme: there is no theme {settings.theme!r}; known are {', '.join(known_themes())}"
        )
    if settings.keymap:
        from ftb_tui.ui.keymap import keymap_problems

        problems += keymap_problems(settings.keymap, where=f"{file}: keymap")
    return problems


def all_problems(file: Path) -> list[str]:
    """Everything that is wrong with the file, a line each."""
    return config_problems(file) + interface_problems(file)


def all_settings(path: Path | None = None) -> tuple[list[Held], list[str]]:
    """Every setting with what is in force, every key of the app among them, and every problem of the file."""
    from ftb_tui.ui.keymap import known_bindings, shown_key

    file = path or paths().config_file
    found, problems = held_settings(file)
    mine = interface_problems(file)
    shown = [_with_themes(held, mine, file) if held.setting.key == "ui.theme" else held for held in found]
    keymap = load_interface(file)[0].keymap
    for name, one in known_bindings().items():
        keys = ",".join(shown_key(key) for key in one.keys)
        setting = Setting(("keymap",), name, "text", keys, f"Key: {one.says.rstrip(' .,…')}.")
        where = f"{file}: keymap.{name}"
        problem = next((line for line in (*problems, *mine) if line.startswith((f"{where} ", f"{where}:"))), "")
        shown.append(Held(setting, keymap.get(name, setting.default), name in keymap, problem))
    return shown, problems + mine


def _with_themes(held: Held, problems: list[str], file: Path) -> Held:
    setting = replace(held.setting, default=FIRST[0], choices=known_themes())
    problem = held.problem or next((line for line in problems if line.startswith(f"{file}: ui.theme:")), "")
    value = setting.default if problem or held.value is None else held.value
    return Held(setting, value, held.in_file, problem)


def change_setting(setting: Setting, text: str) -> Path:
    """Write what a person typed for a setting. Gives the file.

    Raises `ConfigError`, with nothing written, when the value cannot be or would make something else wrong.
    """
    try:
        value = read_value(setting, text)
    except ConfigError as error:
        raise ConfigError(f"{paths().config_file}: {error}") from error
    return write_setting(setting.table, setting.name, value, problems=all_problems)


def unset_setting(setting: Setting) -> Path:
    """Take a setting out of the file, so that the default is in force. Raises `ConfigError` as writing does."""
    return write_setting(setting.table, setting.name, None, problems=all_problems)


def setting_named(key: str) -> Setting:
    """The setting with this key. Raises `ConfigError` with what there is that is alike."""
    import difflib

    known = {held.setting.key: held.setting for held in all_settings()[0]}
    if key not in known:
        near = difflib.get_close_matches(key, known, n=1)
        raise ConfigError(f"{key} is not a setting" + (f"; did you mean {near[0]}?" if near else "."))
    return known[key]


def take_settings(app: FtbApp) -> None:
    """Let the app in view look, move, call and listen to keys as the configuration has it now."""
    from ftb_tui.ui.keymap import usable_keymap

    before, (app.settings, _) = app.settings, load_interface(paths().config_file)
    theme = app.settings.theme or FIRST[0]
    if app.settings.theme != before.theme and theme in app.available_themes:
        app.choose_theme(theme)
    if app.settings.motion != before.motion:
        app.animation_level = "none" if app.settings.motion == "reduced" else "full"
    app.set_keymap(usable_keymap(app.settings.keymap))
