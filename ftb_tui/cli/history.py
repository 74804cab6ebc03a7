"""`ftb history`."""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import click

from ftb_tui.benchmark.graders import DEFAULT_GRADER, GRADER_NAMES
from ftb_tui.cli.common import as_json, put_json, put_sentences, run_async, store
from ftb_tui.cli.exits import say

if TYPE_CHECKING:
    from ftb_tui.store.history import History, ScoreChange

_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
HEAD = ("finished", "dataset", "model", "task", "n", "score", "95%", "before", "diff", "fixed", "broken", "p")
OF = 3
"""So many of them say what scores are of."""
_EXAMPLES = "2d, 3h, 45m, 1w, 2026-11-20, 2026-11-20T09:30 or all"


def parse_when(value: str, now: float) -> float | None:
    """`2d` or `2026-11-20` as seconds since 1970; None for `all`. Times without a zone are local.

    Raises `click.BadParameter` for anything else, and for what is still to come.
    """
    text = value.strip()
    if text.lower() == "all":
        return None
    if span := re.fullmatch(r"(\d{1,6})\s*([mhdw])", text.lower()):
        return now - int(span[1]) * _SECONDS[span[2]]
    try:
        moment = datetime.datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise click.BadParameter(
            f"{value!r} is neither a time nor a span. Give for example {_EXAMPLES}.", param_hint="--since"
        ) from None
    if moment > now:
        raise click.BadParameter(f"{value!r} is still to come; nothing has changed since.", param_hint="--since")
    return moment


@click.command()
@click.option("--since", metavar="WHEN", help=f"{_EXAMPLES}.  [default: the end of the run before the newest]")
@click.option("--dataset", help="Only this dataset.")
@click.option(
    "--grader", type=click.Choice(GRADER_NAMES), metavar="NAME", default=DEFAULT_GRADER, show_default=True,
    help="Whose verdict counts.",
)  # fmt: skip
@as_json
def history(*, since: str | None, dataset: str | None, grader: str, as_json: bool) -> None:
    """What changed since last time: finished evaluations beside what the same model scored before.

    The difference and the test (exact McNemar) are over the questions that both evaluations answered. Below them stands
    what people overruled and what was graded anew. Evaluations with less than half an hour between them are one run.
    """
    from ftb_tui.report.changes import (
        NOTHING_EVALUATED,
        history_object,
        judged_lines,
        since_words,
    )  # fmt: skip
    from ftb_tui.store.datasets import find_dataset
    from ftb_tui.store.history import history as read
    from ftb_tui.store.history import run_before

    given = None if since is None else parse_when(since, time.time())

    async def work() -> tuple[History, bool]:
        async with store() as db:
            dataset_id = (await find_dataset(db, dataset)).dataset_id if dataset else None
            begin = await run_before(db, dataset_id=dataset_id) if since is None else given
            any_finished = await db.execute_fetchall("SELECT 1 FROM evaluations WHERE state = 'finished' LIMIT 1")
            return await read(db, since=begin, dataset_id=dataset_id, grader=grader), bool(list(any_finished))

    found, is_begun = run_async(work())
    if as_json:
        put_json(history_object(found))
        return
    if found.changes:
        _put_changes(found.changes)
    put_sentences(judged_lines(found))
    if not is_begun:
        say(NOTHING_EVALUATED)
    elif not found.changes:
        say(f"No evaluation has finished {since_words(found.since)}. Look further back: ftb history --since all")
    else:
        say(f"What changed {since_words(found.since)}, by {found.grader}.")


def _put_changes(changes: Sequence[ScoreChange]) -> None:
    """A line for each score; on a narrow screen below what it is of: when, on which dataset, which model."""
    from rich.cells import cell_len

    from ftb_tui.report.changes import difference_words, moment
    from ftb_tui.report.columns import CELL_LIMIT, aligned, reader_width
    from ftb_tui.report.numbers import interval, p_value, score
    from ftb_tui.report.plain import one_line
    from ftb_tui.report.tables import model_label

    lines = [
        (
            moment(change.finished_at), change.now.dataset, model_label(change.now), change.now.task,
            change.now.n, score(change.now.score), interval(change.now.low, change.now.high),
            score(change.before.score) if change.before else "first", difference_words(change),
            change.compared.after if change.compared else "", change.compared.before if change.compared else "",
            p_value(change.compared.p_value if change.compared and change.compared.n else None),
        )
        for change in changes
    ]  # fmt: skip
    right = frozenset({"n", "score", "before", "fixed", "broken", "p"})
    text = aligned(HEAD, lines, right=right)
    width = reader_width()
    if width is not None and max(map(cell_len, text.splitlines())) > width:
        head, *rest = aligned(HEAD[OF:], [line[OF:] for line in lines], right=right).splitlines()
        told = [head]
        for (at, dataset, model), group in groupby(zip(lines, rest, strict=True), key=lambda pair: pair[0][:OF]):
            told += [one_line(f"{at} {model} on {dataset}", CELL_LIMIT), *(line for _, line in group)]
        text = "".join(f"{line}\n" for line in told)
    click.echo(text, nl=False)
