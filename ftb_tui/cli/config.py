"""`ftb config`."""

from __future__ import annotations

from dataclasses import asdict, fields

import click

from ftb_tui.cli.common import as_json, put_json, put_table
from ftb_tui.cli.exits import Exit, say
from ftb_tui.paths import paths


@click.group()
def config() -> None:
    """Show and check the configuration and the directories in use."""


@config.command()
@as_json
def path(*, as_json: bool) -> None:
    """Where everything is kept. FTB_HOME moves it all below one directory."""
    home = paths()
    places = {field.name: str(getattr(home, field.name)) for field in fields(home)}
    places |= {
        "configuration file": str(home.config_file),
        "store": str(home.store),
        "weights": str(home.weights),
        "engine state": str(home.engine_state),
    }
    put_json(places) if as_json else put_table(("", ""), list(places.items()))


@config.command()
@as_json
def show(*, as_json: bool) -> None:
    """The configuration in force, defaults included."""
    from ftb_tui.providers.config import EXAMPLE, load_config

    values = asdict(load_config())
    if as_json:
        put_json(values)
        return
    put_table(("setting", "value"), [(f"defaults.{name}", value) for name, value in values["defaults"].items()])
    for name, provider in values["providers"].items():
        put_table(("", ""), [(f"providers.{name}.{key}", value) for key, value in provider.items()])
    if not paths().config_file.exists():
        say(
            f"\nThere is no {paths().config_file}; all of this is the default. A file could look like this:\n\n{EXAMPLE}"
        )


@config.command()
@as_json
def check(*, as_json: bool) -> None:
    """Whether the configuration file can be used; every problem with file and key."""
    from ftb_tui.providers.config import config_problems

    problems = config_problems()
    if as_json:
        put_json({"file": str(paths().config_file), "problems": problems})
    else:
        for problem in problems:
            click.echo(problem)
        if not problems:
            say("Nothing is wrong.")
    if problems:
        raise click.exceptions.Exit(Exit.USAGE)
