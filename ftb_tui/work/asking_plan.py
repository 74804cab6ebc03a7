"""A model by its name, a dataset and how much of it: planned as an evaluation, with what it may cost, before it is asked."""

from __future__ import annotations

from dataclasses import dataclass

import aiosqlite

from ftb_tui.benchmark.model import Dataset, Question
from ftb_tui.benchmark.subset import subset
from ftb_tui.providers.registry import provider_info, service_name
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.deployments import record_deployment
from ftb_tui.store.models import ModelRow, ensure_model, list_models
from ftb_tui.work import evaluate
from ftb_tui.work.bench_plan import bench_dataset
from ftb_tui.work.cost import answer_cost, money
from ftb_tui.work.quoting import asking_prices
from ftb_tui.work.token_counter import token_counter

_FORMAT_TOKENS = 7


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


@dataclass(frozen=True, slots=True)
class AskingQuote:
    """What a plan comes to. `cost` is in US dollars at worst; None where no price is known, 0 where it is free."""

    questions: int
    prompt_tokens: int
    answer_tokens: int
    tokens_how: str
    cost: float | None


async def asking_quote(plan: AskingPlan) -> AskingQuote:
    """How many questions, and what they cost if every answer is as long as it may be. Nothing is sent."""
    info, service = provider_info(plan.provider), service_name(plan.provider)
    db = await open_store()
    try:
        known = await _known(db, plan)
        dataset = await bench_dataset(db, plan.dataset)
    finally:
        await db.close()
    questions, counter = _questions(dataset, plan), token_counter(service)
    prompts = sum(counter.count(question.prompt) + _FORMAT_TOKENS for question in questions)
    answers = len(questions) * dataset.answer_tokens
    prices = asking_prices(plan.provider, plan.model, known.base_model if known else plan.model)
    tuned = known is not None and known.kind != "base"
    free = info.capabilities.cost_basis == "free"
    cost = 0.0 if free else answer_cost(prices, prompts, answers, tuned=tuned, batch=plan.batch)
    return AskingQuote(len(questions), prompts, answers, counter.how, cost)


def quote_sentence(quote: AskingQuote) -> str:
    """The quote as a person reads it."""
    asked = f"{quote.questions} questions, {quote.prompt_tokens:,} tokens ({quote.tokens_how})"
    if quote.cost == 0:
        return f"{asked}; it costs nothing."
    if quote.cost is None:
        return f"{asked}. No price is known for this model: catalogue.toml beside config.toml may hold one."
    return f"{asked}; with answers of at most {quote.answer_tokens:,} tokens it costs {money(quote.cost)} at most."


async def plan_evaluation(plan: AskingPlan) -> int:
    """Keep the plan as an evaluation and give its key. Raises `EvaluationStoppedError` where nothing is left to ask."""
    provider_info(plan.provider)
    db = await open_store()
    try:
        dataset = await bench_dataset(db, plan.dataset)
        questions = _questions(dataset, plan)
        if not questions:
            raise evaluate.EvaluationStoppedError("There is no question to ask.")
        known = await _known(db, plan)
        async with transaction(db):
            key = known.model_key if known else await ensure_model(
                db, provider=plan.provider, name=plan.model, kind="base", base_model=plan.model
            )  # fmt: skip
            if plan.serving_name:
                await record_deployment(db, key, plan.serving_name)
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


async def _known(db: aiosqlite.Connection, plan: AskingPlan) -> ModelRow | None:
    models = await list_models(db)
    return next((model for model in models if (model.provider, model.name) == (plan.provider, plan.model)), None)


def _questions(dataset: Dataset, plan: AskingPlan) -> tuple[Question, ...]:
    return subset(dataset, limit=plan.limit, seed=42)
