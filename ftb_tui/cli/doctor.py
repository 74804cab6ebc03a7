"""`ftb doctor`: one line for each thing that can be wrong, and what to do."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from ftb_tui import __version__
from ftb_tui.cli.common import as_json, put_json
from ftb_tui.cli.exits import Exit
from ftb_tui.paths import paths

_TEXTUAL = "8.2.8"


@dataclass(frozen=True, slots=True)
class Check:
    """One line: `ok`, `warn` or `fail`, what was looked at, what was found and what to do."""

    state: str
    what: str
    found: str


@click.command()
@as_json
def doctor(*, as_json: bool) -> None:
    """Check everything that can be wrong, and say what to do."""
    checks = list(_checks())
    if as_json:
        put_json([asdict(check) for check in checks])
    else:
        marks = {"ok": "✓", "warn": "!", "fail": "✗"}
        for check in checks:
            click.echo(f"{marks[check.state]} {check.what:<14} {check.found}")
    if any(check.state == "fail" for check in checks):
        raise click.exceptions.Exit(Exit.FAILED)


def _checks() -> Iterator[Check]:
    yield Check("ok", "ftb", f"{__version__}, Python {platform.python_version()}, {platform.system()}")
    yield _textual()
    home = paths()
    for field in fields(home):
        yield _directory(field.name, getattr(home, field.name))
    yield _space(home.data)
    yield _store()
    yield from _configuration()
    yield _weights()
    yield _engine()
    terminal = os.environ.get("TERM", "")
    size = shutil.get_terminal_size()
    small = size.columns < 80 or size.lines < 24
    yield Check("warn" if small else "ok", "terminal", f"{terminal or 'none'}, {size.columns}x{size.lines}")


def _textual() -> Check:
    try:
        found = version("textual")
    except PackageNotFoundError:
        return Check("fail", "textual", "is not installed; install ftb-tui again")
    if found != _TEXTUAL:
        return Check(
            "warn", "textual", f"{found} is installed, {_TEXTUAL} is what ftb was made for; install ftb-tui again"
        )
    return Check("ok", "textual", found)


def _directory(name: str, path: Path) -> Check:
    existing = next(parent for parent in (path, *path.parents) if parent.exists())
    if not os.access(existing, os.W_OK):
        return Check("fail", name, f"{path} cannot be written; mend its permissions or set FTB_HOME")
    return Check("ok", name, str(path))


def _space(path: Path) -> Check:
    existing = next(parent for parent in (path, *path.parents) if parent.exists())
    free = shutil.disk_usage(existing).free >> 20
    return Check(
        "ok" if free > 500 else "warn", "disk", f"{free:,} MB free" + ("" if free > 500 else "; free some space")
    )


def _store() -> Check:
    from ftb_tui.store.database import StoreError, open_store

    if not paths().store.exists():
        return Check("ok", "store", "none yet; made when first needed")

    async def look() -> int:
        db = await open_store()
        try:
            [row] = await db.execute_fetchall("SELECT count(*) FROM responses")
            return int(row[0])
        finally:
            await db.close()

    try:
        return Check("ok", "store", f"{asyncio.run(look()):,} responses in {paths().store}")
    except StoreError as error:
        return Check("fail", "store", str(error))


def _configuration() -> Iterator[Check]:
    from ftb_tui.providers.config import ConfigError, config_problems
    from ftb_tui.providers.registry import provider_infos

    problems = config_problems()
    for problem in problems:
        yield Check("fail", "configuration", problem)
    try:
        for info in provider_infos() if not problems else ():
            yield Check("ok" if info.ready else "warn", f"{info.name} key", info.key)
    except ConfigError as error:
        yield Check("fail", "configuration", str(error))


def _weights() -> Check:
    from ftb_tui.weights import SIZE, WeightsError, find_weights

    try:
        found = find_weights()
    except WeightsError as error:
        return Check("fail", "weights", str(error))
    if found is None:
        return Check("warn", "weights", "missing; fetch them once with: ftb models pull smollm2-135m")
    if found.stat().st_size != SIZE:
        return Check("warn", "weights", f"{found} is not the file that ftb knows")
    return Check("ok", "weights", str(found))


def _engine() -> Check:
    from ftb_tui.work.local_engine import running_engine

    state = running_engine()
    if state is None:
        return Check("ok", "engine", "not running; started when needed")
    return Check("ok", "engine", f"running at {state.url}, process {state.pid}")
