"""A model by its name, a dataset and how much of it: planned as an evaluation, with what it may cost, before it is asked."""

from __future__ import annotations

from dataclasses import dataclass

import aiosqlite

from ftb_tui.benchmark.model import Dataset, Question
from ftb_tui.benchmark.subset import subset
from ftb_tui.providers.base import ErrorKind, ProviderError
from ftb_tui.providers.registry import open_provider, provider_info
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.deployments import record_deployment
from ftb_tui.store.models import ModelRow, ensure_model, list_models
from ftb_tui.work import evaluate
from ftb_tui.work.asking_quote import AskingQuote, quote_asking, within_day
from ftb_tui.work.bench_plan import bench_dataset
from ftb_tui.work.deployment import cannot_be_deployed
from ftb_tui.work.deployment_look import place_of


@dataclass(frozen=True, slots=True)
class AskingPlan:
    """What is asked of whom. A `model` that is not known here becomes a base model of the provider."""

    provider: str
    model: str
    dataset: str
    limit: int | None = None
    """At most so many questions of each task."""
    serving_name: str | None = None
    """The deployment that answers for a tuned model, to be recorded with it."""
    batch: bool = False
    """At half the price, answered within a day."""


async def asking_quote(plan: AskingPlan) -> AskingQuote:
    """How many questions, and what they cost if every answer is as long as it may be. Nothing is sent."""
    provider_info(plan.provider)
    db = await open_store()
    try:
        known = await _known(db, plan)
        _require_use_of_deployment(plan, known)
        dataset = await bench_dataset(db, plan.dataset)
        quote = quote_asking(
            plan.provider, plan.model, _questions(dataset, plan), answer_tokens=dataset.answer_tokens,
            base_model=known.base_model if known else "", tuned=known is not None and known.kind != "base",
            batch=plan.batch,
        )  # fmt: skip
        return await within_day(db, quote)
    finally:
        await db.close()


async def plan_evaluation(plan: AskingPlan) -> int:
    """Keep the plan as an evaluation and give its key. Raises `EvaluationStoppedError` where nothing is left to ask.

    And `ProviderError`, with nothing kept, for a provider that cannot be opened.
    """
    if not provider_info(plan.provider).capabilities.creates_once:
        # The embedded engine is started when it is needed.
        await open_provider(plan.provider).close()
    db = await open_store()
    try:
        dataset = await bench_dataset(db, plan.dataset)
        questions = _questions(dataset, plan)
        if not questions:
            raise evaluate.EvaluationStoppedError("There is no question to ask.")
        known = await _known(db, plan)
        _require_use_of_deployment(plan, known)
        host = await place_of(plan.provider) if plan.serving_name else None
        async with transaction(db):
            key = known.model_key if known else await ensure_model(
                db, provider=plan.provider, name=plan.model, kind="base", base_model=plan.model
            )  # fmt: skip
            if plan.serving_name:
                await record_deployment(db, key, plan.serving_name, host=host)
        return await evaluate.create(
            db,
            model_key=key,
            dataset_id=dataset.dataset_id,
            questions=questions,
            answer_tokens=dataset.answer_tokens,
            batch=plan.batch,
        )
    finally:
        await db.close()


def _require_use_of_deployment(plan: AskingPlan, known: ModelRow | None) -> None:
    """Raise `ProviderError` where a deployment is named for a model that answers without one."""
    able = provider_info(plan.provider).capabilities
    kind = known.kind if known else "base"
    if plan.serving_name and (
        reason := cannot_be_deployed(plan.provider, deploys_bases=able.deploys_bases, model=plan.model, kind=kind)
    ):
        raise ProviderError(ErrorKind.INVALID_REQUEST, reason)


async def _known(db: aiosqlite.Connection, plan: AskingPlan) -> ModelRow | None:
    models = await list_models(db)
    return next((model for model in models if (model.provider, model.name) == (plan.provider, plan.model)), None)


def _questions(dataset: Dataset, plan: AskingPlan) -> tuple[Question, ...]:
    return subset(dataset, limit=plan.limit, seed=42)
