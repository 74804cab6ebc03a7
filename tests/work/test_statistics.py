"""Averages and comparisons follow from the stored answers alone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import aiosqlite
import pytest

from ftb_tui.benchmark.graders import grade_all
from ftb_tui.benchmark.model import Dataset, Fact, Family, Question, Task
from ftb_tui.benchmark.statistics import holm, mcnemar_exact, wilson
from ftb_tui.cli.main import run
from ftb_tui.store import evaluations
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.datasets import questions_by_key, save_dataset
from ftb_tui.store.models import ensure_model
from ftb_tui.store.results import results
from ftb_tui.work.statistics import StatisticsReport, statistics
from tests.demo import fill_demo_store


@pytest.fixture
async def db() -> AsyncIterator[aiosqlite.Connection]:
    db = await open_store()
    yield db
    await db.close()


def dataset(name: str, family: Family, n: int, general: Task) -> Dataset:
    questions = [
        Question(f"{task}-{place}", task, f"f{place}", f"{task} {place}?", f"{task} {place}?", "right")
        for task in (Task.MEMORIZATION, general, Task.DATE_CHANGED)
        for place in range(n)
    ]
    return Dataset(name, family, tuple(Fact(f"f{place}", "x") for place in range(n)), tuple(questions))


async def answer(
    db: aiosqlite.Connection, model: str, of: Dataset, right: dict[Task, int], *, kind: str = "base", repeats: int = 1
) -> None:
    """The model has the first so many questions of each task right."""
    dataset_id = await save_dataset(db, of)
    async with transaction(db):
        model_key = await ensure_model(db, provider="p", name=model, kind=kind, base_model="b")
    stored = {key: q for key, q in (await questions_by_key(db, dataset_id)).items() if q.task in right}
    key = await evaluations.create_evaluation(
        db, model_key=model_key, dataset_id=dataset_id, question_keys=list(stored), parameters={}, repeats=repeats
    )
    records = []
    for question_key, question in stored.items():
        text = "right" if int(question.fact_id[1:]) < right[question.task] else "other"
        for repeat in range(repeats):
            grades = grade_all(question, text)
            records.append(evaluations.ResponseRecord(question_key, {}, answer=text, grades=grades, repeat=repeat))
    await evaluations.write_responses(db, key, records)


NEWS = dataset("n", Family.LATEST_NEWS, 40, Task.REPHRASED)
MEDICAL = dataset("m", Family.MEDICAL, 10, Task.VIGNETTE)
M, R, V, D = Task.MEMORIZATION, Task.REPHRASED, Task.VIGNETTE, Task.DATE_CHANGED


def value(report: StatisticsReport, model: str, what: str, how: str) -> float:
    [found] = [a.value for a in report.averages if (a.model, a.what, a.average) == (model, what, how)]
    return found


async def test_both_averages_over_families_are_named(db: aiosqlite.Connection) -> None:
    await answer(db, "b", NEWS, {M: 0, R: 0, D: 40})
    await answer(db, "b", MEDICAL, {M: 0, V: 1})
    await answer(db, "t", NEWS, {M: 40, R: 20, D: 0}, kind="tuned")
    await answer(db, "t", MEDICAL, {M: 9, V: 2}, kind="tuned")
    report = await statistics(db)
    assert value(report, "t", "generalization", "by_family") == pytest.approx((0.5 + 0.2) / 2)
    assert value(report, "t", "generalization", "by_question") == pytest.approx(22 / 50)
    assert value(report, "t", "memorization", "by_family") == pytest.approx((1 + 0.9) / 2)
    [gain] = [a for a in report.averages if (a.model, a.what, a.average) == ("t", "generalization", "by_family")]
    assert gain.difference == pytest.approx((0.5 + 0.1) / 2)
    assert gain.difference_low is not None
    assert gain.difference_high is not None
    assert gain.difference_low < gain.difference < gain.difference_high
    assert gain.families == ("latest_news", "medical")
    assert gain.low < gain.value < gain.high


async def test_new_and_updating_knowledge_are_averaged_apart(db: aiosqlite.Connection) -> None:
    await answer(db, "t", NEWS, {M: 40, R: 20, D: 0}, kind="tuned")
    await answer(db, "t", MEDICAL, {M: 9, V: 2}, kind="tuned")
    await answer(db, "u", MEDICAL, {M: 9, V: 2}, kind="tuned")
    await answer(db, "v", dataset("mine", Family.CUSTOM, 5, R), {M: 5, R: 1}, kind="tuned")
    report = await statistics(db)
    found = {
        (a.model, a.knowledge, a.what): (a.value, a.families) for a in report.by_knowledge if a.average == "by_family"
    }
    assert found == {
        ("t", "new", "memorization"): (1.0, ("latest_news",)),
        ("t", "new", "generalization"): (0.5, ("latest_news",)),
        ("t", "updating", "memorization"): (0.9, ("medical",)),
        ("t", "updating", "generalization"): (0.2, ("medical",)),
        ("u", "updating", "memorization"): (0.9, ("medical",)),
        ("u", "updating", "generalization"): (0.2, ("medical",)),
    }, "own datasets are of neither kind"
    assert {a.knowledge for a in report.averages} == {"all"}
    assert [a.of for a in report.listed if a.model == "t" and a.average == "by_family"] == [
        "memorization", "generalization", "memorization, new knowledge", "generalization, new knowledge",
        "memorization, updating knowledge", "generalization, updating knowledge",
    ]  # fmt: skip
    assert [a.of for a in report.listed if a.model == "u" and a.average == "by_family"] == [
        "memorization",
        "generalization",
    ], "one kind alone is all there is"


async def test_a_difference_needs_the_base_in_every_family(db: aiosqlite.Connection) -> None:
    await answer(db, "b", NEWS, {R: 0})
    await answer(db, "t", NEWS, {R: 20}, kind="tuned")
    await answer(db, "t", MEDICAL, {V: 2}, kind="tuned")
    report = await statistics(db)
    assert {a.difference for a in report.averages if a.model == "t"} == {None}


async def test_comparisons_are_those_of_the_table_adjusted_for_their_number(db: aiosqlite.Connection) -> None:
    await fill_demo_store(db)
    report, table = await statistics(db), [row for row in await results(db) if row.p_value is not None]
    by_task = {row.task: row for row in table}
    assert len(report.comparisons) == len(table) == 4
    for found in report.comparisons:
        row = by_task[found.task]
        assert (found.n, found.fixed, found.broken, found.p_value) == (row.n, row.fixed, row.broken, row.p_value)
        assert (found.score, found.base_score) == (row.score, row.base_score)
        assert found.test == row.test == "exact McNemar"
    assert [c.p_holm for c in report.comparisons] == holm([c.p_value for c in report.comparisons])


async def test_repeats_do_not_multiply_what_is_known(db: aiosqlite.Connection) -> None:
    await answer(db, "b", NEWS, {R: 2}, repeats=5)
    await answer(db, "t", NEWS, {R: 9}, kind="tuned", repeats=5)
    [found] = (await statistics(db)).comparisons
    assert (found.n, found.facts, found.fixed, found.broken) == (200, 40, 35, 0)
    assert found.design_effect == pytest.approx(5)
    assert (found.low, found.high) == pytest.approx(wilson(9, 40))
    assert (found.test, found.p_value) == ("sign test over facts", mcnemar_exact(7, 0))
    [row] = [row for row in await results(db) if row.p_value is not None]
    assert (row.test, row.p_value) == (found.test, found.p_value), "the table calls it the same"


def test_the_command_prints_and_is_silent_about_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    import asyncio

    assert run(["statistics"]) == 0
    assert "Nothing was evaluated" in capsys.readouterr().err

    async def fill() -> None:
        db = await open_store()
        await fill_demo_store(db)
        await db.close()

    asyncio.run(fill())
    assert run(["statistics", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert {a["average"] for a in values["averages"]} == {"by_family", "by_question"}
    assert run(["statistics"]) == 0
    said = capsys.readouterr().out
    assert "by_family" in said
    assert "p Holm" in said
