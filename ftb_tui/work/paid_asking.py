"""One request at a time to a model that works for the user, as a judge or otherwise: retried, within a cap, counted."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiosqlite

from ftb_tui.providers.base import Answer, AskRequest, ErrorKind, Provider, ProviderError
from ftb_tui.store import holding, leases
from ftb_tui.store.database import transaction
from ftb_tui.store.spending import record_request
from ftb_tui.work.asking import STOPPING, with_tokens
from ftb_tui.work.asking_quote import AskingQuote
from ftb_tui.work.cost import money
from ftb_tui.work.evaluate import (
    DEADLINE_SECONDS,
    ENDING_SECONDS,
    MAX_ATTEMPTS,
    EvaluationBusyError,
    EvaluationStoppedError,
)
from ftb_tui.work.leases import keeping
from ftb_tui.work.limits import LONGEST_WAIT, AdaptiveLimit
from ftb_tui.work.purse import CostUnknownError, Purse, open_judge_purse


@asynccontextmanager
async def alone(
    db: aiosqlite.Connection, work: str, provider: str, model: str, datasets: Collection[str]
) -> AsyncIterator[asyncio.Event]:
    """Nobody else has this model do this `work` (in words) on these datasets meanwhile, which would be paid twice.

    Gives an event that is set when somebody has taken it over. Raises `EvaluationBusyError` where somebody is at it.
    """
    owner, held = holding.new_owner(), []
    async with transaction(db):
        for dataset in sorted(datasets):
            what = json.dumps([work, provider, model, dataset])
            await db.execute("INSERT OR IGNORE INTO paid_runs (what) VALUES (?)", (what,))
            [row] = await db.execute_fetchall("SELECT paid_run_key, owner FROM paid_runs WHERE what = ?", (what,))
            lease = leases.Lease("paid_runs", row[0])
            if not await leases.take(db, lease, owner):
                raise EvaluationBusyError(
                    f"{provider}/{model} is asked about {dataset} ({work}) by {holding.process_of(row[1])} now. Nothing was "
                    "asked twice; the same command goes on with what is left once that has ended."
                )
            held.append(lease)
    async with AsyncExitStack() as kept:
        events = [await kept.enter_async_context(keeping(db, lease, owner)) for lease in held]
        # They are renewed together, so that none is lost alone.
        yield events[0] if events else asyncio.Event()


@dataclass(slots=True)
class PaidRun:
    """What every request of a run needs, and what they took together.

    `spender` and `kept` are the words for who spends and what stays when the cap is reached; `lost` is set when somebody
    else has taken the run over.
    """

    db: aiosqlite.Connection
    provider: Provider
    limit: AdaptiveLimit
    purse: Purse
    spender: str
    kept: str
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    tokens_estimated: bool = False
    """Whether the service left out the tokens of some replies."""
    _under_way: set[asyncio.Task[Any] | None] = field(default_factory=set)
    _is_ending: bool = False

    async def ask(self, request: AskRequest) -> Answer:
        """Ask, again where that may help, and keep what the answer cost.

        Raises `EvaluationStoppedError` when nothing more can be asked (cap, quota, key, no such model, nobody there),
        `ProviderError` when this request failed for good.
        """
        until, attempt = time.monotonic() + DEADLINE_SECONDS, 0
        task = asyncio.current_task()
        while True:
            self._require_going_on()
            held = await self.purse.hold(request.prompt, request.max_tokens)
            if held is None:
                raise EvaluationStoppedError(
                    f"The cap is reached: {money(self.purse.spent)} spent by {self.spender}. {self.kept} is kept; the same "
                    "command with a higher --max-cost, or a higher budget, goes on."
                )
            try:
                async with self.limit:
                    self._require_going_on()
                    self._under_way.add(task)
                    answer, estimated = with_tokens(await self.provider.ask(request), request)
            except BaseException as error:
                self._under_way.discard(task)
                self.purse.settle(held, None, None)
                if not isinstance(error, ProviderError):
                    raise
                attempt += error.kind is not ErrorKind.RATE_LIMITED
                self._require_retry(error, attempt, until)
                await self._give_way(error, attempt)
                continue
            self.limit.answered()
            self.requests += 1
            self.prompt_tokens += answer.prompt_tokens or 0
            self.completion_tokens += answer.completion_tokens or 0
            self.tokens_estimated |= estimated
            prices = self.purse.prices
            try:
                await record_request(
                    self.db, provider=self.provider.name, model=request.model, prompt_tokens=answer.prompt_tokens,
                    completion_tokens=answer.completion_tokens, price_input=prices.input if prices else None,
                    price_output=prices.output if prices else None,
                )  # fmt: skip
            finally:
                self.purse.settle(held, answer.prompt_tokens, answer.completion_tokens)
            return answer

    def _require_going_on(self) -> None:
        if self.lost.is_set():
            raise EvaluationBusyError(f"What {self.spender} does was taken over by another ftb. {self.kept} is kept.")
        if self._is_ending:
            raise EvaluationStoppedError(f"Nothing more is asked by {self.spender}, which was ended.")

    def _require_retry(self, error: ProviderError, attempt: int, until: float) -> None:
        """Raise where asking once more is of no use."""
        if error.kind in STOPPING:
            raise EvaluationStoppedError(f"{error.host} refused: {error.message}") from error
        if error.retryable and attempt < MAX_ATTEMPTS and time.monotonic() <= until:
            return
        if error.kind is ErrorKind.UNREACHABLE:
            # All others would wait as long and in vain.
            raise EvaluationStoppedError(
                f"{error.message}. {self.kept} is kept; the same command goes on once it answers."
            ) from error
        raise error

    async def _give_way(self, error: ProviderError, attempt: int) -> None:
        if error.kind is ErrorKind.RATE_LIMITED:
            self.limit.limited(error.retry_after)
        else:
            self.limit.troubled()
        pause = min(8.0, 0.5 * 2**attempt) * random.uniform(0.75, 1.0)
        await asyncio.sleep(max(pause, min(error.retry_after or 0.0, LONGEST_WAIT)))

    async def carry_out(self, tasks: Iterable[asyncio.Task[Any]]) -> None:
        """Carry everything to its end, then raise what must stop the run, so that what came until then is kept.

        Told to end, it lets go of what waits for its turn, and waits a little for what is under way and paid either way.
        """
        tasks = list(tasks)
        try:
            if tasks:
                await asyncio.wait(tasks)
        except asyncio.CancelledError:
            self._is_ending = True
            under_way = [task for task in tasks if task in self._under_way and not task.done()]
            for task in tasks:
                if task not in under_way:
                    task.cancel()
            if under_way and self.provider.capabilities.cost_basis != "free":
                await asyncio.wait(under_way, timeout=ENDING_SECONDS)
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error


async def paid_run(
    db: aiosqlite.Connection,
    provider: Provider,
    model: str,
    *,
    quote: AskingQuote,
    concurrency: int | None,
    max_cost: float | None,
    spender: str,
    kept: str,
    lost: asyncio.Event,
) -> PaidRun:
    """A run that spends `max_cost` US dollars at most, or else what the `quote` says, and what the day has left.

    Raises `EvaluationStoppedError` where a cap cannot be kept for want of a price.
    """
    try:
        purse = await open_judge_purse(db, provider, model, max_cost=max_cost, agreed=quote.at_most)
    except CostUnknownError as error:
        raise EvaluationStoppedError(str(error)) from error
    able = provider.capabilities
    most = min(able.max_concurrency, concurrency or able.max_concurrency)
    return PaidRun(
        db, provider, AdaptiveLimit(start=min(able.start_concurrency, most), most=most), purse, spender, kept, lost
    )
