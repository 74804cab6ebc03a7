"""`ftb judge-check`, and the part of `ftb regrade` that asks a judge."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import aiosqlite
import click

from ftb_tui.cli.common import as_json, opened, put_json, put_table, require_weights_for, run_async, store
from ftb_tui.cli.consent import agree
from ftb_tui.cli.exits import Exit, say
from ftb_tui.report.numbers import interval, score

if TYPE_CHECKING:
    from ftb_tui.work.asking_quote import AskingQuote
    from ftb_tui.work.judging import JudgeCheck, JudgeReport


def parse_judge(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, str] | None:
    """`--judge-model PROVIDER/MODEL`; the model's own name may hold slashes."""
    if value is None:
        return None
    provider, _, model = value.partition("/")
    if not provider or not model:
        raise click.BadParameter(f"{value!r} is not PROVIDER/MODEL, for example openai/gpt-4o-mini", ctx, param)
    return provider, model


judge_option = click.option("--judge-model", callback=parse_judge, metavar="PROVIDER/MODEL", help="Which model judges.")
concurrency_option = click.option("--concurrency", type=click.IntRange(1), help="At most so many questions at once.")

max_cost_option = click.option(
    "--max-cost",
    type=click.FloatRange(0),
    metavar="USD",
    help="Stop before the judge has cost more than this. Needs no --yes.",
)
yes_option = click.option("--yes", is_flag=True, help="Do not ask before a judge that costs money.")


