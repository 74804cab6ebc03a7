"""What a job will cost and what may go wrong with it, before anything is sent. Pure: no clock, no files, no network."""

from __future__ import annotations

import datetime
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ftb_tui.benchmark.model import Dataset, Task
from ftb_tui.providers.base import Capabilities
from ftb_tui.providers.catalogue import Catalogue, Limits, Prices
from ftb_tui.providers.config import Budget
from ftb_tui.store.spending import Estimate, JobCost
from ftb_tui.work.token_counter import TokenCounter

# What the chat format adds, as OpenAI's cookbook counts it: around every message, and around the whole.
_PER_MESSAGE = 4
_PER_EXAMPLE = 3
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that speaks for or against a launch."""

    level: str
    """`stop`: not launched. `warn`: a person should know. `ok`: looked at and well."""
    text: str
    forcible: bool = False
    """Whether `--force` may try all the same; never so for budgets and limits."""


@dataclass(frozen=True, slots=True)
class Quote:
    """Everything a person should know before a job is launched. Money is in US dollars."""

    provider: str
    service: str
    host: str
    dataset: str
    base_model: str
    method: str
    examples: int
    validation_examples: int
    file_bytes: int
    tokens: int
    """Of the training file, once."""
    tokens_how: str
    epochs: int | None
    billed_tokens: int | None
    free: bool
    price: float | None
    """A million training tokens."""
    price_as_of: datetime.date | None
    price_source: str
    price_note: str
    training_cost: float | None
    """0 where it is free, None where no price or no number of epochs is known."""
    questions: int
    asking_cost: float | None
    """Asking the tuned model every question once."""
    serving: str
    shutdown: datetime.date | None
    shutdown_is: str
    days_left: int | None
    findings: tuple[Finding, ...]
    does: tuple[str, ...]
    """What the service will do with it."""

    @property
    def estimate(self) -> Estimate:
        """What of it is kept with the job."""
        return Estimate(self.billed_tokens, self.training_cost, self.price, self.price_as_of)

    def stops(self, *, force: bool = False) -> list[str]:
        """Why the job is not launched; with `force`, only what nothing overrides."""
        return [f.text for f in self.findings if f.level == "stop" and not (force and f.forcible)]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a quote is made from, beyond the training file itself."""

    provider: str
    service: str
    host: str
    capabilities: Capabilities
    catalogue: Catalogue
    today: datetime.date
    counter: TokenCounter
    budget: Budget = field(default_factory=Budget)
    spent_today: float = 0.0
    """US dollars of this day's launches and evaluations so far."""
    notes: tuple[str, ...] = ()
    """What of the environment a person should know, for example a stray base URL."""


def quote(
    facts: Facts,
    dataset: Dataset,
    lines: Sequence[str],
    *,
    base_model: str,
    epochs: int | None,
    method: str = "supervised",
    suffix: str | None = None,
    validation: Sequence[str] = (),
) -> Quote:
    """The quote for training `base_model` on these lines of a training file."""
    service = facts.catalogue.service(facts.service)
    model = facts.catalogue.model(facts.service, base_model)
    prices = facts.catalogue.prices(facts.service, base_model)
    asking = facts.catalogue.asking_prices(facts.service, base_model, tuned=True)
    free = facts.capabilities.cost_basis == "free"
    tokens = [line_tokens(line, facts.counter) for line in lines]
    price = None if prices is None else prices.training
    dated = None if price is None else prices
    billed = None if epochs is None else sum(tokens) * epochs
    cost = 0.0 if free else None if price is None or billed is None else billed * price / MILLION
    entry = (
        f'{_PRICE} ([[models]] with service = "{facts.service}", name = "{base_model}", prices = {{ training = … }})'
    )
    missing = [*([_EPOCHS] if epochs is None else []), *([entry] if price is None else [])]
    findings = [
        *_deadlines(facts, base_model, method),
        *_limits(facts, service.limits, lines, tokens, epochs, suffix),
        *_aside(facts, validation),
        *_splits(dataset, lines, validation),
        *(Finding("stop", text) for text in beyond_budget(facts.budget, cost, facts.spent_today, missing)),
        *(Finding("warn", text) for text in (*facts.notes, *service.notices)),
    ]
    return Quote(
        provider=facts.provider,
        service=facts.service,
        host=facts.host,
        dataset=dataset.dataset_id,
        base_model=base_model,
        method=method,
        examples=len(lines),
        validation_examples=len(validation),
        file_bytes=_size(lines),
        tokens=sum(tokens),
        tokens_how=facts.counter.how,
        epochs=epochs,
        billed_tokens=0 if free else billed,
        free=free,
        price=0.0 if free else price,
        price_as_of=dated.as_of if dated else None,
        price_source=dated.source if dated else "",
        price_note=prices.note if prices else "",
        training_cost=cost,
        questions=len(dataset.questions),
        asking_cost=0.0 if free else _asking(dataset, asking, facts.counter),
        serving=service.serving or "not known",
        shutdown=model.shutdown if model else None,
        shutdown_is=model.shutdown_is if model else "on",
        days_left=model.days_left(facts.today) if model else None,
        findings=tuple(findings),
        does=service.does,
    )


