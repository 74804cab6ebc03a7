"""`ftb paraphrases`: other wordings of trained questions, asked of a model and looked at by a person."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING

import aiosqlite
import click

from ftb_tui.cli.common import as_json, opened, put_json, put_table, require_weights_for, run_async, store
from ftb_tui.cli.consent import agree
from ftb_tui.cli.exits import Exit, say
from ftb_tui.cli.groups import Commands

if TYPE_CHECKING:
    from ftb_tui.store.paraphrases import WordingRow
    from ftb_tui.work.asking_quote import AskingQuote
    from ftb_tui.work.paraphrasing import ParaphraseReport

_STATES = ("proposed", "kept", "rejected")


@click.group(cls=Commands)
def paraphrases() -> None:
    """Other wordings of trained questions: have a model make them, keep or reject them, train on those kept."""


def _model(ctx: click.Context, param: click.Parameter, value: str) -> tuple[str, str]:
    provider, _, model = value.partition("/")
    if not provider or not model:
        raise click.BadParameter(f"{value!r} is not PROVIDER/MODEL, for example openai/gpt-4o-mini", ctx, param)
    return provider, model


@paraphrases.command("make")
@click.argument("dataset")
@click.option(
    "--model", required=True, callback=_model, metavar="PROVIDER/MODEL", help="Which model words the questions."
)
@click.option("-n", "n", type=click.IntRange(1, 50), default=3, show_default=True, help="So many wordings a question.")
@click.option("--limit", type=click.IntRange(1), help="Only the first so many trained questions.")
@click.option("--concurrency", type=click.IntRange(1), help="At most so many questions at once.")
@click.option(
    "--max-cost", type=click.FloatRange(0), metavar="USD", help="Stop before this run has cost more. Needs no --yes."
)
@click.option("--yes", is_flag=True, help="Do not ask before questions that cost money.")
@as_json
def make_command(
    *,
    dataset: str,
    model: tuple[str, str],
    n: int,
    limit: int | None,
    concurrency: int | None,
    max_cost: float | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Ask a model for other wordings of each trained question.

    What a rule rejects (a test's question, the answer given away, another subject) is kept with the reason; the rest
    is proposed, for you to keep or reject. What this model was asked for before is not asked again.
    """
    from ftb_tui.providers.registry import provider_info
    from ftb_tui.work.bench_plan import bench_dataset
    from ftb_tui.work.paraphrasing import make_paraphrases, quote_paraphrases

    async def quoted() -> AskingQuote:
        async with store() as db:
            return await quote_paraphrases(db, *model, await bench_dataset(db, dataset), n=n, limit=limit)

    async def work() -> ParaphraseReport:
        async with store() as db:
            found = await bench_dataset(db, dataset)
            require_weights_for(model[0])
            service = await opened(model[0], told=quote.costs_money)
            try:
                return await make_paraphrases(
                    db, service, model[1], found, n=n, limit=limit, concurrency=concurrency, max_cost=max_cost,
                    on_progress=lambda done, total: say(f"{done}/{total} questions"),
                )  # fmt: skip
            finally:
                await service.close()

    provider_info(model[0])
    quote = run_async(quoted())
    agree(quote, yes=yes, max_cost=max_cost)
    report = run_async(work())
    cost = _cost(model, report)
    if as_json:
        put_json({**asdict(report), "cost": cost})
    else:
        head = ("model", "questions", "known", "asked", "proposed", "rejected", "unreadable", "failed")
        line = (
            report.model, report.questions, report.cached, report.asked, report.proposed, report.rejected,
            report.unreadable, report.failed,
        )  # fmt: skip
        put_table(head, [line], right=frozenset(head[1:]), spare=("known", "unreadable", "failed"))
    _tell(report, cost, dataset)
    if report.failed or report.unreadable:
        raise click.exceptions.Exit(Exit.FAILED)


def _cost(model: tuple[str, str], report: ParaphraseReport) -> float | None:
    """US dollars of this run's requests; None where the price is not known."""
    from ftb_tui.work.cost import answer_cost
    from ftb_tui.work.quoting import asking_prices

    if model[0] == "local" or report.requests == 0:
        return 0.0
    return answer_cost(asking_prices(model[0], model[1]), report.prompt_tokens, report.completion_tokens)


