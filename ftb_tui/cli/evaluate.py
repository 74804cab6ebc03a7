"""`ftb evaluate`."""

from __future__ import annotations

from dataclasses import asdict

import click

from ftb_tui.benchmark.model import Task
from ftb_tui.cli.common import as_json, opened, put_json, require_weights_for, reviver, run_async, store, tasks_option
from ftb_tui.cli.exits import Exit, say
from ftb_tui.report.numbers import duration, score


@click.command()
@click.option("--model", help="A base model's name, a tuned model or checkpoint, or a part of its name.")
@click.option("--provider", help="Who answers for the model.  [default: where the model is known from, else local]")
@click.option("--dataset", help="Which questions.")
@tasks_option
@click.option("--limit", type=click.IntRange(1), help="At most N questions of each task.")
@click.option("--people", type=click.IntRange(1), help="Only the first N people.")
@click.option("--seed", type=click.IntRange(0), default=42, show_default=True)
@click.option("--temperature", type=click.FloatRange(0, 2), default=0.0, show_default=True)
@click.option("--answer-tokens", type=click.IntRange(1), help="Cap of an answer.  [default: the dataset's]")
@click.option("--concurrency", type=click.IntRange(1), help="At most so many questions at once.")
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
    temperature: float,
    answer_tokens: int | None,
    concurrency: int | None,
    resume: int | None,
    retry_failures: bool,
    as_json: bool,
) -> None:
    """Ask a model a dataset's questions and grade the answers. Every answer is kept as it comes."""
    from ftb_tui.benchmark.subset import subset
    from ftb_tui.store.database import transaction
    from ftb_tui.store.evaluations import EvaluationRow, get_evaluation
    from ftb_tui.store.models import ModelNotFoundError, ensure_model, find_model, get_model
    from ftb_tui.work.bench import bench_dataset
    from ftb_tui.work.evaluate import EvaluationProgress, create, run

    if resume is None and (model is None or dataset is None):
        raise click.UsageError("Give --model and --dataset, or --resume N.")
    told: list[int] = []

    def tell(progress: EvaluationProgress) -> None:
        done = progress.total - progress.missing + progress.asked
        tenth = 10 * done // progress.total if progress.total else 0
        if told[-1:] != [tenth]:
            told.append(tenth)
            eta = f", {duration(progress.eta_seconds)} left" if progress.eta_seconds else ""
            say(f"{done}/{progress.total} asked, {progress.failed} failed{eta}")

    async def work() -> EvaluationRow:
        async with store() as db:
            if resume is not None:
                key = resume
                name = (await get_evaluation(db, key)).provider
            else:
                assert model is not None
                assert dataset is not None
                try:
                    found = await find_model(db, model, provider=provider)
                except ModelNotFoundError:
                    # A base model that was never used here; the service knows whether it exists.
                    async with transaction(db):
                        new = await ensure_model(
                            db, provider=provider or "local", name=model, kind="base", base_model=model
                        )
                    found = await get_model(db, new)
                questions = await bench_dataset(db, dataset)
                chosen = subset(questions, people=people, limit=limit, tasks=tasks, seed=seed)
                key = await create(
                    db,
                    model_key=found.model_key,
                    dataset_id=questions.dataset_id,
                    questions=chosen,
                    answer_tokens=answer_tokens or questions.answer_tokens,
                    temperature=temperature,
                    seed=seed,
                )
                name = found.provider
            say(f"Evaluation {key}")
            require_weights_for(name)
            service = await opened(name)
            try:
                return await run(
                    db,
                    service,
                    key,
                    on_progress=tell,
                    retry_failures=retry_failures,
                    concurrency=concurrency,
                    revive=reviver(name, service),
                )
            finally:
                await service.close()

    try:
        row = run_async(work())
    except KeyboardInterrupt:
        say("\nInterrupted. Nothing is lost: ftb evaluate --resume N goes on.")
        raise click.exceptions.Exit(Exit.INTERRUPTED) from None
    if as_json:
        put_json(asdict(row))
    else:
        share = row.n_correct / row.n_answered if row.n_answered else None
        say(
            f"{row.model}: {row.n_correct} of {row.n_answered} right ({score(share)}), {row.n_failed} failed. ftb results"
        )
    if row.n_failed:
        raise click.exceptions.Exit(Exit.FAILED)
