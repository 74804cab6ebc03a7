"""`ftb compare`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from ftb_tui.benchmark.graders import DEFAULT_GRADER, GRADER_NAMES
from ftb_tui.cli.common import as_json, put_json, put_sentences, put_table, run_async, store, tasks_option
from ftb_tui.cli.exits import say
from ftb_tui.report.columns import field
from ftb_tui.report.compared import CALLED
from ftb_tui.report.plain import visible

if TYPE_CHECKING:
    import aiosqlite

    from ftb_tui.store.comparing import ComparedAnswer, Comparison
    from ftb_tui.store.results import ResultRow

_CELLS = {name: cell for cell, name in CALLED.items()}


@dataclass(frozen=True, slots=True)
class _Compared:
    a: ResultRow
    b: ResultRow
    found: Comparison
    questions: list[ComparedAnswer]


@click.command()
@click.argument("a")
@click.argument("b", required=False)
@click.option("--dataset", help="Only this dataset.")
@tasks_option
@click.option(
    "--grader", type=click.Choice(GRADER_NAMES), metavar="NAME", default=DEFAULT_GRADER, show_default=True,
    help="Whose verdict counts.",
)  # fmt: skip
@click.option(
    "--show", type=click.Choice(list(_CELLS)), metavar="CELL",
    help=f"The questions behind a count instead of the counts: {', '.join(_CELLS)}.",
)  # fmt: skip
@as_json
def compare(
    *,
    a: str,
    b: str | None,
    dataset: str | None,
    tasks: tuple[str, ...] | None,
    grader: str,
    show: str | None,
    as_json: bool,
) -> None:
    """Two models on the questions that both answered: where A is right and B is not (fixed), and the reverse (broken).

    A and B are names of models, or enough of their ends; B is the base of A where it is left out. The test is the
    exact McNemar test, with repeated answers the sign test over facts.
    """
    from ftb_tui.report.compared import comparison_object, question_object
    from ftb_tui.store.comparing import compare as read
    from ftb_tui.store.comparing import compared_answers

    async def work() -> list[_Compared]:
        async with store() as db:
            compared = []
            for one, other in await _pairs(db, a, b, dataset, tasks, grader):
                after, before = one.evaluation_key, other.evaluation_key
                found = await read(db, after=after, before=before, task=one.task, grader=grader)
                questions: list[ComparedAnswer] = []
                if show is not None:
                    questions = await compared_answers(
                        db, after=after, before=before, task=one.task, grader=grader, cell=_CELLS[show], limit=-1
                    )
                compared.append(_Compared(one, other, found, questions))
            return compared

    compared = run_async(work())
    if as_json:
        put_json(
            [
                comparison_object(each.a, each.b, each.found)
                | ({} if show is None else {"questions": [question_object(row) for row in each.questions]})
                for each in compared
            ]
        )
        return
    if show is None:
        _put_counts(compared)
        _say_who(compared)
        if len(compared) > 1:
            say(f"p is not adjusted for the {len(compared)} tests; ftb statistics has p Holm, which is.")
    else:
        _say_who(compared)
        _put_questions(compared, show)


async def _pairs(
    db: aiosqlite.Connection, a: str, b: str | None, dataset: str | None, tasks: tuple[str, ...] | None, grader: str
) -> list[tuple[ResultRow, ResultRow]]:
    """The scores of both models on each task that both were asked; of A and its base where there is no B.

    Raises `click.UsageError` where they have no task in common, or where it is open which model B is to be.
    """
    from ftb_tui.store.datasets import find_dataset
    from ftb_tui.store.models import find_model
    from ftb_tui.store.results import results

    dataset_id = (await find_dataset(db, dataset)).dataset_id if dataset else None
    one = await find_model(db, a)
    other = await find_model(db, b) if b is not None else None
    if other is not None and other.model_key == one.model_key:
        raise click.UsageError(f"{a} and {b} are the same model, {one.name}.")
    rows = [
        row
        for row in await results(db, dataset_id=dataset_id, grader=grader)
        if row.n and (not tasks or row.task in tasks)
    ]
    mine = {(row.dataset_id, row.task): row for row in rows if row.model_key == one.model_key}
    beside = [r for r in rows if r.model_key != one.model_key and (r.dataset_id, r.task) in mine]
    if other is not None:
        beside = [row for row in beside if row.model_key == other.model_key]
    elif bases := [r for r in beside if r.kind == "base" and (r.provider, r.model) == (one.provider, one.base_model)]:
        beside = bases
    elif len({row.model_key for row in beside}) > 1:
        names = dict.fromkeys(row.model for row in sorted(beside, key=lambda row: row.kind == "checkpoint"))
        some = ", ".join([*list(names)[:5], *(["…"] if len(names) > 5 else [])])
        raise click.UsageError(f"Which model is {one.name} to be compared with? Give B. It can be: {some}.")
    if not beside:
        whom = f"{one.name} and {other.name}" if other is not None else f"{one.name} and any other model"
        which = f" ({', '.join(tasks)})" if tasks else ""
        raise click.UsageError(f"No task{which} was answered by both {whom}. What was answered: ftb results")
    others = {(row.dataset_id, row.task): row for row in beside}
    return [(row, others[place]) for place, row in mine.items() if place in others]


def _put_counts(compared: list[_Compared]) -> None:
    from ftb_tui.report.compared import conclusion, shares
    from ftb_tui.report.numbers import difference, p_value, score, signed_interval

    lines = []
    for each in compared:
        found, n = each.found, each.found.n
        lines.append(
            (
                each.a.dataset, each.a.task, n, *(score(share) for _, _, share in shares(found)), found.both,
                found.after, found.before, found.neither, difference(found.difference),
                signed_interval(found.low, found.high) if n else "", p_value(found.p_value if n else None),
            )
        )  # fmt: skip
    put_table(
        ("dataset", "task", "n", "A", "B", "both", "fixed", "broken", "neither", "A − B", "95%", "p"),
        lines,
        right=frozenset({"n", "A", "B", "both", "fixed", "broken", "neither", "A − B", "p"}),
        spare=("both", "neither", "95%", "dataset"),
    )
    click.echo()
    put_sentences(f"{each.a.dataset}, {each.a.task}: {conclusion(each.found)}." for each in compared)


def _put_questions(compared: list[_Compared], show: str) -> None:
    from ftb_tui.report.compared import SAYS

    for each in compared:
        for row in each.questions:
            head = f"{row.question_id}  {each.a.dataset}, {each.a.task}  [{SAYS[_CELLS[show]]}]"
            click.echo(visible(head, keep_newlines=False))
            for name, text in (
                ("asked", row.question), ("taught", row.fact), ("gold", row.gold),
                ("A", f"[{row.after_grade}] {row.after}"), ("why", row.after_reason),
                ("B", f"[{row.before_grade}] {row.before}"), ("why", row.before_reason),
            ):  # fmt: skip
                if text:
                    click.echo(field(name, text), nl=False)
            click.echo()
    if not any(each.questions for each in compared):
        say(f"No question is {SAYS[_CELLS[show]]}.")


def _say_who(compared: list[_Compared]) -> None:
    from ftb_tui.report.tables import model_label

    for name, rows in (("A", [each.a for each in compared]), ("B", [each.b for each in compared])):
        say(f"{name}: {', '.join(dict.fromkeys(map(model_label, rows)))}")
