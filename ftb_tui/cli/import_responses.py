"""`ftb import-responses`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from ftb_tui.benchmark.model import Task
from ftb_tui.cli.common import as_json, put_json, put_table, run_async, store
from ftb_tui.cli.exits import Exit, say


def _task(ctx: click.Context, param: click.Parameter, value: str | None) -> Task | None:
    if value is None:
        return None
    try:
        return Task(value.strip().lower().replace("-", "_"))
    except ValueError as error:
        raise click.BadParameter(f"{error}; known are {', '.join(Task)}", ctx=ctx, param=param) from error


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--dataset", required=True, help="Whose questions the rows ask: a dataset's name or id.")
@click.option("--task", callback=_task, help="Which task.  [default: told from columns, file name and prompts]")
@click.option("--base", metavar="MODEL", help="The column of the untuned model; the others are compared with it.")
@as_json
def import_responses(
    *, files: tuple[Path, ...], dataset: str, task: Task | None, base: str | None, as_json: bool
) -> None:
    """Take in answers that somebody else collected, from CSV files with columns named MODEL_response.

    Answers are kept verbatim as evaluations of models of the provider `imported`. A column of verdicts (Correct,
    Incorrect) is refused by name. The same file twice adds nothing.
    """
    from ftb_tui.work.import_responses import ColumnReport, import_response_files

    async def work() -> list[ColumnReport]:
        async with store() as db:
            return await import_response_files(db, files, dataset=dataset, task=task, base=base)

    reports = run_async(work())
    if as_json:
        first = ("model", "task", "matched", "unmatched", "refused", "reason")
        listed = [asdict(report) for report in reports]
        put_json([{**{name: entry[name] for name in first}, **entry} for entry in listed])
    else:
        put_table(
            ("model", "task", "matched", "unmatched", "empty", "new", "known"),
            [(r.model, r.task, r.matched, r.unmatched, r.empty, r.added, r.known) for r in reports if not r.refused],
            right=frozenset({"matched", "unmatched", "empty", "new", "known"}),
        )
    for report in reports:
        if report.refused:
            say(f"Refused {report.model}_response of {report.file}: {report.reason}.")
        elif report.reason:
            say(f"{report.model}, {report.task or 'no task'}: {report.reason}")
        if report.gold_differs:
            say(
                f"{report.model}, {report.task}: {report.gold_differs} rows have another gold than {report.dataset_id},"
                " whose gold was graded against."
            )
    if not any(report.added or report.known for report in reports):
        say("Nothing was imported.")
        raise click.exceptions.Exit(Exit.FAILED)
