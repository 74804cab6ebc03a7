"""`ftb datasets audit`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftb_tui.cli.common import as_json, put_json, run_async, store
from ftb_tui.cli.exits import say

if TYPE_CHECKING:
    from ftb_tui.benchmark.audit import Finding
    from ftb_tui.benchmark.model import Dataset


@click.command("audit")
@click.argument("dataset")
@click.option(
    "--rows", type=click.IntRange(min=0), default=3, show_default=True, help="How many row ids to show of each."
)
@as_json
def audit_command(*, dataset: str, rows: int, as_json: bool) -> None:
    """Say what is wrong with a dataset, before money is spent on it. DATASET is a name, or a path as for import.

    Errors make scores wrong, warnings may mislead, notes are to be known. The exit code is 0 whatever is found.
    """
    from ftb_tui.benchmark.audit import audit, tally

    found = [(one, audit(one)) for one in _datasets(dataset)]
    if as_json:
        put_json([_entry(one, finding) for one, findings in found for finding in findings])
        return
    for one, findings in found:
        counts = tally(findings)
        head = ", ".join(f"{count} {severity}{'' if count == 1 else 's'}" for severity, count in counts.items())
        click.echo(f"{one.name} ({len(one.questions)} questions): {head}")
        _print(findings, rows)


def _datasets(reference: str) -> Sequence[Dataset]:
    """The dataset of that name, else those of that path; a name wins over a file that happens to lie here."""
    from ftb_tui.benchmark.importing import read_path
    from ftb_tui.benchmark.load import DatasetError
    from ftb_tui.work.bench_plan import bench_dataset

    async def stored() -> Dataset:
        async with store() as db:
            return await bench_dataset(db, reference)

    try:
        return [run_async(stored())]
    except DatasetError:
        if not Path(reference).exists():
            raise
    imported = read_path(Path(reference))
    if imported.mapping is not None:
        say(f"Columns: {imported.mapping.sentence()}")
    for note in imported.notes:
        say(f"Note: {note}")
    return imported.datasets


def _entry(dataset: Dataset, finding: Finding) -> dict[str, object]:
    return {"dataset": dataset.name, **asdict(finding), "question_ids": list(finding.question_ids)}


def _print(findings: Sequence[Finding], rows: int) -> None:
    from ftb_tui.report.plain import one_line, visible

    for finding in findings:
        click.echo(f"\n{finding.severity} {finding.check}: {finding.count}")
        click.echo(f"  {visible(finding.message, keep_newlines=False)}")
        click.echo(f"  {finding.advice}")
        if rows and finding.question_ids:
            shown = ", ".join(one_line(question_id, 60) for question_id in finding.question_ids[:rows])
            more = len(finding.question_ids) - rows
            click.echo(f"  rows: {shown}" + (f" and {more} more (--json has all)" if more > 0 else ""))
    if findings:
        click.echo("")
