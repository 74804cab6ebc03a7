"""How much of what a model memorized it does not know in other words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import aiosqlite

from ftb_tui.benchmark.averages import Average, averages
from ftb_tui.benchmark.graders import DEFAULT_GRADER
from ftb_tui.store.scores import ScoredAnswer, scored_answers
from ftb_tui.work.statistics import KINDS


@dataclass(frozen=True, slots=True)
class Gap:
    """Memorization minus generalization of one model, over the facts that were asked both ways."""

    model_key: int
    by_family: Average
    by_fact: Average


async def gaps(
    db: aiosqlite.Connection,
    *,
    dataset_id: str | None = None,
    grader: str = DEFAULT_GRADER,
    families: Collection[str] | None = None,
) -> dict[int, Gap]:
    """The generalization gap of every model that was asked both the trained and other questions, by model key.

    Over `families` alone, or over all.
    """
    by_model: dict[int, list[ScoredAnswer]] = defaultdict(list)
    for answer in await scored_answers(db, dataset_id=dataset_id, grader=grader):
        if families is None or answer.family in families:
            by_model[answer.model_key].append(answer)
    return {key: found for key, answers in by_model.items() if (found := gap(key, answers)) is not None}


def gap(model_key: int, answers: Sequence[ScoredAnswer]) -> Gap | None:
    """The gap of one model's answers; None when no fact was asked both ways.

    A fact counts the share of right answers to its trained question minus the share of right answers to its
    rephrased questions and vignettes. The interval is `averages`' bootstrap over facts within families.
    """
    families: dict[str, str] = {}
    shares: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for answer in answers:
        for kind, tasks in KINDS.items():
            if answer.task in tasks:
                fact = f"{answer.dataset_id}/{answer.fact_id}"
                families[fact] = answer.family
                shares[fact][kind].append(answer.correct)
    strata: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for fact, kinds in shares.items():
        if len(kinds) == len(KINDS):
            strata[families[fact]].append((_share(kinds, "memorization") - _share(kinds, "generalization"), 1))
    if not strata:
        return None
    by_family, by_fact = averages(strata, signed=True)
    return Gap(model_key, by_family, by_fact)


def _share(kinds: Mapping[str, Sequence[bool]], kind: str) -> float:
    return sum(kinds[kind]) / len(kinds[kind])
