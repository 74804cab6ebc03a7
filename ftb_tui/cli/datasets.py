"""`ftb datasets`."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path

import click

from ftb_tui.cli.common import as_json, put_json, put_table, run_async, store
from ftb_tui.cli.datasets_audit import audit_command
from ftb_tui.cli.datasets_delete import delete_command, restore_command
from ftb_tui.cli.datasets_import import fetch_command, import_command
from ftb_tui.cli.exits import say
from ftb_tui.cli.groups import Commands
from ftb_tui.cli.training_file import training_file


@click.group(cls=Commands)
def datasets() -> None:
    """List, show, import, fetch, audit, build, export and delete datasets."""


datasets.add_command(import_command)
datasets.add_command(fetch_command)
datasets.add_command(audit_command)
datasets.add_command(training_file)
datasets.add_command(delete_command)
datasets.add_command(restore_command)


@datasets.command("list")
@as_json
def list_command(*, as_json: bool) -> None:
    """Stored and bundled datasets.

    A bundled one is taken into the store when it is first used.
    """
    from ftb_tui.benchmark.load import bundled_names, load_bundled
    from ftb_tui.store.datasets import list_datasets
    from ftb_tui.store.provenance import origins

    async def work() -> None:
        async with store() as db:
            rows, taken_from = await list_datasets(db), await origins(db)
        known = {row.dataset_id for row in rows}
        waiting = [dataset for name in bundled_names() if (dataset := load_bundled(name)).dataset_id not in known]
        listed: list[dict[str, object]] = [
            {
                "dataset": r.name,
                "version": r.version,
                "family": r.family,
                "facts": r.n_facts,
                "tasks": r.tasks,
                "stored": True,
                "from": taken_from.get(r.dataset_id, r.source),
            }
            for r in rows
        ]
        for dataset in waiting:
            tasks = {str(task): sum(q.task is task for q in dataset.questions) for task in dataset.tasks}
            listed.append(
                {
                    "dataset": dataset.name,
                    "version": dataset.version,
                    "family": str(dataset.family),
                    "facts": len(dataset.facts),
                    "tasks": tasks,
                    "stored": False,
                    "from": "bundled",
                }
            )
        if as_json:
            put_json(listed)
            return
        head = ("dataset", "version", "family", "facts", "questions", "tasks", "from")
        lines = []
        for entry in listed:
            counts = entry["tasks"]
            assert isinstance(counts, dict)
            lines.append(
                (
                    entry["dataset"],
                    entry["version"],
                    entry["family"],
                    entry["facts"],
                    sum(counts.values()),
                    ", ".join(counts),
                    entry["from"],
                )
            )
        put_table(head, lines, right=frozenset({"facts", "questions"}), spare=("family", "version", "tasks", "from"))

    run_async(work())


@datasets.command()
@click.argument("dataset")
@click.option("--questions", "with_questions", is_flag=True, help="Every question and its gold as well.")
@as_json
def show(*, dataset: str, with_questions: bool, as_json: bool) -> None:
    """A dataset's card, or with --json its facts and questions."""
    from ftb_tui.benchmark.statistics import trivial_baselines
    from ftb_tui.report.plain import visible
    from ftb_tui.work.bench_plan import bench_dataset

    async def work() -> None:
        async with store() as db:
            found = await bench_dataset(db, dataset)
        if as_json:
            values = asdict(found)
            put_json({**values, "version": found.version, "dataset_id": found.dataset_id})
            return
        click.echo(visible(found.card or f"# {found.title or found.name}\n\n{found.description}"))
        if (taken := found.provenance) is not None:
            commit = f", commit {taken.revision}" if taken.revision else ""
            click.echo(visible(f"\nTaken from {taken.origin} on {taken.taken_at}{commit}, SHA-256 {taken.sha256}."))
        if with_questions:
            put_table(
                ("id", "task", "question", "gold"),
                [(q.question_id, q.task, q.question, q.answer) for q in found.questions],
            )
        trivial = trivial_baselines(found.questions)
        if trivial:
            say(
                f"Yes/no questions: always No scores {trivial.always_no:.3f}, each template's majority {trivial.majority:.3f}."
            )

    run_async(work())


@datasets.command()
@click.argument("family", type=click.Choice(["fictional-people", "fictional_people"]))
@click.option("--seed", type=click.IntRange(0), required=True, help="Another seed is another world.")
@click.option("--people", type=click.IntRange(8, 200), default=25, show_default=True, help="How many are invented.")
@click.option("--output", type=click.Path(path_type=Path), help="Write the folder here instead of into the store.")
@as_json
def build(*, family: str, seed: int, people: int, output: Path | None, as_json: bool) -> None:
    """Make a fresh world that no model has seen."""
    from ftb_tui.benchmark.load import write_dataset_folder
    from ftb_tui.benchmark.people import build_fictional_people
    from ftb_tui.store.datasets import save_dataset

    if output is not None:
        _require_empty(output, "--output")
    dataset = build_fictional_people(seed=seed, people=people)
    if output is not None:
        write_dataset_folder(dataset, output)
    else:

        async def save() -> None:
            async with store() as db:
                await save_dataset(db, dataset)

        run_async(save())
    where = "the store" if output is None else str(output)
    if as_json:
        put_json({"dataset": dataset.name, "dataset_id": dataset.dataset_id, "questions": len(dataset.questions)})
    else:
        say(f"{dataset.name} ({family}, {people} people, {len(dataset.questions)} questions) is in {where}.")
        if output is None:
            say(f"Try it: ftb bench --dataset {shlex.quote(dataset.name)}")


@datasets.command()
@click.argument("dataset")
@click.argument("folder", type=click.Path(path_type=Path))
@as_json
def export(*, dataset: str, folder: Path, as_json: bool) -> None:
    """Write a dataset into a new folder.

    As facts.jsonl, questions.jsonl, dataset.toml and its card.
    """
    from ftb_tui.benchmark.load import write_dataset_folder
    from ftb_tui.work.bench_plan import bench_dataset

    _require_empty(folder, "FOLDER")

    async def work() -> None:
        async with store() as db:
            found = await bench_dataset(db, dataset)
        write_dataset_folder(found, folder)
        if as_json:
            put_json({"dataset_id": found.dataset_id, "folder": str(folder)})
        else:
            say(f"{found.dataset_id} is in {folder}.")

    run_async(work())


def _require_empty(folder: Path, parameter: str) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise click.BadParameter(f"{folder} is not an empty directory; give a new one.", param_hint=parameter)
