"""`ftb config`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import click

from ftb_tui.cli.common import as_json, put_json, put_pairs, put_table
from ftb_tui.cli.exits import Exit, say
from ftb_tui.cli.groups import Commands
from ftb_tui.paths import paths
from ftb_tui.report.plain import visible

if TYPE_CHECKING:
    from ftb_tui.providers.settings import Held


@click.group(cls=Commands)
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
    from ftb_tui.providers.settings import without_secrets

    values = _by_place(without_secrets(asdict(load_config())))
    if as_json:
        put_json(values)
        return
    put_pairs(list(_settings(values)))
    if not paths().config_file.exists():
        say(
            f"\nThere is no {paths().config_file}; all of this is the default. A file could look like this:\n\n{EXAMPLE}"
        )


def _by_place(values: dict[str, Any]) -> dict[str, Any]:
    """The configuration with everything where the file has it, and nothing of a built-in service that cannot be set."""
    from ftb_tui.providers.settings import provider_settings

    own = {**values.pop("providers"), **values.pop("google")}
    keymap = values["ui"].pop("keymap")
    providers = {}
    for name, entry in own.items():
        known = {one.table[2] if len(one.table) > 2 else one.name for one in provider_settings(name, entry)}
        providers[name] = {key: value for key, value in entry.items() if key in known or key in ("job_body", "deploy")}
    return {**values, "keymap": keymap, "providers": providers}


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
    """Whether the configuration file, and catalogue.toml beside it, can be used.

    Every problem is named by file and key; with problems the exit code is 2.
    """
    from ftb_tui.providers.catalogue import catalogue_problems
    from ftb_tui.ui.settings import all_problems

    problems = all_problems(paths().config_file) + catalogue_problems()
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
@click.argument("place", required=False)
@as_json
def settings(*, place: str | None, as_json: bool) -> None:
    """Every setting: its value, whether the file or the default says so, and what it does.

    PLACE is a part of the file, such as budget, keymap or providers.openai; all of it if left out. With the name of a
    server that is not there yet, providers.NAME, it lists what can be set for one. Screen: a comma in the app.
    """
    from ftb_tui.providers.settings import shown_value
    from ftb_tui.ui.settings import all_settings, settings_under

    found, problems = all_settings() if place is None else settings_under(place)
    if as_json:
        put_json([_as_data(one) for one in found])
    else:
        lines = [
            (one.setting.key, shown_value(one.value) or "none", "file" if one.in_file else "default", one.setting.says)
            for one in found
        ]
        put_table(("setting", "value", "from", "does"), lines, spare=("does",))
        if place is None:
            say("A server of your own begins with: ftb config set providers.NAME.base_url URL")
            say("What else it can be told: ftb config settings providers.NAME")
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

    KEY is one that `ftb config settings` lists, such as budget.per_day. For a server of your own begin with
    providers.NAME.base_url. A VALUE that cannot be is named and nothing is written.
    """
    from ftb_tui.providers.settings import NOT_SHOWN
    from ftb_tui.ui.settings import change_setting, setting_named

    setting = setting_named(key)
    file = change_setting(setting, value)
    if as_json:
        put_json({"key": key, "value": NOT_SHOWN if setting.secret else value, "file": str(file)})
    else:
        say(visible(f"{key} is written to {file}."))


@config.command()
@click.argument("key")
@as_json
def unset(key: str, *, as_json: bool) -> None:
    """Take one setting out of the file, so that the default is in force.

    providers.NAME takes out all that the file says of a provider.
    """
    from ftb_tui.ui.settings import setting_named, unset_provider, unset_setting

    table, _, name = key.partition(".")
    is_provider = table == "providers" and bool(name) and "." not in name
    file = unset_provider(name) if is_provider else unset_setting(setting_named(key))
    if as_json:
        put_json({"key": key, "file": str(file)})
    else:
        say(visible(f"{key} is not in {file}{'' if is_provider else '; the default is in force'}."))
