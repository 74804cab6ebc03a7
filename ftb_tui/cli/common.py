"""What commands share: the store for the length of a command, JSON on stdout, questions before acting."""

from __future__ import annotations

import asyncio
import datetime
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import aiosqlite
import click

from ftb_tui.benchmark.model import Task
from ftb_tui.cli.exits import Exit, say

_T = TypeVar("_T")

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")


def run_async(work: Awaitable[_T]) -> _T:
    """Run a command's coroutine to its end."""

    async def wrapped() -> _T:
        return await work

    return asyncio.run(wrapped())


@asynccontextmanager
async def store() -> AsyncIterator[aiosqlite.Connection]:
    """The open store."""
    from ftb_tui.store.database import open_store

    db = await open_store()
    try:
        yield db
    finally:
        await db.close()


def today() -> datetime.date:
    """The day that prices, deadlines and budgets are judged by; the only clock that commands read for these."""
    return datetime.date.today()


def put_json(value: object) -> None:
    """Data on stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def put_table(head: Sequence[str], lines: Sequence[Sequence[object]], *, right: frozenset[str] = frozenset()) -> None:
    """A plain aligned table on stdout; foreign text is made harmless."""
    from ftb_tui.report.plain import one_line

    cells = [[one_line(str("" if cell is None else cell), 60) for cell in line] for line in lines]
    widths = [max(len(name), *(len(line[place]) for line in cells), 0) for place, name in enumerate(head)]

    def render(line: Sequence[str]) -> str:
        parts = [
            cell.rjust(width) if name in right else cell.ljust(width)
            for cell, width, name in zip(line, widths, head, strict=True)
        ]
        return "  ".join(parts).rstrip()

    click.echo(render(head))
    for line in cells:
        click.echo(render(line))


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something that cannot be taken back; without a terminal `--yes` is needed."""
    if yes:
        return
    if not sys.stdin.isatty():
        say(f"{question} Not asked, since this is no terminal: give --yes to do it.")
        raise click.exceptions.Exit(Exit.USAGE)
    click.confirm(question, abort=True, err=True)


def parse_tasks(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[Task, ...] | None:
    """`--tasks memorization,rephrased` as tasks."""
    if not value:
        return None
    try:
        return tuple(Task(part.strip().replace("-", "_")) for part in value.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{error}; known are {', '.join(Task)}", ctx=ctx, param=param) from error


tasks_option = click.option(
    "--tasks", callback=parse_tasks, metavar="A,B", help="Only these tasks, for example memorization,rephrased."
)


async def opened(name: str) -> Any:
    """An open provider, the embedded engine started first if it is that one."""
    from ftb_tui.work.bench import open_local_or_remote

    return await open_local_or_remote(name, on_status=say)


def reviver(name: str, provider: Any) -> Callable[[], Awaitable[Any]] | None:
    """How to bring the embedded engine back after a crash; nothing for services that are not ours to start."""
    if name != "local":
        return None

    async def revive() -> Any:
        await provider.close()
        return await opened(name)

    return revive


def require_weights_for(provider: str) -> None:
    """Fetch the embedded engine's weights if they are missing, saying so."""
    if provider != "local":
        return
    from ftb_tui.weights import find_weights

    if find_weights() is None:
        from ftb_tui.cli.models import pull_with_progress

        say("The weights of SmolLM2-135M are not here yet; fetching them once (98 MB).")
        pull_with_progress()
