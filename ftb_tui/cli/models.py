"""`ftb models`: the models in the store, and the embedded engine's weights."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from ftb_tui.cli.common import as_json, put_json, put_table, run_async, store
from ftb_tui.cli.exits import say


@click.group()
def models() -> None:
    """List models; fetch the embedded engine's weights."""


@models.command("list")
@as_json
def list_command(*, as_json: bool) -> None:
    """Every model that was trained or asked here."""
    from ftb_tui.store.models import list_models

    async def work() -> None:
        async with store() as db:
            rows = await list_models(db)
        if as_json:
            put_json([asdict(row) for row in rows])
        elif rows:
            head = ("provider", "model", "kind", "base", "job", "epoch")
            put_table(head, [(r.provider, r.name, r.kind, r.base_model, r.job_key, r.epoch) for r in rows])
        else:
            say("No model yet. Begin with: ftb bench --quick")

    run_async(work())


@models.command()
@click.argument("model", type=click.Choice(["smollm2-135m"]))
@click.option("--if-missing", is_flag=True, help="Do nothing when the weights can be found anywhere.")
@click.option("--print-path", is_flag=True, help="Print the file's path on stdout.")
@click.option("--url", help="Fetch the file from here; it must be the very same file.")
@as_json
def pull(*, model: str, if_missing: bool, print_path: bool, url: str | None, as_json: bool) -> None:
    """Fetch a model's weights once (98 MB), SHA-256 checked, resumed where a download broke."""
    from ftb_tui.weights import find_weights

    found = find_weights() if if_missing else None
    path = found or pull_with_progress(url)
    if as_json:
        put_json({"model": model, "path": str(path)})
    elif print_path:
        click.echo(str(path))
    elif not found:
        say(f"{model} is ready: {path}")


def pull_with_progress(url: str | None = None) -> str:
    """Fetch the weights with a bar on a terminal, a line per step elsewhere."""
    from ftb_tui.weights import pull as fetch

    if not sys.stderr.isatty():
        told: set[str] = set()

        def line(done: int, total: int | None, what: str) -> None:
            if what not in told:
                told.add(what)
                say(what)

        return str(fetch(line, url=url))
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        bar = bars.add_task("weights")

        def show(done: int, total: int | None, what: str) -> None:
            bars.update(bar, completed=done, total=total, description=what)

        return str(fetch(show, url=url))
