"""`ftb train`."""

from __future__ import annotations

from dataclasses import asdict

import click

from ftb_tui.cli.common import as_json, confirm, opened, put_json, require_weights_for, run_async, store
from ftb_tui.cli.exits import say


@click.command()
@click.option("--dataset", required=True)
@click.option("--provider", default="local", show_default=True)
@click.option("--base", "base_model", default="smollm2-135m", show_default=True)
@click.option("--epochs", type=click.IntRange(1, 50), default=12, show_default=True)
@click.option("--batch-size", type=click.IntRange(1, 256))
@click.option("--learning-rate-multiplier", type=click.FloatRange(0, min_open=True))
@click.option("--people", type=click.IntRange(1), help="Teach only the first N people.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=42, show_default=True)
@click.option("--suffix", help="Part of the tuned model's name.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and send nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before a job that costs money.")
@as_json
def train(
    *,
    dataset: str,
    provider: str,
    base_model: str,
    epochs: int,
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
    from ftb_tui.providers.registry import provider_infos
    from ftb_tui.store.jobs import get_job
    from ftb_tui.work.bench import bench_dataset
    from ftb_tui.work.jobs import LaunchPlan, launch, training_lines

    async def work() -> None:
        async with store() as db:
            found = await bench_dataset(db, dataset)
            plan = LaunchPlan(
                dataset=found,
                base_model=base_model,
                n_epochs=epochs,
                batch_size=batch_size,
                learning_rate_multiplier=learning_rate_multiplier,
                seed=seed,
                suffix=suffix,
                fact_ids=None if people is None else first_subjects(found, people),
            )
            lines = training_lines(plan)
            tokens = sum(len(line) for _, line in lines) // 4
            info = next((entry for entry in provider_infos() if entry.name == provider), None)
            free = info is not None and info.capabilities.cost_basis == "free"
            facts: dict[str, object] = {
                "dataset": found.dataset_id,
                "provider": provider,
                "host": info.host if info else None,
                "base_model": base_model,
                "examples": len(lines),
                "tokens_estimate": tokens,
                "epochs": epochs,
                "billed_tokens_estimate": 0 if free else tokens * epochs,
                "cost": "free" if free else "billed by the service; see its prices",
            }
            if dry_run:
                put_json(facts) if as_json else say(_sentence(facts))
                return
            if not free:
                confirm(f"{_sentence(facts)}\nLaunch?", yes=yes)
            require_weights_for(provider)
            opened_provider = await opened(provider)
            try:
                job_key = await launch(db, opened_provider, plan)
            finally:
                await opened_provider.close()
            job = await get_job(db, job_key)
        if as_json:
            put_json(asdict(job))
        else:
            say(f"Job {job.job_key} ({job.remote_job_id}) is {job.state}. Follow it: ftb jobs follow {job.job_key}")

    run_async(work())


def _sentence(facts: dict[str, object]) -> str:
    return (
        f"{facts['examples']} examples (about {facts['tokens_estimate']} tokens, estimated at 4 characters each) x "
        f"{facts['epochs']} epochs of {facts['base_model']} at {facts['host']}: {facts['cost']}."
    )