def _tell(report: ParaphraseReport, cost: float | None, dataset: str) -> None:
    from ftb_tui.work.cost import money

    tokens = report.prompt_tokens + report.completion_tokens
    about = "about " if report.tokens_estimated else ""
    say(
        f"{report.requests} requests to {report.model}, {about}{tokens:,} tokens, cost {about if cost else ''}{money(cost)}."
    )
    if report.cached == report.questions:
        say("This model was asked for so many wordings of each before. A higher -n asks for more.")
    if report.unreadable:
        say(f"{report.unreadable} replies held no wording. The same command asks again.")
    if report.failed:
        say(f"{report.failed} questions have no wordings: {report.error.rstrip('.')}. The same command asks again.")
    if report.proposed:
        listed = f"ftb paraphrases list {shlex.quote(dataset)} --state proposed"
        say(f"Look at them: {listed}; then ftb paraphrases keep KEY… or reject KEY…")


@paraphrases.command("list")
@click.argument("dataset")
@click.option("--state", type=click.Choice(_STATES), help="Only those.")
@as_json
def list_command(*, dataset: str, state: str | None, as_json: bool) -> None:
    """The wordings of a dataset's questions, each with its question and what speaks against it."""
    from ftb_tui.store.datasets import find_dataset
    from ftb_tui.store.paraphrases import WordingState, list_wordings

    async def work() -> list[WordingRow]:
        async with store() as db:
            found = await find_dataset(db, dataset)
            wanted = None if state is None else WordingState(state)
            return await list_wordings(db, dataset_id=found.dataset_id, state=wanted)

    rows = run_async(work())
    if as_json:
        put_json([asdict(row) for row in rows])
        return
    if not rows:
        make = f"ftb paraphrases make {shlex.quote(dataset)} --model PROVIDER/MODEL -n 3"
        say(f"There are none. A model makes them: {make}")
        return
    put_table(
        ("key", "state", "wording", "question", "gold", "reason", "model"),
        [
            (
                row.paraphrase_key,
                row.state,
                row.text,
                row.question,
                row.answer,
                row.reason,
                f"{row.provider}/{row.model}",
            )
            for row in rows
        ],
        right=frozenset({"key"}),
        spare=("model", "gold", "question", "reason"),
    )


_keys = click.argument("keys", nargs=-1, type=click.IntRange(1), metavar="[KEY]...")
_all = click.option("--all", "every", is_flag=True, help="All that are proposed.")
_dataset = click.option("--dataset", help="With --all: only those of this dataset.")


@paraphrases.command("keep")
@_keys
@_all
@_dataset
@as_json
def keep_command(*, keys: tuple[int, ...], every: bool, dataset: str | None, as_json: bool) -> None:
    """Keep wordings for training. One that a test asks cannot be kept."""
    from ftb_tui.work.paraphrasing import keep

    async def work() -> list[WordingRow]:
        async with store() as db:
            rows = await _chosen(db, keys, every, dataset)
            await keep(db, rows)
            return rows

    _told(run_async(work()), "kept", as_json)


@paraphrases.command("reject")
@_keys
@_all
@_dataset
@as_json
def reject_command(*, keys: tuple[int, ...], every: bool, dataset: str | None, as_json: bool) -> None:
    """Reject wordings. They stay listed, and are not proposed again."""
    from ftb_tui.work.paraphrasing import reject

    async def work() -> list[WordingRow]:
        async with store() as db:
            rows = await _chosen(db, keys, every, dataset)
            await reject(db, rows)
            return rows

    _told(run_async(work()), "rejected", as_json)


async def _chosen(
    db: aiosqlite.Connection, keys: tuple[int, ...], every: bool, dataset: str | None
) -> list[WordingRow]:
    from ftb_tui.store.datasets import find_dataset
    from ftb_tui.store.paraphrases import WordingState, list_wordings

    if bool(keys) == every:
        raise click.UsageError("Give the keys of wordings, or --all for all that are proposed.")
    if dataset is not None and not every:
        raise click.UsageError("--dataset is for --all; keys say already which wordings are meant.")
    if every:
        dataset_id = None if dataset is None else (await find_dataset(db, dataset)).dataset_id
        return await list_wordings(db, dataset_id=dataset_id, state=WordingState.PROPOSED)
    rows = await list_wordings(db, keys=keys)
    missing = sorted(set(keys) - {row.paraphrase_key for row in rows})
    if missing:
        raise click.UsageError(
            f"There is no wording {', '.join(map(str, missing))}. Their keys: ftb paraphrases list DATASET"
        )
    return rows


def _told(rows: list[WordingRow], state: str, as_json: bool) -> None:
    if as_json:
        put_json([{"paraphrase_key": row.paraphrase_key, "state": state} for row in rows])
        return
    say(f"{len(rows)} wording{'' if len(rows) == 1 else 's'} {state}.")
