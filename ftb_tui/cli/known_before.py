"""How `ftb evaluate` and `ftb results` tell which facts a model held before they were changed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ftb_tui.benchmark.known_before import asking_task
from ftb_tui.benchmark.model import Dataset, Task
from ftb_tui.cli.common import put_json, put_table, store
from ftb_tui.cli.exits import say
from ftb_tui.report.numbers import interval, score

if TYPE_CHECKING:
    from ftb_tui.store.evaluations import EvaluationRow
    from ftb_tui.store.known_before import Held, KnownRow

HEAD = ("dataset", "model", "kind", "task", "n", "score", "held", "known", "known score", "95%")


def telling_task(dataset: Dataset) -> Task:
    """The task to ask. Raises a usage error for a dataset whose questions have no old answers."""
    task = asking_task(dataset.questions)
    if task is None:
        raise click.UsageError(f"{dataset.name} has no answer_before, so it cannot tell what was known before.")
    return task


async def held_in(row: EvaluationRow) -> Held | None:
    """What the model of a stored evaluation held."""
    from ftb_tui.store.known_before import held_before

    async with store() as db:
        return await held_before(db, row.dataset_id, row.evaluation_key)


def held_object(held: Held | None) -> dict[str, object]:
    """The counts and the facts for `--json`."""
    return {
        "asked_before": len(held.asked) if held else 0,
        "held_before": len(held.known) if held else 0,
        "held_fact_ids": sorted(held.known) if held else [],
    }


def held_sentence(model: str, held: Held | None) -> str:
    """Both counts in words."""
    if held is None:
        return f"{model} answered nothing that could tell what it held before."
    return f"{model} held {len(held.known)} of {len(held.asked)} facts before they were changed (asked by {held.task})."


async def held_sentences(dataset_id: str, base_model: str, evaluation_keys: frozenset[int]) -> list[str]:
    """What a benchmark says about old facts: how many the base held, and the tuned model's scores over those.

    Nothing for a dataset of new knowledge.
    """
    from ftb_tui.store.known_before import known_results

    async with store() as db:
        rows = [r for r in await known_results(db, dataset_id=dataset_id) if r.evaluation_key in evaluation_keys]
    if not rows:
        return []
    asked, held = rows[0].asked_before, rows[0].held_before
    said = [f"{base_model} held {held} of the {asked} old facts that it was asked about."]
    for row in rows:
        if row.kind == "tuned" and row.known:
            said.append(
                f"{row.task} over those: {score(row.known_score)} "
                f"(95% {interval(row.known_low, row.known_high)}, {row.known} of {row.n} questions)."
            )
    return said


def put_known(rows: list[KnownRow], *, as_json: bool) -> None:
    """The result table over all questions and over those whose old fact the base held."""
    if as_json:
        put_json([asdict(row) for row in rows])
        return
    if not rows:
        say("No base model was asked about facts that have an answer_before. Ask: ftb evaluate --known-before")
        return
    lines = [
        (
            row.dataset, row.model, row.kind, row.task, row.n, score(row.score),
            f"{row.held_before}/{row.asked_before}", row.known, score(row.known_score),
            interval(row.known_low, row.known_high),
        )
        for row in rows
    ]  # fmt: skip
    put_table(HEAD, lines, right=frozenset({"n", "score", "held", "known", "known score", "95%"}))
    say("held: facts whose old answer the base gave, of those it was asked. known: questions on them.")
