"""Having a model word trained questions otherwise, once each, and keeping what a person decided about it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
from ftb_tui.work.paid_asking import PaidRun, alone, paid_run

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
    tokens_estimated: bool = False
    """Whether the service left out the tokens of some replies, so that tokens and money are estimated."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A question of which more wordings are wanted: how many, and those that there are."""

    question: Question
    missing: int
    taken: tuple[str, ...]

    @property
    def prompt(self) -> str:
        """The request for them."""
        return wordings.wordings_prompt(self.question, self.missing, self.taken)

    @property
    def reply_tokens(self) -> int:
        """How long the reply may become."""
        return wordings.reply_tokens(self.question, self.missing)


@dataclass(frozen=True, slots=True)
class _Run:
    """What every request of a run needs."""

    model: str
    n: int
    asked: wordings.Asked
    paid: PaidRun
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
    async with alone(db, "wordings", provider.name, model, [dataset.dataset_id]) as lost:
        wanted = await _wanted(db, provider.name, model, dataset, n, limit)
        paid = await paid_run(
            db, provider, model, quote=await _quote(provider.name, model, wanted), concurrency=concurrency,
            max_cost=max_cost, spender="this run", kept="Every wording", lost=lost,
        )  # fmt: skip
        run = _Run(model, n, await asyncio.to_thread(wordings.asked, dataset), paid, Counter(), [])
        done = len(questions) - len(wanted)
        for start in range(0, len(wanted), _BATCH):
            batch = wanted[start : start + _BATCH]
            await paid.carry_out([asyncio.create_task(_word(run, one)) for one in batch])
            done += len(batch)
            on_progress(done, len(questions))
    counts = run.counts
    return ParaphraseReport(
        model=f"{provider.name}/{model}",
        prompt_version=wordings.PROMPT_VERSION,
        questions=len(questions),
        cached=len(questions) - len(wanted),
        asked=counts["asked"],
        unreadable=counts["unreadable"],
        failed=counts["failed"],
        proposed=counts["proposed"],
        rejected=counts["rejected"],
        requests=paid.requests,
        prompt_tokens=paid.prompt_tokens,
        completion_tokens=paid.completion_tokens,
        error=run.errors[0] if run.errors else "",
        tokens_estimated=paid.tokens_estimated,
    )


async def quote_paraphrases(
    db: aiosqlite.Connection, provider: str, model: str, dataset: Dataset, *, n: int, limit: int | None = None
) -> AskingQuote:
    """What `make_paraphrases` would cost. Nothing is sent."""
    wanted = await _wanted(db, provider, model, dataset, n, limit)
    return await within_day(db, await _quote(provider, model, wanted))


async def _quote(provider: str, model: str, wanted: Sequence[_Wanted]) -> AskingQuote:
    prompts, most = [one.prompt for one in wanted], sum(one.reply_tokens for one in wanted)
    return await asyncio.to_thread(lambda: quote_prompts(provider, model, prompts, answer_tokens=most))


async def _wanted(
    db: aiosqlite.Connection, provider: str, model: str, dataset: Dataset, n: int, limit: int | None
) -> list[_Wanted]:
    """What a model was not asked for yet, with all wordings that there are, whoever made them."""
    before = await asked_for(
        db, dataset.dataset_id, provider=provider, model=model, prompt_version=wordings.PROMPT_VERSION
    )
    known: dict[str, list[str]] = {}
    for row in await list_wordings(db, dataset_id=dataset.dataset_id):
        known.setdefault(row.question_id, []).append(row.text)
    return [
        _Wanted(question, n - before.get(question.question_id, 0), tuple(known.get(question.question_id, ())))
        for question in wordings.questions_to_word(dataset)[:limit]
        if before.get(question.question_id, 0) < n
    ]


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


async def _word(run: _Run, wanted: _Wanted) -> None:
    """Ask for the missing wordings of one question and keep what came, each with what speaks against it."""
    question, missing, taken = wanted.question, wanted.missing, wanted.taken
    request = AskRequest(
        model=run.model, prompt=wanted.prompt, max_tokens=wanted.reply_tokens, temperature=_TEMPERATURE, seed=_SEED
    )
    try:
        answer = await run.paid.ask(request)
    except ProviderError as error:
        run.errors.append(f"{error.host}: {error.message}")
        run.counts["failed"] += 1
        return
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
        run.paid.db, run.asked.dataset.dataset_id, question.question_id, new, provider=run.paid.provider.name,
        model=run.model, prompt_version=wordings.PROMPT_VERSION, wanted=run.n,
    )  # fmt: skip
    run.counts["asked"] += 1
