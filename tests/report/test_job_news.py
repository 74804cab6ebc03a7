"""What is said of a job's news is true from its first second on."""

from __future__ import annotations

from pathlib import Path

from ftb_tui.report.job_news import Watch, news
from ftb_tui.store import intents, jobs
from ftb_tui.store.database import open_store
from tests.demo import fill_demo_store


async def test_a_job_that_begins_is_not_told_as_one_that_nobody_looks_at(home: Path) -> None:
    db = await open_store()
    try:
        await fill_demo_store(db)
        [newest, *_] = await jobs.list_jobs(db)
        file_key = newest.training_file_key
        key = await intents.insert_intent(
            db, intent_id="00000003-demo", provider="local", host="http://127.0.0.1:1", base_model="m",
            dataset_id=newest.dataset_id, training_file_key=file_key, n_epochs=1, batch_size=None,
            learning_rate_multiplier=None, seed=None, suffix="demo",
        )  # fmt: skip

        async def said(after: float) -> str:
            row = next(row for row in await jobs.list_jobs(db) if row.job_key == key)
            return news(row, Watch(row.created_at + after))

        assert "planned, but nothing was sent: nothing was started" in await said(1), "nobody is sending it"
        assert "nothing is owed" in await said(600)
        await intents.set_intent(db, key, "sent")
        assert await said(1) == "sent; the service has said nothing yet"
        assert "never heard, nobody follows it here now" in await said(600)
    finally:
        await db.close()
