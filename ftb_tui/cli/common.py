"""What commands share: the store for the length of a command, JSON on stdout, questions before acting."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import difflib
import signal
import sys
import textwrap
import threading
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import aiosqlite
import click

from ftb_tui.benchmark.model import Task
from ftb_tui.cli.exits import Exit, say
from ftb_tui.report.plain import visible

if TYPE_CHECKING:
    from ftb_tui.store.results import ResultRow

_T = TypeVar("_T")

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")


def run_async(work: Awaitable[_T]) -> _T:
    """Run a command's coroutine to its end. Being told to end cancels it, in order, and raises `KeyboardInterrupt`.

    That is the same as ctrl+c, to which what a shell started in the background is deaf.
    """
    told_to_end = False

    async def wrapped() -> _T:
        task = asyncio.current_task()
        assert task is not None

        def end() -> None:
            nonlocal told_to_end
            told_to_end = True
            task.cancel()

        # Windows has no such signals, and a thread that is not the main one none at all.
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
        return await work

    before = signal.getsignal(signal.SIGTERM)
    try:
        return asyncio.run(wrapped())
    except asyncio.CancelledError:
        if told_to_end:
            raise KeyboardInterrupt from None
        raise
    finally:
        # The loop has left it to the system, which would end us without a word.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


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
    from ftb_tui.report.plain import json_text

    click.echo(json_text(value))


def put_table(
    head: Sequence[str],
    lines: Sequence[Sequence[object]],
    *,
    right: frozenset[str] = frozenset(),
    spare: Sequence[str] = (),
) -> None:
    """A plain aligned table on stdout; foreign text is made harmless.

    Where the reader's screen is too narrow the columns named in `spare` are left out, the first ones first.
    """
    from ftb_tui.report.columns import aligned, reader_width

    width, left_out = reader_width(), 0
    text = aligned(head, lines, right=right)
    while width is not None and left_out < len(spare) and max(map(len, text.splitlines())) > width:
        left_out += 1
        places = [place for place, name in enumerate(head) if name not in spare[:left_out]]
        text = aligned(
            [head[place] for place in places], [[line[place] for place in places] for line in lines], right=right
        )
    click.echo(text, nl=False)
    if left_out:
        say(f"Not shown for want of room: {', '.join(spare[:left_out])} (--json has all).")


def put_pairs(facts: Sequence[tuple[str, object]]) -> None:
    """Names and values on stdout, one pair a line."""
    from ftb_tui.report.columns import pairs

    click.echo(pairs(facts), nl=False)


def put_results(rows: Sequence[ResultRow], style: str) -> None:
    """The result table on stdout, as wide as its reader's screen allows."""
    from ftb_tui.report.columns import reader_width
    from ftb_tui.report.tables import results_text

    click.echo(results_text(rows, style, width=reader_width()), nl=False)


def put_sentences(sentences: Iterable[str]) -> None:
    """Prose on stdout, broken between words where somebody reads it on a screen."""
    from ftb_tui.report.columns import reader_width

    width = reader_width()
    for sentence in sentences:
        text = visible(sentence)
        click.echo(text if width is None else textwrap.fill(text, max(20, min(width, 100)), break_long_words=False))


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something that cannot be taken back; without a terminal `--yes` is needed."""
    if yes:
        return
    # Names of models and files stand in it.
    question = visible(question)
    if not sys.stdin.isatty():
        say(f"{question} Not asked, since this is no terminal: give --yes to do it.")
        raise click.exceptions.Exit(Exit.USAGE)
    click.confirm(question, abort=True, err=True)


def parse_task(value: str) -> Task:
    """`date-changed` as a task. Raises `click.BadParameter` naming the tasks that there are."""
    name = value.strip().lower().replace("-", "_")
    if name not in list(Task):
        near = difflib.get_close_matches(name, list(Task), n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise click.BadParameter(f"There is no task {value!r}.{hint} Known: {', '.join(Task)}.")
    return Task(name)


def parse_tasks(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[Task, ...] | None:
    """`--tasks memorization,rephrased` as tasks, each once."""
    return None if value is None else tuple(dict.fromkeys(map(parse_task, value.split(","))))


tasks_option = click.option(
    "--tasks", callback=parse_tasks, metavar="A,B", help="Only these tasks, for example memorization,rephrased."
)


async def opened(name: str, *, told: bool = False) -> Any:
    """An open provider, the embedded engine started first if it is that one.

    What of the environment a person should know before anything is sent is said, unless a quote has `told` it.
    """
    from ftb_tui.providers.registry import provider_info
    from ftb_tui.work.bench import open_local_or_remote

    for note in () if told else provider_info(name).notes:
        say(visible(f"! {note}"))
    return await open_local_or_remote(name, on_status=say)


def chosen_base(provider: str, base_model: str | None) -> str:
    """The model to tune: what was given, or the embedded engine's only one.

    Looked at before anything is fetched, stored or sent. Raises `click.UsageError` when there is nothing to tune, and
    `ProviderError` for a provider that does not exist.
    """
    from ftb_tui.providers.registry import provider_info
    from ftb_tui.weights import MODEL_NAME

    provider_info(provider)
    if provider == "local" and base_model not in (None, MODEL_NAME):
        raise click.UsageError(f"The embedded engine trains {MODEL_NAME}, not {base_model!r}. Leave --base out.")
    if provider != "local" and base_model is None:
        raise click.UsageError(
            f"Which model of {provider} is to be tuned? Give --base; see: ftb models list --provider {provider} --ask"
        )
    return base_model or MODEL_NAME


def require_weights_for(provider: str) -> None:
    """Fetch the embedded engine's weights if they are missing, saying so."""
    if provider != "local":
        return
    from ftb_tui.weights import FILE_NAME, damaged_weights, find_weights, newly_unpublished, require_weights

    found = find_weights()
    if found is None:
        from ftb_tui.cli.models import pull_with_progress

        if damaged_weights() is None:
            say("The weights of SmolLM2-135M are not here yet; fetching them once (98 MB).")
        pull_with_progress()
    elif newly_unpublished(require_weights()):
        say(f"{found} is not {FILE_NAME} as it was published; results are not comparable with those of others.")
