"""`ftb doctor`: one line for each thing that can be wrong, and what to do."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from ftb_tui import __version__
from ftb_tui.cli.common import as_json, put_json
from ftb_tui.cli.exits import Exit, say
from ftb_tui.paths import paths
from ftb_tui.report.plain import visible

_TEXTUAL = "8.2.8"
_MEMORY = 2_000
"""Megabytes with which training and everything else have room."""


_NO_ROOM = 100
"""Megabytes that the store and the checkpoints of one job of a dozen epochs take."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line: `ok`, `warn` or `fail`, what was looked at, what was found and what to do."""

    state: str
    what: str
    found: str


@click.command()
@as_json
def doctor(*, as_json: bool) -> None:
    """Check everything that can be wrong, and say what to do.

    Nothing is asked of any service (for that: ftb providers check). With a failed check the exit code is 1.
    """
    checks = list(_checks())
    if as_json:
        put_json([asdict(check) for check in checks])
    else:
        marks = {"ok": "✓", "warn": "!", "fail": "✗"}
        for check in checks:
            click.echo(visible(f"{marks[check.state]} {check.what:<14} {check.found}"))
    failed = any(check.state == "fail" for check in checks)
    if not as_json:
        say("\nMend what is marked ✗ first." if failed else "\nReady. Begin with: ftb (the app), or ftb bench --quick")
    if failed:
        raise click.exceptions.Exit(Exit.FAILED)


def _checks() -> Iterator[Check]:
    yield Check("ok", "ftb", f"{__version__}, Python {platform.python_version()}, {platform.system()}")
    yield _textual()
    yield from _directories()
    yield _space(paths().data)
    yield _memory()
    yield _store()
    yield from _configuration()
    yield from _deployments()
    yield _weights()
    yield _engine()
    yield _terminal()


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


def _directories() -> Iterator[Check]:
    home = paths()
    problems = [problem for field in fields(home) if (problem := _problem(field.name, getattr(home, field.name)))]
    yield from problems
    if not problems:
        moved = os.environ.get("FTB_HOME")
        place = f"everything is below {home.data.parent} (FTB_HOME)" if moved else f"data in {home.data}"
        yield Check("ok", "directories", f"{place}; all places: ftb config path")


def _problem(name: str, path: Path) -> Check | None:
    """Whether a directory can be made or written, tried for real; a permission bit does not tell."""
    existing = _existing(path)
    try:
        with tempfile.TemporaryFile(dir=existing):
            return None
    except OSError as error:
        why = f"{existing} cannot be written ({error.strerror})"
        return Check("fail", name, f"{path}: {why}; mend its permissions, or set FTB_HOME to another directory")


def _existing(path: Path) -> Path:
    return next(parent for parent in (path, *path.parents) if parent.exists())


def _space(path: Path) -> Check:
    free = shutil.disk_usage(_existing(path)).free // 1_000_000
    if free < _NO_ROOM:
        text = f"{free:,} MB free, and a job writes {_NO_ROOM}; free some space, or set FTB_HOME to another disk"
        return Check("fail", "disk", text)
    enough = free > 500
    return Check("ok" if enough else "warn", "disk", f"{free:,} MB free" + ("" if enough else "; free some space"))


def _memory() -> Check:
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 1_000_000
    if total < _MEMORY:
        return Check("warn", "memory", f"{total:,} MB in all; the embedded engine needs up to 1,500 MB")
    return Check("ok", "memory", f"{total:,} MB in all")


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


def _deployments() -> Iterator[Check]:
    """What may bill without being asked anything."""
    from ftb_tui.providers.catalogue import CatalogueError
    from ftb_tui.providers.config import ConfigError
    from ftb_tui.store.database import StoreError
    from ftb_tui.work.deployed import known_deployments

    if not paths().store.exists():
        return
    try:
        for sentence in asyncio.run(known_deployments()):
            yield Check("warn", "deployment", sentence)
    except (StoreError, ConfigError, CatalogueError):
        # These have lines of their own.
        return


def _configuration() -> Iterator[Check]:
    from ftb_tui.providers.catalogue import catalogue_problems
    from ftb_tui.providers.catalogue_services import catalogue_notes
    from ftb_tui.providers.config import config_problems, load_config
    from ftb_tui.providers.registry import provider_infos
    from ftb_tui.work.cost import money

    problems = config_problems() + catalogue_problems()
    for problem in problems:
        yield Check("fail", "configuration", problem)
    if problems:
        return
    config = load_config()
    file = paths().config_file
    yield Check("ok", "configuration", str(file) if file.exists() else f"none; it would be {file}")
    for note in catalogue_notes():
        yield Check("warn", "catalogue", note)
    limits = (("a launch", config.budget.per_launch), ("a day", config.budget.per_day))
    if told := [f"{money(limit)} for {what}" for what, limit in limits if limit is not None]:
        yield Check("ok", "budget", f"{', '.join(told)}; the hours of deployments are not counted in it")
    unused = []
    for info in provider_infos(config):
        if info.capabilities.cost_basis == "free":
            continue
        if info.ready:
            yield Check("ok", info.name, f"key: {info.key}")
        elif info.name in config.providers or info.key.startswith("not usable"):
            yield Check("warn", info.name, f"key: {info.key}")
        else:
            unused.append(info.name)
    if unused:
        yield Check(
            "ok", "other services", f"no key for {', '.join(unused)}; needed only to use them (ftb providers list)"
        )


def _weights() -> Check:
    from ftb_tui.weights import FILE_NAME, WeightsError, damaged_weights, find_weights, is_known, require_weights
    from ftb_tui.work.local_engine import unreadable

    try:
        found = find_weights()
        if found is None and damaged_weights() is None:
            return Check("warn", "weights", "missing; fetch them once with: ftb models pull smollm2-135m")
        found = require_weights()
        if not is_known(found):
            if trouble := unreadable(found):
                return Check("fail", "weights", trouble.replace("\n", " "))
            return Check(
                "warn", "weights", f"{found} is not {FILE_NAME} as it was published; results are not comparable"
            )
    except (WeightsError, OSError) as error:
        return Check("fail", "weights", str(error))
    return Check("ok", "weights", str(found))


def _engine() -> Check:
    from ftb_tui.work.local_engine import engine_health, running_engine

    state = running_engine()
    if state is None:
        return Check("ok", "engine", "not running; started when needed")
    if state.version != __version__:
        return Check("warn", "engine", f"version {state.version} is running; end it with: ftb serve --stop")
    if trouble := (engine_health() or {}).get("trouble"):
        return Check("fail", "engine", f"{trouble} Jobs wait for that; ftb serve --stop ends the engine")
    return Check("ok", "engine", f"running at {state.url}, process {state.pid}")


def _terminal() -> Check:
    if not sys.stdout.isatty():
        return Check("ok", "terminal", "none here; the app needs one, the commands do not")
    size = shutil.get_terminal_size()
    found = f"{os.environ.get('TERM') or 'TERM is not set'}, {size.columns}x{size.lines}"
    if size.columns < 80 or size.lines < 24:
        return Check("warn", "terminal", f"{found}; the app is made for 80x24 and more")
    return Check("ok", "terminal", found)
