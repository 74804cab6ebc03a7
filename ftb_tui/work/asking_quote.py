"""What asking questions may cost, before any is sent; and whether a person must agree to it."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace

import aiosqlite

from ftb_tui.benchmark.model import Question
from ftb_tui.providers.base import ProviderError
from ftb_tui.providers.config import dialect_service, load_config
from ftb_tui.providers.registry import ProviderInfo, provider_info
from ftb_tui.store import batches, spending
from ftb_tui.store.datasets import questions_by_key
from ftb_tui.store.evaluations import get_evaluation, missing_answers
from ftb_tui.store.models import ModelRow, get_model
from ftb_tui.work.cost import money
from ftb_tui.work.purse import answer_prices
from ftb_tui.work.quoting import LaunchRefusedError, asking_prices
from ftb_tui.work.token_counter import FORMAT_TOKENS, token_counter


@dataclass(frozen=True, slots=True)
class AskingQuote:
    """What a person should know before questions are sent. Money is in US dollars."""

    provider: str
    host: str
    model: str
    questions: int
    """How many are sent: each time that one is repeated counts, and each model that is asked."""
    prompt_tokens: int
    answer_tokens: int
    """If every answer is as long as it may be."""
    tokens_how: str
    price_input: float | None
    """A million tokens of questions, and of answers."""
    price_output: float | None
    price_as_of: datetime.date | None
    price_source: str
    cost: float | None
    """If every answer is as long as it may be; None where no price is known, 0 where it is free."""
    at_most: float | None
    """Where asking stops, unless another cap is named: tokens of questions are counted by each service in its own way."""
    bills: bool
    """Whether the service takes money for answers, as far as we know it."""
    notes: tuple[str, ...] = ()
    """What of the environment a person should know, for example a stray base URL."""
    per_day: float | None = None
    """The budget of a day, where one is set and asking costs money."""
    spent_today: float = 0.0

    @property
    def refusal(self) -> str:
        """Why nothing can be asked under the day's budget, in a sentence; nothing where something can."""
        if self.per_day is None:
            return ""
        if self.cost is None:
            return (
                f"A budget is set, but no price is known for {self.model} at {self.provider}: write its input and output "
                "price into catalogue.toml beside config.toml."
            )
        if self.spent_today < self.per_day:
            return ""
        return f"The day's budget of {money(self.per_day)} is used up: {money(self.spent_today)} was spent today."

    @property
    def costs_money(self) -> bool:
        """Whether a person must agree before anything is sent."""
        return bool(self.questions) and (self.bills if self.cost is None else self.cost > 0)


def quote_asking(
    provider: str,
    model: str,
    questions: Sequence[Question],
    *,
    answer_tokens: int,
    base_model: str = "",
    tuned: bool = False,
    batch: bool = False,
    times: int = 1,
) -> AskingQuote:
    """The quote for asking a model these questions, each `times` times. Reads files; nothing is sent."""
    prompts = [question.prompt for question in questions] * times
    return quote_prompts(
        provider, model, prompts, answer_tokens=len(prompts) * answer_tokens, base_model=base_model, tuned=tuned,
        batch=batch,
    )  # fmt: skip


def quote_prompts(
    provider: str,
    model: str,
    prompts: Sequence[str],
    *,
    answer_tokens: int,
    base_model: str = "",
    tuned: bool = False,
    batch: bool = False,
    again: Sequence[str] = (),
    again_tokens: int = 0,
) -> AskingQuote:
    """The quote for sending each of these prompts once; `answer_tokens` are at most those of all answers together.

    `again` are prompts that may have to be sent besides, with answers of `again_tokens` in all: they count at most.

    A provider that is not configured, or not any more, may bill for all that we know; who asks it is refused later.
    """
    info, counter = _info(provider), token_counter(dialect_service(provider, load_config()))
    tokens = sum(counter.count(prompt) + FORMAT_TOKENS for prompt in prompts)
    known = asking_prices(provider, model, base_model, tuned=tuned)
    prices = answer_prices(known, in_batches=batch)
    free = info is not None and info.capabilities.cost_basis == "free"
    most = None if prices is None else prices.worst((*prompts, *again), answer_tokens + again_tokens)
    return AskingQuote(
        provider=provider,
        host="not configured any more" if info is None else info.host,
        model=model,
        questions=len(prompts),
        prompt_tokens=tokens,
        answer_tokens=answer_tokens,
        tokens_how=counter.how,
        price_input=None if prices is None else prices.input,
        price_output=None if prices is None else prices.output,
        price_as_of=known.as_of if known and prices else None,
        price_source=known.source if known and prices else "",
        cost=0.0 if free else None if prices is None else prices.cost(tokens, answer_tokens),
        at_most=0.0 if free else most,
        bills=info is None or info.bills,
        notes=() if info is None else info.notes,
    )


