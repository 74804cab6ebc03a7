"""Asking a model every question of an evaluation, committing each answer as it comes.

A run may be stopped at any instant. The next one asks exactly the questions that have no answer: those never asked,
those under way when it stopped, and (unless told otherwise) those that failed.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import aiosqlite

from ftb_tui.benchmark.model import Question
from ftb_tui.providers.base import Answer, AskRequest, ErrorKind, Provider, ProviderError
from ftb_tui.store import batches, holding
from ftb_tui.store import evaluations as store
from ftb_tui.store.database import StoreError
from ftb_tui.store.datasets import questions_by_key
from ftb_tui.store.leases import Lease
from ftb_tui.work.asking import (
    STOPPING,
    EvaluationBusyError,
    EvaluationProgress,
    EvaluationStoppedError,
    answer_record,
    ask_request,
    asked_as,
    kept_parameters,
    require_same_weights,
)
from ftb_tui.work.batching import run_batches
from ftb_tui.work.committing import Committing
from ftb_tui.work.evaluation_plan import create
from ftb_tui.work.leases import keeping
from ftb_tui.work.limits import LONGEST_WAIT, AdaptiveLimit
from ftb_tui.work.purse import CostUnknownError, Purse, open_purse

__all__ = ["EvaluationBusyError", "EvaluationProgress", "EvaluationStoppedError", "create", "run"]

MAX_ATTEMPTS = 6
_PAUSE_SECONDS = 1.0
"""Between two looks at whether somebody asked for a pause."""
DEADLINE_SECONDS = 600.0
GRACE_SECONDS = 10.0
"""So long a run that was stopped waits for the answers under way, for their tokens are paid for either way."""
ENDING_SECONDS = 4.0
"""So long it waits for them when its program is told to end: less than the app takes to close, and only once."""
UNREACHABLE_IN_A_ROW = 8
"""After so many questions that ended without reaching the service, and none answered between, no more is asked."""


async def run(
    db: aiosqlite.Connection,
    provider: Provider,
    evaluation_key: int,
    *,
    on_progress: Callable[[EvaluationProgress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
    retry_failures: bool = True,
    concurrency: int | None = None,
    max_cost: float | None = None,
    revive: Callable[[], Awaitable[Provider]] | None = None,
    wait: bool = True,
    cancel_batches: bool = False,
) -> store.EvaluationRow:
    """Ask what is missing and return the evaluation as it is then.

    What is asked in batches is waited for, up to a day; without `wait` it is only sent, or read if it is there already.
    `cancel_batches` asks for nothing: what is under way is ended, and what it answered is read.

    `concurrency` questions are asked at once, fewer after the service has refused; None begins with a few and doubles.
    `max_cost` caps what the evaluation may cost in all, in US dollars; the configured budget of the day caps it too.

    Raises `EvaluationBusyError` when another process holds it, `EvaluationStoppedError` on a quota, key or model
    error (with the service's words) and `StoreError` when answers cannot be kept. Single failures do not raise: they
    are rows. `revive` is called once per outage when the service cannot be reached.
    """
    owner = holding.new_owner()
    if not await store.claim_evaluation(db, evaluation_key, owner):
        raise EvaluationBusyError(f"Evaluation {evaluation_key} is being run by another ftb; look there.")
    state, reason = "paused", None
    async with keeping(db, Lease("evaluations", evaluation_key), owner) as lost:
        try:
            in_batches = bool((await store.get_evaluation(db, evaluation_key)).batch)
            if in_batches or cancel_batches or await batches.open_batches(db, evaluation_key):
                finished = await run_batches(
                    db, provider, evaluation_key, lost, on_progress=on_progress, should_stop=should_stop,
                    retry_failures=retry_failures, max_cost=max_cost, wait=wait, cancel=cancel_batches,
                )  # fmt: skip
            if not in_batches and not cancel_batches:
                runner = await _prepare(
                    db, provider, evaluation_key, on_progress, retry_failures, concurrency, max_cost, revive
                )
                finished = await runner.run(lost, should_stop)
            state = "finished" if finished else "paused"
        except (EvaluationStoppedError, StoreError) as error:
            state, reason = "failed", str(error)
            raise
        except CostUnknownError as error:
            state, reason = "failed", str(error)
            raise EvaluationStoppedError(str(error)) from error
        finally:
            with contextlib.suppress(StoreError):
                await store.release_evaluation(db, evaluation_key, owner, state, reason)
    return await store.get_evaluation(db, evaluation_key)


async def _prepare(
    db: aiosqlite.Connection,
    provider: Provider,
    evaluation_key: int,
    on_progress: Callable[[EvaluationProgress], None],
    retry_failures: bool,
    concurrency: int | None,
    max_cost: float | None,
    revive: Callable[[], Awaitable[Provider]] | None,
) -> _Run:
    evaluation = await store.get_evaluation(db, evaluation_key)
    questions = await questions_by_key(db, evaluation.dataset_id)
    missing = await store.missing_answers(db, evaluation_key, retry_failures=retry_failures)
    prompts = [questions[key].prompt for key, _ in missing]
    purse = await open_purse(db, provider, evaluation, max_cost=max_cost, prompts=prompts)
    if missing:
        await require_same_weights(evaluation)
    able = provider.capabilities
    most = min(able.max_concurrency, concurrency or able.max_concurrency)
    return _Run(
        db=db,
        provider=provider,
        evaluation=evaluation,
        waiting=deque((key, repeat, questions[key]) for key, repeat in missing),
        # Who names a number wants it from the start; only without one is the service felt out.
        limit=AdaptiveLimit(start=min(concurrency or able.start_concurrency, most), most=most),
        most=most,
        purse=purse,
        asked_as=await asked_as(db, provider, evaluation),
        on_progress=on_progress,
        revive=revive,
    )


class _Run:
    """One run of one evaluation: workers that ask, one writer that commits, one watcher that ends it when that is asked."""

    def __init__(
        self,
        *,
        db: aiosqlite.Connection,
        provider: Provider,
        evaluation: store.EvaluationRow,
        waiting: deque[tuple[int, int, Question]],
        limit: AdaptiveLimit,
        most: int,
        purse: Purse,
        asked_as: str,
        on_progress: Callable[[EvaluationProgress], None],
        revive: Callable[[], Awaitable[Provider]] | None,
    ) -> None:
        self._db = db
        self._provider = provider
        self._evaluation = evaluation
        self._waiting = waiting
        self._missing = len(waiting)
        self._limit = limit
        self._most = most
        self._purse = purse
        self._asked_as = asked_as
        self._tokens = (evaluation.prompt_tokens, evaluation.completion_tokens)
        self._estimated = bool(evaluation.tokens_estimated)
        self._on_progress = on_progress
        self._revive = revive
        self._reviving = asyncio.Lock()
        self._committing = Committing(db, evaluation.evaluation_key)
        self._asked = self._failed = self._correct = 0
        self._unreached = 0
        self._stop = False
        self._under_way: set[asyncio.Task[None]] = set()
        self._started = time.monotonic()

    async def run(self, lost: asyncio.Event, should_stop: Callable[[], bool]) -> bool:
        """Whether every question was settled."""
        self._report()
        workers = [asyncio.create_task(self._work()) for _ in range(min(self._most, len(self._waiting)))]
        watcher = asyncio.create_task(self._watch(lost, should_stop))
        writer = asyncio.create_task(self._committing.keep_on())
        done = asyncio.gather(*workers)
        try:
            parts: list[asyncio.Future[Any]] = [done, watcher, writer]
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for task in (watcher, writer):
                if task.done():
                    task.result()
            # Asked before workers are let go, which ends it as well.
            has_ended = done.done()
            await self._let_under_way_end(workers, GRACE_SECONDS)
            if has_ended:
                await done
        except asyncio.CancelledError:
            if self._provider.capabilities.cost_basis != "free":
                await self._let_under_way_end(workers, ENDING_SECONDS)
            raise
        finally:
            for task in (*workers, watcher, writer):
                task.cancel()
            await asyncio.gather(done, *workers, watcher, writer, return_exceptions=True)
            await self._committing.flush()
            self._report()
        return self._asked == self._missing

    async def _let_under_way_end(self, workers: Sequence[asyncio.Task[None]], seconds: float) -> None:
        """Send nothing more, and wait a little for what was sent; who only waits for a turn, or to try again, is let go."""
        self._stop = True
        for worker in workers:
            if worker not in self._under_way:
                worker.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way.copy(), timeout=seconds)

    async def _work(self) -> None:
        while self._waiting and not self._stop:
            key, repeat, question = self._waiting.popleft()
            held = await self._purse.hold(question.prompt, self._max_tokens)
            if held is None:
                # A shorter question might still fit, but would be under way when all is over.
                self._stop = True
                raise EvaluationStoppedError(self._purse.refusal(estimated=self._estimated))
            record = await self._settle(key, question, repeat)
            if record is None:
                return
            self._tokens = (
                self._tokens[0] + (record.prompt_tokens or 0),
                self._tokens[1] + (record.completion_tokens or 0),
            )
            self._estimated |= record.tokens_estimated
            self._asked += 1
            self._failed += record.answer is None
            grade = record.grades.get(self._evaluation.grader)
            self._correct += grade is not None and grade.verdict == "correct"
            held = self._purse.raised(held, record.prompt_tokens, record.completion_tokens)
            await self._committing.add(
                record, partial(self._purse.settle, held, record.prompt_tokens, record.completion_tokens)
            )
            self._stop_if_nobody_is_there(record)

    def _stop_if_nobody_is_there(self, record: store.ResponseRecord) -> None:
        """Raise where a service has gone for good: each question would only wait in vain, one after the other."""
        if record.error_kind != ErrorKind.UNREACHABLE:
            self._unreached = 0
            return
        self._unreached += 1
        if self._unreached < min(UNREACHABLE_IN_A_ROW, self._missing):
            return
        key = self._evaluation.evaluation_key
        raise EvaluationStoppedError(
            f"{record.error}. No more is asked; what was answered is kept. Go on with: ftb evaluate --resume {key}"
        ) from ProviderError(ErrorKind.UNREACHABLE, str(record.error), host=self._provider.host)

    @property
    def _max_tokens(self) -> int:
        return int(str(self._evaluation.parameters["max_tokens"]))

    async def _settle(self, key: int, question: Question, repeat: int) -> store.ResponseRecord | None:
        """What came of a question; None where the run was stopped before anything did."""
        request = ask_request(self._evaluation, self._asked_as, question, repeat, self._provider)
        parameters = kept_parameters(self._provider, request)
        until = time.monotonic() + DEADLINE_SECONDS
        attempt = counted = 0
        while True:
            attempt += 1
            try:
                async with self._limit:
                    if self._stop:
                        return None
                    answer = await self._sent(request)
            except ProviderError as error:
                if error.kind in STOPPING:
                    raise EvaluationStoppedError(f"{error.host} refused: {error.message}") from error
                # Being told to wait is not a failed attempt; only the deadline ends it.
                counted += error.kind is not ErrorKind.RATE_LIMITED
                if not error.retryable or counted >= MAX_ATTEMPTS or time.monotonic() > until:
                    return store.ResponseRecord(
                        key,
                        parameters,
                        error_kind=str(error.kind),
                        error=error.message,
                        attempts=attempt,
                        repeat=repeat,
                    )
                if self._stop:
                    return None
                await self._give_way(error, attempt)
            else:
                self._limit.answered()
                return answer_record((key, repeat), parameters, question, request, answer, attempt)

    async def _sent(self, request: AskRequest) -> Answer:
        task = asyncio.current_task()
        assert task is not None
        self._under_way.add(task)
        try:
            return await self._provider.ask(request)
        finally:
            self._under_way.discard(task)

    async def _give_way(self, error: ProviderError, attempt: int) -> None:
        if error.kind is ErrorKind.RATE_LIMITED:
            self._limit.limited(error.retry_after)
        else:
            self._limit.troubled()
        if error.kind is ErrorKind.UNREACHABLE and self._revive is not None:
            broken = self._provider
            async with self._reviving:
                if self._provider is broken:
                    revived = await self._revive()
                    await require_same_weights(self._evaluation)
                    self._provider = revived
            return
        pause = min(8.0, 0.5 * 2 ** min(attempt - 1, 6))
        # An overloaded service, too, may say how long it wants to be left alone.
        asked = min(error.retry_after or 0.0, LONGEST_WAIT)
        await asyncio.sleep(max(asked, pause * random.uniform(0.75, 1.0)))

    async def _watch(self, lost: asyncio.Event, should_stop: Callable[[], bool]) -> None:
        """End when somebody asked for a pause. Reports progress meanwhile."""
        key, looked = self._evaluation.evaluation_key, time.monotonic()
        while True:
            await asyncio.sleep(0.2)
            self._report()
            if lost.is_set():
                raise EvaluationBusyError(f"Evaluation {key} was taken over by another ftb.")
            if should_stop():
                break
            if time.monotonic() - looked > _PAUSE_SECONDS:
                looked = time.monotonic()
                if await store.evaluation_state(self._db, key) == "paused":
                    break

    def _report(self) -> None:
        seconds = time.monotonic() - self._started
        self._on_progress(
            EvaluationProgress(
                evaluation_key=self._evaluation.evaluation_key,
                total=self._evaluation.n_questions,
                missing=self._missing,
                asked=self._asked,
                failed=self._failed,
                correct=self._correct,
                per_second=self._asked / seconds if seconds > 0 else 0.0,
                prompt_tokens=self._tokens[0],
                completion_tokens=self._tokens[1],
                cost=self._purse.spent,
                tokens_estimated=self._estimated,
                under_way=len(self._under_way),
            )
        )