def regrade_by_judge(
    judge: tuple[str, str],
    dataset: str | None,
    model: str | None,
    concurrency: int | None,
    max_cost: float | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Grade stored answers by a model, and say what that took."""
    from ftb_tui.providers.registry import provider_info
    from ftb_tui.store.datasets import find_dataset
    from ftb_tui.store.models import find_model
    from ftb_tui.work.judging import judge_stored, quote_judging

    async def chosen(db: aiosqlite.Connection) -> tuple[str | None, int | None]:
        dataset_id = (await find_dataset(db, dataset)).dataset_id if dataset else None
        return dataset_id, (await find_model(db, model)).model_key if model else None

    async def quoted() -> AskingQuote:
        async with store() as db:
            dataset_id, model_key = await chosen(db)
            return await quote_judging(db, *judge, dataset_id=dataset_id, model_key=model_key)

    async def work() -> JudgeReport:
        async with store() as db:
            dataset_id, model_key = await chosen(db)
            require_weights_for(judge[0])
            service = await opened(judge[0], told=quote.costs_money)
            try:
                return await judge_stored(
                    db,
                    service,
                    judge[1],
                    dataset_id=dataset_id,
                    model_key=model_key,
                    concurrency=concurrency,
                    max_cost=max_cost,
                    on_progress=_progress,
                )
            finally:
                await service.close()

    provider_info(judge[0])
    quote = run_async(quoted())
    agree(quote, yes=yes, max_cost=max_cost)
    report = run_async(work())
    cost = _cost(judge, report)
    if as_json:
        put_json([{"grader": "judge", **asdict(report), "cost": cost}])
    else:
        put_table(
            ("judge", "answers", "correct", "judged", "known", "unreadable", "failed"),
            [
                (
                    report.judge,
                    report.answers,
                    report.correct,
                    report.judged,
                    report.cached,
                    report.unreadable,
                    report.failed,
                )
            ],
            right=frozenset({"answers", "correct", "judged", "known", "unreadable", "failed"}),
        )
    _tell(report, cost)
    if report.failed or report.unreadable:
        raise click.exceptions.Exit(Exit.FAILED)


@click.command("judge-check")
@judge_option
@click.option("--dataset", help="Only answers to this dataset's questions.")
@concurrency_option
@max_cost_option
@yes_option
@as_json
def judge_check(
    *,
    judge_model: tuple[str, str] | None,
    dataset: str | None,
    concurrency: int | None,
    max_cost: float | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Measure a judge against people: agreement, Cohen's kappa with its interval, and where they differ.

    People's verdicts are those given with `ftb overrule` and in the app. What the judge has judged before is not
    asked again.
    """
    from ftb_tui.providers.registry import provider_info
    from ftb_tui.store.datasets import find_dataset
    from ftb_tui.store.grading import person_verdicts
    from ftb_tui.work.judging import check_judge, quote_judging

    if judge_model is None:
        raise click.UsageError("Give the judge with --judge-model PROVIDER/MODEL.")

    async def chosen(db: aiosqlite.Connection) -> str | None:
        dataset_id = (await find_dataset(db, dataset)).dataset_id if dataset else None
        if not await person_verdicts(db, dataset_id=dataset_id):
            raise click.UsageError(
                "There is no person's verdict to measure a judge by. Give some: ftb overrule RESPONSE correct|wrong"
            )
        return dataset_id

    async def quoted() -> AskingQuote:
        assert judge_model is not None
        async with store() as db:
            return await quote_judging(db, *judge_model, dataset_id=await chosen(db), people=True)

    async def work() -> JudgeCheck:
        async with store() as db:
            dataset_id = await chosen(db)
            require_weights_for(judge_model[0])
            service = await opened(judge_model[0], told=quote.costs_money)
            try:
                return await check_judge(
                    db,
                    service,
                    judge_model[1],
                    dataset_id=dataset_id,
                    concurrency=concurrency,
                    max_cost=max_cost,
                    on_progress=_progress,
                )
            finally:
                await service.close()

    provider_info(judge_model[0])
    quote = run_async(quoted())
    agree(quote, yes=yes, max_cost=max_cost)
    check = run_async(work())
    cost = _cost(judge_model, check.report)
    if as_json:
        put_json(
            {
                **asdict(check.report),
                **asdict(check.agreement),
                "cost": cost,
                "disagreements": [asdict(found) for found in check.disagreements],
            }
        )
    else:
        _print_check(check)
    _tell(check.report, cost)
    if not check.agreement.n:
        raise click.exceptions.Exit(Exit.FAILED)


def _print_check(check: JudgeCheck) -> None:
    found = check.agreement
    put_table(
        ("judge", "n", "agree", "95%", "kappa", "95% of kappa"),
        [
            (
                check.report.judge, found.n, score(found.share), interval(found.low, found.high), score(found.kappa),
                "" if found.kappa_low is None else f"{found.kappa_low:.2f} to {found.kappa_high:.2f}",
            )
        ],
        right=frozenset({"n", "agree", "kappa"}),
    )  # fmt: skip
    if check.disagreements:
        click.echo()
        put_table(
            ("response", "person", "judge", "gold", "answer", "the judge's reason"),
            [(d.response_key, d.person, d.judge, d.gold, d.answer, d.reason) for d in check.disagreements],
        )


def _cost(judge: tuple[str, str], report: JudgeReport) -> float | None:
    """US dollars of this run's requests; None where the price is not known."""
    from ftb_tui.work.cost import answer_cost
    from ftb_tui.work.quoting import asking_prices

    if judge[0] == "local" or report.requests == 0:
        return 0.0
    prices = asking_prices(judge[0], judge[1])
    return answer_cost(prices, report.prompt_tokens, report.completion_tokens)


def _progress(done: int, total: int) -> None:
    say(f"{done}/{total} answers looked at")


def _tell(report: JudgeReport, cost: float | None) -> None:
    from ftb_tui.work.cost import money

    about = "about " if report.tokens_estimated else ""
    say(
        f"{report.requests} requests to {report.judge}, {about}{report.prompt_tokens + report.completion_tokens:,} tokens,"
        f" cost {about if cost else ''}{money(cost)}; {report.cached} were judged before."
    )
    if report.unreadable:
        say(f"{report.unreadable} answers have no judgement: the judge's reply was twice in no form that can be read.")
    if report.failed:
        say(
            f"{report.failed} answers have no judgement: {report.error.rstrip('.')}. The same command asks for them again."
        )
