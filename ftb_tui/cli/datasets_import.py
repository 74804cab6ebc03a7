"""`ftb datasets import` and `ftb datasets fetch`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftb_tui.benchmark.model import Family, Task
from ftb_tui.cli.common import as_json, confirm, put_json, run_async, store
from ftb_tui.cli.exits import say

if TYPE_CHECKING:
    from ftb_tui.benchmark.importing import Imported

_TOLD = ("error", "warning")
"""The findings of an audit that are counted here."""


def parse_map(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> Mapping[str, str]:
    """`--map answer=gold --map question=Frage` as field -> column."""
    told = {}
    for pair in value:
        field, equals, column = pair.partition("=")
        if not equals or not field:
            raise click.BadParameter(f"{pair!r} is not FIELD=COLUMN", ctx=ctx, param=param)
        told[field.strip().replace("-", "_")] = column.strip()
    return told


def parse_task(ctx: click.Context, param: click.Parameter, value: str | None) -> Task | None:
    """`--task date-changed` as a task."""
    if value is None:
        return None
    try:
        return Task(value.replace("-", "_"))
    except ValueError as error:
        raise click.BadParameter(f"known are {', '.join(Task)}", ctx=ctx, param=param) from error


def parse_family(ctx: click.Context, param: click.Parameter, value: str | None) -> Family | None:
    """`--family latest-news` as a family."""
    if value is None:
        return None
    try:
        return Family(value.replace("-", "_"))
    except ValueError as error:
        raise click.BadParameter(f"known are {', '.join(Family)}", ctx=ctx, param=param) from error


@click.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", help="The dataset's name; found out if not given.")
@click.option("--family", callback=parse_family, help="Only this family, or which one a table of yours is.")
@click.option("--task", callback=parse_task, help="Only this task, or which one a table of yours asks.")
@click.option(
    "--map",
    "columns",
    multiple=True,
    callback=parse_map,
    metavar="FIELD=COLUMN",
    help="Which column is what; FIELD= where none is.",
)
@click.option("--encoding", help="The file's encoding, for example cp1252; found out if not given.")
@click.option("--yes", is_flag=True, help="Take the guessed columns without asking.")
@as_json
def import_command(
    *,
    path: Path,
    name: str | None,
    family: Family | None,
    task: Task | None,
    columns: Mapping[str, str],
    encoding: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Take in a dataset: the published FineTuneBench (checkout, archive, folder or any of its files), CSV, TSV,
    JSONL, JSON, Parquet, or a folder that `ftb datasets export` wrote.

    Fields for --map: question, prompt, answer, task, question_id, fact, fact_id, context, subject, attribute,
    template, answer_before, original, rephrased, vignette.
    """
    from ftb_tui.benchmark.importing import ImportOptions, read_path

    imported = read_path(path, ImportOptions(name, family, task, columns, encoding))
    if imported.mapping is not None:
        say(f"Columns: {imported.mapping.sentence()}")
        if imported.mapping.guessed and sys.stdin.isatty():
            _show_example(imported)
            confirm("Are these columns right?", yes=yes)
    keep(imported, as_json=as_json)


def _show_example(imported: Imported) -> None:
    from ftb_tui.report.plain import one_line

    for question in imported.datasets[0].questions[:3]:
        say(f"  {question.task}: {one_line(question.question, 100)}  → {one_line(question.answer, 40)}")


def keep(imported: Imported, *, as_json: bool) -> None:
    """Store what was read, all of it or nothing, and say what it is."""
    from ftb_tui.benchmark.audit import audit, tally
    from ftb_tui.store.datasets import save_datasets

    async def work() -> list[bool]:
        async with store() as db:
            return await save_datasets(db, imported.datasets)

    new = run_async(work())
    for note in imported.notes:
        say(f"Note: {note}")
    listed = []
    for dataset, is_new in zip(imported.datasets, new, strict=True):
        tasks = {str(task): sum(q.task is task for q in dataset.questions) for task in dataset.tasks}
        found = tally(audit(dataset))
        listed.append(
            {
                "dataset": dataset.name,
                "dataset_id": dataset.dataset_id,
                "family": str(dataset.family),
                "facts": len(dataset.facts),
                "questions": len(dataset.questions),
                "tasks": tasks,
                "new": is_new,
                "audit": found,
                "provenance": asdict(dataset.provenance) if dataset.provenance else None,
            }
        )
        counts = ", ".join(f"{task} {count}" for task, count in tasks.items())
        say(f"{dataset.name}: {counts}" + ("" if is_new else " (was here already, unchanged)"))
        if found["error"] or found["warning"]:
            counted = ", ".join(f"{found[level]} {level}{'' if found[level] == 1 else 's'}" for level in _TOLD)
            say(f"  audit: {counted}. See: ftb datasets audit {shlex.quote(dataset.name)}")
    if as_json:
        mapping = dict(imported.mapping.columns) if imported.mapping else None
        put_json({"datasets": listed, "notes": list(imported.notes), "mapping": mapping})


@click.command("fetch")
@click.argument("benchmark", type=click.Choice(["finetunebench"]))
@click.option("--url", help="Fetch this archive instead of the published one.")
@as_json
def fetch_command(*, benchmark: str, url: str | None, as_json: bool) -> None:
    """Download the published FineTuneBench from its public repository (about 4 MB, one fixed commit) and import it."""
    from ftb_tui.benchmark.importing import read_path
    from ftb_tui.benchmark.upstream import ARCHIVE_URL, REPOSITORY
    from ftb_tui.work.download import download

    address = url or ARCHIVE_URL
    say(f"Fetching {benchmark} from {address}")
    ending = next((ending for ending in (".tar.gz", ".tgz", ".tar") if address.lower().endswith(ending)), ".zip")
    with _progress() as progress:
        got = download(address, f"{benchmark}{ending}", progress)
    say(f"{got.n_bytes:,} bytes, SHA-256 {got.sha256}, kept as {got.path}")
    imported = read_path(got.path, origin=address)
    if imported.mapping is not None:
        got.path.unlink(missing_ok=True)
        raise click.UsageError(f"{address} does not hold the published files; those are at {REPOSITORY}.")
    keep(imported, as_json=as_json)


@contextmanager
def _progress() -> Iterator[Callable[[int, int | None], None]]:
    """A bar on a terminal, a line for every tenth elsewhere."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

        with Progress(BarColumn(), DownloadColumn(), TransferSpeedColumn(), console=Console(stderr=True)) as bars:
            bar = bars.add_task("archive")
            yield lambda done, total: bars.update(bar, completed=done, total=total)
        return
    told = [-1]

    def line(done: int, total: int | None) -> None:
        step = done * 10 // total if total else done >> 20
        if step > told[0]:
            told[0] = step
            say(f"  {done:,} bytes" + (f" of {total:,}" if total else ""))

    yield line
