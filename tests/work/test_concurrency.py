"""Who names a number of questions at once gets it from the first question on; who names none begins with a few."""

from __future__ import annotations

import asyncio

import pytest

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.providers.registry import open_provider
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.datasets import save_dataset
from ftb_tui.store.models import ensure_model
from ftb_tui.work import evaluate
from ftb_tui.work.limits import SPACING, AdaptiveLimit
from tests.fakes.openai_server import FakeOpenAI

WORLD = load_bundled("fictional_people")


async def most_at_once(fake: FakeOpenAI, n: int, concurrency: int | None) -> int:
    fake.delay, fake.most_active = 0.5, 0
    db, provider = await open_store(), open_provider("fake")
    try:
        await save_dataset(db, WORLD)
        async with transaction(db):
            model = await ensure_model(db, provider="fake", name="gpt-fake", kind="base", base_model="gpt-fake")
        key = await evaluate.create(
            db, model_key=model, dataset_id=WORLD.dataset_id, questions=WORLD.questions[:n], answer_tokens=7
        )
        row = await evaluate.run(db, provider, key, concurrency=concurrency)
        assert row.n_answered == n
    finally:
        await provider.close()
        await db.close()
    return fake.most_active


async def test_a_number_that_is_named_holds_from_the_first_question_on(fake_openai: FakeOpenAI) -> None:
    # All are asked before the first is answered.
    assert await most_at_once(fake_openai, 24, 24) == 24


async def test_without_a_number_a_service_is_felt_out(fake_openai: FakeOpenAI) -> None:
    assert await most_at_once(fake_openai, 16, None) == 8


async def test_questions_do_not_start_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that come together wait for each other, in every round that follows."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    now = 100.0
    limit = AdaptiveLimit(start=4, most=4, clock=lambda: now)
    for _ in range(3):
        await limit.__aenter__()
    assert waited == pytest.approx([SPACING, 2 * SPACING])
    now += 1.0
    await limit.__aenter__()
    assert len(waited) == 2


async def test_who_is_called_off_before_his_turn_leaves_his_place_to_others() -> None:
    limit = AdaptiveLimit(start=2, most=2, clock=lambda: 100.0)
    await limit.__aenter__()
    waiting = asyncio.create_task(limit.__aenter__())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.wait_for(limit.__aenter__(), timeout=5)
