"""`ftb config`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING

import click

from ftb_tui.cli.common import as_json, put_json, put_pairs, put_table
from ftb_tui.cli.exits import Exit, say
from ftb_tui.paths import paths
from ftb_tui.report.plain import visible

if TYPE_CHECKING:
    from ftb_tui.providers.settings import Held


@click.group()
def config() -> None:
    """Show and check the configuration and the directories in use."""


@config.command()
@as_json
def path(*, as_json: bool) -> None:
    """Where everything is kept.

    FTB_HOME moves it all below one directory.
    """
    home = paths()
    places = {field.name: str(getattr(home, field.name)) for field in fields(home)}
    places |= {
        "configuration file": str(home.config_file),
        "store": str(home.store),
        "weights": str(home.weights),
        "engine state": str(home.engine_state),
    }
    put_json(places) if as_json else put_pairs(list(places.items()))


@config.command()
@as_json
def show(*, as_json: bool) -> None:
    """The configuration in force, defaults included."""
    from ftb_tui.providers.config import EXAMPLE, load_config

    values = asdict(load_config())
    if as_json:
        put_json(values)
        return
    put_pairs(list(_settings(values)))
    if not paths().config_file.exists():
        say(
            f"\nThere is no {paths().config_file}; all of this is the default. A file could look like this:\n\n{EXAMPLE}"
        )


def _settings(values: Mapping[str, object], where: str = "") -> Iterator[tuple[str, object]]:
    """Every setting that says something, by its place in the file."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _settings(value, f"{where}{name}.")
        elif value not in (None, "", (), []):
            yield f"{where}{name}", str(value).lower() if isinstance(value, bool) else value


@config.command()
@as_json
def check(*, as_json: bool) -> None:
    """Whether the configuration file can be used.

    Every problem is named by file and key; with problems the exit code is 2.
    """
    from ftb_tui.ui.settings import all_problems

    problems = all_problems(paths().config_file)
    if as_json:
        put_json({"file": str(paths().config_file), "problems": problems})
    else:
        for problem in problems:
            click.echo(visible(problem))
        if not problems:
            file = paths().config_file
            say(f"{file} can be used." if file.exists() else f"There is no {file}; the defaults are used.")
    if problems:
        raise click.exceptions.Exit(Exit.USAGE)


@config.command()
@as_json
def settings(*, as_json: bool) -> None:
    """Every setting: its value, whether the file or the default says so, and what it does.

    The app's keys are among them, as keymap.ID. Screen: a comma in the app.
    """
    from ftb_tui.providers.settings import shown_value
    from ftb_tui.ui.settings import all_settings

    found, problems = all_settings()
    if as_json:
        put_json([_as_data(one) for one in found])
    else:
        lines = [
            (one.setting.key, shown_value(one.value) or "none", "file" if one.in_file else "default", one.setting.says)
            for one in found
        ]
        put_table(("setting", "value", "from", "does"), lines, spare=("does",))
    for problem in problems:
        say(visible(problem))


def _as_data(one: Held) -> dict[str, object]:
    return {
        "key": one.setting.key,
        "value": one.value,
        "from": "file" if one.in_file else "default",
        "default": one.setting.default,
        "does": one.setting.says,
        "problem": one.problem or None,
    }


@config.command(name="set", context_settings={"ignore_unknown_options": True})
@click.argument("key")
@click.argument("value")
@as_json
def set_(key: str, value: str, *, as_json: bool) -> None:
    """Write one setting into the file; the rest of it, comments too, stays as it is.

    KEY is one that `ftb config settings` lists, such as budget.per_day. A VALUE that cannot be is named and nothing is
    written.
    """
    from ftb_tui.ui.settings import change_setting, setting_named

    file = change_setting(setting_named(key), value)
    put_json({"key": key, "value": value, "file": str(file)}) if as_json else say(f"{key} is written to {file}.")


@config.command()
@click.argument("key")
@as_json
def unset(key: str, *, as_json: bool) -> None:
    """Take one setting out of the file, so that the default is in force."""
    from ftb_tui.ui.settings import setting_named, unset_setting

    file = unset_setting(setting_named(key))
    put_json({"key": key, "file": str(file)}) if as_json else say(f"{key} is not in {file}; the default is in force.")