def line_tokens(line: str, counter: TokenCounter) -> int:
    """Tokens of one example, with what the chat format adds."""
    texts = list(_texts(json.loads(line)))
    return sum(counter.count(text) + _PER_MESSAGE for text in texts) + _PER_EXAMPLE


def answer_cost(prices: Prices | None, prompt_tokens: int, completion_tokens: int) -> float | None:
    """US dollars for tokens of questions and answers; None where no price is known."""
    if prices is None or prices.input is None or prices.output is None:
        return None
    return (prompt_tokens * prices.input + completion_tokens * prices.output) / MILLION


def money(amount: float | None) -> str:
    """`$0.0123`, `$4.20`; `not known` for None."""
    if amount is None:
        return "not known"
    return f"${amount:.2f}" if amount >= 1 or amount == 0 else f"${amount:.4f}"


def cost_sentence(cost: JobCost) -> str:
    """What was billed against what was estimated."""
    if cost.intent == "refused" or (cost.intent == "abandoned" and cost.billed_tokens == 0):
        return "Cost: nothing; no job was created."
    if cost.price == 0:
        return f"Cost: nothing; it {'was' if cost.is_final else 'is'} trained on this machine."
    dated = f" at ${cost.price:.2f} a million, price of {cost.price_as_of or 'no known day'}" if cost.price else ""
    if cost.estimated_cost is not None:
        estimated = f"estimated {money(cost.estimated_cost)} for {cost.estimated_tokens or 0:,} tokens"
    elif cost.estimated_tokens is not None:
        estimated = f"estimated {cost.estimated_tokens:,} tokens, at a price that was not known"
    else:
        estimated = "no estimate was made"
    if cost.billed_tokens is None:
        unclear = {
            "intended": "nothing was sent yet",
            "sent": "it is not known yet whether the job was created",
            "abandoned": "whether the job exists, and is billed, was never known",
        }
        unsaid = f"the service has not said {'' if cost.is_final else 'yet '}what it bills"
        return f"Cost: {estimated}{dated}; {unclear.get(cost.intent, unsaid)}."
    billed = f"{cost.billed_tokens:,} tokens"
    if cost.billed_cost is not None:
        billed += f", {money(cost.billed_cost)}"
    if cost.estimated_tokens is None and cost.estimated_cost is None:
        billed, dated = billed + dated, ""
    return f"Cost: billed {billed}; {estimated}{dated}."


