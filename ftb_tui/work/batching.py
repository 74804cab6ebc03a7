"""Asking an evaluation's questions in batches, with the guarantees of asking one by one.

A batch is an intent in the store before anything is sent, is created by one request, and is looked for by its tag after
any doubt; its answers and its end are committed together. Whenever the program stops, the next run reads what came of
the batches and asks exactly what was never asked.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial

import aiosqlite

from ftb_tui.benchmark.model import Question
from ftb_tui.providers.base import AskRequest, Provider, ProviderError
from ftb_tui.providers.batches import MOST_BYTES, MOST_LINES, Batching, BatchState, OffersBatches, RemoteBatch
from ftb_tui.store import batches
from ftb_tui.store import evaluations as store
from ftb_tui.store.datasets import questions_by_key
from ftb_tui.work.asking import (
    EvaluationBusyError,
    EvaluationProgress,
    EvaluationStoppedError,
    answer_record,
    ask_request,
    asked_as,
    batch_records,
    kept_parameters,
)
from ftb_tui.work.batch_intents import cancel_batches, confirm, reconcile
from ftb_tui.work.creation import is_refusal
from ftb_tui.work.purse import Purse, open_purse

LOOK_SECONDS = (5.0, 30.0, 60.0)
"""Between looks at a batch: at first, after a minute, after ten."""
SLOWEST_LOOK = 300.0
_PAUSE_SECONDS = 5.0
"""Between two looks at whether somebody asked for a pause."""


async def run_batches(
    db: aiosqlite.Connection,
    provider: Provider,
    evaluation_key: int,
    lost: asyncio.Event,
    *,
    on_progress: Callable[[EvaluationProgress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
    retry_failures: bool = True,
    max_cost: float | None = None,
    wait: bool = True,
    cancel: bool = False,
) -> bool:
    """Settle the batches under way, then ask in new ones what was never asked; whether every question is settled.

    The caller holds the evaluation, and sets `lost` when somebody else has taken it. False after a stop, a pause, or
    without `wait` while a batch is under way. With `cancel` the service is asked to end what is under way, what it
    answered is read, and nothing is sent. Raises `EvaluationStoppedError` when the service refuses, when
    a batch ended before its questions, and when it is not known whether one was created.
    """
    evaluation = await store.get_evaluation(db, evaluation_key)
    if not provider.capabilities.batches or not isinstance(provider, OffersBatches):
        raise EvaluationStoppedError(
            f"{provider.name} does not answer in batches; ask one by one: ftb evaluate --resume {evaluation_key} --no-batch"
        )
    run = _BatchRun(
        db, provider, provider.batching(), evaluation, lost,
        purse=partial(open_purse, db, provider, evaluation, max_cost=max_cost),
        questions=await questions_by_key(db, evaluation.dataset_id),
        model=await asked_as(db, provider, evaluation),
        on_progress=on_progress, should_stop=should_stop,
    )  # fmt: skip
    watcher = asyncio.create_task(run.watch())
    try:
        return await run.run(retry_failures=retry_failures, wait=wait, cancel=cancel)
    finally:
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)


class _BatchRun:
    """One run: settles what is under way, sends what is missing, waits, settles again."""

    def __init__(
        self,
        db: aiosqlite.Connection,
        provider: Provider,
        batching: Batching,
        evaluation: store.EvaluationRow,
        lost: asyncio.Event,
        *,
        purse: Callable[..., Awaitable[Purse]],
        questions: Mapping[int, Question],
        model: str,
        on_progress: Callable[[EvaluationProgress], None],
        should_stop: Callable[[], bool],
    ) -> None:
        self._db, self._provider, self._batching = db, provider, batching
        self._evaluation, self._key, self._lost = evaluation, evaluation.evaluation_key, lost
        self._open_purse, self._questions, self._model = purse, questions, model
        self._on_progress, self._should_stop = on_progress, should_stop
        self._asked = self._failed = self._correct = 0
        self._tokens = (evaluation.prompt_tokens, evaluation.completion_tokens)
        self._estimated = bool(evaluation.tokens_estimated)
        self._missing = evaluation.n_missing
        self._under_way: dict[int, tuple[int, RemoteBatch]] = {}
        """By their keys the batches that were looked at and have not ended: how many questions, and the last look."""
        self._paused = False

    async def run(self, *, retry_failures: bool, wait: bool, cancel: bool) -> bool:
        self._purse = await self._open_purse()
        collected = bool(await batches.open_batches(self._db, self._key))
        if cancel and not collected:
            raise EvaluationStoppedError(f"No batch of evaluation {self._key} is under way, so there is none to end.")
        if not collected:
            self._report()
        await reconcile(self._db, self._batching, self._key, self._rest)
        if cancel:
            await cancel_batches(self._db, self._batching, self._key)
        if not await self._collect(wait=wait):
            if self._evaluation.batch:
                return False
            raise EvaluationStoppedError(
                f"{self._n_under_way()} questions are still under way in a batch. Wait for it, or end it: "
                f"ftb evaluate --resume {self._key} --cancel-batch"
            )
        if not self._evaluation.batch:
            return True
        # What failed in a batch that was read just now is not asked again in the same breath.
        missing = await store.missing_answers(self._db, self._key, retry_failures=retry_failures and not collected)
        if missing and not cancel:
            # What was read just now has its part in what is spent.
            self._purse = await self._open_purse(prompts=[self._questions[key].prompt for key, _ in missing])
            await self._send(missing)
            if not await self._collect(wait=wait):
                return False
        left = await store.missing_answers(self._db, self._key, retry_failures=False)
        if left:
            raise EvaluationStoppedError(
                f"The service gave nothing for {len(left)} questions. Ask exactly those: ftb evaluate --resume {self._key}"
            )
        return True

    async def _send(self, missing: Sequence[tuple[int, int]]) -> None:
        """Send what is missing: the first question by itself, so that a model's refusals are learnt, then the others."""
        first, *others = missing
        await self._ask_first(*first)
        for part in self._parts(others):
            await self._create(part)

    async def _ask_first(self, key: int, repeat: int) -> None:
        question = self._questions[key]
        request = self._request(key, repeat)
        held = await self._purse.hold(question.prompt, request.max_tokens)
        if held is None:
            raise EvaluationStoppedError(self._purse.refusal())
        try:
            answer = await self._provider.ask(request)
        except ProviderError as error:
            raise EvaluationStoppedError(f"{error.host} refused: {error.message}") from error
        record = answer_record((key, repeat), kept_parameters(self._provider, request), question, request, answer)
        await store.write_responses(self._db, self._key, [record])
        self._count([record])
        self._purse.settle(held, record.prompt_tokens, record.completion_tokens)

    def _request(self, key: int, repeat: int) -> AskRequest:
        return ask_request(self._evaluation, self._model, self._questions[key], repeat, self._provider)

    def _parts(self, missing: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, int, str]]]:
        """(question key, repeat, line) of each batch, as many as a batch may have."""
        part: list[tuple[int, int, str]] = []
        size = 0
        for key, repeat in missing:
            line = self._batching.line(f"{key}-{repeat}", self._request(key, repeat))
            n_bytes = len(line.encode("utf-8", "surrogatepass")) + 1
            if part and (len(part) >= MOST_LINES or size + n_bytes > MOST_BYTES):
                yield part
                part, size = [], 0
            part.append((key, repeat, line))
            size += n_bytes
        if part:
            yield part

    async def _create(self, part: Sequence[tuple[int, int, str]]) -> None:
        places = [(key, repeat) for key, repeat, _ in part]
        prompts = [self._questions[key].prompt for key, _ in places]
        request = self._request(*places[0])
        if await self._purse.fitting(prompts, request.max_tokens) < len(prompts):
            raise EvaluationStoppedError(
                f"A batch of {len(prompts)} questions may cost more than the cap or the day's budget allows, so it was "
                "not sent. Raise --max-cost or the budget, or ask fewer with --limit."
            )
        worst = sum(self._purse.worst(prompt, request.max_tokens) for prompt in prompts)
        intent_id = str(uuid.uuid4())
        batch_key = await batches.insert_intent(
            self._db, intent_id=intent_id, evaluation_key=self._key, host=self._provider.host,
            parameters={**kept_parameters(self._provider, request), "batch": True}, places=places,
            worst_cost=None if self._purse.prices is None else worst,
        )  # fmt: skip
        self._purse.set_aside(worst)
        content = "".join(f"{line}\n" for _, _, line in part).encode("utf-8", "backslashreplace")
        try:
            file_id = await self._batching.upload(content, filename=f"batch-{intent_id[:8]}.jsonl")
        except ProviderError as error:
            # Nothing but a file was sent, so giving up leaves nothing that costs.
            await batches.set_intent(self._db, batch_key, "refused", error=error.message)
            raise EvaluationStoppedError(f"The batch's file was not accepted: {error.message}") from error
        await batches.set_intent(self._db, batch_key, "intended", remote_file_id=file_id)
        await batches.set_intent(self._db, batch_key, "sent")
        try:
            remote = await self._batching.create(intent_id, file_id, model=self._model)
        except ProviderError as error:
            if is_refusal(error):
                await batches.set_intent(self._db, batch_key, "refused", error=error.message)
                raise EvaluationStoppedError(f"{error.host} refused the batch: {error.message}") from error
            # It may have been made all the same.
            await reconcile(self._db, self._batching, self._key, self._rest)
            [row] = [row for row in await batches.list_batches(self._db, self._key) if row.batch_key == batch_key]
            if row.intent != "confirmed":
                raise EvaluationStoppedError(
                    f"The batch was not created: {error.message}. Try again: ftb evaluate --resume {self._key}"
                ) from error
            return
        await confirm(self._db, batch_key, remote)

    async def _collect(self, *, wait: bool) -> bool:
        """Look at the batches under way until all have ended and are settled; False when it stopped before that."""
        begun, errors = time.monotonic(), 0
        ended: list[str] = []
        while left := await batches.open_batches(self._db, self._key):
            asked = 0.0
            for batch in left:
                assert batch.remote_batch_id is not None
                try:
                    remote = await self._batching.get(batch.remote_batch_id)
                    self._under_way[batch.batch_key] = batch.n_questions, remote
                    if remote.state.is_final:
                        ended += await self._settle(batch, remote)
                        del self._under_way[batch.batch_key]
                    errors = 0
                except ProviderError as error:
                    if not error.retryable:
                        raise EvaluationStoppedError(f"{error.host} refused: {error.message}") from error
                    errors += 1
                    asked = max(asked, error.retry_after or 0.0)
            self._report()
            if not await batches.open_batches(self._db, self._key):
                break
            if not wait or not await self._rest(_pause(time.monotonic() - begun, errors, asked)):
                return False
        if ended:
            raise EvaluationStoppedError(" ".join(ended))
        return True

    async def _settle(self, batch: batches.BatchRow, remote: RemoteBatch) -> list[str]:
        """Keep what came of an ended batch; a sentence where it ended before its questions did."""
        lines = await self._batching.results(remote)
        known = {f"{key}-{repeat}": (key, repeat) for key, repeat in await batches.places(self._db, batch.batch_key)}
        parameters = await batches.parameters(self._db, batch.batch_key)
        records = batch_records(lines, known, parameters, self._questions, self._request)
        await batches.settle(self._db, batch, list(records.values()), raw_state=remote.raw_state, error=remote.error)
        self._count(list(records.values()))
        unasked = len(known) - len(records)
        if remote.state is BatchState.COMPLETED or not unasked:
            return []
        why = f": {remote.error}" if remote.error else ""
        return [
            f"The batch {remote.batch_id} {_ENDS[remote.state]}{why}. {unasked} of its {len(known)} questions were not "
            f"answered; ask exactly those: ftb evaluate --resume {self._key}"
        ]

    def _count(self, records: Sequence[store.ResponseRecord]) -> None:
        self._asked += len(records)
        self._failed += sum(record.answer is None for record in records)
        grades = [record.grades.get(self._evaluation.grader) for record in records]
        self._correct += sum(grade is not None and grade.verdict == "correct" for grade in grades)
        self._tokens = (
            self._tokens[0] + sum(record.prompt_tokens or 0 for record in records),
            self._tokens[1] + sum(record.completion_tokens or 0 for record in records),
        )
        self._estimated |= any(record.tokens_estimated for record in records)

    async def watch(self) -> None:
        """Notice a pause that somebody asked for; for as long as the run lasts."""
        while True:
            await asyncio.sleep(_PAUSE_SECONDS)
            self._paused |= await store.evaluation_state(self._db, self._key) == "paused"

    async def _rest(self, seconds: float) -> bool:
        """Wait; False when somebody asked for a stop or a pause."""
        until = time.monotonic() + seconds
        while True:
            if self._lost.is_set():
                raise EvaluationBusyError(f"Evaluation {self._key} was taken over by another ftb.")
            if self._paused or self._should_stop():
                return False
            if (left := until - time.monotonic()) <= 0:
                return True
            await asyncio.sleep(min(left, 0.5))

    def _n_under_way(self) -> int:
        return sum(n_questions for n_questions, _ in self._under_way.values())

    def _report(self) -> None:
        looks = [remote for _, remote in self._under_way.values()]
        self._on_progress(
            EvaluationProgress(
                self._key, self._evaluation.n_questions, self._missing, asked=self._asked, failed=self._failed,
                correct=self._correct, per_second=0.0, prompt_tokens=self._tokens[0], completion_tokens=self._tokens[1],
                cost=None if self._purse.prices is None else self._purse.prices.cost(*self._tokens),
                tokens_estimated=self._estimated,
                batch=", ".join(f"{batch.batch_id} {batch.raw_state}" for batch in looks),
                in_batches=self._n_under_way(),
                answered_there=sum(batch.answered + batch.failed for batch in looks),
            )
        )  # fmt: skip


_ENDS = {
    BatchState.FAILED: "was refused by the service", BatchState.EXPIRED: "expired", BatchState.CANCELLED: "was cancelled",
}  # fmt: skip


def _pause(seconds: float, errors: int, asked: float) -> float:
    """The pause before the next look, with jitter; longer after errors, and as long as the service asked for."""
    first, later, last = LOOK_SECONDS
    pause = first if seconds < 60 else later if seconds < 600 else last
    return max(min(SLOWEST_LOOK, pause * 2.0**errors) * random.uniform(0.9, 1.1), min(SLOWEST_LOOK, asked))
