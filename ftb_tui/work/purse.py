"""What the answers of an evaluation may cost: counted as they come, and never asked beyond the cap."""

from __future__ import annotations

import asyncio
import datetime
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import aiosqlite

from ftb_tui.providers.base import Provider
from ftb_tui.providers.catalogue import Prices
from ftb_tui.providers.config import load_config
from ftb_tui.store import spending
from ftb_tui.store.evaluations import EvaluationRow
from ftb_tui.store.models import get_model
from ftb_tui.work.cost import MILLION, money
from ftb_tui.work.quoting import asking_prices, left_of
from ftb_tui.work.token_counter import tokens_at_worst

_ROUNDING = 1 + 1e-9
"""What was agreed to is a sum; its parts, added in another order, may come to a hair more."""
LOOK_SECONDS = 0.5
"""So often a run looks at what others have spent of the day."""


class CostUnknownError(Exception):
    """A cap was set, but no price is known by which it could be kept."""


@dataclass(frozen=True, slots=True)
class AnswerPrices:
    """US dollars for a million tokens of questions and of answers."""

    input: float
    output: float

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """US dollars for so many tokens."""
        return (prompt_tokens * self.input + completion_tokens * self.output) / MILLION

    def worst(self, prompts: Sequence[str], answer_tokens: int) -> float:
        """US dollars that these questions cost at most, with answers of so many tokens in all."""
        return self.cost(sum(map(tokens_at_worst, prompts)), answer_tokens)


_NOTHING = AnswerPrices(0.0, 0.0)
"""What a service's answers cost that costs nothing."""


class Purse:
    """The money of one run. `spent` is the evaluation's, `allowed` what may be added in this run.

    `left` reads what the day has left in the store at that moment, where others spend as well. It is read again while
    the run lasts, so whatever is settled here is in the store before.
    """

    def __init__(
        self,
        prices: AnswerPrices | None,
        *,
        spent: float = 0.0,
        allowed: float | None = None,
        left: Callable[[], Awaitable[float]] | None = None,
    ) -> None:
        self._prices = prices
        self._before = spent
        self._allowed = allowed
        self._left = left
        self._is_capped = prices is not None and (allowed is not None or left is not None)
        self._added = self._aside = 0.0
        self._held = 0.0
        self._n_held = 0
        self._settled = asyncio.Event()
        self._day = self._since = 0.0
        """What the day had left when that was read, and what was settled since."""
        self._looked_at = -math.inf
        self._looks = 0
        self._looking = asyncio.Lock()

    @property
    def spent(self) -> float | None:
        """What the evaluation has cost so far; None where no price is known."""
        return None if self._prices is None else self._before + self._added

    @property
    def prices(self) -> AnswerPrices | None:
        """What tokens cost; None where that is not known."""
        return self._prices

    async def fitting(self, prompts: Sequence[str], max_tokens: int) -> int:
        """How many of the prompts, from the first on, can be paid for if each answer is as long as it may be."""
        await self._look()
        left = self._room()
        for place, prompt in enumerate(prompts):
            left -= self.worst(prompt, max_tokens)
            if left < 0:
                return place
        return len(prompts)

    def set_aside(self, amount: float) -> None:
        """Keep money for what was sent and is not settled within this run. The store has it already."""
        self._aside += amount
        self._since += amount

    def worst(self, prompt: str, max_tokens: int) -> float:
        """What a question costs at most; 0 where no price is known."""
        return 0.0 if self._prices is None else self._prices.worst([prompt], max_tokens)

    async def hold(self, prompt: str, max_tokens: int) -> float | None:
        """Set aside what a question costs at worst, waiting for others to settle; None when the cap does not allow it."""
        if not self._is_capped:
            return 0.0
        worst = self.worst(prompt, max_tokens)
        if time.monotonic() - self._looked_at > LOOK_SECONDS:
            await self._look()
        while self._room() < worst:
            if self._since:
                await self._look()
            elif self._n_held:
                self._settled.clear()
                await self._settled.wait()
            else:
                return None
        self._held += worst
        self._n_held += 1
        return worst

    def raised(self, held: float, prompt_tokens: int | None, completion_tokens: int | None) -> float:
        """What is set aside for a question that is answered and not in the store yet: more, if it cost more than that."""
        if not self._is_capped or self._prices is None:
            return held
        worst = max(held, self._prices.cost(prompt_tokens or 0, completion_tokens or 0))
        self._held += worst - held
        return worst

    def settle(self, held: float, prompt_tokens: int | None, completion_tokens: int | None) -> None:
        """What came of a question is in the store: its true cost takes the place of what was set aside."""
        if self._prices is not None:
            cost = self._prices.cost(prompt_tokens or 0, completion_tokens or 0)
            self._added += cost
            self._since += cost
        if self._is_capped:
            self._held -= held
            self._n_held -= 1
            self._settled.set()

    def _room(self) -> float:
        """What may be set aside still."""
        of_run = math.inf if self._allowed is None else self._allowed - self._added - self._aside
        of_day = math.inf if self._left is None else self._day - self._since
        return min(of_run, of_day) - self._held

    async def _look(self) -> None:
        """Read what the day has left, or wait for who reads it."""
        looks = self._looks
        async with self._looking:
            if looks != self._looks:
                return
            # What is settled while it is read may be counted twice until the next time, and never not at all.
            since = self._since
            if self._left is not None:
                self._day = await self._left()
            self._since -= since
            self._looked_at = time.monotonic()
            self._looks += 1

    def refusal(self, *, estimated: bool = False) -> str:
        """What to say when the cap is reached; `estimated` where the service did not count all tokens."""
        about = "about " if estimated else ""
        return (
            f"The cap is reached: {about}{money(self.spent)} spent on this evaluation. Everything answered is kept; "
            "go on with ftb evaluate --resume and a higher --max-cost, or a higher budget."
        )


