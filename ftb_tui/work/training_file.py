"""A training file as it would be, with its counts; and written where a person wants it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import aiosqlite

from ftb_tui.benchmark.leaks import shared_wordings
from ftb_tui.benchmark.model import Dataset, Question, TrainingExample
from ftb_tui.benchmark.subset import first_facts
from ftb_tui.benchmark.training import LINE_FORMATS, Recipe, TrainingSplit, jsonl, recipe_record, training_split
from ftb_tui.store.jobs import save_training_file
from ftb_tui.work.cost import line_tokens
from ftb_tui.work.files import write_whole
from ftb_tui.work.token_counter import token_counter

FORMATS: Mapping[str, str] = MappingProxyType({"openai": "messages", "google": "contents"})
"""Whose wire a file is for -> the name of its lines' format."""


@dataclass(frozen=True, slots=True)
class TrainingFile:
    """A training file: its examples and lines in one order, and what is put aside for validation."""

    dataset_id: str
    recipe: Recipe
    split: TrainingSplit
    lines: tuple[str, ...]
    aside: tuple[str, ...]
    tokens: tuple[int, ...]
    """Of each line, with what the chat format adds."""
    tokens_how: str
    shared: tuple[Question, ...]
    """Test questions that are worded like trained ones, so that they test nothing new."""

    @property
    def n_tokens(self) -> int:
        """Tokens of all lines."""
        return sum(self.tokens)

    @property
    def sha256(self) -> str:
        """Of the file's bytes."""
        return digest(self.lines)


def training_file(
    dataset: Dataset,
    recipe: Recipe,
    *,
    file_format: str = "openai",
    people: int | None = None,
    facts: int | None = None,
    wordings: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> TrainingFile:
    """Make a training file by a recipe, of all facts or the first so many. Raises `DatasetError` as `training_split`.

    `wordings` are those that a person kept, by question id, for reviewed paraphrases.
    """
    chosen = first_facts(dataset, people=people, facts=facts)
    split = training_split(dataset, recipe, fact_ids=chosen, wordings=wordings)
    line = LINE_FORMATS[FORMATS[file_format]]
    lines = tuple(line(example, recipe) for example in split.training)
    counter = token_counter(file_format)
    return TrainingFile(
        dataset_id=dataset.dataset_id,
        recipe=recipe,
        split=split,
        lines=lines,
        aside=tuple(line(example, recipe) for example in split.validation),
        tokens=tuple(line_tokens(text, counter) for text in lines),
        tokens_how=counter.how,
        shared=shared_wordings(dataset),
    )


def digest(lines: Sequence[str]) -> str:
    """The SHA-256 of a file of these lines."""
    return hashlib.sha256(jsonl(lines)).hexdigest()


def example_kinds(examples: Sequence[TrainingExample]) -> dict[str, int]:
    """How many examples of each kind there are, in order of first occurrence."""
    return dict(Counter(example.kind for example in examples))


def kinds_sentence(examples: Sequence[TrainingExample]) -> str:
    """The counts in words, for example `150 taught, 300 paraphrase`."""
    return ", ".join(f"{count} {kind}" for kind, count in example_kinds(examples).items())


def validation_path(output: Path) -> Path:
    """Where the validation file goes when nobody says so: the same name with `.validation` before its ending."""
    return output.with_suffix(f".validation{output.suffix}")


async def keep_training_file(db: aiosqlite.Connection, file: TrainingFile, targets: Sequence[Path]) -> int:
    """Keep the file in the store, each line with the facts that it teaches, and write it; gives the store's key.

    `targets` are the file's path and, where something is put aside, the validation file's. Each appears when it is
    whole. Raises `DatasetError` and `StoreError`.
    """
    ids = [example.fact_id for example in file.split.training]
    pairs = list(zip(ids, file.lines, strict=True))
    key = await save_training_file(db, file.dataset_id, recipe_record(file.recipe), pairs)
    for target, lines in zip(targets, (file.lines, file.aside), strict=False):
        write_whole(target, jsonl(lines))
    return key
