"""No question is lost to a rate limit, however hard it is run into."""

from __future__ import annotations

import time
from collections import deque

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.providers.registry import open_provider
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.datasets import save_dataset
from ftb_tui.store.models import ensure_model
from ftb_tui.work import evaluate
from tests.fakes.openai_server import FakeOpenAI

WORLD = load_bundled("fictional_people")
ALLOWED, WINDOW = 300, 2.0


async def test_360_questions_at_32_at_once_against_300_a_window_all_end_answered(fake_openai: FakeOpenAI) -> None:
    passed: deque[float] = deque()
    refused: list[float] = []

    def limit() -> float:
        now = time.monotonic()
        while passed and now - passed[0] > WINDOW:
            passed.popleft()
        if len(passed) < ALLOWED:
            passed.append(now)
            return 0.0
        refused.append(now)
        return WINDOW - (now - passed[0]) + 0.01

    fake_openai.rate_limit = limit
    db = await open_store()
    await save_dataset(db, WORLD)
    async with transaction(db):
        model = await ensure_model(db, provider="fake", name="gpt-fake", kind="base", base_model="gpt-fake")
    key = await evaluate.create(
        db, model_key=model, dataset_id=WORLD.dataset_id, questions=WORLD.questions[:360], answer_tokens=7
    )
    provider = open_provider("fake")
    row = await evaluate.run(db, provider, key, concurrency=32)
    await provider.close()
    await db.close()
    assert (row.n_answered, row.n_failed) == (360, 0)
    # A machine too slow to run into the limit proves nothing; each refusal is one more request at most for each worker.
    assert len(refused) <= 64
