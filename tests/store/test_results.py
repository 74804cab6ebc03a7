"""Every figure follows from the rows, and can be followed back to them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiosqlite
import pytest

from ftb_tui.benchmark.graders import grade_all
from ftb_tui.benchmark.load import DatasetError, load_bundled
from ftb_tui.benchmark.model import Task
from ftb_tui.benchmark.statistics import mcnemar_exact, wilson
from ftb_tui.store import evaluations
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.datasets import find_dataset, load_dataset, question_page, questions_by_key, save_dataset
from ftb_tui.store.models import AmbiguousModelError, ModelNotFoundError, ensure_model, find_model
from ftb_tui.store.results import ResultRow, answers, question_answers, results
from tests.demo import TUNED, fill_demo_store

WORLD = load_bundled("fictional_people")


@pytest.fixture
async def db() -> AsyncIterator[aiosqlite.Connection]:
    db = await open_store()
    await fill_demo_store(db)
    yield db
    await db.close()


async def row(db: aiosqlite.Connection, kind: str, task: str, grader: str = "choice") -> ResultRow:
    [found] = [r for r in await results(db, grader=grader) if (r.kind, r.task) == (kind, task)]
    return found


async def test_a_dataset_comes_back_as_it_went_in_and_is_kept_once(db: aiosqlite.Connection) -> None:
    assert await save_dataset(db, WORLD) == WORLD.dataset_id
    assert await load_dataset(db, WORLD.dataset_id) == WORLD
    [count] = await db.execute_fetchall("SELECT count(*) FROM questions")
    assert count[0] == 600


async def test_questions_are_paged_and_filtered_by_sql(db: aiosqlite.Connection) -> None:
    first = await question_page(db, WORLD.dataset_id, limit=200)
    second = await question_page(db, WORLD.dataset_id, after_position=first[-1].position, limit=200)
    assert [q.position for q in (*first, *second)] == list(range(400))
    found = await question_page(db, WORLD.dataset_id, task="secondary", search="string instrument")
    assert len(found) == 25
    assert await question_page(db, WORLD.dataset_id, search="100%_") == []


async def test_questions_are_searched_for_by_task_gold_question_and_fact(db: aiosqlite.Connection) -> None:
    everything = await question_page(db, WORLD.dataset_id, limit=1000)

    async def found(search: str) -> list[int]:
        return [q.position for q in await question_page(db, WORLD.dataset_id, search=search, limit=1000)]

    assert await found("task:rephrased") == [q.position for q in everything if q.task == "rephrased"] != []
    assert await found("-task:rephrased") == [q.position for q in everything if q.task != "rephrased"]
    assert await found("gold:yes") == await found("answer:Yes") == [q.position for q in everything if q.answer == "Yes"]
    word = everything[0].fact.split()[0]
    assert await found(f"fact:{word} task:memo") == [
        q.position for q in everything if word in q.fact and q.task == "memorization"
    ]
    assert await found('question:"in which"') == [q.position for q in everything if "in which" in q.question.casefold()]


async def test_a_name_that_is_not_there_is_answered_with_what_is(db: aiosqlite.Connection) -> None:
    with pytest.raises(DatasetError, match="Did you mean fictional_people"):
        await find_dataset(db, "fictional_peple")
    with pytest.raises(AmbiguousModelError, match="Several models"):
        await find_model(db, "ft:")
    assert (await find_model(db, "tuned")).name == TUNED
    assert (await find_model(db, "base")).name == "smollm2-135m"


async def test_a_model_is_found_by_any_part_of_its_name_that_only_it_has(db: aiosqlite.Connection) -> None:
    async def known(name: str, kind: str, job_key: int | None) -> None:
        base = name if kind == "base" else "smollm2-135m"
        await ensure_model(db, provider="local", name=name, kind=kind, base_model=base, job_key=job_key)

    own = "ft:smollm2-135m:ftb:a:b c/é:b5105f56"
    jobs = [row[0] for row in await db.execute_fetchall("SELECT job_key FROM jobs ORDER BY job_key")]
    async with transaction(db):
        await known(own, "tuned", jobs[0])
        for step in (5, 10):
            await known(f"{own}:ckpt-step-{step}", "checkpoint", jobs[0])
    for part in ("a:b c", "a:b c/é", "c/é:b51", "é", "b5105f56", "b5105f56:ckpt-step-10"):
        found = await find_model(db, part)
        assert found.name == (f"{own}:ckpt-step-10" if "ckpt" in part else own), part
    with pytest.raises(AmbiguousModelError, match="ckpt-step-5.*ckpt-step-10"):
        await find_model(db, "ckpt")


async def test_a_part_of_what_a_base_is_called_is_not_taken_for_what_was_tuned_from_it(
    db: aiosqlite.Connection,
) -> None:
    """It may be the name of another model at that service, which was not asked yet."""
    async with transaction(db):
        for name, kind in (("ft:gpt-4o-mini-2024-07-18:org::aXo3Bc9d", "tuned"), ("acme/gpt-7-large", "base")):
            base = "gpt-4o-mini-2024-07-18" if kind == "tuned" else name
            await ensure_model(db, provider="openai", name=name, kind=kind, base_model=base)
    for other in ("gpt-4o", "gpt-4o-mini-2024-07-18", "4o-mini", "o3", "gpt-7"):
        with pytest.raises(ModelNotFoundError):
            await find_model(db, other, provider="openai")


async def test_a_row_of_the_table_is_counted_from_its_answers(db: aiosqlite.Connection) -> None:
    for task in ("memorization", "rephrased", "secondary", "comparison"):
        base, tuned = await row(db, "base", task), await row(db, "tuned", task)
        shown = await answers(db, model_key=tuned.model_key, dataset_id=tuned.dataset_id, task=task, show="all")
        assert len(shown) == tuned.n == tuned.planned == 24
        assert sum(a.grade == "correct" for a in shown) == tuned.correct
        assert sum(a.grade == "abstained" for a in shown) == tuned.abstained
        assert (tuned.low, tuned.high) == wilson(tuned.correct, tuned.n)
        assert sum(a.flip == "fixed" for a in shown) == tuned.fixed
        assert sum(a.flip == "broken" for a in shown) == tuned.broken
        assert tuned.base_score == base.score
        assert tuned.p_value == mcnemar_exact(tuned.fixed or 0, tuned.broken or 0)
        assert (base.base_score, base.fixed, base.p_value) == (None, None, None)


async def test_each_filter_shows_what_its_name_says(db: aiosqlite.Connection) -> None:
    tuned = await row(db, "tuned", "rephrased")
    where = {"model_key": tuned.model_key, "dataset_id": tuned.dataset_id, "task": "rephrased"}
    everything = {a.id for a in await answers(db, **where, show="all")}  # type: ignore[arg-type]
    wrong = {a.id for a in await answers(db, **where, show="wrong")}  # type: ignore[arg-type]
    right = {a.id for a in await answers(db, **where, show="correct")}  # type: ignore[arg-type]
    assert wrong | right == everything
    assert not wrong & right
    fixed = await answers(db, **where, show="fixed")  # type: ignore[arg-type]
    assert len(fixed) == tuned.fixed
    assert all(a.base_grade != "correct" and a.grade == "correct" for a in fixed)
    assert await answers(db, **where, show="failed") == []  # type: ignore[arg-type]
    [one] = await answers(db, **where, show="all", search=fixed[0].question)  # type: ignore[arg-type]
    assert one.id == fixed[0].id


async def test_answers_are_paged_by_position(db: aiosqlite.Connection) -> None:
    tuned = await row(db, "tuned", "secondary")
    where = {"model_key": tuned.model_key, "dataset_id": tuned.dataset_id, "task": "secondary", "show": "all"}
    first = await answers(db, **where, limit=10)  # type: ignore[arg-type]
    rest = await answers(db, **where, limit=100, after=first[-1].position)  # type: ignore[arg-type]
    assert len({a.id for a in (*first, *rest)}) == 24


async def test_every_models_answer_to_a_question_stands_beside_the_others(db: aiosqlite.Connection) -> None:
    tuned = await row(db, "tuned", "memorization")
    [first, *_] = await answers(
        db, model_key=tuned.model_key, dataset_id=tuned.dataset_id, task="memorization", show="all"
    )
    both = await question_answers(db, first.question_key)
    assert [answer.kind for answer in both] == ["base", "tuned"]


async def evaluate(db: aiosqlite.Connection, model_key: int, ids: set[str], said: str | None) -> int:
    stored = await questions_by_key(db, WORLD.dataset_id)
    keys = [key for key, question in stored.items() if question.question_id in ids]
    key = await evaluations.create_evaluation(
        db, model_key=model_key, dataset_id=WORLD.dataset_id, question_keys=keys, parameters={"max_tokens": 1}
    )
    records = []
    for question_key in keys:
        question = stored[question_key]
        if said is None:
            records.append(evaluations.ResponseRecord(question_key, {}, error_kind="timeout", error="too slow"))
        else:
            grades = grade_all(question, said)
            records.append(evaluations.ResponseRecord(question_key, {}, answer=said, grades=grades))
    await evaluations.write_responses(db, key, records)
    return key


async def test_the_evaluation_with_more_questions_counts_and_of_equals_the_later(db: aiosqlite.Connection) -> None:
    tuned = await row(db, "tuned", "memorization")
    ids = {q.question_id for q in WORLD.questions if q.task is Task.MEMORIZATION}
    small = await evaluate(db, tuned.model_key, set(sorted(ids)[:3]), "x")
    assert (await row(db, "tuned", "memorization")).evaluation_key != small
    large = await evaluate(db, tuned.model_key, ids, "y")
    larger = await evaluate(db, tuned.model_key, ids, "z")
    now = await row(db, "tuned", "memorization")
    assert (now.evaluation_key, now.n, now.planned) == (larger, 150, 150)
    assert large < larger
    # The base answered 24 of the 150; the comparison is over these alone.
    assert now.base_score == 0.0
    assert (now.fixed or 0) + (now.broken or 0) <= 24


async def test_failures_are_counted_apart_and_are_no_wrong_answers(db: aiosqlite.Connection) -> None:
    async with transaction(db):
        model = await ensure_model(db, provider="x", name="silent", kind="base", base_model="silent")
    ids = {q.question_id for q in WORLD.questions if q.task is Task.SECONDARY}
    await evaluate(db, model, ids, None)
    [found] = [r for r in await results(db) if r.model == "silent"]
    assert (found.n, found.failed, found.planned, found.score) == (0, 150, 150, None)
    shown = await answers(db, model_key=model, dataset_id=WORLD.dataset_id, task="secondary", show="failed")
    assert {(a.grade, a.reason, a.response) for a in shown} == {("failed", "too slow", None)}
    assert await answers(db, model_key=model, dataset_id=WORLD.dataset_id, task="secondary", show="wrong") == []


async def test_an_answer_is_never_replaced_and_a_failure_is(db: aiosqlite.Connection) -> None:
    async with transaction(db):
        model = await ensure_model(db, provider="x", name="m", kind="base", base_model="m")
    ids = {WORLD.questions[0].question_id}
    key = await evaluate(db, model, ids, None)
    [question_key] = await evaluations.missing_questions(db, key)
    assert await evaluations.missing_questions(db, key, retry_failures=False) == []
    question = WORLD.questions[0]
    for said in ("149", "150"):
        record = evaluations.ResponseRecord(question_key, {}, answer=said, grades=grade_all(question, said))
        await evaluations.write_responses(db, key, [record])
    [only] = await answers(db, model_key=model, dataset_id=WORLD.dataset_id, task="memorization", show="all")
    assert only.response == "149"
    assert await evaluations.missing_questions(db, key) == []


async def test_hostile_text_is_kept_to_the_letter(db: aiosqlite.Connection) -> None:
    async with transaction(db):
        model = await ensure_model(db, provider="x", name="h", kind="base", base_model="h")
    said = "[red]\x00\x1b[31m\u202e" + "x" * 1_000_000
    await evaluate(db, model, {WORLD.questions[0].question_id}, said)
    [only] = await answers(db, model_key=model, dataset_id=WORLD.dataset_id, task="memorization", show="all")
    assert only.response == said
    await evaluate(db, model, {WORLD.questions[1].question_id}, "lone \ud800 surrogate")


async def test_only_one_runner_holds_an_evaluation(db: aiosqlite.Connection) -> None:
    key = (await evaluations.list_evaluations(db))[0].evaluation_key
    assert await evaluations.claim_evaluation(db, key, "one")
    assert await evaluations.claim_evaluation(db, key, "one")
    assert not await evaluations.claim_evaluation(db, key, "two")
    await evaluations.release_evaluation(db, key, "one", "paused")
    assert await evaluations.claim_evaluation(db, key, "two")


def test_the_change_from_the_base_rests_on_shared_questions_alone() -> None:
    row = ResultRow(
        "d", "custom", "p", "m", "tuned", "b", None, "rephrased", "choice", 100, 60, 0, 0.6, 0.5, 0.7, 0.5, 6, 1, 0.125,
        0, 100, 2, "d@1", 2, paired=20,
    )  # fmt: skip
    assert row.difference == pytest.approx((6 - 1) / 20)


async def test_a_run_that_was_left_half_way_does_not_hide_the_finished_one(db: aiosqlite.Connection) -> None:
    before = await row(db, "tuned", "rephrased")
    asked = [
        r[0]
        for r in await db.execute_fetchall(
            "SELECT question_key FROM evaluation_questions WHERE evaluation_key = ? ORDER BY question_key",
            (before.evaluation_key,),
        )
    ]
    again = await evaluations.create_evaluation(
        db, model_key=before.model_key, dataset_id=before.dataset_id, question_keys=asked, parameters={"seed": 7}
    )
    stored = await questions_by_key(db, before.dataset_id)
    said = {key: stored[key].answer for key in asked}

    async def answer(keys: list[int]) -> None:
        records = [
            evaluations.ResponseRecord(key, {}, answer=said[key], grades=grade_all(stored[key], said[key]))
            for key in keys
        ]
        await evaluations.write_responses(db, again, records)

    rephrased = [key for key in asked if stored[key].task == "rephrased"]
    await answer(rephrased[:-1])
    assert await row(db, "tuned", "rephrased") == before
    await answer(rephrased[-1:])
    assert (await row(db, "tuned", "rephrased")).evaluation_key == again
    # Of the other tasks nothing was asked yet.
    assert (await row(db, "tuned", "memorization")).evaluation_key == before.evaluation_key
