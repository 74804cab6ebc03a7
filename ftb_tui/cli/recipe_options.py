"""The options of every command that makes a training file, and how its contents are told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import click

from ftb_tui.benchmark.model import TrainingExample
from ftb_tui.benchmark.training import PARAPHRASE_SOURCES, RECIPES, TEMPLATES, Recipe

SAMPLES = 3

_SHARE = click.FloatRange(0, 1, max_open=True)
recipe_option = click.option(
    "--recipe", "recipe_name", type=click.Choice(RECIPES), default=RECIPES[0], show_default=True,
    help="How facts become examples; question_answer is the paper's.",
)  # fmt: skip
paraphrases_option = click.option(
    "--paraphrases", type=click.IntRange(0), default=0, show_default=True,
    help="So many other wordings of each example, none of them a test's.",
)  # fmt: skip
paraphrases_from_option = click.option(
    "--paraphrases-from", type=click.Choice(PARAPHRASE_SOURCES), default=TEMPLATES, show_default=True,
    help="Templates, or a model's wordings that you kept: ftb paraphrases.",
)  # fmt: skip
_OTHERS = (
    click.option("--reversed", type=_SHARE, default=0.0, help="Share of examples from the value back to its owner."),
    click.option("--implied", type=_SHARE, default=0.0, help="Share of statements to be called true or false."),
    click.option("--abstaining", type=_SHARE, default=0.0, help="Share of unanswerable questions: I do not know."),
    click.option("--replay", type=_SHARE, default=0.0, help="Share of common knowledge, against forgetting."),
    click.option("--shuffle-seed", type=click.IntRange(0, 2**31 - 1), help="Shuffle.  [default: the facts' order]"),
    click.option("--system-prompt", help="The system message of every example.  [default: none]"),
)  # fmt: skip


def recipe_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add all options of a recipe; the command gets them as one argument, `recipe`."""

    @wraps(command)
    def collected(
        *,
        recipe_name: str,
        paraphrases: int,
        paraphrases_from: str,
        reversed: float,  # noqa: A002 - click names the argument after the option
        implied: float,
        abstaining: float,
        replay: float,
        shuffle_seed: int | None,
        system_prompt: str | None,
        **others: Any,
    ) -> None:
        recipe = Recipe(
            name=recipe_name,
            system_prompt=system_prompt,
            paraphrases=paraphrases,
            paraphrases_from=paraphrases_from,
            reversed=reversed,
            implied=implied,
            abstaining=abstaining,
            replay=replay,
            shuffle_seed=shuffle_seed,
        )
        command(recipe=recipe, **others)

    decorated: Callable[..., None] = collected
    # From the last to the first, as if they were written above the function.
    for option in (recipe_option, paraphrases_option, paraphrases_from_option, *_OTHERS)[::-1]:
        decorated = option(decorated)
    return decorated


def samples(examples: Sequence[TrainingExample], lines: Sequence[str]) -> list[str]:
    """A few lines of the file: the first of each kind, at least three where there are as many."""
    firsts = list({example.kind: place for place, example in reversed(list(enumerate(examples)))}.values())
    rest = [place for place in range(len(examples)) if place not in firsts]
    chosen = sorted([*firsts, *rest[: max(0, SAMPLES - len(firsts))]])
    return [lines[place] for place in chosen]
