"""All that can be configured, the app's themes and keys among it: listed, checked as `ftb config check` does, written."""

from __future__ import annotations

import asyncio
import difflib
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftb_tui.benchmark.load import DatasetError, bundled_names
from ftb_tui.interface import load_interface
from ftb_tui.paths import paths
from ftb_tui.providers.config import ConfigError, config_problems
from ftb_tui.providers.config_editing import remove_provider, write_setting
from ftb_tui.providers.settings import Held, Setting, held_settings, provider_setting, provider_settings, read_value
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
    return config_problems(file) + interface_problems(file) + dataset_problems(file)


def dataset_problems(file: Path) -> list[str]:
    """That the dataset that is meant when none is named is neither bundled nor in the store. Not for an event loop."""
    defaults = _values(file).get("defaults")
    name = defaults.get("dataset") if isinstance(defaults, dict) else None
    if not isinstance(name, str) or name.replace("-", "_") in bundled_names():
        return []
    try:
        asyncio.run(_find_dataset(name))
    except DatasetError as error:
        return [f"{file}: defaults.dataset: {error} Import it first: ftb datasets import FILE"]
    return []


async def _find_dataset(name: str) -> None:
    from ftb_tui.store.database import StoreError, open_store
    from ftb_tui.store.datasets import find_dataset

    if not paths().store.exists():
        raise DatasetError(f"There is no dataset {name!r}. Known: {', '.join(bundled_names())}.")
    try:
        db = await open_store(readonly=True)
    except StoreError:
        # What is wrong with the store is no fault of this file.
        return
    try:
        await find_dataset(db, name)
    finally:
        await db.close()


def _values(file: Path) -> dict[str, Any]:
    """The parsed file; nothing where it is not there or cannot be read."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def all_settings(path: Path | None = None) -> tuple[list[Held], list[str]]:
    """Every setting with what is in force, every key of the app among them, and every problem of the file."""
    from ftb_tui.ui.keymap import known_bindings, shown_key

    file = path or paths().config_file
    found, problems = held_settings(file)
    mine = interface_problems(file) + dataset_problems(file)
    shown = [_with_themes(held, mine, file) if held.setting.key == "ui.theme" else held for held in found]
    shown = [_with_dataset(held, mine, file) if held.setting.key == "defaults.dataset" else held for held in shown]
    keymap = load_interface(file)[0].keymap
    for name, one in known_bindings().items():
        keys = ",".join(shown_key(key) for key in one.keys)
        setting = Setting(("keymap",), name, "text", keys, f"Key: {one.says.rstrip(' .,…')}.")
        where = f"{file}: keymap.{name}"
        problem = next((line for line in (*problems, *mine) if line.startswith((f"{where} ", f"{where}:"))), "")
        value = setting.default if problem else keymap.get(name, setting.default)
        shown.append(Held(setting, value, name in keymap, problem))
    return shown, problems + mine


def _with_themes(held: Held, problems: list[str], file: Path) -> Held:
    setting = replace(held.setting, default=FIRST[0], choices=known_themes())
    problem = held.problem or next((line for line in problems if line.startswith(f"{file}: ui.theme:")), "")
    value = setting.default if problem or held.value is None else held.value
    return Held(setting, value, held.in_file, problem)


def _with_dataset(held: Held, problems: list[str], file: Path) -> Held:
    problem = next((line for line in problems if line.startswith(f"{file}: defaults.dataset:")), "")
    return replace(held, value=held.setting.default, problem=problem) if problem else held


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
    known = {held.setting.key: held.setting for held in all_settings()[0]}
    if key in known:
        return known[key]
    if key.startswith("providers."):
        return provider_setting(key, _values(paths().config_file))
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ". ftb config settings lists all."
    raise ConfigError(f"{key} is not a setting{hint}")


def settings_under(place: str) -> tuple[list[Held], list[str]]:
    """The settings of a place of the file, `budget` or `providers.NAME`, and every problem of the file.

    A provider that is not there yet has what it could be given. Raises `ConfigError` where there is no such place.
    """
    found, problems = all_settings()
    chosen = [held for held in found if held.setting.key == place or held.setting.key.startswith(f"{place}.")]
    parts = place.split(".")
    if not chosen and parts[0] == "providers" and len(parts) == 2 and parts[1]:
        chosen = [Held(one, one.default, in_file=False) for one in provider_settings(parts[1], {})]
    if not chosen:
        places = sorted({".".join(held.setting.table) for held in found})
        near = difflib.get_close_matches(place, [*places, *(held.setting.key for held in found)], n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(places)}"
        raise ConfigError(f"{place} is no place in the configuration; {hint}")
    return chosen, problems


def unset_provider(name: str) -> Path:
    """Take a provider's whole table out of the file. Raises `ConfigError` as writing does."""
    return remove_provider(name, problems=all_problems)


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
