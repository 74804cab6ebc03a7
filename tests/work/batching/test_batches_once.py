"""What is under way in a batch is told as it is, ended once, asked once, and paid within what was agreed to."""

from __future__ import annotations

from pathlib import Path

import aiosqlite
import pytest

from ftb_tui.providers.base import Provider
from ftb_tui.store import batches, spending
from ftb_tui.store import evaluations as store
from ftb_tui.store.holding import new_owner
from ftb_tui.work import evaluate
from ftb_tui.work.evaluate import EvaluationBusyError, EvaluationProgress, EvaluationStoppedError
from tests.fakes.openai_server import FakeOpenAI
from tests.work.batching.plans import CHAT, CREATE, PRICED, plan


async def left_in_a_batch(db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI, n: int = 20) -> int:
    service.batching.held = True
    key = await plan(db, n)
    assert (await evaluate.run(db, provider, key, wait=False)).state == "paused"
    return key


async def test_what_is_sent_is_not_told_as_asked_and_no_time_is_said_to_be_left(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    service.batching.held = True
    seen: list[EvaluationProgress] = []
    key = await plan(db, 20)
    await evaluate.run(db, provider, key, wait=False, on_progress=seen.append)
    last = seen[-1]
    assert (last.total, last.missing, last.asked, last.in_batches, last.answered_there) == (20, 20, 1, 19, 0)
    assert {progress.eta_seconds for progress in seen} == {None}
    seen.clear()
    await evaluate.run(db, provider, key, wait=False, on_progress=seen.append)
    assert {(progress.total - progress.missing + progress.asked, progress.in_batches) for progress in seen} == {(1, 19)}
    service.batching.held = False
    await evaluate.run(db, provider, key, on_progress=seen.append)
    assert (seen[-1].total - seen[-1].missing + seen[-1].asked, seen[-1].in_batches) == (20, 0)


async def test_a_settled_batch_stays_settled_whoever_speaks_of_it_later(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    row = await evaluate.run(db, provider, await plan(db, 5))
    [batch] = await batches.list_batches(db, row.evaluation_key)
    await batches.set_intent(db, batch.batch_key, "confirmed", raw_state="cancelling")
    [batch] = await batches.list_batches(db, row.evaluation_key)
    assert (batch.intent, batch.raw_state) == ("settled", "completed")
    assert not await batches.open_batches(db, row.evaluation_key)


async def test_a_batch_of_which_nothing_is_sure_is_found_and_ended_like_any_other(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    service.batching.fate = lambda place, line: "unasked"
    key = await left_in_a_batch(db, provider, service)
    await db.execute("UPDATE batches SET intent = 'sent', remote_batch_id = NULL")
    ended = await evaluate.run(db, provider, key, wait=False, cancel_batches=True)
    assert ended.state == "paused"
    assert [batch["status"] for batch in service.batching.batches.values()] == ["cancelling"]
    service.batching.held = False
    with pytest.raises(EvaluationStoppedError, match="was cancelled. 19 of its 19"):
        await evaluate.run(db, provider, key, cancel_batches=True)
    assert (service.requests[CREATE], service.requests[CHAT]) == (1, 1)


async def test_a_batch_is_not_ended_behind_the_back_of_who_reads_it(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    key = await left_in_a_batch(db, provider, service)
    assert await store.claim_evaluation(db, key, new_owner())
    with pytest.raises(EvaluationBusyError):
        await evaluate.run(db, provider, key, cancel_batches=True)
    assert not service.requests["POST /batches/ID/cancel"]


@pytest.mark.parametrize("batch", [True, False])
async def test_where_no_batch_is_under_way_ending_it_asks_nothing(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI, batch: bool
) -> None:
    key = await plan(db, 5, batch=batch)
    with pytest.raises(EvaluationStoppedError, match="there is none to end"):
        await evaluate.run(db, provider, key, cancel_batches=True)
    assert not service.requests[CREATE]
    assert not service.requests[CHAT]


async def test_what_a_batch_asks_now_is_not_asked_in_a_second_one_without_a_word(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    key = await left_in_a_batch(db, provider, service)
    with pytest.raises(EvaluationStoppedError, match=f"Evaluation {key} asks exactly this .* --resume {key} .*--new"):
        await plan(db, 20)
    assert await plan(db, 19) != key, "others may be asked"
    service.batching.held = False
    await evaluate.run(db, provider, key)
    assert await plan(db, 20) != key, "and the same again, once it was read"


async def test_what_a_batch_that_is_read_has_cost_counts_against_the_cap_of_what_is_asked_next(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI, home: Path
) -> None:
    (home / "config" / "catalogue.toml").write_text(PRICED)
    service.batching.fate = lambda place, line: "missing" if place < 2 else "answered"
    key = await left_in_a_batch(db, provider, service, 60)
    service.batching.held = False
    # Enough for the answers that came, and for one question more but not for two.
    each = (9 * 0.5 + 1 * 1.0) / 1e6
    with pytest.raises(EvaluationStoppedError, match="cap"):
        await evaluate.run(db, provider, key, max_cost=59 * each)
    assert service.requests[CHAT] == 1
    spent = await spending.evaluation_cost(db, key)
    assert spent == pytest.approx(58 * each)
