"""One request at a time to a model that works for the user, as a judge or otherwise: retried, within a cap, counted."""

from __future__ import annotations

import asyncio
import random
import time

import aiosqlite

from ftb_tui.providers.base import Answer, AskRequest, ErrorKind, Provider, ProviderError
from ftb_tui.store.spending import record_request
from ftb_tui.work.asking import STOPPING, with_tokens
from ftb_tui.work.cost import money
from ftb_tui.work.evaluate import DEADLINE_SECONDS, MAX_ATTEMPTS, EvaluationStoppedError
from ftb_tui.work.limits import LONGEST_WAIT, AdaptiveLimit
from ftb_tui.work.purse import Purse


async def ask_paid(
    db: aiosqlite.Connection,
    provider: Provider,
    request: AskRequest,
    *,
    limit: AdaptiveLimit,
    purse: Purse,
    spender: str,
    kept: str,
) -> Answer:
    """Ask, again where that may help, and keep what the answer cost.

    `spender` and `kept` are the words for who spends and what stays when the cap is reached. Raises
    `EvaluationStoppedError` when nothing more can be asked (cap, quota, key, no such model, nobody there),
    `ProviderError` when this request failed for good.
    """
    until, attempt = time.monotonic() + DEADLINE_SECONDS, 0
    while True:
        held = await purse.hold(request.prompt, request.max_tokens)
        if held is None:
            raise EvaluationStoppedError(
                f"The cap is reached: {money(purse.spent)} spent by {spender}. {kept} is kept; the same command with a "
                "higher --max-cost, or a higher budget, goes on."
            )
        try:
            async with limit:
                answer, _ = with_tokens(await provider.ask(request), request)
        except BaseException as error:
            purse.settle(held, None, None)
            if not isinstance(error, ProviderError):
                raise
            if error.kind in STOPPING:
                raise EvaluationStoppedError(f"{error.host} refused: {error.message}") from error
            limited = error.kind is ErrorKind.RATE_LIMITED
            attempt += not limited
            if not error.retryable or attempt >= MAX_ATTEMPTS or time.monotonic() > until:
                if error.kind is ErrorKind.UNREACHABLE:
                    # All others would wait as long and in vain.
                    raise EvaluationStoppedError(
                        f"{error.message}. {kept} is kept; the same command goes on once it answers."
                    ) from error
                raise
            if limited:
                limit.limited(error.retry_after)
            else:
                limit.troubled()
            pause = min(8.0, 0.5 * 2**attempt) * random.uniform(0.75, 1.0)
            await asyncio.sleep(max(pause, min(error.retry_after or 0.0, LONGEST_WAIT)))
            continue
        limit.answered()
        prices = purse.prices
        try:
            await record_request(
                db, provider=provider.name, model=request.model, prompt_tokens=answer.prompt_tokens,
                completion_tokens=answer.completion_tokens, price_input=prices.input if prices else None,
                price_output=prices.output if prices else None,
            )  # fmt: skip
        finally:
            purse.settle(held, answer.prompt_tokens, answer.completion_tokens)
        return answer
