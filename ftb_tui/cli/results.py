"""`ftb results` and `ftb wrong`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from ftb_tui.benchmark.graders import DEFAULT_GRADER, GRADER_NAMES, PREFERENCE
from ftb_tui.cli.common import as_json, parse_task, put_json, put_results, run_async, store
from ftb_tui.cli.exits import say
from ftb_tui.cli.known_before import put_known
from ftb_tui.report.columns import field
from ftb_tui.report.numbers import counted
from ftb_tui.report.plain import visible
from ftb_tui.report.preference import preference_lines
from ftb_tui.report.tables import STYLES
from ftb_tui.store.answer_filter import SHOWS, list_about, search_problem, unfit

if TYPE_CHECKING:
    from ftb_tui.store.drilldown import WholeAnswer

_ALL = 2**31
_GRADERS = click.Choice(list(GRADER_NAMES))


@click.command()
@click.option("--dataset", help="Only this dataset.")
@click.option(
    "--grader", type=_GRADERS, metavar="NAME", help="Only this grader.  [default: choice; all of them with --json]"
)
@click.option(
    "--format",
    "style",
    type=click.Choice(list(STYLES)),
    default="table",
    show_default=True,
    help="csv and json have every field; latex needs booktabs.",
)
@click.option(
    "--known-before",
    is_flag=True,
    help="Scores over the facts that the base held before they were changed, beside those over all.",
)
@as_json
def results(*, dataset: str | None, grader: str | None, style: str, known_before: bool, as_json: bool) -> None:
    """The result table: every model on every task.

    Scores have 95% intervals; a tuned model is compared with its base on the same questions (exact McNemar; where
    questions were asked several times, the sign test over facts), and its change has a * where it is more than chance
    explains: p < .05, adjusted by Holm for all comparisons of the table, which is `p Holm` in the other formats. An n
    such as 16 of 82 is of an evaluation that has not finished. In a pipe or file the table is as wide as it needs; on a
    screen that is too narrow for it, it is given by model.
    """
    from ftb_tui.store.datasets import find_dataset
    from ftb_tui.store.known_before import known_results
    from ftb_tui.store.results import results as read

    style = "json" if as_json else style
    if known_before and style not in ("table", "json"):
        raise click.UsageError("--known-before is given as a table or as JSON.")
    chosen = grader if grader or style == "json" else DEFAULT_GRADER

    async def work() -> None:
        async with store() as db:
            dataset_id = (await find_dataset(db, dataset)).dataset_id if dataset else None
            if known_before:
                known = await known_results(db, dataset_id=dataset_id, grader=grader or DEFAULT_GRADER)
                put_known(known, as_json=style == "json")
                return
            rows = await read(db, dataset_id=dataset_id, grader=chosen)
            shown_both = style == "table" and chosen in (DEFAULT_GRADER, "yes_no")
            preferred = await read(db, dataset_id=dataset_id, grader=PREFERENCE) if shown_both else []
        if rows or style in ("json", "csv"):
            put_results(rows, style)
        for line in preference_lines(rows, preferred):
            say(line)
        if not rows:
            begin = f"ftb bench --quick --dataset {shlex.quote(dataset)}" if dataset else "ftb bench --quick"
            say(f"Nothing was evaluated yet. Begin with: {begin}")

    run_async(work())


@click.command()
@click.option("--model", required=True, help="A model's name, or a part of it that is enough.")
@click.option("--task", required=True, metavar="TASK", help="memorization, rephrased, secondary, comparison, ...")
@click.option("--dataset", help="Which dataset, when the model was asked several.")
@click.option(
    "--show", type=click.Choice(SHOWS), metavar="WHICH", default="wrong", show_default=True,
    help=f"One of {', '.join(SHOWS)}. disputed: the graders do not agree; unsolved: no model's latest answer is right.",
)  # fmt: skip
@click.option(
    "--grader", type=_GRADERS, metavar="NAME", default=DEFAULT_GRADER, show_default=True, help="Whose verdict counts."
)
@click.option(
    "--search",
    metavar="TERMS",
    default="",
    help='Only answers with these letters in question, gold or answer; "exact words", -word, tag:format,'
    " verdict:wrong, gold:, answer:, fact:, task:, model:. In quotation marks a colon is a colon.",
)
@click.option("--training", is_flag=True, help="Also the training lines that teach the fact.")
@click.option("--limit", type=click.IntRange(1), help="At most so many.")
@as_json
def wrong(
    *,
    model: str,
    task: str,
    dataset: str | None,
    show: str,
    grader: str,
    search: str,
    training: bool,
    limit: int | None,
    as_json: bool,
) -> None:
    """The answers behind a score: what was asked, taught and said, and why it was graded so.

    With what other tuned models and checkpoints said to the same, tags, and the note of a person who overruled it.
    """
    from ftb_tui.report.answers_file import answer_object
    from ftb_tui.store.datasets import find_dataset
    from ftb_tui.store.drilldown import whole_answers
    from ftb_tui.store.models import find_model
    from ftb_tui.store.results import answers
    from ftb_tui.store.results import results as read

    task = parse_task(task)
    if problem := search_problem(search):
        raise click.BadParameter(problem, param_hint="--search")

    async def work() -> tuple[list[WholeAnswer], int, tuple[str, ...]]:
        async with store() as db:
            found = await find_model(db, model)
            if dataset:
                dataset_id = (await find_dataset(db, dataset)).dataset_id
            else:
                asked = [r for r in await read(db) if r.model_key == found.model_key and r.task == task]
                if not asked:
                    raise click.UsageError(
                        f"{found.name} was not asked {task} questions yet. Ask them: "
                        f"ftb evaluate --model {shlex.quote(found.name)} --dataset NAME --tasks {task}"
                    )
                dataset_id = max(asked, key=lambda row: row.evaluation_key).dataset_id
            every = await answers(
                db, model_key=found.model_key, dataset_id=dataset_id, task=task, show=show, search=search,
                grader=grader, limit=_ALL,
            )  # fmt: skip
            about = list_about(
                task=task, model=found.name, kind=found.kind, base_model=found.base_model, epoch=found.epoch
            )
            shown = every[:limit]
            whole = await whole_answers(db, shown, model_key=found.model_key, grader=grader, training=training)
            others = tuple(f"{name} {task if name == 'task' else found.name}" for name in unfit(search, about))
            return whole, len(every), others

    rows, there, others = run_async(work())
    if as_json:
        put_json([answer_object(row, training=training) for row in rows])
        return
    for whole in rows:
        _put_answer(whole)
    if others:
        say(f"The search asks for other answers: these are of {' and '.join(others)}.")
    elif rows:
        some = "" if len(rows) == there else f"{len(rows)} of "
        say(f"{some}{counted(there, 'answer')} ({show}).")
    else:
        searched = " with these words" if search.strip() else ""
        say(f"There are none{searched} (--show {show}); see all: --show all")


def _put_answer(whole: WholeAnswer) -> None:
    row = whole.row
    overruled = f", overruled: the grader says {row.machine_grade}" if row.machine_grade else ""
    flip = f", {row.flip}" if row.flip else ""
    click.echo(visible(f"{row.id}  response {row.response_key}  [{row.grade}{flip}{overruled}]", keep_newlines=False))
    _put("asked", row.question)
    if row.fact:
        _put("taught", row.fact)
    _put("gold", row.answer)
    _put("said", row.response or "")
    if row.base_response is not None:
        _put("base", f"{row.base_response}  [{row.base_grade}]")
    for other in whole.others:
        _put("other", f"{other.model}: {other.reason if other.response is None else other.response}  [{other.grade}]")
    if whole.tags:
        _put("tags", ", ".join(whole.tags))
    _put("reason", row.reason)
    if whole.note:
        _put("note", whole.note)
    for line in whole.training:
        _put("trained", line)
    click.echo()


def _put(name: str, text: str) -> None:
    click.echo(field(name, text), nl=False)