async def open_purse(
    db: aiosqlite.Connection,
    provider: Provider,
    evaluation: EvaluationRow,
    *,
    max_cost: float | None,
    prompts: Sequence[str] | None = None,
    clock: Callable[[], datetime.date] = datetime.date.today,
) -> Purse:
    """The purse of an evaluation: its prices recorded, capped by `max_cost` in all and by what the day has left.

    Without `max_cost` it holds what asking `prompts` costs at most, which is what a person has agreed to.

    Raises `CostUnknownError` when a cap is set for a service whose prices are not known.
    """
    if provider.capabilities.cost_basis == "free":
        return Purse(_NOTHING)
    model = await get_model(db, evaluation.model_key)
    known = asking_prices(evaluation.provider, model.name, model.base_model, tuned=model.kind != "base")
    prices = answer_prices(known, in_batches=bool(evaluation.batch))
    spent = 0.0
    if prices is not None:
        key = evaluation.evaluation_key
        await spending.record_prices(db, key, price_input=prices.input, price_output=prices.output)
        spent = await spending.evaluation_cost(db, key) or 0.0
    agreed = None
    if prices is not None and prompts is not None:
        agreed = prices.worst(prompts, len(prompts) * int(str(evaluation.parameters["max_tokens"])))
    return await _capped(
        db, prices, f"{model.name} at {evaluation.provider}", spent=spent, max_cost=max_cost, agreed=agreed, clock=clock
    )


async def open_judge_purse(
    db: aiosqlite.Connection,
    provider: Provider,
    model: str,
    *,
    max_cost: float | None,
    agreed: float | None = None,
    clock: Callable[[], datetime.date] = datetime.date.today,
) -> Purse:
    """The purse of a run of a judge, capped by `max_cost` for this run, or else by what was `agreed` to, and by the day.

    Raises `CostUnknownError` when a cap is set for a service whose prices are not known.
    """
    if provider.capabilities.cost_basis == "free":
        return Purse(_NOTHING)
    prices = answer_prices(asking_prices(provider.name, model))
    return await _capped(
        db, prices, f"{model} at {provider.name}", spent=0.0, max_cost=max_cost, agreed=agreed, clock=clock
    )


def answer_prices(known: Prices | None, *, in_batches: bool = False) -> AnswerPrices | None:
    """What questions and answers cost by the catalogue: those of batches where it has them."""
    if known is None or known.input is None or known.output is None:
        return None
    if in_batches and known.batch_input is not None and known.batch_output is not None:
        return AnswerPrices(known.batch_input, known.batch_output)
    return AnswerPrices(known.input, known.output)


async def _capped(
    db: aiosqlite.Connection,
    prices: AnswerPrices | None,
    whose: str,
    *,
    spent: float,
    max_cost: float | None,
    agreed: float | None = None,
    clock: Callable[[], datetime.date],
) -> Purse:
    """A purse for `max_cost` less what is spent, or for what was `agreed` to, and for no more than the day has left."""
    per_day = load_config().budget.per_day
    if prices is None:
        if max_cost is not None or per_day is not None:
            raise CostUnknownError(
                f"No price is known for {whose}, so no cap can be kept. Write its input and output price into "
                "catalogue.toml beside config.toml, or ask without a cap and a budget."
            )
        return Purse(None)
    allowed = max_cost - spent if max_cost is not None else None if agreed is None else agreed * _ROUNDING
    if per_day is None:
        return Purse(prices, spent=spent, allowed=allowed)
    return Purse(prices, spent=spent, allowed=allowed, left=lambda: left_of(db, per_day, clock()))
