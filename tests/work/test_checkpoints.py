"""Which questions a job's models are asked."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiosqlite

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.benchmark.subset import first_subjects, subset
from ftb_tui.store import evaluations, jobs
from ftb_tui.store.curves import JobModel, learning_curves
from ftb_tui.store.database import open_store
from ftb_tui.work import evaluate
from ftb_tui.work.checkpoints import checkpoint_plans, job_questions, plan_checkpoints
from ftb_tui.work.supervisor import Supervisor
from tests.demo import fill_demo_store
from tests.demo_sweep import PARAMETERS
from tests.fakes.openai_server import FakeOpenAI


async def test_a_model_is_asked_about_what_it_was_taught_or_what_was_asked_before(home: Path) -> None:
    dataset = load_bundled("fictional_people")
    db = await open_store()
    try:
        await fill_demo_store(db)
        [asked_before, asked_nothing] = sorted(row.job_key for row in await jobs.list_jobs(db))
        questions, which = await job_questions(db, asked_before, dataset)
        assert frozenset(questions) == frozenset(subset(dataset, people=8, limit=24))
        assert "96 questions that its tuned model was asked" in which
        assert await job_questions(db, asked_nothing, dataset) == (
            dataset.questions, "all 600 questions of fictional_people",
        )  # fmt: skip

        # The second job as a benchmark of three people.
        taught = first_subjects(dataset, 3)
        await db.execute("BEGIN")
        await db.execute(
            "DELETE FROM training_examples WHERE fact_id NOT IN (SELECT value FROM json_each(?))",
            ('["' + '","'.join(sorted(taught)) + '"]',),
        )
        await db.execute("COMMIT")
        questions, which = await job_questions(db, asked_nothing, dataset)
        assert questions == subset(dataset, people=3) != dataset.questions
        assert which == f"the {len(questions)} questions about the {len(taught)} facts that it was taught"
    finally:
        await db.close()


async def unfinished_job(db: aiosqlite.Connection) -> tuple[str, tuple[JobModel, ...]]:
    """The dataset of the demo's finished job, as one at the fake service, and those of its models to be asked."""
    await fill_demo_store(db)
    for statement in (
        "UPDATE jobs SET provider = 'fake'", "UPDATE models SET provider = 'fake'",
        "UPDATE jobs SET state = 'cancelled' WHERE state = 'running'",
    ):  # fmt: skip
        await db.execute(statement)
    await db.commit()
    [[dataset_id]] = await db.execute_fetchall("SELECT DISTINCT dataset_id FROM evaluations")
    return dataset_id, (await learning_curves(db, 1, dataset_id)).unfinished


async def test_of_two_that_ask_a_job_s_models_one_is_told_so_and_each_question_is_asked_once(
    home: Path, fake_openai: FakeOpenAI
) -> None:
    fake_openai.delay = 0.05
    db = await open_store()
    told: list[tuple[str, str]] = []
    two = [Supervisor(lambda severity, sentence: told.append((severity, sentence))) for _ in range(2)]
    try:
        dataset_id, models = await unfinished_job(db)
        *_, six = await checkpoint_plans(db, 1, dataset_id, models)
        assert six.n_answers == 288
        for supervisor in two:
            supervisor.start()
        ends = [asyncio.wrap_future(one.ask_models(1, dataset_id, models, six)) for one in two]
        results = await asyncio.gather(*ends, return_exceptions=True)
        assert sorted(type(result).__name__ for result in results) == ["EvaluationBusyError", "NoneType"]
        assert [sentence for severity, sentence in told if severity == "error"] == [
            "Models of job 1 are being asked already, here or by another ftb; 3 shows how far."
        ]
        assert len(fake_openai.asked) == 288
        assert (await learning_curves(db, 1, dataset_id)).unfinished == ()
    finally:
        for supervisor in two:
            await asyncio.to_thread(supervisor.close)
        await db.close()


async def test_what_a_crash_left_of_a_sweep_is_offered_and_gone_on_with(home: Path, fake_openai: FakeOpenAI) -> None:
    db = await open_store()
    supervisor = Supervisor(lambda severity, sentence: None)
    try:
        dataset_id, models = await unfinished_job(db)
        *_, six = await checkpoint_plans(db, 1, dataset_id, models)
        assert not six.is_begun
        left = await plan_checkpoints(db, dataset_id, models, six)
        asked = sorted(await evaluations.missing_questions(db, left[0]))
        await ask_few(db, left[0], asked[:5])
        models = (await learning_curves(db, 1, dataset_id)).unfinished
        assert len(models) == 12
        plans = await checkpoint_plans(db, 1, dataset_id, models)
        assert [(plan.short, plan.is_begun) for plan in plans] == [
            ("the questions of the tuned model", False), ("12 questions a task", False), ("6 questions a task", True),
        ]  # fmt: skip
        supervisor.start()
        await asyncio.wrap_future(supervisor.ask_models(1, dataset_id, models, plans[-1]))
        assert len(fake_openai.asked) == 288 - 5
        rows = [row for row in await evaluations.list_evaluations(db) if row.kind == "checkpoint"]
        assert sorted(row.evaluation_key for row in rows) == left
        assert {(row.state, row.n_answered) for row in rows} == {("finished", 24)}
    finally:
        await asyncio.to_thread(supervisor.close)
        await db.close()


async def test_questions_that_were_begun_and_are_no_usual_choice_are_a_choice_too(home: Path) -> None:
    db = await open_store()
    try:
        dataset_id, models = await unfinished_job(db)
        dataset = load_bundled("fictional_people")
        await evaluate.create(
            db,
            model_key=models[2].model_key,
            dataset_id=dataset_id,
            questions=dataset.questions[7:10],
            answer_tokens=16,
        )
        *_, begun = await checkpoint_plans(db, 1, dataset_id, models)
        assert (begun.short, begun.is_begun) == ("the questions that were begun", True)
        assert begun.questions == dataset.questions[7:10]
    finally:
        await db.close()


async def ask_few(db: aiosqlite.Connection, evaluation_key: int, asked: list[int]) -> None:
    """These questions of an evaluation were answered before whoever asked them was killed."""
    await evaluations.claim_evaluation(db, evaluation_key, "somebody who was killed")
    await evaluations.write_responses(
        db, evaluation_key, [evaluations.ResponseRecord(key, PARAMETERS, answer="No.") for key in asked]
    )
    await db.execute("UPDATE evaluations SET lease_until = 0 WHERE evaluation_key = ?", (evaluation_key,))
    await db.commit()