def _info(provider: str) -> ProviderInfo | None:
    """What is known of a provider; None for one that was taken out of the configuration since."""
    try:
        return provider_info(provider)
    except ProviderError:
        return None


async def within_day(db: aiosqlite.Connection, quote: AskingQuote) -> AskingQuote:
    """The quote with what is known of the day's budget."""
    per_day = load_config().budget.per_day
    if per_day is None or not quote.questions or quote.cost == 0:
        return quote
    return replace(quote, per_day=per_day, spent_today=await spending.spent_on(db, datetime.date.today()))


def require_money(quote: AskingQuote) -> None:
    """Raise `LaunchRefusedError` where nothing can be asked under the day's budget."""
    if quote.refusal:
        raise LaunchRefusedError(f"Not asked, and nothing was sent. {quote.refusal}")


async def quote_missing(
    db: aiosqlite.Connection, evaluation_key: int, *, retry_failures: bool = True, batch: bool | None = None
) -> AskingQuote:
    """The quote for what an evaluation has no answer to. What is under way in a batch was agreed to when it was sent."""
    row = await get_evaluation(db, evaluation_key)
    sent = [one for one in await batches.open_batches(db, evaluation_key) if one.intent != "intended"]
    under_way = {place for one in sent for place in await batches.places(db, one.batch_key)}
    places = await missing_answers(db, evaluation_key, retry_failures=retry_failures and not under_way)
    stored = await questions_by_key(db, row.dataset_id)
    model = await get_model(db, row.model_key)
    questions = [stored[key] for key, repeat in places if (key, repeat) not in under_way]
    tokens, in_batches = int(str(row.parameters["max_tokens"])), bool(row.batch) if batch is None else batch
    quote = await asyncio.to_thread(lambda: quote_model(model, questions, answer_tokens=tokens, batch=in_batches))
    return await within_day(db, quote)


def quote_model(
    model: ModelRow, questions: Sequence[Question], *, answer_tokens: int, batch: bool = False, times: int = 1
) -> AskingQuote:
    """The quote for asking a model that is known here."""
    return quote_asking(
        model.provider, model.name, questions, answer_tokens=answer_tokens, base_model=model.base_model,
        tuned=model.kind != "base", batch=batch, times=times,
    )  # fmt: skip


def quote_sentence(quote: AskingQuote, max_cost: float | None = None) -> str:
    """The quote as a person reads it, in one paragraph; `max_cost` is the cap that was named in its place."""
    many = "question" if quote.questions == 1 else "questions"
    asked = f"{quote.questions:,} {many}, {quote.prompt_tokens:,} tokens ({quote.tokens_how})"
    if quote.cost == 0:
        return f"{asked}; it costs nothing."
    if quote.cost is None:
        bills = f"{quote.provider} bills for answers, but no" if quote.bills else "No"
        return f"{asked}. {bills} price is known for this model: catalogue.toml beside config.toml may hold one."
    dated = f", price of {quote.price_as_of}" if quote.price_as_of else ""
    source = f" ({quote.price_source})" if quote.price_source else ""
    return (
        f"{asked}, at ${quote.price_input:,.2f} a million; answers of at most {quote.answer_tokens:,} tokens at "
        f"${quote.price_output:,.2f}{dated}{source}. "
        f"{_costs(quote, max_cost)}{_of_the_day(quote)}"
    )


def _costs(quote: AskingQuote, max_cost: float | None) -> str:
    stops = quote.at_most if max_cost is None else max_cost
    if money(stops) == money(quote.cost):
        return f"It costs {money(stops)} at most."
    return f"It costs {money(stops)} at most, where asking stops: about {money(quote.cost)} if all are that long."


def _of_the_day(quote: AskingQuote) -> str:
    if quote.per_day is None or quote.cost is None:
        return ""
    left = max(0.0, quote.per_day - quote.spent_today)
    stops = ", and asking stops there" if 0 < left < quote.cost else ""
    return f" Of the day's budget of {money(quote.per_day)}, {money(left)} is left{stops}."


def quote_lines(quote: AskingQuote, max_cost: float | None = None) -> list[str]:
    """The same as lines: who is asked where, what it costs, what else to know."""
    return [
        f"Ask {quote.model} at {quote.provider}, {quote.host}",
        quote_sentence(quote, max_cost),
        *(f"! {note}" for note in quote.notes),
    ]


def consent_words(quote: AskingQuote) -> str:
    """What agreeing does, for the key that does it."""
    if not quote.costs_money:
        return "ask"
    return "ask, at a price that is not known" if quote.cost is None else f"ask, for {money(quote.at_most)} at most"
