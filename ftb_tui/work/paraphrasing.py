"""Having a model word trained questions otherwise, once each, and keeping what a person decided about it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import aiosqlite

from ftb_tui.benchmark import wordings
from ftb_tui.benchmark.load import DatasetError
from ftb_tui.benchmark.model import Dataset, Question
from ftb_tui.providers.base import AskRequest, Provider, ProviderError
from ftb_tui.store.datasets import load_dataset
from ftb_tui.store.paraphrases import (
    NewWording,
    WordingRow,
    WordingState,
    add_wordings,
    asked_for,
    decide,
    list_wordings,
)
from ftb_tui.work.asking_quote import AskingQuote, quote_prompts, within_day
from ftb_tui.work.evaluate import EvaluationStoppedError
from ftb_tui.work.limits import AdaptiveLimit
from ftb_tui.work.paid_asking import ask_paid
from ftb_tui.work.purse import CostUnknownError, Purse, open_judge_purse

# Some difference between wordings is wanted; the seed makes a request give the same where the service can do that.
_TEMPERATURE, _SEED = 0.7, 42
_BATCH = 64


@dataclass(frozen=True, slots=True)
class ParaphraseReport:
    """What a run did. `questions` = `cached` + `asked` + `failed` + `unreadable`; tokens are of this run's requests.

    `proposed` and `rejected` count new wordings only. `unreadable` replies held no line of text; such questions and
    failed ones are asked again by the same command.
    """

    model: str
    prompt_version: int
    questions: int
    cached: int
    asked: int
    unreadable: int
    failed: int
    proposed: int
    rejected: int
    requests: int
    prompt_tokens: int
    completion_tokens: int
    error: str


@dataclass(frozen=True, slots=True)
class _Run:
    """What every request of a run needs."""

    db: aiosqlite.Connection
    provider: Provider
    model: str
    asked: wordings.Asked
    limit: AdaptiveLimit
    purse: Purse
    counts: Counter[str]
    errors: list[str]


async def make_paraphrases(
    db: aiosqlite.Connection,
    provider: Provider,
    model: str,
    dataset: Dataset,
    *,
    n: int,
    limit: int | None = None,
    concurrency: int | None = None,
    max_cost: float | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> ParaphraseReport:
    """Ask a model for `n` other wordings of each memorization question, or of the first `limit` questions.

    A question of which this model was asked for so many before, by the same prompt, is not asked again; where more are
    wanted, only the rest is asked for. Everything is kept as it comes, so that a run that was stopped goes on where it
    was. Raises `EvaluationStoppedError` on quota, key and model errors, and when `max_cost` (US dollars for this run)
    or the day's budget is reached or cannot be kept for want of a price; `DatasetError` when nothing is trained on.
    """
    questions = wordings.questions_to_word(dataset)[:limit]
    if not questions:
        raise DatasetError(f"{dataset.name} has no memorization question to word otherwise.")
    try:
        purse = await open_judge_purse(db, provider, model, max_cost=max_cost)
    except CostUnknownError as error:
        raise EvaluationStoppedError(str(error)) from error
    able = provider.capabilities
    most = min(able.max_concurrency, concurrency or able.max_concurrency)
    run = _Run(
        db, provider, model, await asyncio.to_thread(wordings.asked, dataset),
        AdaptiveLimit(start=min(able.start_concurrency, most), most=most), purse, Counter(), [],
    )  # fmt: skip
    before = await asked_for(
        db, dataset.dataset_id, provider=provider.name, model=model, prompt_version=wordings.PROMPT_VERSION
    )
    open_ = [question for question in questions if before.get(question.question_id, 0) < n]
    known: dict[str, list[str]] = {}
    for row in await list_wordings(db, dataset_id=dataset.dataset_id):
        known.setdefault(row.question_id, []).append(row.text)
    done = len(questions) - len(open_)
    for start in range(0, len(open_), _BATCH):
        batch = open_[start : start + _BATCH]
        await _all(
            [_word(run, q, n, n - before.get(q.question_id, 0), known.get(q.question_id, [])) for q in batch]
        )  # fmt: skip
        done += len(batch)
        on_progress(done, len(questions))
    counts = run.counts
    return ParaphraseReport(
        model=f"{provider.name}/{model}",
        prompt_version=wordings.PROMPT_VERSION,
        questions=len(questions),
        cached=len(questions) - len(open_),
        asked=counts["asked"],
        unreadable=counts["unreadable"],
        failed=counts["failed"],
        proposed=counts["proposed"],
        rejected=counts["rejected"],
        requests=counts["requests"],
        prompt_tokens=counts["prompt_tokens"],
        completion_tokens=counts["completion_tokens"],
        error=run.errors[0] if run.errors else "",
    )


async def quote_paraphrases(
    db: aiosqlite.Connection, provider: str, model: str, dataset: Dataset, *, n: int, limit: int | None = None
) -> AskingQuote:
    """What `make_paraphrases` would cost. Nothing is sent."""
    before = await asked_for(
        db, dataset.dataset_id, provider=provider, model=model, prompt_version=wordings.PROMPT_VERSION
    )
    missing = [
        (question, n - before.get(question.question_id, 0)) for question in wordings.questions_to_word(dataset)[:limit]
    ]
    prompts = [wordings.wordings_prompt(question, more, ()) for question, more in missing if more > 0]
    most = sum(wordings.reply_tokens(question, more) for question, more in missing if more > 0)
    quote = await asyncio.to_thread(lambda: quote_prompts(provider, model, prompts, answer_tokens=most))
    return await within_day(db, quote)


async def keep(db: aiosqlite.Connection, rows: Sequence[WordingRow]) -> None:
    """Keep wordings for training, also such as a rule has rejected, all or none.

    Raises `DatasetError` for one that is, nearly is, or holds another question of its dataset: that is no matter of
    taste.
    """
    known: dict[str, wordings.Asked] = {}
    for row in rows:
        if row.dataset_id not in known:
            dataset = await load_dataset(db, row.dataset_id)
            known[row.dataset_id] = await asyncio.to_thread(wordings.asked, dataset)
        asked = known[row.dataset_id]
        question = next(q for q in asked.dataset.questions if q.question_id == row.question_id)
        if fault := wordings.leak(asked, question, row.text):
            raise DatasetError(
                f"Wording {row.paraphrase_key} cannot be kept. {fault} Trained on, it would spoil the test; "
                f"reject it: ftb paraphrases reject {row.paraphrase_key}"
            )
    await decide(db, [(row.paraphrase_key, WordingState.KEPT, "") for row in rows])


async def reject(db: aiosqlite.Connection, rows: Sequence[WordingRow]) -> None:
    """Reject wordings; the reason of a rule stays."""
    await decide(db, [(row.paraphrase_key, WordingState.REJECTED, row.reason or "by hand") for row in rows])


async def _all(work: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Carry everything to its end, then raise what must stop the run, so that what came until then is kept."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        for task in tasks:
            task.cancel()
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


async def _word(run: _Run, question: Question, n: int, missing: int, taken: Sequence[str]) -> None:
    """Ask for the missing wordings of one question and keep what came, each with what speaks against it."""
    prompt = wordings.wordings_prompt(question, missing, taken)
    request = AskRequest(
        model=run.model, prompt=prompt, max_tokens=wordings.reply_tokens(question, missing), temperature=_TEMPERATURE,
        seed=_SEED,
    )  # fmt: skip
    try:
        answer = await ask_paid(
            run.db, run.provider, request, limit=run.limit, purse=run.purse, spender="this run", kept="Every wording"
        )
    except ProviderError as error:
        run.errors.append(f"{error.host}: {error.message}")
        run.counts["failed"] += 1
        return
    run.counts["requests"] += 1
    run.counts["prompt_tokens"] += answer.prompt_tokens or 0
    run.counts["completion_tokens"] += answer.completion_tokens or 0
    texts = wordings.read_wordings(answer.text, missing, cut=answer.finish_reason == "length")
    if not texts:
        run.counts["unreadable"] += 1
        return
    new, room = list[NewWording](), missing
    for one in wordings.judged_wordings(run.asked, question, [text for text in texts if text not in taken], taken):
        if not room:
            break
        room -= not one.fault
        new.append(NewWording(one.text, one.fault))
        run.counts["rejected" if one.fault else "proposed"] += 1
    await add_wordings(
        run.db, run.asked.dataset.dataset_id, question.question_id, new, provider=run.provider.name, model=run.model,
        prompt_version=wordings.PROMPT_VERSION, wanted=n,
    )  # fmt: skip
    run.counts["asked"] += 1