def quote_lines(quote: Quote) -> list[str]:
    """The quote as a person reads it."""
    times = (
        "epochs chosen by the service"
        if quote.epochs is None
        else "1 epoch"
        if quote.epochs == 1
        else f"{quote.epochs} epochs"
    )
    lines = [
        f"Fine-tune {quote.base_model} ({quote.method}) on {quote.dataset} at {quote.provider}, {quote.host}",
        f"Training file  {quote.examples} examples, {quote.file_bytes:,} bytes, {quote.tokens:,} tokens of what is said in "
        f"them ({quote.tokens_how})",
    ]
    if quote.validation_examples:
        lines.append(f"Validation     {quote.validation_examples} examples")
    if quote.free:
        lines.append(f"Cost           nothing: {times} on this machine")
    else:
        billed = "" if quote.billed_tokens is None else f" = {quote.billed_tokens:,} tokens"
        price = "price not known" if quote.price is None else f"${quote.price:.2f} a million tokens"
        dated = f", price of {quote.price_as_of}" if quote.price_as_of else ""
        source = f" ({quote.price_source})" if quote.price_source else ""
        lines.append(f"Cost           {times}{billed} at {price}{dated}{source}: {money(quote.training_cost)}")
        if quote.price_note:
            lines.append(f"               {'a price is' if quote.price is None else 'that is'} {quote.price_note}")
        lines.append(f"Asking         {quote.questions} questions once: {money(quote.asking_cost)}")
        lines.append(f"Serving        {quote.serving}")
    if quote.shutdown is not None:
        left = f"{quote.days_left} days left" if (quote.days_left or 0) > 0 else "gone"
        when = f"{quote.shutdown}" if quote.shutdown_is == "on" else f"not before {quote.shutdown}"
        lines.append(f"Shutdown       {when}: {left}")
    elif not quote.free:
        lines.append("Shutdown       no date is known")
    if quote.does:
        lines.append(f"The service    {'; '.join(quote.does)}")
    marks = {"stop": "✗", "warn": "!", "ok": "✓"}
    return [*lines, *(f"{marks[finding.level]} {finding.text}" for finding in quote.findings)]


def _deadlines(facts: Facts, base_model: str, method: str) -> Iterator[Finding]:
    service, model = facts.catalogue.service(facts.service), facts.catalogue.model(facts.service, base_model)
    if refusal := service.refusal(facts.today):
        yield Finding("stop", f"{refusal} Give --force to try all the same.", forcible=True)
    elif ending := service.ending(facts.today):
        yield Finding("warn", ending)
    if model is not None and (warning := model.warning(facts.today)):
        gone = (model.days_left(facts.today) or 0) <= 0
        hint = " Give --force to try all the same." if gone else ""
        yield Finding("stop" if gone else "warn", warning + hint, forcible=gone)
    if not facts.capabilities.trains:
        yield Finding("stop", facts.capabilities.why_no_training or f"{facts.provider} answers; it does not train.")
    elif method not in facts.capabilities.methods:
        able = " and ".join(facts.capabilities.methods)
        yield Finding("stop", f"{facts.provider} trains by {able}, not {method}.")
    elif model is not None and model.methods is not None and method not in model.methods:
        able = " and ".join(model.methods) or "no method"
        yield Finding(
            "stop", f"{model.name} can be trained there by {able}, not {method}. Give --force to try.", forcible=True
        )
    if model is None and facts.capabilities.cost_basis != "free":
        prices = facts.catalogue.prices(facts.service, base_model)
        but = " but a price" if prices is not None and prices.training is not None else ": no price"
        yield Finding("warn", f"Nothing is known of {base_model} at {facts.service}{but}, no shutdown date.")


def _limits(
    facts: Facts, known: Limits, lines: Sequence[str], tokens: Sequence[int], epochs: int | None, suffix: str | None
) -> Iterator[Finding]:
    n, size, longest = len(lines), _size(lines), max(tokens, default=0)
    least = max(known.min_examples or 0, facts.capabilities.min_examples)
    bounds = [
        (n < least, f"{n} examples are too few: at least {least} are needed."),
        (
            known.max_examples is not None and n > known.max_examples,
            f"{n} examples are more than {known.max_examples}.",
        ),
        (
            known.max_file_bytes is not None and size > known.max_file_bytes,
            f"The file of {size:,} bytes is larger than the {known.max_file_bytes or 0:,} that are taken.",
        ),
        (
            known.max_tokens_per_example is not None and longest > known.max_tokens_per_example,
            f"The longest example has {longest:,} tokens; {known.max_tokens_per_example or 0:,} are taken.",
        ),
        (
            epochs is not None and known.max_epochs is not None and epochs > known.max_epochs,
            f"{epochs} epochs are more than {known.max_epochs}.",
        ),
    ]
    broken = [Finding("stop", text) for over, text in bounds if over]
    yield from broken
    if not broken:
        yield Finding("ok", f"Within the limits known: {n} examples (at least {least}), {size:,} bytes.")
    if known.recommended_examples is not None and least <= n < known.recommended_examples:
        yield Finding("warn", f"{known.recommended_examples} examples or more are recommended.")
    if suffix and (used := fitting_suffix(facts.capabilities, suffix)) != suffix:
        how = f"becomes {used!r}" if used else "is left out"
        yield Finding("warn", f"The suffix {suffix!r} {how}: that is what {facts.provider} takes.")


