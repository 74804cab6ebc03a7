"""`ftb evaluate`."""

from __future__ import annotations

import difflib
import shlex
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

import click

from ftb_tui.benchmark.model import Task
from ftb_tui.cli.common import as_json, opened, put_json, require_weights_for, run_async, store, tasks_option
from ftb_tui.cli.consent import agree, put_quote
from ftb_tui.cli.exits import Exit, say
from ftb_tui.cli.known_before import held_in, held_object, held_sentence, telling_task
from ftb_tui.report.numbers import duration, score

if TYPE_CHECKING:
    import aiosqlite

    from ftb_tui.benchmark.model import Dataset, Question
    from ftb_tui.providers.base import Provider
    from ftb_tui.store.evaluations import EvaluationRow
    from ftb_tui.store.models import ModelRow


@click.command()
@click.option("--model", help="A base model's name, a tuned model or checkpoint, or a part of its name.")
@click.option("--provider", help="Who answers for the model.  [default: where the model is known from, else local]")
@click.option("--dataset", help="Which questions.")
@tasks_option
@click.option("--limit", type=click.IntRange(1), help="At most N questions of each task.")
@click.option("--people", type=click.IntRange(1), help="Only the facts of the first N people or other subjects.")
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=42,
    show_default=True,
    help="Of the answers and of the choice of questions.",
)
@click.option(
    "--temperature", type=click.FloatRange(0, 2), default=0.0, show_default=True, metavar="X", help="0: the likeliest."
)
@click.option(
    "--repeats",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    metavar="N",
    help="Ask each question N times, each time with another seed; needs a temperature above 0 to tell anything.",
)
@click.option("--answer-tokens", type=click.IntRange(1), help="Cap of an answer.  [default: the dataset's]")
@click.option(
    "--concurrency",
    type=click.IntRange(1),
    help="Ask so many questions at once, fewer if the service refuses.  [default: grows from a few]",
)
@click.option(
    "--max-cost",
    type=click.FloatRange(0),
    metavar="USD",
    help="Stop before the answers have cost more than this. Who names a cap is not asked, and needs no --yes.",
)
@click.option("--yes", is_flag=True, help="Do not ask before questions that cost money.")
@click.option("--dry-run", is_flag=True, help="Say what would be asked and what it costs; send nothing.")
@click.option(
    "--known-before",
    is_flag=True,
    help="Ask only what tells which facts the model held before they were changed, and count those.",
)
@click.option(
    "--batch/--no-batch",
    default=None,
    help="Ask in batches at half the price, answered within a day, where the service offers that.",
)
@click.option("--no-wait", is_flag=True, help="Send the batch and end; --resume N reads what came of it.")
@click.option("--cancel-batch", is_flag=True, help="With --resume: end the batch under way and keep what it answered.")
@click.option("--new", "again", is_flag=True, help="Ask once more what another evaluation asks in a batch now.")
@click.option("--resume", type=int, metavar="N", help="Go on with evaluation N: ask exactly what has no answer.")
@click.option("--retry-failures/--keep-failures", default=True, help="Ask failed questions again.  [default: yes]")
@as_json
def evaluate(
    *,
    model: str | None,
    provider: str | None,
    dataset: str | None,
    tasks: tuple[Task, ...] | None,
    limit: int | None,
    people: int | None,
    seed: int,
    repeats: int,
    temperature: float,
    answer_tokens: int | None,
    concurrency: int | None,
    max_cost: float | None,
    yes: bool,
    dry_run: bool,
    known_before: bool,
    batch: bool | None,
    no_wait: bool,
    cancel_batch: bool,
    again: bool,
    resume: int | None,
    retry_failures: bool,
    as_json: bool,
) -> None:
    """Ask a model a dataset's questions and grade the answers. Every answer is kept as it comes."""
    from ftb_tui.benchmark.subset import some_of
    from ftb_tui.providers.config import load_config
    from ftb_tui.providers.registry import provider_info
    from ftb_tui.store.batches import set_mode
    from ftb_tui.store.evaluations import forget_unanswered, get_evaluation
    from ftb_tui.store.models import ModelNotFoundError, find_model
    from ftb_tui.work.asking_quote import AskingQuote, quote_asking, quote_missing, within_day
    from ftb_tui.work.bench_plan import bench_dataset
    from ftb_tui.work.cost import money
    from ftb_tui.work.evaluate import EvaluationProgress, EvaluationStoppedError, create, run
    from ftb_tui.work.evaluation_plan import require_in_no_batch
    from ftb_tui.work.service import in_service

    if resume is None and (model is None or dataset is None):
        raise click.UsageError("Give --model and --dataset, or --resume N.")
    if known_before and tasks:
        raise click.UsageError("--known-before chooses the task itself; leave --tasks out.")
    if cancel_batch and resume is None:
        raise click.UsageError("--cancel-batch needs --resume N: which evaluation's batch?")
    if provider is not None:
        provider_info(provider)
    told: list[object] = []
    begun: list[int] = []

    def tell(progress: EvaluationProgress) -> None:
        if progress.in_batches:
            tell_batch(progress)
            return
        done = progress.total - progress.missing + progress.asked
        tenth = 10 * done // progress.total if progress.total else 0
        if told[-1:] != [tenth]:
            told.append(tenth)
            eta = f", {duration(progress.eta_seconds)} left" if progress.eta_seconds else ""
            about = "about " if progress.tokens_estimated else ""
            spent = f", {about}{money(progress.cost)} so far" if progress.cost else ""
            tokens = f"{about}{progress.prompt_tokens + progress.completion_tokens:,} tokens"
            say(f"{done}/{progress.total} asked, {progress.failed} failed, {tokens}{spent}{eta}")

    def tell_batch(progress: EvaluationProgress) -> None:
        sent, answered = progress.in_batches, progress.answered_there
        news = (progress.batch, 10 * answered // sent)
        if told[-1:] != [news]:
            told.append(news)
            say(f"At {name}: {progress.batch}; of the {sent} questions in it {answered} are answered there")

    async def who() -> tuple[str, ModelRow | None]:
        """Who is asked, and the model if it is known here. An unknown dataset is found out here, too."""
        async with store() as db:
            if resume is not None:
                return (await get_evaluation(db, resume)).provider, None
            assert model is not None
            assert dataset is not None
            questions = await bench_dataset(db, dataset)
            if known_before:
                telling_task(questions)
            try:
                found = await find_model(db, model, provider=provider)
            except ModelNotFoundError:
                if model in ("tuned", "base"):
                    # These are no names that a service could know.
                    raise
                return provider or load_config().defaults.provider, None
            return found.provider, found

    async def chosen(db: aiosqlite.Connection) -> tuple[Dataset, tuple[Question, ...]]:
        assert dataset is not None
        questions = await bench_dataset(db, dataset)
        those = (telling_task(questions),) if known_before else tasks
        return questions, tuple(some_of(questions, people=people, limit=limit, tasks=those, seed=seed))

    async def quoted() -> AskingQuote:
        async with store() as db:
            if resume is not None:
                return await quote_missing(db, resume, retry_failures=retry_failures, batch=batch)
            assert model is not None
            questions, asked = await chosen(db)
            if batch and known and asked and not again:
                await require_in_no_batch(
                    db, model_key=known.model_key, dataset_id=questions.dataset_id, questions=asked,
                    answer_tokens=answer_tokens or questions.answer_tokens, temperature=temperature, seed=seed,
                    repeats=repeats,
                )  # fmt: skip
            quote = quote_asking(
                name, known.name if known else model, asked, answer_tokens=answer_tokens or questions.answer_tokens,
                base_model=known.base_model if known else "", tuned=known is not None and known.kind != "base",
                batch=bool(batch), times=repeats,
            )  # fmt: skip
            return await within_day(db, quote)

    async def planned(db: aiosqlite.Connection, service: Provider) -> int:
        assert model is not None
        questions, asked = await chosen(db)
        model_key = known.model_key if known else await _new_base(db, service, model)
        return await create(
            db,
            model_key=model_key,
            dataset_id=questions.dataset_id,
            questions=asked,
            answer_tokens=answer_tokens or questions.answer_tokens,
            temperature=temperature,
            seed=seed,
            repeats=repeats,
            batch=bool(batch),
            again=again,
        )

    async def work() -> EvaluationRow:
        told_before = partial(opened, told=quote.costs_money)
        async with store() as db, in_service(name, told_before) as (service, revive):
            try:
                key = resume if resume is not None else await planned(db, service)
                begun.append(key)
                say(f"Evaluation {key}")
                if resume is not None and batch is not None:
                    await set_mode(db, key, batch=batch)
                return await run(
                    db,
                    service,
                    key,
                    on_progress=tell,
                    retry_failures=retry_failures,
                    concurrency=concurrency,
                    max_cost=max_cost,
                    revive=revive,
                    wait=not no_wait,
                    cancel_batches=cancel_batch,
                )
            except EvaluationStoppedError:
                if resume is None and known is None and begun:
                    await forget_unanswered(db, begun[0])
                raise

    name, known = run_async(who())
    info = provider_info(name)
    if batch and not info.capabilities.batches:
        raise click.UsageError(f"{name} does not answer in batches; leave --batch out.")
    quote = run_async(quoted())
    if dry_run:
        if model is not None and known is None:
            run_async(_look_up(name, model))
        put_quote(quote, as_json=as_json)
        return
    if not cancel_batch:
        agree(quote, yes=yes, max_cost=max_cost)
    require_weights_for(name)
    try:
        row = run_async(work())
    except KeyboardInterrupt:
        say(
            "\nInterrupted. " + (f"Every answer is kept; go on with: ftb evaluate --resume {begun[0]}" if begun else "")
        )
        raise click.exceptions.Exit(Exit.INTERRUPTED) from None
    _tell_end(row, known_before=known_before, as_json=as_json)
    _tell_what_is_left(row)
    if row.n_failed:
        raise click.exceptions.Exit(Exit.FAILED)


def _tell_end(row: EvaluationRow, *, known_before: bool, as_json: bool) -> None:
    """What came of a run, on stdout as JSON or else as sentences."""
    held = run_async(held_in(row)) if known_before else None
    if as_json:
        put_json({**asdict(row), **held_object(held)} if known_before else asdict(row))
    elif _is_in_batch(row):
        # What the first question alone came to is no score.
        return
    elif known_before:
        say(held_sentence(row.model, held))
        say("Scores over those alone, once a tuned model was asked: ftb results --known-before")
    else:
        share = row.n_correct / row.n_answered if row.n_answered else None
        say(f"{row.model}: {row.n_correct} of {row.n_answered} right ({score(share)}), {row.n_failed} failed.")
        if row.n_answered:
            say(f"Look closer: ftb results, or ftb wrong --model {shlex.quote(row.model)} --task {row.tasks[0]}")


def _tell_what_is_left(row: EvaluationRow) -> None:
    """What a person should know of an evaluation that was run, and what to do about it."""
    if row.tokens_estimated:
        say(f"{row.provider} did not say how many tokens some answers took: tokens and money are estimated.")
    if _is_in_batch(row):
        sent = row.n_questions - row.n_answered - row.n_failed
        say(
            f"A batch is under way with {sent} of the {row.n_questions} questions, for up to a day; read what came of it "
            f"with: ftb evaluate --resume {row.evaluation_key}"
        )
    if row.n_failed:
        again = f"Ask the failed ones again: ftb evaluate --resume {row.evaluation_key}"
        told, task = run_async(_failures(row))
        say(told)
        see = f"ftb wrong --model {shlex.quote(row.model)} --task {task} --show failed"
        say(f"{again} - or see them: {see}" if task else again)


def _is_in_batch(row: EvaluationRow) -> bool:
    """Whether a run ended and left the questions to the service."""
    return bool(row.batch) and row.state == "paused"


async def _failures(row: EvaluationRow) -> tuple[str, str | None]:
    """Why questions failed, and a task of which `ftb wrong` lists them: where this evaluation is the one that counts."""
    from ftb_tui.store.chosen import chosen_evaluation
    from ftb_tui.store.failures import failures, failures_sentence

    async with store() as db:
        found = await failures(db, row.evaluation_key)
        for task in found.tasks:
            if await chosen_evaluation(db, row.model_key, row.dataset_id, task) == row.evaluation_key:
                return failures_sentence(found), task
    return failures_sentence(found), None


async def _new_base(db: aiosqlite.Connection, service: Provider, name: str) -> int:
    """The key of a base model that was never used here, if its service may know it."""
    from ftb_tui.store.database import transaction
    from ftb_tui.store.models import ensure_model

    await _require_possible(service, name)
    async with transaction(db):
        return await ensure_model(db, provider=service.name, name=name, kind="base", base_model=name)


async def _require_possible(service: Provider, name: str) -> None:
    """Raise `ModelNotFoundError` for a model that the embedded engine does not have: its list is complete.

    Others know names that they do not list (deployments, tags), so there the list only gives a hint.
    """
    from ftb_tui.providers.base import ProviderError
    from ftb_tui.store.models import ModelNotFoundError

    try:
        listed = [model.name for model in await service.list_models()]
    except ProviderError:
        listed = []
    if listed and name not in listed:
        near = difflib.get_close_matches(name, listed, n=1)
        hint = f" Did you mean {near[0]}?" if near else f" It lists {', '.join(listed[:8])}."
        if service.name == "local":
            raise ModelNotFoundError(f"The embedded engine has no model {name!r}.{hint}")
        say(f"{service.name} does not list {name!r}.{hint} Asking for it all the same.")


async def _look_up(provider: str, model: str) -> None:
    """For a dry run, which sends nothing and starts nothing: whether there is such a model, or that it was not checked."""
    import asyncio

    from ftb_tui.providers.registry import open_provider
    from ftb_tui.weights import MODEL_NAME
    from ftb_tui.work.local_engine import running_engine

    if provider != "local":
        say(f"It was not checked whether {provider} has a model {model!r}: a dry run sends nothing.")
    elif await asyncio.to_thread(running_engine) is not None:
        service = await asyncio.to_thread(open_provider, provider)
        try:
            await _require_possible(service, model)
        finally:
            await service.close()
    elif model != MODEL_NAME:
        say(f"It was not checked whether the embedded engine has a model {model!r}: it is not running.")
