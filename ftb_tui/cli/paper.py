"""`ftb paper`."""

from __future__ import annotations

from dataclasses import asdict

import click

from ftb_tui.benchmark.graders import DEFAULT_GRADER, GRADER_NAMES
from ftb_tui.cli.common import as_json, put_json, put_table, run_async, store
from ftb_tui.cli.exits import say
from ftb_tui.report.columns import reader_width
from ftb_tui.report.numbers import difference, score, signed_interval
from ftb_tui.report.plain import one_line

WIDE = 100
"""Columns from which on the paper's models are named in full."""


@click.command()
@click.option(
    "--grader", type=click.Choice(GRADER_NAMES), metavar="NAME", default=DEFAULT_GRADER, show_default=True,
    help="Whose verdict counts.",
)  # fmt: skip
@click.option("--held", is_flag=True, help="Only cells for which the store has answers.")
@as_json
def paper(*, grader: str, held: bool, as_json: bool) -> None:
    """The paper's tables beside what the store holds: figure, ours, difference, its 95% interval, and why.

    Answers of the paper's models come in with `ftb import-responses` or by asking them; other models are shown beside
    the mean of the paper's five.
    """
    from ftb_tui.benchmark.averages import BY_FAMILY
    from ftb_tui.report.paper import PaperCell, paper_cells, why_different
    from ftb_tui.store.results import results
    from ftb_tui.work.statistics import statistics

    async def work() -> list[PaperCell]:
        async with store() as db:
            rows = await results(db, grader=grader)
            means = {
                (average.provider, average.model, average.what): average.value
                for average in (await statistics(db, grader=grader)).averages
                if average.average == BY_FAMILY and (average.kind != "base" or average.provider == "imported")
            }
        return paper_cells(rows, means, grader=grader)

    cells = [cell for cell in run_async(work()) if not held or cell.ours is not None]
    if as_json:
        put_json([asdict(cell) for cell in cells])
        return
    narrow = (reader_width() or WIDE) < WIDE
    put_table(
        ("family", "task", "model", "stage", "paper", "ours", "diff", "95% of diff", "n", "dataset", "our model"),
        [
            (
                cell.family, cell.task, _short(cell.model) if narrow else cell.model, cell.stage,
                score(cell.paper), score(cell.ours),
                difference(cell.difference), signed_interval(cell.difference_low, cell.difference_high), cell.n,
                cell.dataset, cell.stored_model,
            )
            for cell in cells
        ],
        right=frozenset({"paper", "ours", "n"}),
        spare=("95% of diff", "dataset", "n", "our model"),
    )  # fmt: skip
    reasons = why_different(cells)
    if reasons:
        say("\nWhy figures may differ:")
    for reason in reasons:
        say(f"- {reason}")
    if not any(cell.ours is not None for cell in cells):
        say("The store has nothing to compare yet: ftb import-responses FILE --dataset D, or ftb bench.")


def _short(model: str) -> str:
    return one_line(model.replace("mean of the paper's five", "mean of five"), 18)
