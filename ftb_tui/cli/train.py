"""`ftb train`."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial

import click

from ftb_tui.benchmark.training import PREFERENCE, QUESTION_ANSWER, Recipe
from ftb_tui.cli.common import (
    as_json,
    chosen_base,
    confirm,
    opened,
    put_json,
    require_weights_for,
    run_async,
    store,
    today,
)
from ftb_tui.cli.exits import say
from ftb_tui.cli.recipe_options import recipe_options, samples
from ftb_tui.store.jobs import JobRow
from ftb_tui.work.launch_plan import DPO, SUPERVISED, LaunchPlan


@click.command()
@click.option("--dataset", required=True, help="Whose facts are taught: a stored or bundled dataset.")
@click.option("--provider", help="Who trains.  [default: local, the embedded engine]")
@click.option("--base", "base_model", help="The model to tune.  [default: smollm2-135m where that is local]")
@click.option("--epochs", type=click.IntRange(1, 50), help="Times through the training file.  [default: 12]")
@click.option("--batch-size", type=click.IntRange(1, 256), help="Examples a step.  [default: the service's]")
@click.option(
    "--learning-rate-multiplier", type=click.FloatRange(0, min_open=True), help="[default: the service's]", metavar="X"
)
@click.option("--people", type=click.IntRange(1), help="Teach only the first N people.")
@click.option("--facts", "n_facts", type=click.IntRange(1), help="Teach only the first N facts.")
@recipe_options
@click.option(
    "--method",
    type=click.Choice([SUPERVISED, DPO]),
    help="dpo teaches to prefer right answers to wrong ones: --recipe preference.  [default: as the recipe needs]",
)
@click.option(
    "--beta",
    type=click.FloatRange(0, 2, min_open=True),
    metavar="X",
    help="For dpo: how closely the base is kept to.  [default: the service's]",
)
@click.option(
    "--validation-share",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    help="Share of examples that are only looked at while training; needs --paraphrases.",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=42, show_default=True, help="Of the training.")
@click.option("--suffix", help="Part of the tuned model's name.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Say what would be sent and what it costs, and send nothing; exit code 2 where it would be refused.",
)
@click.option("--force", is_flag=True, help="Try even where the service or the model is said to have ended.")
@click.option("--yes", is_flag=True, help="Do not ask before a job that costs money.")
@as_json
def train(
    *,
    dataset: str,
    provider: str | None,
    base_model: str | None,
    epochs: int | None,
    batch_size: int | None,
    learning_rate_multiplier: float | None,
    people: int | None,
    n_facts: int | None,
    recipe: Recipe,
    method: str | None,
    beta: float | None,
    validation_share: float,
    seed: int,
    suffix: str | None,
    dry_run: bool,
    force: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Launch a fine-tuning job. It is created once, whatever happens on the way."""
    from ftb_tui.benchmark.subset import first_facts
    from ftb_tui.benchmark.training import recipe_record, training_examples
    from ftb_tui.providers.config import load_config
    from ftb_tui.providers.registry import provider_info
    from ftb_tui.providers.states import told
    from ftb_tui.report.plain import visible
    from ftb_tui.store.jobs import get_job
    from ftb_tui.store.paraphrases import wordings_for
    from ftb_tui.store.wrong_answers import wrong_answers
    from ftb_tui.work.bench_plan import bench_dataset
    from ftb_tui.work.cost import Quote, quote_lines
    from ftb_tui.work.jobs import launch
    from ftb_tui.work.launch_plan import training_lines
    from ftb_tui.work.quoting import quote_launch, refuse
    from ftb_tui.work.service import in_service
    from ftb_tui.work.training_file import example_kinds, kinds_sentence

    recipe = _recipe(recipe, method, validation_share)
    if beta is not None and recipe.name != PREFERENCE:
        raise click.UsageError("--beta is for --method dpo.")
    defaults = load_config().defaults
    name = provider or defaults.provider
    base = chosen_base(name, base_model)

    async def planned() -> tuple[LaunchPlan, Quote]:
        async with store() as db:
            found = await bench_dataset(db, dataset)
            chosen = LaunchPlan(
                dataset=found,
                base_model=base,
                n_epochs=epochs or defaults.epochs,
                batch_size=batch_size,
                learning_rate_multiplier=learning_rate_multiplier,
                seed=seed,
                suffix=suffix,
                fact_ids=first_facts(found, people=people, facts=n_facts),
                beta=beta,
                recipe=recipe,
                wrong_answers=await wrong_answers(db, provider=name, model=base, dataset_id=found.dataset_id)
                if recipe.name == PREFERENCE
                else {},
                wordings=await wordings_for(db, found.dataset_id, recipe),
            )
            return chosen, await quote_launch(db, chosen, name, today())

    async def launched() -> JobRow:
        async with store() as db, in_service(name, partial(opened, told=True)) as (service, _):
            return await get_job(db, await launch(db, service, plan, estimate=quoted))

    plan, quoted = run_async(planned())
    info = provider_info(name)
    examples = training_examples(
        plan.dataset, plan.recipe, fact_ids=plan.fact_ids, wrong=plan.wrong_answers, wordings=plan.wordings
    )
    lines = [line for _, line in training_lines(plan, info.capabilities.training_format)]
    if dry_run:
        if as_json:
            facts = {**asdict(quoted), "recipe": recipe_record(recipe), "kinds": example_kinds(examples)}
            put_json({**facts, "stops": quoted.stops(force=force), "samples": samples(examples, lines)})
        else:
            for text in quote_lines(quoted):
                click.echo(visible(text))
            click.echo(f"{recipe.name}: {kinds_sentence(examples)}. For example:")
            for sample in samples(examples, lines):
                click.echo(visible(sample))
        # With the reasons, as a launch would be.
        refuse(quoted, force=force)
        return
    refuse(quoted, force=force)
    # Between the two, outside an event loop, so that ctrl+c ends the question and the download at once.
    warnings = [f"! {finding.text}" for finding in quoted.findings if finding.level == "warn"]
    for text in warnings if quoted.free else quote_lines(quoted):
        say(visible(text))
    if not quoted.free:
        confirm("Launch this job?", yes=yes)
    require_weights_for(name)
    job = run_async(launched())
    if as_json:
        put_json(asdict(job))
    else:
        say(f"Job {job.job_key} ({job.remote_job_id}) {told(job.state)}. Follow it: ftb jobs follow {job.job_key}")


def _recipe(recipe: Recipe, method: str | None, validation_share: float) -> Recipe:
    """The recipe that method and share ask for."""
    if method == DPO and recipe.name == QUESTION_ANSWER:
        recipe = replace(recipe, name=PREFERENCE)
    wanted = DPO if recipe.name == PREFERENCE else SUPERVISED
    if method not in (None, wanted):
        raise click.UsageError(f"The recipe {recipe.name} is for --method {wanted}, not {method}.")
    return replace(recipe, validation=validation_share)
