"""`ftb regrade` and `ftb overrule`."""

from __future__ import annotations

from dataclasses import asdict

import click

from ftb_tui.benchmark.graders import GRADER_NAMES, JUDGE, Verdict
from ftb_tui.cli.common import as_json, put_json, put_table, run_async, store
from ftb_tui.cli.exits import say
from ftb_tui.cli.judge import concurrency_option, judge_option, max_cost_option, regrade_by_judge, yes_option
from ftb_tui.report.plain import one_line

RESPONSE_ID = click.IntRange(1, 2**63 - 1)
"""The number of an answer; the store counts no further."""


@click.command()
@click.option(
    "--grader",
    type=click.Choice(list(GRADER_NAMES)),
    metavar="NAME",
    help="Only this grader.  [default: every one but the judge]",
)
@click.option("--dataset", help="Only answers to this dataset's questions.")
@click.option("--model", help="Only this model's answers.")
@judge_option
@concurrency_option
@max_cost_option
@yes_option
@as_json
def regrade(
    *,
    grader: str | None,
    dataset: str | None,
    model: str | None,
    judge_model: tuple[str, str] | None,
    concurrency: int | None,
    max_cost: float | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Grade stored answers again, without asking the models again.

    Grades that a grader of the same version gave are kept. People's verdicts stay in force. The grader `judge` asks
    the model given as --judge-model, once for each different answer, and shows tokens and cost.
    """
    if grader == JUDGE or judge_model is not None:
        if judge_model is None or grader not in (None, JUDGE):
            raise click.UsageError("A judge needs both: --grader judge --judge-model PROVIDER/MODEL.")
        regrade_by_judge(judge_model, dataset, model, concurrency, max_cost, yes, as_json)
        return
    from ftb_tui.store.datasets import find_dataset
    from ftb_tui.store.models import find_model
    from ftb_tui.work.regrade import RegradeReport
    from ftb_tui.work.regrade import regrade as again

    async def work() -> list[RegradeReport]:
        async with store() as db:
            return await again(
                db,
                grader=grader,
                dataset_id=(await find_dataset(db, dataset)).dataset_id if dataset else None,
                model_key=(await find_model(db, model)).model_key if model else None,
            )

    reports = run_async(work())
    if as_json:
        put_json([asdict(report) for report in reports])
    else:
        put_table(
            ("grader", "version", "new", "renewed", "changed", "kept"),
            [(r.grader, r.version, r.added, r.renewed, r.changed, r.kept) for r in reports],
            right=frozenset({"version", "new", "renewed", "changed", "kept"}),
        )
    say(f"{sum(report.changed for report in reports)} verdicts are others now.")


@click.command()
@click.argument("response_id", type=RESPONSE_ID)
@click.argument("verdict", type=click.Choice(["correct", "wrong", "clear"]))
@click.option("--note", default="", help="Why; kept and shown as the reason.")
@as_json
def overrule(*, response_id: int, verdict: str, note: str, as_json: bool) -> None:
    """Overrule the graders on one answer, by the response_key of `ftb wrong`; `clear` takes it back.

    Your verdict counts for every grader but exact and normalized, which are equality and nothing else, and the
    graders' own verdicts are kept beside it.
    """
    from ftb_tui.store.grading import Opinion
    from ftb_tui.store.grading import overrule as keep

    async def work() -> Opinion:
        async with store() as db:
            return await keep(db, response_id, None if verdict == "clear" else Verdict(verdict), note)

    before = run_async(work())
    if as_json:
        said_before = None if before.verdict is None else {"verdict": str(before.verdict), "note": before.note}
        kept = None if verdict == "clear" else verdict
        put_json({"response_key": response_id, "verdict": kept, "note": note, "before": said_before})
    said = "goes by its graders again" if verdict == "clear" else f"counts as {verdict} now"
    say(f"Response {response_id} {said}.")
    if before.verdict is not None:
        why = f", with the note {one_line(before.note, 200)!r}" if before.note else ""
        say(f"Before, a person had said {before.verdict}{why}.")
