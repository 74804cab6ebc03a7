"""`ftb train`."""

from __future__ import annotations

from dataclasses import asdict

import click

from ftb_tui.cli.common import (
    as_json,
    chosen_base,
    confirm,
    opened,
    put_json,
    require_weights_for,
    run_async,
    store,
)
from ftb_tui.cli.exits import say
from ftb_tui.store.jobs import JobRow
from ftb_tui.work.jobs import LaunchPlan


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
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=42, show_default=True, help="Of the training.")
@click.option("--suffix", help="Part of the tuned model's name.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and send nothing.")
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
    seed: int,
    suffix: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Launch a fine-tuning job. It is created once, whatever happens on the way."""
    from ftb_tui.benchmark.subset import first_subjects
    from ftb_tui.providers.config import load_config
    from ftb_tui.providers.registry import provider_info
    from ftb_tui.store.jobs import get_job
    from ftb_tui.work.bench import bench_dataset
    from ftb_tui.work.jobs import launch, training_lines

    defaults = load_config().defaults
    name = provider or defaults.provider
    base = chosen_base(name, base_model)

    async def planned() -> LaunchPlan:
        async with store() as db:
            found = await bench_dataset(db, dataset)
        return LaunchPlan(
            dataset=found,
            base_model=base,
            n_epochs=epochs or defaults.epochs,
            batch_size=batch_size,
            learning_rate_multiplier=learning_rate_multiplier,
            seed=seed,
            suffix=suffix,
            fact_ids=None if people is None else first_subjects(found, people),
        )

    async def launched() -> JobRow:
        async with store() as db:
            service = await opened(name)
            try:
                return await get_job(db, await launch(db, service, plan))
            finally:
                await service.close()

    plan = run_async(planned())
    lines = training_lines(plan)
    tokens = sum(len(line) for _, line in lines) // 4
    info = provider_info(name)
    free = info.capabilities.cost_basis == "free"
    facts: dict[str, object] = {
        "dataset": plan.dataset.dataset_id,
        "provider": name,
        "host": info.host,
        "base_model": base,
        "examples": len(lines),
        "tokens_estimate": tokens,
        "epochs": plan.n_epochs,
        "billed_tokens_estimate": 0 if free else tokens * (plan.n_epochs or 1),
        "cost": "free" if free else "billed by the service; see its prices",
    }
    if dry_run:
        put_json(facts) if as_json else click.echo(_sentence(facts))
        return
    # Between the two, outside an event loop, so that ctrl+c ends the question and the download at once.
    if not free:
        confirm(f"{_sentence(facts)}\nLaunch?", yes=yes)
    require_weights_for(name)
    job = run_async(launched())
    if as_json:
        put_json(asdict(job))
    else:
        say(f"Job {job.job_key} ({job.remote_job_id}) is {job.state}. Follow it: ftb jobs follow {job.job_key}")


def _sentence(facts: dict[str, object]) -> str:
    return (
        f"{facts['examples']} examples (about {facts['tokens_estimate']} tokens, estimated at 4 characters each) x "
        f"{facts['epochs']} epochs of {facts['base_model']} at {facts['host']}: {facts['cost']}."
    )
