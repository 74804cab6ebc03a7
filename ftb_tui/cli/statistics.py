"""`ftb statistics`."""

from __future__ import annotations

from dataclasses import asdict

import click

from ftb_tui.benchmark.graders import DEFAULT_GRADER, GRADER_NAMES
from ftb_tui.cli.common import as_json, put_json, put_table, run_async, store
from ftb_tui.cli.exits import say
from ftb_tui.report.columns import CELL_LIMIT, reader_width
from ftb_tui.report.numbers import difference, interval, p_value, score, signed_interval
from ftb_tui.report.plain import ending

WIDE = 160
"""Columns from which on models are named in full."""
NAME = 22
"""So much of a model's name is shown where there is less room."""


@click.command()
@click.option("--dataset", help="Only this dataset.")
@click.option(
    "--grader", type=click.Choice(GRADER_NAMES), metavar="NAME", default=DEFAULT_GRADER, show_default=True,
    help="Whose verdict counts.",
)  # fmt: skip
@as_json
def statistics(*, dataset: str | None, grader: str, as_json: bool) -> None:
    """Averages over families, and how sure each comparison with a base is.

    by_family is the mean over families, as in the paper; by_question counts every answer the same. Intervals are 95%.
    New knowledge is fictional_people and latest_news, updating knowledge coding and medical; where a model was asked
    both, they stand apart too.
    """
    from ftb_tui.store.datasets import find_dataset
    from ftb_tui.work.statistics import StatisticsReport
    from ftb_tui.work.statistics import statistics as compute

    async def work() -> StatisticsReport:
        async with store() as db:
            dataset_id = (await find_dataset(db, dataset)).dataset_id if dataset else None
            return await compute(db, dataset_id=dataset_id, grader=grader)

    report = run_async(work())
    if as_json:
        put_json(asdict(report))
        return
    if not report.averages and not report.comparisons:
        say("Nothing was evaluated yet. Begin with: ftb bench --quick")
        return
    longest = NAME if (reader_width() or WIDE) < WIDE else CELL_LIMIT
    put_table(
        ("model", "kind", "average of", "how", "score", "95%", "diff", "95% of diff", "n", "families"),
        [
            (
                ending(a.model, longest), a.kind, a.of, a.average, score(a.value), interval(a.low, a.high),
                difference(a.difference), signed_interval(a.difference_low, a.difference_high), a.n, len(a.families),
            )
            for a in report.listed
        ],
        right=frozenset({"score", "n", "families"}),
        spare=("kind", "families", "95% of diff", "n"),
    )  # fmt: skip
    if report.comparisons:
        click.echo()
        put_table(
            ("dataset", "model", "task", "n", "score", "95%", "diff", "fixed", "broken", "p", "p Holm", "detectable"),
            [
                (
                    c.dataset, ending(c.model, longest), c.task, c.n, score(c.score), interval(c.low, c.high),
                    difference(c.difference), c.fixed, c.broken, p_value(c.p_value), p_value(c.p_holm), score(c.detectable),
                )
                for c in report.comparisons
            ],
            right=frozenset({"n", "score", "fixed", "broken", "p", "p Holm", "detectable"}),
            spare=("95%", "detectable", "fixed", "broken", "n", "p", "score"),
        )  # fmt: skip
        say("detectable: the least difference that so many questions show with a power of 0.8.")
