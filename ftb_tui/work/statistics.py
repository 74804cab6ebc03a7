"""Averages over families, and how sure each comparison is, from the answers in the store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import aiosqlite

from ftb_tui.benchmark.averages import Cluster, averages
from ftb_tui.benchmark.clusters import clustered_share
from ftb_tui.benchmark.graders import DEFAULT_GRADER
from ftb_tui.benchmark.model import Family
from ftb_tui.benchmark.power import detectable_paired
from ftb_tui.benchmark.statistics import MCNEMAR, SIGN_TEST, holm, mcnemar_exact
from ftb_tui.store.models import ModelRow, list_models
from ftb_tui.store.scores import ScoredAnswer, scored_answers

KINDS: Mapping[str, frozenset[str]] = {
    "memorization": frozenset({"memorization"}),
    "generalization": frozenset({"rephrased", "vignette"}),
}
"""What the paper's leaderboard averages. Date change, secondary and comparison are in neither of its means."""


KNOWLEDGE: Mapping[str, frozenset[str]] = {
    "new": frozenset({Family.FICTIONAL_PEOPLE, Family.LATEST_NEWS}),
    "updating": frozenset({Family.CODING, Family.MEDICAL}),
}
"""The paper's two kinds: facts that no model has met, and facts in place of others. Own datasets are of neither."""
EVERY = "all"


@dataclass(frozen=True, slots=True)
class ModelAverage:
    """A model's average over families. The difference is to its base, over the questions that both answered."""

    provider: str
    model: str
    kind: str
    what: str
    average: str
    value: float
    low: float
    high: float
    n: int
    facts: int
    families: tuple[str, ...]
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    knowledge: str = EVERY
    """Over which families: `all` of them, or those of one of `KNOWLEDGE`."""

    @property
    def of(self) -> str:
        """What is averaged, in words: `memorization, new knowledge`."""
        return self.what if self.knowledge == EVERY else f"{self.what}, {self.knowledge} knowledge"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A tuned model beside its base on the same questions of one task.

    `low` and `high` bound the score and hold answers to one fact together (`design_effect`). With one answer a
    question `p_value` is the exact McNemar test; with repeats it is the sign test over facts, which flips cannot
    multiply. `p_holm` is adjusted for all comparisons of the table. `detectable` is the least difference that so
    many questions, of which so many flip, show with a power of 0.8.
    """

    dataset: str
    provider: str
    model: str
    task: str
    n: int
    facts: int
    score: float
    low: float
    high: float
    design_effect: float
    base_score: float
    difference: float
    fixed: int
    broken: int
    test: str
    p_value: float
    p_holm: float
    detectable: float | None


@dataclass(frozen=True, slots=True)
class StatisticsReport:
    """Averages by model, and every comparison that the store allows.

    `by_knowledge` has the averages over the families of new and of updating knowledge apart.
    """

    grader: str
    averages: tuple[ModelAverage, ...]
    comparisons: tuple[Comparison, ...]
    by_knowledge: tuple[ModelAverage, ...] = ()

    @property
    def listed(self) -> tuple[ModelAverage, ...]:
        """All averages without repeating any: one kind's stand apart only where a model was asked more than that."""
        whole = {(a.provider, a.model, a.what): a.families for a in self.averages}
        apart = [a for a in self.by_knowledge if whole[a.provider, a.model, a.what] != a.families]
        return (*self.averages, *apart)


_Cell = tuple[str, str]
_Answers = dict[tuple[int, int], ScoredAnswer]


async def statistics(
    db: aiosqlite.Connection, *, dataset_id: str | None = None, grader: str = DEFAULT_GRADER
) -> StatisticsReport:
    """Compute everything from the rows that the result table counts. Takes about a second for each model."""
    cells: dict[int, dict[_Cell, _Answers]] = defaultdict(lambda: defaultdict(dict))
    for answer in await scored_answers(db, dataset_id=dataset_id, grader=grader):
        cells[answer.model_key][answer.dataset_id, answer.task][answer.question_key, answer.repeat] = answer
    models = [model for model in await list_models(db) if model.model_key in cells]
    bases = {(model.provider, model.name): model.model_key for model in models if model.kind == "base"}
    found: list[ModelAverage] = []
    by_knowledge: list[ModelAverage] = []
    compared: list[Comparison] = []
    for model in models:
        base_key = bases.get((model.provider, model.base_model)) if model.kind != "base" else None
        base = cells[base_key] if base_key is not None else {}
        averaged = _averages(model, cells[model.model_key], base)
        found += averaged
        by_knowledge += _by_knowledge(model, cells[model.model_key], base, averaged)
        compared += _comparisons(model, cells[model.model_key], base)
    adjusted = holm([comparison.p_value for comparison in compared])
    compared = [replace(comparison, p_holm=p) for comparison, p in zip(compared, adjusted, strict=True)]
    return StatisticsReport(grader, tuple(found), tuple(compared), tuple(by_knowledge))


