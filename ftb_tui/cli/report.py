"""`ftb report`."""

from __future__ import annotations

import time
from pathlib import Path

import click

from ftb_tui import __version__
from ftb_tui.benchmark.graders import DEFAULT_GRADER, GRADER_NAMES
from ftb_tui.cli.common import as_json, confirm, put_json, run_async, store
from ftb_tui.cli.exits import Exit, say

FOLDER = Path("ftb-report")


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default=FOLDER)
@click.option("--dataset", help="Only this dataset.")
@click.option(
    "--grader", type=click.Choice(GRADER_NAMES), metavar="NAME", default=DEFAULT_GRADER, show_default=True,
    help="Whose verdict counts in the page.",
)  # fmt: skip
@click.option("--yes", is_flag=True, help="Replace files that are there already.")
@as_json
def report(*, path: Path, dataset: str | None, grader: str, yes: bool, as_json: bool) -> None:
    """A report that can be handed to a colleague.

    PATH ending in .html is one page that stands alone: charts, tables, learning curves, wrong answers, how it was
    measured. Any other PATH is a folder (default ./ftb-report) with that page, the tables as CSV, JSON, Markdown and
    LaTeX, and every answer with every verdict, from which all figures can be computed again.
    """
    from ftb_tui.report.bundle import already_there, write_bundle, write_page
    from ftb_tui.report.collect import collect
    from ftb_tui.store.datasets import find_dataset
    from ftb_tui.work.gap import gaps
    from ftb_tui.work.statistics import statistics

    page = path.suffix.lower() in (".html", ".htm")
    try:
        there = ([path.name] if path.exists() else []) if page else already_there(path)
    except OSError as error:
        raise click.UsageError(str(error)) from error
    if there:
        confirm(
            f"{path if page else f'{path} has'} {'exists' if page else ', '.join(there)} already. Replace?", yes=yes
        )

    async def work() -> list[Path]:
        async with store() as db:
            dataset_id = (await find_dataset(db, dataset)).dataset_id if dataset else None
            averages = (await statistics(db, dataset_id=dataset_id, grader=grader)).listed
            collected = await collect(
                db, dataset_id=dataset_id, grader=grader, averages=averages, version=__version__, now=time.time(),
                gaps=await gaps(db, dataset_id=dataset_id, grader=grader),
            )  # fmt: skip
            if not collected.rows:
                say(f"Nothing was evaluated yet{f' by {grader}' if collected.every else ''}; the report says so.")
            if page:
                write_page(path, collected)
                return [path]
            return await write_bundle(db, path, collected, dataset_id=dataset_id)

    try:
        written = run_async(work())
    except OSError as error:
        say(f"{path} cannot be written: {error.strerror or error}. Choose another place.")
        raise click.exceptions.Exit(Exit.FAILED) from error
    if as_json:
        put_json([str(file) for file in written])
        return
    for file in written:
        click.echo(str(file))
