"""`ftb history`."""

from __future__ import annotations

import datetime
import re
import time
from typing import TYPE_CHECKING

import click

from ftb_tui.benchmark.graders import DEFAULT_GRADER, GRADER_NAMES
from ftb_tui.cli.common import as_json, put_json, put_sentences, put_table, run_async, store
from ftb_tui.cli.exits import say

if TYPE_CHECKING:
    from ftb_tui.store.history import History

_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
ROOM = 120
"""Columns from which on models are named in full."""
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
        difference_words,
        history_object,
        judged_lines,
        moment,
        since_words,
    )  # fmt: skip
    from ftb_tui.report.columns import reader_width
    from ftb_tui.report.numbers import interval, p_value, score
    from ftb_tui.report.tables import model_label, short_label
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
        label = short_label if (reader_width() or ROOM) < ROOM else model_label
        put_table(
            ("finished", "dataset", "model", "task", "n", "score", "95%", "before", "diff", "fixed", "broken", "p"),
            [
                (
                    moment(change.finished_at), change.now.dataset, label(change.now), change.now.task,
                    change.now.n, score(change.now.score), interval(change.now.low, change.now.high),
                    score(change.before.score) if change.before else "first", difference_words(change),
                    change.compared.after if change.compared else "", change.compared.before if change.compared else "",
                    p_value(change.compared.p_value if change.compared and change.compared.n else None),
                )
                for change in found.changes
            ],
            right=frozenset({"n", "score", "before", "fixed", "broken", "p"}),
            spare=("95%", "n", "dataset", "finished"),
        )  # fmt: skip
    put_sentences(judged_lines(found))
    if not is_begun:
        say(NOTHING_EVALUATED)
    elif not found.changes:
        say(f"No evaluation has finished {since_words(found.since)}. Look further back: ftb history --since all")
    else:
        say(f"What changed {since_words(found.since)}, by {found.grader}.")
