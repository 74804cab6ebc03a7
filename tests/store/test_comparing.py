"""Two models question by question, counted by the store."""

from __future__ import annotations

import pytest

from ftb_tui.benchmark.graders import DEFAULT_GRADER
from ftb_tui.benchmark.statistics import mcnemar_exact
from ftb_tui.store.comparing import CELLS, compare, compared_answers
from ftb_tui.store.database import open_store
from ftb_tui.store.results import results
from tests.demo import fill_demo_store


@pytest.mark.parametrize("task", ["memorization", "rephrased", "secondary", "comparison"])
async def test_the_cells_are_those_of_the_result_table_and_list_each_question_once(task: str) -> None:
    db = await open_store()
    try:
        await fill_demo_store(db)
        rows = {row.kind: row for row in await results(db) if row.task == task}
        tuned, base = rows["tuned"], rows["base"]
        keys = {"after": tuned.evaluation_key, "before": base.evaluation_key}
        found = await compare(db, **keys, task=task, grader=DEFAULT_GRADER)
        assert (found.n, found.after, found.before) == (tuned.n, tuned.fixed, tuned.broken)
        assert found.both + found.after == tuned.correct
        assert found.p_value == tuned.p_value == mcnemar_exact(found.after, found.before)
        assert found.difference == pytest.approx(tuned.difference)
        assert found.low <= (found.difference or 0) <= found.high
        ids = []
        for cell in CELLS:
            listed = await compared_answers(db, **keys, task=task, grader=DEFAULT_GRADER, cell=cell)
            assert len(listed) == getattr(found, cell)
            assert all((row.after_grade == "correct") == (cell in ("both", "after")) for row in listed)
            assert all((row.before_grade == "correct") == (cell in ("both", "before")) for row in listed)
            ids += [row.question_id for row in listed]
        assert len(ids) == len(set(ids)) == found.n
    finally:
        await db.close()


async def test_pages_follow_each_other_without_gap_or_overlap() -> None:
    db = await open_store()
    try:
        await fill_demo_store(db)
        rows = {row.kind: row.evaluation_key for row in await results(db) if row.task == "memorization"}
        asked = {"after": rows["tuned"], "before": rows["base"], "task": "memorization", "grader": DEFAULT_GRADER}
        whole = await compared_answers(db, **asked, cell="after")  # type: ignore[arg-type]
        paged, past = [], (-1, -1)
        while page := await compared_answers(db, **asked, cell="after", past=past, limit=7):  # type: ignore[arg-type]
            paged += page
            past = (page[-1].position, page[-1].repeat)
        assert paged == whole
    finally:
        await db.close()
