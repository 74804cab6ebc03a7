"""`ftb datasets delete` and `ftb datasets restore`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from ftb_tui.cli.common import as_json, confirm, put_json, run_async, store
from ftb_tui.cli.exits import say

if TYPE_CHECKING:
    from ftb_tui.store.dataset_details import DatasetDetails
    from ftb_tui.store.datasets import DatasetRow


@click.command("delete")
@click.argument("dataset")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def delete_command(*, dataset: str, yes: bool, as_json: bool) -> None:
    """Put a dataset away: it is listed and found no more.

    Jobs, evaluations and answers that rest on it stay. `ftb datasets restore` brings it back.
    """
    from ftb_tui.benchmark.load import bundled_names, load_bundled
    from ftb_tui.store.dataset_details import dataset_details, put_away
    from ftb_tui.store.datasets import find_dataset

    async def found() -> tuple[DatasetRow, DatasetDetails]:
        async with store() as db:
            row = await find_dataset(db, dataset)
            return row, await dataset_details(db, row.dataset_id)

    async def delete(dataset_id: str) -> bool:
        async with store() as db:
            return await put_away(db, dataset_id)

    row, details = run_async(found())
    if row.name in bundled_names() and load_bundled(row.name).dataset_id == row.dataset_id:
        raise click.UsageError(f"{row.dataset_id} is bundled with ftb and stays.")
    say(f"{row.dataset_id}: {row.n_questions} questions, {details.n_evaluations} evaluations, {details.n_jobs} jobs.")
    confirm("Delete it? It can be brought back.", yes=yes)
    run_async(delete(row.dataset_id))
    if as_json:
        put_json({"dataset_id": row.dataset_id, "deleted": True})
    else:
        say(f"{row.dataset_id} is deleted. Bring it back: ftb datasets restore {shlex.quote(row.dataset_id)}")


@click.command("restore")
@click.argument("dataset", required=False)
@as_json
def restore_command(*, dataset: str | None, as_json: bool) -> None:
    """Bring a deleted dataset back; without a name, list those that can be."""
    from ftb_tui.benchmark.load import DatasetError
    from ftb_tui.store.dataset_details import bring_back, list_put_away

    async def work() -> list[str]:
        async with store() as db:
            away = [one.dataset_id for one in await list_put_away(db)]
            if dataset is None:
                return away
            chosen = next((one for one in away if dataset in (one, one.rpartition("@")[0])), None)
            if chosen is None:
                raise DatasetError(
                    f"No deleted dataset is named {dataset!r}; deleted are: {', '.join(away) or 'none'}."
                )
            await bring_back(db, chosen)
            return [chosen]

    found = run_async(work())
    if as_json:
        put_json(found if dataset is None else {"dataset_id": found[0], "deleted": False})
    elif dataset is None:
        for one in found:
            click.echo(one)
    else:
        say(f"{found[0]} is back.")