def _averages(model: ModelRow, mine: Mapping[_Cell, _Answers], base: Mapping[_Cell, _Answers]) -> list[ModelAverage]:
    listed = []
    for what, tasks in KINDS.items():
        scores: dict[str, list[tuple[str, float]]] = defaultdict(list)
        gains: dict[str, list[tuple[str, float]]] = defaultdict(list)
        for cell, answers in mine.items():
            if cell[1] not in tasks:
                continue
            for place, answer in answers.items():
                fact = f"{answer.dataset_id}/{answer.fact_id}"
                scores[answer.family].append((fact, float(answer.correct)))
                if (other := base.get(cell, {}).get(place)) is not None:
                    gains[answer.family].append((fact, float(answer.correct) - float(other.correct)))
        if not scores:
            continue
        plain = averages({family: _clusters(values) for family, values in scores.items()})
        # A difference that left whole families out would be one of another average.
        paired = (
            averages({f: _clusters(v) for f, v in gains.items()}, signed=True)
            if gains.keys() == scores.keys()
            else None
        )
        for order, average in enumerate(plain):
            gain = None if paired is None else paired[order]
            listed.append(
                ModelAverage(
                    model.provider, model.name, model.kind, what, average.name, average.value, average.low,
                    average.high, average.n, average.clusters, tuple(sorted(scores)),
                    gain.value if gain else None, gain.low if gain else None, gain.high if gain else None,
                )
            )  # fmt: skip
    return listed


def _by_knowledge(
    model: ModelRow, mine: Mapping[_Cell, _Answers], base: Mapping[_Cell, _Answers], whole: Sequence[ModelAverage]
) -> list[ModelAverage]:
    """The averages over each kind of knowledge; those over all families serve where all are of one kind."""
    listed = []
    for knowledge, families in KNOWLEDGE.items():
        known = [average for average in whole if families.issuperset(average.families)]
        kinds = {average.what for average in known}
        listed += [replace(average, knowledge=knowledge) for average in known]
        part = {
            cell: answers
            for cell, answers in mine.items()
            if next(iter(answers.values())).family in families
            and not any(cell[1] in tasks for what, tasks in KINDS.items() if what in kinds)
        }
        listed += [replace(average, knowledge=knowledge) for average in _averages(model, part, base)]
    return listed


def _clusters(values: Sequence[tuple[str, float]]) -> list[Cluster]:
    totals: dict[str, list[float]] = defaultdict(list)
    for fact, score in values:
        totals[fact].append(score)
    return [(sum(scores), len(scores)) for scores in totals.values()]


def _comparisons(model: ModelRow, mine: Mapping[_Cell, _Answers], base: Mapping[_Cell, _Answers]) -> list[Comparison]:
    listed = []
    for cell, answers in mine.items():
        both = [(answer, base[cell][place]) for place, answer in answers.items() if place in base.get(cell, {})]
        if not both:
            continue
        fixed = sum(tuned.correct and not before.correct for tuned, before in both)
        broken = sum(before.correct and not tuned.correct for tuned, before in both)
        repeated = any(tuned.repeat for tuned, _ in both)
        up, down = _facts_that_moved(both) if repeated else (fixed, broken)
        share = clustered_share(_clusters([(tuned.fact_id, float(tuned.correct)) for tuned, _ in both]))
        base_score = sum(before.correct for _, before in both) / len(both)
        listed.append(
            Comparison(
                dataset=both[0][0].dataset, provider=model.provider, model=model.name, task=cell[1], n=share.n,
                facts=share.clusters, score=share.share, low=share.low, high=share.high,
                design_effect=share.design_effect, base_score=base_score, difference=share.share - base_score,
                fixed=fixed, broken=broken, test=SIGN_TEST if repeated else MCNEMAR,
                p_value=mcnemar_exact(up, down), p_holm=1.0,
                detectable=detectable_paired(round(share.n / share.design_effect), (fixed + broken) / len(both)),
            )
        )  # fmt: skip
    return listed


def _facts_that_moved(both: Sequence[tuple[ScoredAnswer, ScoredAnswer]]) -> tuple[int, int]:
    """How many facts have more right answers than before, and how many fewer."""
    moved: dict[str, int] = defaultdict(int)
    for tuned, before in both:
        moved[tuned.fact_id] += int(tuned.correct) - int(before.correct)
    return sum(change > 0 for change in moved.values()), sum(change < 0 for change in moved.values())
