"""What a benchmark run is to do: its plan, what that comes to, and about how long it takes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, fields, replace

import aiosqlite

from ftb_tui.benchmark.load import bundled_names, load_bundled
from ftb_tui.benchmark.model import Dataset, Family, Question, Task
from ftb_tui.benchmark.subset import first_facts, some_of
from ftb_tui.benchmark.training import QUESTION_ANSWER, TEMPLATES, Recipe, training_examples
from ftb_tui.store import benches
from ftb_tui.store.datasets import find_dataset, load_dataset, save_dataset
from ftb_tui.store.paraphrases import wordings_for

QUICK_PEOPLE = 8
QUICK_FACTS = 48
QUICK_LIMIT = 24
LOCAL_BASE = "smollm2-135m"

# Seconds on two cores, measured with benchmarks/engine.py; they only decide what the app promises beforehand.
_SECONDS_PER_EXAMPLE_EPOCH = 0.06
_SECONDS_PER_EXAMPLE_ONCE = 0.1
_SECONDS_PER_QUESTION = 0.11


@dataclass(frozen=True, slots=True)
class BenchPlan:
    """What to run. Equal plans on the same data are the same run as long as it has not finished."""

    provider: str = "local"
    dataset: str = "fictional_people"
    base_model: str = LOCAL_BASE
    epochs: int = 12
    people: int | None = None
    facts: int | None = None
    limit: int | None = None
    tasks: tuple[Task, ...] | None = None
    seed: int = 42
    answer_tokens: int | None = None
    recipe: str = QUESTION_ANSWER
    paraphrases: int = 0
    paraphrases_from: str = TEMPLATES

    @property
    def taught(self) -> Recipe:
        """How facts become the training file."""
        return Recipe(self.recipe, paraphrases=self.paraphrases, paraphrases_from=self.paraphrases_from)

    def quick(self) -> BenchPlan:
        """Eight people, or the first 48 facts, and fewer questions a task; training is not shortened."""
        plan = replace(self, limit=self.limit or QUICK_LIMIT)
        if self.people or self.facts:
            return plan
        about_people = self.dataset.replace("-", "_").startswith(Family.FICTIONAL_PEOPLE)
        return replace(plan, people=QUICK_PEOPLE) if about_people else replace(plan, facts=QUICK_FACTS)


@dataclass(frozen=True, slots=True)
class Extent:
    """How much a benchmark teaches and asks, and about how long it takes."""

    dataset: Dataset
    n_facts: int
    n_questions: int
    seconds: float
    """On two cores with the embedded engine."""


async def expected_seconds(db: aiosqlite.Connection, plan: BenchPlan) -> float:
    """About how long a run takes on two cores with the embedded engine."""
    return (await extent(db, plan)).seconds


async def extent(db: aiosqlite.Connection, plan: BenchPlan) -> Extent:
    """What a run of this plan will do. Raises `DatasetError` where the dataset or its wordings cannot give it."""
    dataset = await bench_dataset(db, plan.dataset)
    questions, facts = questions_of(dataset, plan), facts_of(dataset, plan)
    wordings = await wordings_for(db, dataset.dataset_id, plan.taught)
    examples = len(training_examples(dataset, plan.taught, fact_ids=facts, wordings=wordings))
    training = examples * (_SECONDS_PER_EXAMPLE_ONCE + _SECONDS_PER_EXAMPLE_EPOCH * plan.epochs)
    asking = len(questions) * _SECONDS_PER_QUESTION
    n_facts = len(dataset.facts) if facts is None else len(facts)
    return Extent(dataset, n_facts, len(questions), max(training, asking) + asking)


async def bench_dataset(db: aiosqlite.Connection, name: str) -> Dataset:
    """The dataset of that name, taken from the bundled ones into the store when it is not there yet."""
    bundled = name.replace("-", "_")
    if bundled in bundled_names():
        dataset = await asyncio.to_thread(load_bundled, bundled)
        await save_dataset(db, dataset)
        return dataset
    return await load_dataset(db, (await find_dataset(db, name)).dataset_id)


def questions_of(dataset: Dataset, plan: BenchPlan) -> tuple[Question, ...]:
    """The questions that a plan asks. Raises `DatasetError` where there are none."""
    return some_of(dataset, people=plan.people, facts=plan.facts, limit=plan.limit, tasks=plan.tasks, seed=plan.seed)


def facts_of(dataset: Dataset, plan: BenchPlan) -> frozenset[str] | None:
    """The facts that a plan teaches; None for all."""
    return first_facts(dataset, people=plan.people, facts=plan.facts)


def plan_of(row: benches.BenchRow) -> BenchPlan:
    """The plan of an unfinished run, to go on with it."""
    values = {field.name: row.plan[field.name] for field in fields(BenchPlan) if field.name in row.plan}
    tasks = values.get("tasks")
    if isinstance(tasks, list):
        values["tasks"] = tuple(Task(task) for task in tasks)
    return BenchPlan(**values)  # type: ignore[arg-type]
