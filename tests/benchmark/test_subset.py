"""A part of a dataset is the part that was asked for."""

from __future__ import annotations

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.benchmark.subset import first_facts, subset
from ftb_tui.work.bench_plan import BenchPlan

PEOPLE, CODING = load_bundled("fictional_people"), load_bundled("coding")


def test_the_first_facts_are_the_first_of_the_files() -> None:
    kept = {fact.fact_id for fact in CODING.facts[:10]}
    assert first_facts(CODING, people=None, facts=10) == kept
    assert {question.fact_id for question in subset(CODING, facts=10)} == kept


def test_people_and_facts_together_keep_what_both_keep() -> None:
    assert first_facts(PEOPLE, people=1, facts=100) == {fact.fact_id for fact in PEOPLE.facts[:6]}
    assert first_facts(PEOPLE, people=None, facts=None) is None


def test_a_quick_run_is_eight_people_or_as_many_facts_of_anything_else() -> None:
    people, coding = BenchPlan().quick(), BenchPlan(dataset="coding").quick()
    assert (people.people, people.facts, people.limit) == (8, None, 24)
    assert (coding.people, coding.facts, coding.limit) == (None, 48, 24)
    assert len(first_facts(PEOPLE, people=people.people, facts=people.facts) or ()) == 48


def test_a_quick_run_takes_as_much_as_was_asked_for() -> None:
    assert BenchPlan(dataset="coding", facts=5, limit=3).quick() == BenchPlan(dataset="coding", facts=5, limit=3)
    assert BenchPlan(people=3).quick() == BenchPlan(people=3, limit=24)
