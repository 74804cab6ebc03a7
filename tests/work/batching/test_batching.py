"""Batches keep the promises of asking one by one: nothing twice, nothing lost, every error named."""

from __future__ import annotations

import asyncio
import datetime
import json
import time
from collections import Counter
from pathlib import Path

import aiosqlite
import pytest
from aiohttp import web

from ftb_tui.providers.base import Provider
from ftb_tui.providers.registry import open_provider
from ftb_tui.store import batches, spending
from ftb_tui.store import evaluations as store
from ftb_tui.work import batching, evaluate
from ftb_tui.work.evaluate import EvaluationProgress, EvaluationStoppedError
from tests.fakes.cutting_proxy import CuttingProxy
from tests.fakes.openai_server import FakeOpenAI, Fault, disconnect, error, raw, status
from tests.work.batching.plans import CHAT, CREATE, PRICED, WORLD, plan


async def test_a_batch_answers_every_question_once_as_asking_one_by_one_would(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    service.answer = lambda prompt: f"answer to {prompt}"
    seen: list[EvaluationProgress] = []
    row = await evaluate.run(db, provider, await plan(db), on_progress=seen.append)
    assert (row.state, row.n_answered, row.n_failed, row.batch) == ("finished", 60, 0, 1)
    assert service.requests[CHAT] == 1, "the first question alone learns what the model refuses"
    assert Counter(service.asked + service.batching.asked) == Counter(q.prompt for q in WORLD.questions[:60])
    answers = await db.execute_fetchall(
        "SELECT q.prompt, r.answer, p.parameters, r.request_id FROM responses r JOIN questions q USING (question_key)"
        " JOIN request_parameters p USING (parameters_key)"
    )
    assert all(answer == f"answer to {prompt}" for prompt, answer, _, _ in answers)
    sent = Counter(parameters for _, _, parameters, _ in answers)
    assert sorted(sent.values()) == [1, 59]
    assert json.loads(sent.most_common()[0][0]) == {
        "max_completion_tokens": 7, "temperature": 0.0, "seed": 42, "batch": True, "asked_as": "gpt-fake",
    }  # fmt: skip
    assert (seen[-1].asked, seen[-1].missing, seen[-1].batch) == (60, 60, "")
    assert any("batch_1 in_progress" in progress.batch for progress in seen)
    assert (await evaluate.run(db, provider, row.evaluation_key)).n_answered == 60
    assert service.requests[CREATE] == 1


async def test_what_a_model_refuses_is_learnt_before_the_batch_is_sent(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    service.refused_parameters = {"temperature": "Unsupported parameter: 'temperature'"}
    row = await evaluate.run(db, provider, await plan(db, 10))
    assert (row.n_answered, row.n_failed) == (10, 0)
    [content] = [
        content for content in service.files.values() if b"custom_id" in content and b"response" not in content
    ]
    assert len(content.splitlines()) == 9
    assert b"temperature" not in content
    stored = await db.execute_fetchall("SELECT parameters FROM request_parameters WHERE parameters LIKE '%batch%'")
    assert json.loads(next(iter(stored))[0])["left_out"] == ["temperature"]


async def test_repeats_have_ids_and_seeds_of_their_own(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    row = await evaluate.run(db, provider, await plan(db, 5, repeats=3))
    assert (row.n_answered, row.n_questions) == (15, 15)
    seeds = await db.execute_fetchall(
        "SELECT r.repeat, p.parameters FROM responses r JOIN request_parameters p USING (parameters_key)"
    )
    assert {(repeat, json.loads(text)["seed"]) for repeat, text in seeds} == {(0, 42), (1, 43), (2, 44)}


async def test_a_service_that_asks_to_be_left_alone_is(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    looked: list[float] = []

    def noted(then: Fault) -> Fault:
        async def fault(request: web.Request) -> web.StreamResponse:
            looked.append(time.monotonic())
            return await then(request)  # type: ignore[no-any-return]

        return fault

    busy = status(503, error("busy"), retry_after_ms="300")
    service.faults["GET /batches/ID"].extend([noted(busy), noted(status(500, error("oops")))])
    assert (await evaluate.run(db, provider, await plan(db, 10))).n_answered == 10
    assert looked[1] - looked[0] >= 0.3


async def test_errors_are_named_lines_that_repeat_count_once_and_strangers_are_left_out(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    fates = {0: "refused", 1: "twice"}
    service.batching.fate = lambda place, line: fates.get(place, "answered")
    row = await evaluate.run(db, provider, await plan(db, 10))
    assert (row.state, row.n_answered, row.n_failed) == ("finished", 9, 1)
    [failed] = await db.execute_fetchall("SELECT error_kind, error FROM responses WHERE answer IS NULL")
    assert tuple(failed) == ("invalid_request", "The prompt is too long.")
    service.batching.fate = lambda place, line: "answered"
    row = await evaluate.run(db, provider, row.evaluation_key)
    assert (row.n_answered, row.n_failed) == (10, 0), "what failed is asked again on demand"


@pytest.mark.parametrize("fate", ["unasked", "missing", "garbled"])
async def test_an_expired_batch_leaves_exactly_the_missing_questions(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI, fate: str
) -> None:
    service.batching.ends_as = "expired"
    service.batching.fate = lambda place, line: fate if place % 3 == 0 else "answered"
    key = await plan(db, 31)
    with pytest.raises(EvaluationStoppedError, match=r"batch_1 expired. 10 of its 30 questions were not answered"):
        await evaluate.run(db, provider, key)
    row = await store.get_evaluation(db, key)
    assert (row.state, row.n_answered, row.n_failed) == ("failed", 21, 0)
    answered = set(service.batching.asked + service.asked)
    service.batching.ends_as, service.batching.fate = "completed", lambda place, line: "answered"
    service.batching.asked.clear()
    service.asked.clear()
    assert (await evaluate.run(db, provider, key)).n_answered == 31
    assert not answered & set(service.batching.asked + service.asked)
    assert len(service.batching.asked + service.asked) == 10


async def test_a_refused_file_is_told_in_the_services_words_and_can_be_sent_again(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    service.batching.ends_as = "failed"
    key = await plan(db, 12)
    with pytest.raises(EvaluationStoppedError, match=r"refused by the service: Enqueued token limit reached. 11 of"):
        await evaluate.run(db, provider, key)
    service.batching.ends_as = "completed"
    assert (await evaluate.run(db, provider, key)).n_answered == 12


async def test_a_creation_that_is_refused_costs_nothing_and_is_final(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    service.faults[CREATE].append(status(429, error("you owe us", code="insufficient_quota")))
    key = await plan(db, 12)
    with pytest.raises(EvaluationStoppedError, match="you owe us"):
        await evaluate.run(db, provider, key)
    assert [batch.intent for batch in await batches.list_batches(db, key)] == ["refused"]
    assert (await evaluate.run(db, provider, key)).n_answered == 12
    assert len(service.batching.batches) == 1


@pytest.mark.parametrize(
    "fault",
    [disconnect, status(500, error("oops")), raw("<html>", content_type="text/html"), raw('{"id": ')],
    ids=["cut", "500", "html", "broken"],
)
async def test_an_unclear_creation_is_looked_for_and_never_sent_twice(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI, fault: object
) -> None:
    service.batching.after_create.append(fault)  # type: ignore[arg-type]
    key = await plan(db, 12)
    assert (await evaluate.run(db, provider, key)).n_answered == 12
    assert (service.requests[CREATE], len(service.batching.batches)) == (1, 1)


async def test_a_creation_that_never_arrived_is_given_up_only_with_its_file_gone(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    service.faults[CREATE].append(disconnect)
    key = await plan(db, 12)
    with pytest.raises(EvaluationStoppedError, match="was not created"):
        await evaluate.run(db, provider, key)
    [batch] = await batches.list_batches(db, key)
    assert batch.intent == "abandoned"
    assert batch.remote_file_id not in service.files, "a creation that is late can make nothing of it"
    assert (await evaluate.run(db, provider, key)).n_answered == 12


async def test_while_the_service_does_not_say_nothing_is_sent_again(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    service.batching.after_create.append(disconnect)
    service.faults["GET /batches"].extend([status(503, error("busy"))] * 2)
    key = await plan(db, 12)
    for _ in range(2):
        with pytest.raises(EvaluationStoppedError, match="not known yet whether a batch was created"):
            await evaluate.run(db, provider, key)
    assert (await evaluate.run(db, provider, key)).n_answered == 12
    assert service.requests[CREATE] == 1


async def test_creations_cut_at_every_byte_that_matters_make_one_batch_at_most(
    db: aiosqlite.Connection, proxy: CuttingProxy, service: FakeOpenAI
) -> None:
    provider = open_provider("fake")
    assert (await evaluate.run(db, provider, await plan(db, 4))).n_answered == 4
    assert proxy.request_bytes > 300
    seen = set()
    for where, total in (("request", proxy.request_bytes), ("answer", proxy.answer_bytes)):
        for at in sorted({0, 1, 12, total // 3, total - 2, total - 1, total, 2 * total}):
            proxy.cut = (where, at)
            made, sent = len(service.batching.batches), service.requests[CREATE]
            key = await plan(db, 4)
            try:
                await evaluate.run(db, provider, key)
            except EvaluationStoppedError:
                assert len(service.batching.batches) == made, (where, at)
                await evaluate.run(db, provider, key)
            row = await store.get_evaluation(db, key)
            assert (row.n_answered, row.n_failed) == (4, 0), (where, at)
            assert len(service.batching.batches) == made + 1, (where, at)
            seen.add((where, service.requests[CREATE] - sent))
    # One that never arrived whole is sent anew; one that arrived is not.
    assert ("answer", 1) in seen
    assert ("answer", 2) not in seen
    await provider.close()


async def test_a_pause_leaves_the_batch_to_its_service_and_the_next_run_reads_it(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    service.batching.held = True
    key = await plan(db, 20)
    row = await evaluate.run(db, provider, key, should_stop=lambda: service.requests["GET /batches/ID"] > 3)
    assert (row.state, row.n_answered) == ("paused", 1)
    service.batching.held = False
    row = await evaluate.run(db, provider, key)
    assert (row.state, row.n_answered, service.requests[CREATE]) == ("finished", 20, 1)


async def test_without_waiting_it_is_sent_and_read_later(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    key = await plan(db, 20)
    states = [(await evaluate.run(db, provider, key, wait=False)).state for _ in range(4)]
    assert states == ["paused", "paused", "finished", "finished"]
    assert service.requests[CREATE] == 1


async def test_a_cancelled_batch_keeps_what_was_answered(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    service.batching.held = True
    service.batching.fate = lambda place, line: "answered" if place < 5 else "unasked"
    key = await plan(db, 20)
    await evaluate.run(db, provider, key, wait=False)
    assert (await evaluate.run(db, provider, key, wait=False, cancel_batches=True)).state == "paused"
    assert [batch["status"] for batch in service.batching.batches.values()] == ["cancelling"]
    service.batching.held = False
    with pytest.raises(EvaluationStoppedError, match="was cancelled. 14 of its 19"):
        await evaluate.run(db, provider, key)
    assert (await store.get_evaluation(db, key)).n_answered == 6


async def test_asking_the_rest_one_by_one_waits_for_the_batch_under_way(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    service.batching.held = True
    key = await plan(db, 20)
    await evaluate.run(db, provider, key, wait=False)
    await batches.set_mode(db, key, batch=False)
    with pytest.raises(EvaluationStoppedError, match="19 questions are still under way in a batch"):
        await evaluate.run(db, provider, key, wait=False)
    service.batching.held, service.batching.ends_as = False, "expired"
    service.batching.fate = lambda place, line: "unasked" if place < 7 else "answered"
    with pytest.raises(EvaluationStoppedError, match="7 of its 19"):
        await evaluate.run(db, provider, key)
    assert (await evaluate.run(db, provider, key)).n_answered == 20
    assert service.requests[CHAT] == 1 + 7


async def test_a_service_without_batches_says_so(db: aiosqlite.Connection, fake_openai: FakeOpenAI) -> None:
    provider = open_provider("fake")
    with pytest.raises(EvaluationStoppedError, match="does not answer in batches"):
        await evaluate.run(db, provider, await plan(db, 5))
    await provider.close()
    assert not fake_openai.requests


async def test_a_batch_costs_half_and_counts_against_cap_and_day_while_it_is_under_way(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI, home: Path
) -> None:
    (home / "config" / "catalogue.toml").write_text(PRICED)
    key = await plan(db, 20)
    with pytest.raises(EvaluationStoppedError, match="may cost more than the cap"):
        await evaluate.run(db, provider, key, max_cost=0.0003)
    assert not service.batching.batches
    service.batching.held = True
    await evaluate.run(db, provider, key, wait=False)
    assert await spending.spent_on(db, datetime.date.today()) > 0.0003
    service.batching.held = False
    await evaluate.run(db, provider, key)
    expected = 20 * (9 * 0.5 + 1 * 1.0) / 1e6
    assert await spending.evaluation_cost(db, key) == pytest.approx(expected)
    assert await spending.spent_on(db, datetime.date.today()) == pytest.approx(expected)


async def test_a_cap_holds_for_all_batches_of_a_run_together(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "config" / "catalogue.toml").write_text(PRICED)
    monkeypatch.setattr(batching, "MOST_LINES", 8)
    # Enough for one batch of eight at worst, and for no second one.
    with pytest.raises(EvaluationStoppedError, match="may cost more than the cap"):
        await evaluate.run(db, provider, await plan(db, 30), max_cost=0.0006)
    assert len(service.batching.batches) == 1


async def test_too_many_questions_become_several_batches(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "MOST_LINES", 8)
    row = await evaluate.run(db, provider, await plan(db, 30))
    assert (row.n_answered, row.state) == (30, "finished")
    assert [batch["request_counts"]["total"] for batch in service.batching.batches.values()] == [8, 8, 8, 5]


async def test_two_programs_do_not_send_one_evaluation_twice(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    service.batching.held = True
    key = await plan(db, 12)
    stop = asyncio.Event()
    running = asyncio.create_task(evaluate.run(db, provider, key, should_stop=stop.is_set))
    while not service.batching.batches:
        await asyncio.sleep(0.01)
    with pytest.raises(evaluate.EvaluationBusyError):
        await evaluate.run(db, provider, key)
    stop.set()
    assert (await running).state == "paused"
    assert service.requests[CREATE] == 1
