"""A part of a dataset is the part that was asked for."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from ftb_tui.benchmark.importing import read_path
from ftb_tui.benchmark.load import DatasetError, bundled_names, load_bundled
from ftb_tui.benchmark.model import YES_NO_TASKS, Dataset, Task
from ftb_tui.benchmark.subset import first_facts, some_of, subset
from ftb_tui.work.bench_plan import BenchPlan
from tests.benchmark.published import REAL

PEOPLE, CODING = load_bundled("fictional_people"), load_bundled("coding")


def test_the_first_facts_are_the_first_of_the_files() -> None:
    kept = {fact.fact_id for fact in CODING.facts[:10]}
    assert first_facts(CODING, people=None, facts=10) == kept
    assert {question.fact_id for question in subset(CODING, facts=10)} == kept


def test_people_and_facts_together_keep_what_both_keep() -> None:
    assert first_facts(PEOPLE, people=1, facts=100) == {fact.fact_id for fact in PEOPLE.facts[:6]}
    assert first_facts(PEOPLE, people=None, facts=None) is None


@pytest.mark.parametrize("chosen", [{"people": 1}, {"facts": 3}, {"people": 1, "facts": 9}, {"people": 5, "facts": 2}])
def test_too_few_facts_to_compare_are_refused_with_how_many_are_enough(chosen: dict[str, int]) -> None:
    with pytest.raises(DatasetError, match="each compares two facts") as refused:
        some_of(PEOPLE, tasks=[Task.COMPARISON], **chosen)
    given = {name: int(count) for name, count in re.findall(r"--(\w+) (\d+)", str(refused.value).split("Give")[1])}
    assert given.keys() == chosen.keys()
    assert some_of(PEOPLE, tasks=[Task.COMPARISON], **given)
    raised = [name for name in given if given[name] > chosen[name]]
    assert raised
    for name in raised:
        assert not subset(PEOPLE, tasks=[Task.COMPARISON], **{**given, name: given[name] - 1})


def test_a_task_that_a_dataset_does_not_have_is_refused_with_those_it_has() -> None:
    with pytest.raises(DatasetError, match="its tasks are memorization, rephrased, secondary, comparison"):
        some_of(PEOPLE, tasks=[Task.VIGNETTE], people=1)


def test_a_quick_run_is_eight_people_or_as_many_facts_of_anything_else() -> None:
    people, coding = BenchPlan().quick(), BenchPlan(dataset="coding").quick()
    assert (people.people, people.facts, people.limit) == (8, None, 24)
    assert (coding.people, coding.facts, coding.limit) == (None, 48, 24)
    assert len(first_facts(PEOPLE, people=people.people, facts=people.facts) or ()) == 48


def test_a_quick_run_takes_as_much_as_was_asked_for() -> None:
    assert BenchPlan(dataset="coding", facts=5, limit=3).quick() == BenchPlan(dataset="coding", facts=5, limit=3)
    assert BenchPlan(people=3).quick() == BenchPlan(people=3, limit=24)


@pytest.fixture(scope="module")
def datasets() -> list[Dataset]:
    """The bundled ones, and the published ones where they are present."""
    found = [load_bundled(name) for name in bundled_names()]
    return found + (list(read_path(REAL).datasets) if REAL.is_dir() else [])


def test_a_task_is_as_balanced_as_can_be_whatever_the_limit(datasets: list[Dataset]) -> None:
    for dataset in datasets:
        for task in YES_NO_TASKS.intersection(dataset.tasks):
            pool = [question for question in dataset.questions if question.task is task]
            golds = Counter(question.answer for question in pool)
            # Until the rarer gold is used up they come in turn, and a task that has as many of both stays so for ever.
            for limit in range(1, 2 * min(golds["Yes"], golds["No"]) + 1):
                few = subset(dataset, limit=limit, tasks=[task])
                drawn = Counter(question.answer for question in few)
                assert len(few) == limit
                assert abs(drawn["Yes"] - drawn["No"]) <= 1, (dataset.name, task, limit, drawn)


def test_within_a_wording_yes_and_no_are_drawn_alike_too() -> None:
    for task in (Task.SECONDARY, Task.COMPARISON):
        for limit in range(1, 145):
            few = subset(PEOPLE, limit=limit, tasks=[task])
            places = Counter((question.template, question.answer) for question in few)
            asked = Counter(question.template for question in few)
            assert all(abs(places[wording, "Yes"] - places[wording, "No"]) <= 2 for wording in asked), limit
            assert max(asked.values()) - (min(asked.values()) if len(asked) == 6 else 0) <= 1, limit


def test_what_a_smaller_limit_asks_is_part_of_what_a_larger_one_asks_and_the_seed_decides_it(
    datasets: list[Dataset],
) -> None:
    for dataset in datasets:
        asked = [set(subset(dataset, limit=limit)) for limit in (1, 4, 6, 8, 10, 16, 40)]
        assert all(few <= more for few, more in pairwise(asked)), dataset.name
        assert subset(dataset, limit=6, seed=3) == subset(dataset, limit=6, seed=3) != subset(dataset, limit=6)


def test_fewer_questions_of_what_was_asked_are_as_balanced() -> None:
    asked = replace(PEOPLE, questions=subset(PEOPLE, people=8, limit=24))
    for limit in range(1, 25):
        for task in (Task.SECONDARY, Task.COMPARISON):
            drawn = Counter(q.answer for q in subset(asked, limit=limit, tasks=[task]))
            assert abs(drawn["Yes"] - drawn["No"]) == limit % 2, (task, limit)
