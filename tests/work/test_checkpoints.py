"""Which questions a job's models are asked."""

from __future__ import annotations

from pathlib import Path

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.benchmark.subset import first_subjects, subset
from ftb_tui.store import jobs
from ftb_tui.store.database import open_store
from ftb_tui.work.checkpoints import job_questions
from tests.demo import fill_demo_store


async def test_a_model_is_asked_about_what_it_was_taught_or_what_was_asked_before(home: Path) -> None:
    dataset = load_bundled("fictional_people")
    db = await open_store()
    try:
        await fill_demo_store(db)
        [asked_before, asked_nothing] = sorted(row.job_key for row in await jobs.list_jobs(db))
        questions, which = await job_questions(db, asked_before, dataset)
        assert frozenset(questions) == frozenset(subset(dataset, people=8, limit=24))
        assert "96 questions that its tuned model was asked" in which
        assert await job_questions(db, asked_nothing, dataset) == (
            dataset.questions, "all 600 questions of fictional_people",
        )  # fmt: skip

        # The second job as a benchmark of three people.
        taught = first_subjects(dataset, 3)
        await db.execute("BEGIN")
        await db.execute(
            "DELETE FROM training_examples WHERE fact_id NOT IN (SELECT value FROM json_each(?))",
            ('["' + '","'.join(sorted(taught)) + '"]',),
        )
        await db.execute("COMMIT")
        questions, which = await job_questions(db, asked_nothing, dataset)
        assert questions == subset(dataset, people=3) != dataset.questions
        assert which == f"the {len(questions)} questions about the {len(taught)} facts that it was taught"
    finally:
        await db.close()
