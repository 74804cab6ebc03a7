"""`ftb results` and `ftb wrong`."""

from __future__ import annotations

from dataclasses import asdict

import click

from ftb_tui.benchmark.graders import DEFAULT_GRADER, GRADER_NAMES
from ftb_tui.cli.common import as_json, put_json, run_async, store
from ftb_tui.cli.exits import say
from ftb_tui.report.plain import visible
from ftb_tui.report.tables import STYLES, results_text
from ftb_tui.store.results import SHOWS

_GRADERS = click.Choice(list(GRADER_NAMES))


@click.command()
@click.option("--dataset", help="Only this dataset.")
@click.option("--grader", type=_GRADERS, help="Only this grader.  [default: choice; all of them with --json]")
@click.option("--format", "style", type=click.Choice(list(STYLES)), default="table", show_default=True)
@as_json
def results(*, dataset: str | None, grader: str | None, style: str, as_json: bool) -> None:
    """Scores of every model on every task, with 95% intervals and base against tuned."""
    from ftb_tui.store.datasets import find_dataset
    from ftb_tui.store.results import results as read

    style = "json" if as_json else style
    chosen = grader if grader or style == "json" else DEFAULT_GRADER

    async def work() -> None:
        async with store() as db:
            dataset_id = (await find_dataset(db, dataset)).dataset_id if dataset else None
            rows = await read(db, dataset_id=dataset_id, grader=chosen)
        if not rows and style != "json":
            say("Nothing was evaluated yet. Begin with: ftb bench --quick")
        else:
            click.echo(results_text(rows, style), nl=False)

    run_async(work())


@click.command()
@click.option("--model", required=True, help="A model's name, or a part of it that is enough.")
@click.option("--task", required=True, help="memorization, rephrased, secondary, comparison, ...")
@click.option("--dataset", help="Which dataset, when the model was asked several.")
@click.option("--show", type=click.Choice(SHOWS), default="wrong", show_default=True)
@click.option("--grader", type=_GRADERS, default=DEFAULT_GRADER, show_default=True)
@click.option("--limit", type=click.IntRange(1), default=100_000, help="At most so many.")
@as_json
def wrong(*, model: str, task: str, dataset: str | None, show: str, grader: str, limit: int, as_json: bool) -> None:
    """The answers behind a score: what was asked, taught and said, and why it was graded so."""
    from ftb_tui.benchmark.model import Task
    from ftb_tui.store.datasets import find_dataset
    from ftb_tui.store.models import find_model
    from ftb_tui.store.results import AnswerRow, answers
    from ftb_tui.store.results import results as read

    task = task.replace("-", "_")
    if task not in list(Task):
        raise click.BadParameter(f"{task!r} is not a task; known are {', '.join(Task)}", param_hint="--task")

    async def work() -> list[AnswerRow]:
        async with store() as db:
            found = await find_model(db, model)
            if dataset:
                dataset_id = (await find_dataset(db, dataset)).dataset_id
            else:
                asked = [r for r in await read(db) if r.model_key == found.model_key and r.task == task]
                if not asked:
                    raise click.UsageError(
                        f"{found.name} was not asked {task} questions yet: ftb evaluate --model {found.name}"
                    )
                dataset_id = max(asked, key=lambda row: row.evaluation_key).dataset_id
            return await answers(
                db, model_key=found.model_key, dataset_id=dataset_id, task=task, show=show, grader=grader, limit=limit
            )

    rows = run_async(work())
    if as_json:
        put_json([_object(row) for row in rows])
        return
    for row in rows:
        overruled = f", overruled: the grader says {row.machine_grade}" if row.machine_grade else ""
        click.echo(
            f"{row.id}  response {row.response_key}  [{row.grade}{', ' + row.flip if row.flip else ''}{overruled}]"
        )
        click.echo(f"  asked   {visible(row.question, keep_newlines=False)}")
        click.echo(f"  taught  {visible(row.fact, keep_newlines=False)}")
        click.echo(f"  gold    {visible(row.answer, keep_newlines=False)}")
        click.echo(f"  said    {visible(row.response or '', keep_newlines=False)}")
        if row.base_response is not None:
            click.echo(f"  base    {visible(row.base_response, keep_newlines=False)}  [{row.base_grade}]")
        click.echo(f"  reason  {visible(row.reason, keep_newlines=False)}\n")
    say(f"{len(rows)} answers ({show}).")


def _object(row: object) -> dict[str, object]:
    from ftb_tui.store.results import AnswerRow

    assert isinstance(row, AnswerRow)
    values = asdict(row)
    first = ("id", "task", "prompt", "answer", "response", "grade", "reason", "fact")
    rest = (
        "fact_id", "flip", "base_response", "base_grade", "base_reason", "question", "response_key", "question_key",
        "machine_grade", "machine_reason",
    )  # fmt: skip
    return {name: values[name] for name in (*first, *rest)}
