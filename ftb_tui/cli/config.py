"""`ftb config`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields

import click

from ftb_tui.cli.common import as_json, put_json, put_pairs
from ftb_tui.cli.exits import Exit, say
from ftb_tui.paths import paths
from ftb_tui.report.plain import visible


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
    from ftb_tui.providers.config import config_problems

    problems = config_problems() + _interface_problems()
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


def _interface_problems() -> list[str]:
    """What only the app knows: whether there is such a theme, and which keys are taken."""
    from ftb_tui.interface import load_interface

    file = paths().config_file
    settings, _ = load_interface(file)
    problems = []
    if settings.theme:
        from ftb_tui.ui.themes import known_themes

        if settings.theme not in known_themes():
            problems.append(
                f"{file}: ui.theme: there is no theme {settings.theme!r}; known are {', '.join(known_themes())}"
            )
    if settings.keymap:
        from ftb_tui.ui.keymap import keymap_problems

        problems += keymap_problems(settings.keymap, where=f"{file}: keymap")
    return problems
