"""`ftb fact`."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING

import click

from ftb_tui.benchmark.graders import DEFAULT_GRADER, GRADER_NAMES
from ftb_tui.cli.common import as_json, put_json, run_async, store
from ftb_tui.cli.exits import say
from ftb_tui.report.columns import field
from ftb_tui.report.plain import visible

if TYPE_CHECKING:
    from ftb_tui.store.drilldown import FactAnswer
    from ftb_tui.store.facts import FoundFact


@click.command()
@click.argument("fact_id")
@click.option("--dataset", help="Which dataset, when several have such a fact.")
@click.option(
    "--grader", type=click.Choice(GRADER_NAMES), metavar="NAME", default=DEFAULT_GRADER, show_default=True,
    help="Whose verdict counts.",
)  # fmt: skip
@as_json
def fact(*, fact_id: str, dataset: str | None, grader: str, as_json: bool) -> None:
    """One fact through all its tasks: every question that rests on it, and what every model said.

    FACT_ID is the `fact_id` of `ftb wrong --json`, or a question's id.
    """
    from ftb_tui.store.datasets import find_dataset
    from ftb_tui.store.drilldown import fact_answers
    from ftb_tui.store.facts import find_fact

    async def work() -> tuple[FoundFact, list[FactAnswer]]:
        async with store() as db:
            dataset_id = (await find_dataset(db, dataset)).dataset_id if dataset else None
            found = await find_fact(db, fact_id, dataset_id=dataset_id)
            return found, await fact_answers(db, found.dataset_id, found.fact_id, grader=grader)

    found, answers = run_async(work())
    if as_json:
        put_json({**asdict(found), "answers": [asdict(answer) for answer in answers]})
        return
    models: dict[str, list[str]] = {}
    for answer in answers:
        if answer.model not in (named := models.setdefault(_what(answer), [])):
            named.append(answer.model)
    click.echo(visible(f"{found.fact_id}  {found.dataset}", keep_newlines=False))
    _put("taught", found.text)
    for _, same in groupby(answers, key=lambda answer: answer.question_id):
        said = list(same)
        click.echo()
        click.echo(visible(f"{said[0].question_id}  [{said[0].task}]", keep_newlines=False))
        _put("asked", said[0].question)
        _put("gold", said[0].gold)
        for answer in said:
            what = _what(answer)
            # The verdict and the name before what was said: no answer can pretend to be one of them.
            name = f" {answer.model}:" if len(models[what]) > 1 else ""
            text = answer.reason if answer.answer is None else answer.answer
            _put(what, f"[{answer.grade}]{name} {text}")
    for what, names in models.items():
        if len(names) == 1:
            say(f"{what}: {visible(names[0], keep_newlines=False)}")
    if not answers:
        say("No model was asked about this fact yet.")


def _what(answer: FactAnswer) -> str:
    """A base, an epoch, or a tuned model."""
    return f"epoch {answer.epoch}" if answer.kind == "checkpoint" and answer.epoch else answer.kind


def _put(name: str, text: str) -> None:
    click.echo(field(name, text, room=8), nl=False)
