"""`ftb datasets training-file`."""

from __future__ import annotations

from pathlib import Path

import click

from ftb_tui.benchmark.training import Recipe, TrainingSplit
from ftb_tui.cli.common import as_json, put_json, run_async, store
from ftb_tui.cli.exits import say
from ftb_tui.cli.recipe_options import recipe_options, samples


@click.command("training-file")
@click.argument("dataset")
@recipe_options
@click.option("--validation", type=click.FloatRange(0, 1, max_open=True), default=0.0, help="Share put aside.")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["openai", "google"]),
    default="openai",
    show_default=True,
    help="Whose wire.",
)
@click.option("--facts", type=click.IntRange(1), help="Teach only the first N facts.")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Where the file goes; never overwritten."
)
@click.option(
    "--validation-output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the validation file goes.  [default: OUTPUT with .validation before its ending]",
)
@as_json
def training_file(
    *,
    dataset: str,
    recipe: Recipe,
    validation: float,
    file_format: str,
    facts: int | None,
    output: Path | None,
    validation_output: Path | None,
    as_json: bool,
) -> None:
    """Make a training file by a recipe and write it; without --output, show what it would hold.

    The file is kept in the store as well, each line with the facts that it teaches.
    """
    from dataclasses import replace

    from ftb_tui.benchmark.training import recipe_record
    from ftb_tui.report.plain import visible
    from ftb_tui.store.paraphrases import wordings_for
    from ftb_tui.work import training_file as work_on
    from ftb_tui.work.bench_plan import bench_dataset

    recipe = replace(recipe, validation=validation)
    targets = _targets(output, validation_output, wanted=validation > 0)

    async def work() -> None:
        async with store() as db:
            found = await bench_dataset(db, dataset)
            wordings = await wordings_for(db, found.dataset_id, recipe)
            made = work_on.training_file(found, recipe, file_format=file_format, facts=facts, wordings=wordings)
            key = await work_on.keep_training_file(db, made, targets) if targets else None
        if as_json:
            put_json(
                {
                    "dataset": made.dataset_id,
                    "recipe": recipe_record(recipe),
                    "format": file_format,
                    "examples": len(made.lines),
                    "kinds": work_on.example_kinds(made.split.training),
                    "tokens": made.n_tokens,
                    "tokens_how": made.tokens_how,
                    "sha256": made.sha256,
                    "training_file_key": key,
                    "output": str(targets[0]) if targets else None,
                    "validation_examples": len(made.aside),
                    "validation_sha256": work_on.digest(made.aside) if made.aside else None,
                    "validation_output": str(targets[1]) if len(targets) > 1 else None,
                    "test_questions_worded_as_trained": [question.question_id for question in made.shared],
                    "samples": samples(made.split.training, made.lines),
                }
            )
            return
        kinds = work_on.kinds_sentence(made.split.training)
        say(f"{made.dataset_id}, {recipe.name}: {kinds}; {_apart(made.split)}")
        say(f"{made.n_tokens} tokens, {made.tokens_how}. SHA-256 {made.sha256}")
        if made.shared:
            say(f"{len(made.shared)} test question(s) are worded like trained ones, so they test nothing new.")
        if targets:
            say(f"Written: {', '.join(str(target) for target in targets)}")
        else:
            for sample in samples(made.split.training, made.lines):
                click.echo(visible(sample))

    run_async(work())


def _targets(output: Path | None, validation_output: Path | None, *, wanted: bool) -> list[Path]:
    """Where files go, none of which may exist yet."""
    from ftb_tui.work.training_file import validation_path

    if output is None:
        if validation_output is not None:
            raise click.UsageError("--validation-output needs --output.")
        return []
    if validation_output is not None and not wanted:
        raise click.UsageError("--validation-output needs --validation, the share to put aside.")
    aside = validation_output or validation_path(output)
    targets = [output, aside] if wanted else [output]
    for target in targets:
        if target.exists():
            raise click.UsageError(f"{target} exists already; give another name or remove it.")
        if not target.parent.is_dir():
            raise click.UsageError(f"The directory {target.parent} does not exist.")
    return targets


def _apart(split: TrainingSplit) -> str:
    return f"{len(split.training)} examples, {len(split.validation)} put aside for validation."
