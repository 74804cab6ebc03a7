"""Planning an evaluation: which questions a model is asked, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aiosqlite

from ftb_tui.benchmark.model import Question
from ftb_tui.store import batches
from ftb_tui.store import evaluations as store
from ftb_tui.store.datasets import questions_by_key
from ftb_tui.store.models import get_model
from ftb_tui.work.asking import EvaluationStoppedError, weights_for


async def create(
    db: aiosqlite.Connection,
    *,
    model_key: int,
    dataset_id: str,
    questions: Sequence[Question] | None = None,
    answer_tokens: int,
    temperature: float | None = 0.0,
    seed: int | None = 42,
    repeats: int = 1,
    reuse: bool = False,
    batch: bool = False,
    again: bool = False,
) -> int:
    """Plan an evaluation of these questions (all of the dataset for None); with `reuse`, perhaps one that exists.

    With `batch` it is asked in batches, at half the price and within a day, by whoever runs it. Raises
    `EvaluationStoppedError` where another asks exactly this in a batch at this moment, unless it shall be asked `again`.
    """
    keys, parameters = await _asked(db, model_key, dataset_id, questions, answer_tokens, temperature, seed)
    if batch and not again:
        await _require_in_no_batch(db, model_key, dataset_id, keys, parameters, repeats)
    key = await store.create_evaluation(
        db,
        model_key=model_key,
        dataset_id=dataset_id,
        question_keys=keys,
        parameters=parameters,
        repeats=repeats,
        reuse=reuse,
    )
    if batch:
        await batches.set_mode(db, key, batch=True)
    return key


async def require_in_no_batch(
    db: aiosqlite.Connection,
    *,
    model_key: int,
    dataset_id: str,
    questions: Sequence[Question],
    answer_tokens: int,
    temperature: float | None,
    seed: int | None,
    repeats: int,
) -> None:
    """Raise `EvaluationStoppedError` where `create` would, for a batch under way, before anybody agrees to a price."""
    keys, parameters = await _asked(db, model_key, dataset_id, questions, answer_tokens, temperature, seed)
    await _require_in_no_batch(db, model_key, dataset_id, keys, parameters, repeats)


async def _asked(
    db: aiosqlite.Connection,
    model_key: int,
    dataset_id: str,
    questions: Sequence[Question] | None,
    answer_tokens: int,
    temperature: float | None,
    seed: int | None,
) -> tuple[list[int], dict[str, object]]:
    """The keys of the questions, and how they are asked."""
    wanted = None if questions is None else {question.question_id for question in questions}
    stored = await questions_by_key(db, dataset_id)
    keys = [key for key, question in stored.items() if wanted is None or question.question_id in wanted]
    if not keys:
        raise EvaluationStoppedError("There is no question to ask: the chosen tasks, people and limit leave none.")
    parameters: dict[str, object] = {"max_tokens": answer_tokens, "temperature": temperature, "seed": seed}
    if weights := await weights_for(await get_model(db, model_key)):
        # Other weights of that name are another model: none of its answers is taken for this one's.
        parameters["weights"] = weights
    return keys, parameters


async def _require_in_no_batch(
    db: aiosqlite.Connection,
    model_key: int,
    dataset_id: str,
    keys: Sequence[int],
    parameters: Mapping[str, object],
    repeats: int,
) -> None:
    for other in await store.same_evaluations(db, model_key, dataset_id, keys, parameters, repeats):
        if await batches.open_batches(db, other):
            raise EvaluationStoppedError(
                f"Evaluation {other} asks exactly this in a batch now. Read it with: ftb evaluate --resume {other} "
                "- or ask once more, and pay once more, with --new."
            )
