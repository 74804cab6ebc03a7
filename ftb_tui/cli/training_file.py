"""`ftb datasets training-file`."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click

from ftb_tui.benchmark.training import Recipe, TrainingSplit
from ftb_tui.cli.common import as_json, put_json, run_async, store
from ftb_tui.cli.exits import say
from ftb_tui.cli.recipe_options import example_kinds, kinds_sentence, recipe_options, samples

FORMATS = {"openai": "messages", "google": "contents"}


@click.command("training-file")
@click.argument("dataset")
@recipe_options
@click.option("--validation", type=click.FloatRange(0, 1, max_open=True), default=0.0, help="Share put aside.")
@click.option(
    "--format", "file_format", type=click.Choice(list(FORMATS)), default="openai", show_default=True, help="Whose wire."
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

    from ftb_tui.benchmark.leaks import shared_wordings
    from ftb_tui.benchmark.subset import first_facts
    from ftb_tui.benchmark.training import LINE_FORMATS, recipe_record, training_split
    from ftb_tui.report.plain import visible
    from ftb_tui.store.jobs import save_training_file
    from ftb_tui.work.bench import bench_dataset
    from ftb_tui.work.cost import line_tokens
    from ftb_tui.work.token_counter import token_counter

    recipe = replace(recipe, validation=validation)
    targets = _targets(output, validation_output, wanted=validation > 0)

    async def work() -> None:
        async with store() as db:
            found = await bench_dataset(db, dataset)
            split = training_split(found, recipe, fact_ids=first_facts(found, people=None, facts=facts))
            line = LINE_FORMATS[FORMATS[file_format]]
            lines = [line(example, recipe) for example in split.training]
            aside = [line(example, recipe) for example in split.validation]
            counter = token_counter(file_format)
            tokens = sum(line_tokens(text, counter) for text in lines)
            for target, content in zip(targets, (lines, aside), strict=False):
                _write(target, content)
            key = None
            if targets:
                ids = [example.fact_id for example in split.training]
                pairs = list(zip(ids, lines, strict=True))
                key = await save_training_file(db, found.dataset_id, recipe_record(recipe), pairs)
        shared = shared_wordings(found)
        if as_json:
            put_json(
                {
                    "dataset": found.dataset_id,
                    "recipe": recipe_record(recipe),
                    "format": file_format,
                    "examples": len(lines),
                    "kinds": example_kinds(split.training),
                    "tokens": tokens,
                    "tokens_how": counter.how,
                    "sha256": _digest(lines),
                    "training_file_key": key,
                    "output": str(targets[0]) if targets else None,
                    "validation_examples": len(aside),
                    "validation_sha256": _digest(aside) if aside else None,
                    "validation_output": str(targets[1]) if len(targets) > 1 else None,
                    "test_questions_worded_as_trained": [question.question_id for question in shared],
                    "samples": samples(split.training, lines),
                }
            )
            return
        say(f"{found.dataset_id}, {recipe.name}: {kinds_sentence(split.training)}; {_apart(split)}")
        say(f"{tokens} tokens, {counter.how}. SHA-256 {_digest(lines)}")
        if shared:
            say(f"{len(shared)} test question(s) are worded like trained ones, so they test nothing new.")
        if targets:
            say(f"Written: {', '.join(str(target) for target in targets)}")
        else:
            for sample in samples(split.training, lines):
                click.echo(visible(sample))

    run_async(work())


def _targets(output: Path | None, validation_output: Path | None, *, wanted: bool) -> list[Path]:
    """Where files go, none of which may exist yet."""
    if output is None:
        if validation_output is not None:
            raise click.UsageError("--validation-output needs --output.")
        return []
    if validation_output is not None and not wanted:
        raise click.UsageError("--validation-output needs --validation, the share to put aside.")
    aside = validation_output or output.with_suffix(f".validation{output.suffix}")
    targets = [output, aside] if wanted else [output]
    for target in targets:
        if target.exists():
            raise click.UsageError(f"{target} exists already; give another name or remove it.")
        if not target.parent.is_dir():
            raise click.UsageError(f"The directory {target.parent} does not exist.")
    return targets


def _write(target: Path, lines: list[str]) -> None:
    """All or nothing: the file appears under its name when it is whole."""
    from ftb_tui.benchmark.training import jsonl

    part = target.with_name(f"{target.name}.part")
    part.write_bytes(jsonl(lines))
    part.replace(target)


def _digest(lines: list[str]) -> str:
    from ftb_tui.benchmark.training import jsonl

    return hashlib.sha256(jsonl(lines)).hexdigest()


def _apart(split: TrainingSplit) -> str:
    return f"{len(split.training)} examples, {len(split.validation)} put aside for validation."
