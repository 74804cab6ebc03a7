"""What was spent: expected and billed, by job, by evaluation and by day. Money is in US dollars."""

from __future__ import annotations

import datetime
import time
from dataclasses import dataclass

import aiosqlite

from ftb_tui.providers.base import JobState
from ftb_tui.store.database import transaction
from ftb_tui.store.holding import is_held

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a job is expected to cost when it is launched, and at what price; None where that is not known."""

    tokens: int | None = None
    cost: float | None = None
    price: float | None = None
    """A million training tokens."""
    price_as_of: datetime.date | None = None


@dataclass(frozen=True, slots=True)
class JobCost:
    """A job's price and what came of it; None where it is not known."""

    estimated_tokens: int | None
    estimated_cost: float | None
    billed_tokens: int | None
    billed_cost: float | None
    price: float | None
    price_as_of: str | None
    intent: str = "confirmed"
    """How sure it is that the job exists, as the job's row has it."""
    is_final: bool = False


async def job_cost(db: aiosqlite.Connection, job_key: int) -> JobCost:
    """Estimated against billed: the service's own count of trained tokens at the price of the launch."""
    [row] = await db.execute_fetchall(
        "SELECT estimated_tokens, estimated_cost, trained_tokens, price, price_as_of, intent, state FROM jobs"
        " WHERE job_key = ?",
        (job_key,),
    )
    tokens, price = row["trained_tokens"], row["price"]
    billed = None if tokens is None or price is None else tokens * price / _MILLION
    return JobCost(
        row["estimated_tokens"], row["estimated_cost"], tokens, billed, price, row["price_as_of"], row["intent"],
        JobState(row["state"]).is_final,
    )  # fmt: skip


async def record_prices(
    db: aiosqlite.Connection, evaluation_key: int, *, price_input: float | None, price_output: float | None
) -> None:
    """Keep the prices that an evaluation is asked at."""
    async with transaction(db):
        await db.execute(
            "UPDATE evaluations SET price_input = ?, price_output = ? WHERE evaluation_key = ?",
            (price_input, price_output, evaluation_key),
        )


async def evaluation_cost(db: aiosqlite.Connection, evaluation_key: int) -> float | None:
    """What the answers of an evaluation have cost so far, from its rows; None where no price is known."""
    [row] = await db.execute_fetchall(
        "SELECT price_input, price_output,"
        " (SELECT coalesce(sum(prompt_tokens), 0) FROM responses r WHERE r.evaluation_key = e.evaluation_key) AS asked,"
        " (SELECT coalesce(sum(completion_tokens), 0) FROM responses r WHERE r.evaluation_key = e.evaluation_key)"
        " AS answered FROM evaluations e WHERE evaluation_key = ?",
        (evaluation_key,),
    )
    if row["price_input"] is None or row["price_output"] is None:
        return None
    return float(row["asked"] * row["price_input"] + row["answered"] * row["price_output"]) / _MILLION


async def record_request(
    db: aiosqlite.Connection,
    *,
    provider: str,
    model: str,
    prompt_tokens: int | None,
    completion_tokens: int | None,
    price_input: float | None,
    price_output: float | None,
) -> None:
    """Keep what one request to a judge, or to a model that words questions, took, at what prices."""
    async with transaction(db):
        await db.execute(
            "INSERT INTO judge_requests (provider, model, prompt_tokens, completion_tokens, price_input, price_output,"
            " created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (provider, model, prompt_tokens, completion_tokens, price_input, price_output, time.time()),
        )


async def spent_on(db: aiosqlite.Connection, day: datetime.date, *, without: int | None = None) -> float:
    """What a day (local time) has cost: its launches, as billed or else as estimated, its answers, judges, paraphrases.

    A launch counts from the moment when somebody begins to send it; one whose creation is unclear counts as made, also
    once it was given up without an answer; and a batch that is sent or under way counts as what it costs at worst.
    `without` leaves one job out, by its key.
    """
    first = time.mktime(day.timetuple())
    last = time.mktime((day + datetime.timedelta(days=1)).timetuple())
    jobs = await db.execute_fetchall(
        f"SELECT coalesce(trained_tokens * price / {_MILLION}, estimated_cost, 0), intent, owner, lease_until FROM jobs"
        " WHERE adopted = 0 AND intent IN ('intended', 'sent', 'confirmed', 'abandoned') AND created_at >= ?"
        " AND created_at < ? AND job_key IS NOT ?",
        (first, last, without),
    )
    [answers] = await db.execute_fetchall(
        f"SELECT coalesce(sum(coalesce(r.prompt_tokens, 0) * e.price_input"
        f" + coalesce(r.completion_tokens, 0) * e.price_output), 0) / {_MILLION}.0"
        " FROM responses r JOIN evaluations e USING (evaluation_key)"
        " WHERE e.price_input IS NOT NULL AND e.price_output IS NOT NULL AND r.created_at >= ? AND r.created_at < ?"
        # What ended before that day has no answers of that day, and need not be read through.
        " AND (e.finished_at IS NULL OR e.finished_at >= ?)",
        (first, last, first),
    )
    batches = await db.execute_fetchall(
        "SELECT coalesce(worst_cost, 0), intent, owner, lease_until FROM batches b JOIN evaluations e"
        " USING (evaluation_key) WHERE intent IN ('intended', 'sent', 'confirmed') AND b.created_at >= ?"
        " AND b.created_at < ?",
        (first, last),
    )
    [judges] = await db.execute_fetchall(
        f"SELECT coalesce(sum(coalesce(prompt_tokens, 0) * price_input + coalesce(completion_tokens, 0) * price_output),"
        f" 0) / {_MILLION}.0 FROM judge_requests WHERE price_input IS NOT NULL AND price_output IS NOT NULL"
        " AND created_at >= ? AND created_at < ?",
        (first, last),
    )
    # What was left before anything but a file was sent costs nothing.
    sent = (row[0] for row in (*jobs, *batches) if row[1] != "intended" or is_held(row[2], row[3]))
    return float(answers[0]) + float(judges[0]) + sum(map(float, sent))
