"""Which questions the models of a job are asked: its checkpoints what its tuned model was, for a learning curve."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import aiosqlite

from ftb_tui.benchmark.model import Dataset, Question
from ftb_tui.benchmark.subset import subset
from ftb_tui.store import holding, leases
from ftb_tui.store.curves import JobModel
from ftb_tui.store.database import transaction
from ftb_tui.store.datasets import load_dataset, questions_by_key
from ftb_tui.store.evaluations import question_ids
from ftb_tui.store.jobs import get_job
from ftb_tui.store.leases import Lease
from ftb_tui.work import evaluate
from ftb_tui.work.asking import EvaluationBusyError
from ftb_tui.work.asking_quote import AskingQuote, quote_asking, within_day
from ftb_tui.work.leases import keeping

SIZES = (48, 24, 12, 6)
"""Questions a task that are offered when the tuned model was asked more."""


@dataclass(frozen=True, slots=True)
class CheckpointPlan:
    """What could be asked of so many models, and the quote for all of them together."""

    questions: tuple[Question, ...]
    n_models: int
    quote: AskingQuote
    which: str
    """Which questions these are."""
    short: str
    """The same in a few words."""
    is_begun: bool
    """Whether some of the models were asked some of it, or were about to be: there the rest alone is asked."""

    @property
    def n_answers(self) -> int:
        """How many answers that are in all."""
        return len(self.questions) * self.n_models


async def job_questions(db: aiosqlite.Connection, job_key: int, dataset: Dataset) -> tuple[tuple[Question, ...], str]:
    """What a model of a job is asked, and which questions these are, in words.

    What the job's tuned model was asked; else all about the facts that the job was taught. It may have been taught a
    part of its dataset, as by a quick benchmark: a model that is asked the rest too would seem to have learned less
    than it did, and not be comparable with what was asked before. Raises `EvaluationStoppedError` where it is not known
    what the job was taught.
    """
    if not dataset.questions:
        [job] = await db.execute_fetchall("SELECT provider, remote_job_id FROM jobs WHERE job_key = ?", (job_key,))
        raise evaluate.EvaluationStoppedError(
            f"There is nothing to ask: what job {job_key} was trained on is not known here. Say it with: "
            f"ftb jobs adopt {job['remote_job_id']} --provider {job['provider']} --dataset NAME"
        )
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
    """The choices, the largest first: what the job's tuned model was asked, fewer of it, and what else was begun.

    The same questions as the tuned model's, so that every point of the curve is about the same facts.
    """
    dataset = await load_dataset(db, dataset_id)
    questions, which = await job_questions(db, job_key, dataset)
    whole = replace(dataset, questions=questions)
    fullest = max((sum(q.task is task for q in questions) for task in {q.task for q in questions}), default=0)
    [job] = await db.execute_fetchall("SELECT provider, base_model FROM jobs WHERE job_key = ?", (job_key,))
    name = models[0].name if models else job["base_model"]
    begun = await _begun(db, dataset_id, models)
    choices = [(questions, which, "the questions of the tuned model")]
    for size in SIZES:
        if size < fullest:
            words = f"at most {size} questions of each task", f"{size} questions a task"
            choices.append((subset(whole, limit=size), *words))
    offered = {frozenset(question.question_id for question in chosen) for chosen, _, _ in choices}
    for ids in begun:
        if ids not in offered:
            chosen = tuple(question for question in dataset.questions if question.question_id in ids)
            choices.append((chosen, f"the {len(chosen)} questions that were begun", "the questions that were begun"))
    plans = []
    for chosen, said, short in choices:
        quote = await asyncio.to_thread(
            quote_asking, job["provider"], name, chosen, answer_tokens=dataset.answer_tokens,
            base_model=job["base_model"], tuned=True, times=len(models),
        )  # fmt: skip
        quote = await within_day(db, quote)
        is_begun = frozenset(question.question_id for question in chosen) in begun
        plans.append(CheckpointPlan(chosen, len(models), quote, said, short, is_begun))
    return plans


@asynccontextmanager
async def asking_alone(db: aiosqlite.Connection, job_key: int) -> AsyncIterator[None]:
    """Nobody else asks models of this job meanwhile. Raises `EvaluationBusyError` where somebody does so now."""
    owner, lease = holding.new_owner(), Lease("jobs", job_key)
    async with transaction(db):
        is_mine = await leases.take(db, lease, owner)
    if not is_mine:
        raise _busy(job_key)
    async with keeping(db, lease, owner):
        yield


async def require_nobody_asks(db: aiosqlite.Connection, job_key: int) -> None:
    """Raise `EvaluationBusyError` where somebody asks models of this job now."""
    job = await get_job(db, job_key)
    if holding.is_held(job.owner, job.lease_until):
        raise _busy(job_key)


def _busy(job_key: int) -> EvaluationBusyError:
    return EvaluationBusyError(
        f"Models of job {job_key} are being asked already, here or by another ftb; 3 shows how far."
    )


async def plan_checkpoints(
    db: aiosqlite.Connection, dataset_id: str, models: Sequence[JobModel], plan: CheckpointPlan
) -> list[int]:
    """An evaluation of each model, in the order of training; the keys. One that asks the same is gone on with."""
    tokens = (await load_dataset(db, dataset_id)).answer_tokens
    return [
        await evaluate.create(
            db, model_key=model.model_key, dataset_id=dataset_id, questions=plan.questions, answer_tokens=tokens,
            reuse=True,
        )
        for model in models
    ]  # fmt: skip


async def _begun(db: aiosqlite.Connection, dataset_id: str, models: Sequence[JobModel]) -> list[frozenset[str]]:
    """The ids of the questions of each evaluation of these models that was planned and not finished."""
    rows = await db.execute_fetchall(
        "SELECT evaluation_key FROM evaluations WHERE dataset_id = ? AND deleted_at IS NULL AND state <> 'finished'"
        " AND model_key IN (SELECT value FROM json_each(?)) ORDER BY evaluation_key DESC",
        (dataset_id, json.dumps([model.model_key for model in models])),
    )
    return list(dict.fromkeys([frozenset(await question_ids(db, row[0])) for row in rows]))


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
