"""Which questions the models of a job are asked: its checkpoints what its tuned model was, for a learning curve."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import aiosqlite

from ftb_tui.benchmark.model import Dataset, Question
from ftb_tui.benchmark.subset import subset
from ftb_tui.store.curves import JobModel
from ftb_tui.store.datasets import load_dataset, questions_by_key
from ftb_tui.work import evaluate
from ftb_tui.work.asking_quote import AskingQuote, quote_asking

SIZES = (48, 24, 12, 6)
"""Questions a task that are offered when the tuned model was asked more."""


@dataclass(frozen=True, slots=True)
class CheckpointPlan:
    """What could be asked of so many models, and the quote for all of them together."""

    per_task: int | None
    """At most so many questions of each task; None for all that the tuned model was asked."""
    questions: tuple[Question, ...]
    n_models: int
    quote: AskingQuote
    which: str
    """Which questions these are."""

    @property
    def n_answers(self) -> int:
        """How many answers that are in all."""
        return len(self.questions) * self.n_models


async def job_questions(db: aiosqlite.Connection, job_key: int, dataset: Dataset) -> tuple[tuple[Question, ...], str]:
    """What a model of a job is asked, and which questions these are, in words.

    What the job's tuned model was asked; else all about the facts that the job was taught. It may have been taught a
    part of its dataset, as by a quick benchmark: a model that is asked the rest too would seem to have learned less
    than it did, and not be comparable with what was asked before.
    """
    asked = await _asked(db, job_key, dataset.dataset_id)
    if asked:
        chosen = tuple(q for q in dataset.questions if q.question_id in asked)
        return chosen, f"the {len(chosen)} questions that its tuned model was asked before"
    taught = await _taught(db, job_key)
    about = tuple(
        q for q in dataset.questions if q.fact_id in taught and (q.other_fact_id is None or q.other_fact_id in taught)
    )
    if about and len(about) < len(dataset.questions):
        return about, f"the {len(about)} questions about the {len(taught)} facts that it was taught"
    return dataset.questions, f"all {len(dataset.questions)} questions of {dataset.name}"


async def checkpoint_plans(
    db: aiosqlite.Connection, job_key: int, dataset_id: str, models: Sequence[JobModel]
) -> list[CheckpointPlan]:
    """The choices, the largest first: what the job's tuned model was asked, and fewer of it.

    The same questions as the tuned model's, so that every point of the curve is about the same facts.
    """
    dataset = await load_dataset(db, dataset_id)
    questions, which = await job_questions(db, job_key, dataset)
    whole = replace(dataset, questions=questions)
    fullest = max((sum(q.task is task for q in questions) for task in {q.task for q in questions}), default=0)
    [job] = await db.execute_fetchall("SELECT provider, base_model FROM jobs WHERE job_key = ?", (job_key,))
    name = models[0].name if models else job["base_model"]
    plans = []
    for per_task in (None, *(size for size in SIZES if size < fullest)):
        chosen = subset(whole, limit=per_task)
        quote = await asyncio.to_thread(
            quote_asking, job["provider"], name, chosen, answer_tokens=dataset.answer_tokens,
            base_model=job["base_model"], tuned=True, times=len(models),
        )  # fmt: skip
        said = which if per_task is None else f"at most {per_task} questions of each task"
        plans.append(CheckpointPlan(per_task, chosen, len(models), quote, said))
    return plans


async def plan_checkpoints(
    db: aiosqlite.Connection, dataset_id: str, models: Sequence[JobModel], plan: CheckpointPlan
) -> list[int]:
    """An evaluation of each model, in the order of training; the keys, for `Supervisor.run_evaluations`."""
    tokens = (await load_dataset(db, dataset_id)).answer_tokens
    return [
        await evaluate.create(
            db, model_key=model.model_key, dataset_id=dataset_id, questions=plan.questions, answer_tokens=tokens
        )
        for model in models
    ]


async def _asked(db: aiosqlite.Connection, job_key: int, dataset_id: str) -> frozenset[str]:
    rows = await db.execute_fetchall(
        "SELECT DISTINCT question_key FROM evaluation_questions JOIN evaluations e USING (evaluation_key)"
        " JOIN models m USING (model_key) WHERE m.job_key = ? AND m.kind = 'tuned' AND e.dataset_id = ?"
        " AND e.deleted_at IS NULL",
        (job_key, dataset_id),
    )
    stored = await questions_by_key(db, dataset_id)
    return frozenset(stored[row[0]].question_id for row in rows)


async def _taught(db: aiosqlite.Connection, job_key: int) -> frozenset[str]:
    rows = await db.execute_fetchall(
        "SELECT DISTINCT t.fact_id FROM training_examples t JOIN jobs j USING (training_file_key)"
        " WHERE j.job_key = ? AND t.fact_id IS NOT NULL",
        (job_key,),
    )
    return frozenset(row[0] for row in rows)
