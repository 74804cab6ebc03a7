"""Who names a number of questions at once gets it from the first question on; who names none begins with a few."""

from __future__ import annotations

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.providers.registry import open_provider
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.datasets import save_dataset
from ftb_tui.store.models import ensure_model
from ftb_tui.work import evaluate
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
