"""The generalization gap, against figures computed by hand."""

from __future__ import annotations

import pytest

from ftb_tui.store.database import open_store
from ftb_tui.store.scores import ScoredAnswer
from ftb_tui.work.gap import gap, gaps
from tests.demo import fill_demo_store


def said(fact: str, task: str, correct: bool, *, family: str = "medical", question: int = 0) -> ScoredAnswer:
    return ScoredAnswer(7, f"{family}@1", family, family, task, fact, question, 0, correct)


def test_a_fact_counts_its_trained_question_against_its_other_wordings() -> None:
    answers = [
        said("a", "memorization", True), said("a", "rephrased", True), said("a", "vignette", False),
        said("b", "memorization", True), said("b", "rephrased", False),
        said("c", "memorization", True),
        said("d", "memorization", False), said("d", "secondary", True),
    ]  # fmt: skip
    found = gap(7, answers)
    assert found is not None
    assert (found.model_key, found.by_fact.value, found.by_fact.clusters) == (7, pytest.approx(0.75), 2)
    assert found.by_family.value == found.by_fact.value, "there is one family"
    assert found.by_fact.low <= 0.75 <= found.by_fact.high


def test_families_count_the_same_however_many_facts_they_have() -> None:
    answers = [said("x", "memorization", True, family="coding"), said("x", "rephrased", False, family="coding")]
    for fact in "abc":
        answers += [said(fact, "memorization", True), said(fact, "rephrased", True)]
    found = gap(7, answers)
    assert found is not None
    assert found.by_family.value == pytest.approx(0.5)
    assert found.by_fact.value == pytest.approx(0.25)


def test_without_a_fact_asked_both_ways_there_is_no_gap() -> None:
    assert gap(7, [said("a", "memorization", True), said("b", "rephrased", True)]) is None


async def test_the_store_gives_every_model_that_was_asked_both_ways() -> None:
    db = await open_store()
    try:
        await fill_demo_store(db)
        found = await gaps(db)
        base, tuned = (found[key].by_fact.value for key in sorted(found))
        assert base == 0.0
        assert tuned == pytest.approx(23 / 24 - 16 / 24)
    finally:
        await db.close()