def _aside(facts: Facts, validation: Sequence[str]) -> Iterator[Finding]:
    if validation and not facts.capabilities.validation_file:
        yield Finding("stop", f"{facts.provider} takes no validation file; leave the validation share out.")


def fitting_suffix(capabilities: Capabilities, suffix: str | None) -> str | None:
    """The suffix as the service takes it: shortened, forbidden characters as `-`; None where there is none."""
    if not suffix or not capabilities.suffix_length:
        return None
    allowed = "".join("-" if character in capabilities.suffix_forbidden else character for character in suffix)
    return allowed[: capabilities.suffix_length]


def _splits(dataset: Dataset, lines: Sequence[str], validation: Sequence[str]) -> Iterator[Finding]:
    """Duplicates within the training file, and between it, the validation file and the questions that test."""
    prompts = Counter(prompt for line in lines if (prompt := _prompt(line)))
    twice = sum(count - 1 for count in prompts.values())
    if twice:
        yield Finding("warn", f"{twice} examples of the training file ask what another one asks.")
    held_out = {_plain(prompt) for line in validation if (prompt := _prompt(line))}
    trained = {_plain(prompt) for prompt in prompts}
    if shared := len(trained & held_out):
        yield Finding("warn", f"{shared} prompts are in the training and in the validation file.")
    tested = {_plain(q.prompt) for q in dataset.questions if q.task is not Task.MEMORIZATION}
    if leaked := len(trained & tested):
        text = f"{leaked} prompts to be trained are questions of other tasks: the test would leak."
        yield Finding("stop", f"{text} Give --force to do it all the same.", forcible=True)
    if not (twice or shared or leaked):
        yield Finding("ok", "No prompt is twice in the training file, nor in what tests it.")


_EPOCHS = "the number of epochs"
_PRICE = "the price of training in catalogue.toml beside config.toml"


def beyond_budget(
    budget: Budget, cost: float | None, spent_today: float, missing: Sequence[str] = (_EPOCHS, _PRICE)
) -> Iterator[str]:
    """Why a launch of that cost is beyond a budget; nothing where it is not. `missing` is what a cost is made from."""
    if (budget.per_launch, budget.per_day) == (None, None):
        return
    if cost is None:
        yield f"A budget is set but the cost is not known: give {', and '.join(missing)}."
        return
    if budget.per_launch is not None and cost > budget.per_launch:
        yield f"{money(cost)} is beyond the budget of {money(budget.per_launch)} for a launch."
    if budget.per_day is not None and cost > 0 and spent_today + cost > budget.per_day:
        yield (
            f"{money(cost)} on top of today's {money(spent_today)} is beyond the budget of {money(budget.per_day)} for "
            "a day."
        )


def _asking(dataset: Dataset, prices: Prices | None, counter: TokenCounter) -> float | None:
    prompts = sum(counter.count(q.prompt) + _PER_MESSAGE + _PER_EXAMPLE for q in dataset.questions)
    return answer_cost(prices, prompts, len(dataset.questions) * dataset.answer_tokens)


def _size(lines: Iterable[str]) -> int:
    return sum(len(line.encode("utf-8", "surrogatepass")) + 1 for line in lines)


def _texts(value: object) -> Iterator[str]:
    """The texts of messages, in every training format: under `content` or `text`, at any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("content", "text") and isinstance(inner, str):
                yield inner
            else:
                yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _prompt(line: str) -> str:
    """What an example asks: the last message before the answer (before both answers, in a preference)."""
    values = json.loads(line)
    if isinstance(values, dict) and "input" in values:
        return next(reversed(list(_texts(values["input"]))), "")
    return next(iter(list(_texts(values))[-2:-1]), "")


def _plain(prompt: str) -> str:
    return " ".join(prompt.casefold().split())
