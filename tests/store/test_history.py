"""What changed since a moment, counted from the rows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from unittest.mock import patch

import aiosqlite
import pytest

from ftb_tui.benchmark.graders import Grade, Verdict
from ftb_tui.benchmark.statistics import mcnemar_exact
from ftb_tui.store.comparing import compare
from ftb_tui.store.database import open_store
from ftb_tui.store.grading import overrule, put_grades
from ftb_tui.store.history import REST, history, run_before
from tests.demo import CLOCK, fill_demo_store
from tests.demo_history import LATER, ask_again


@pytest.fixture
async def db() -> AsyncIterator[aiosqlite.Connection]:
    opened = await open_store()
    await fill_demo_store(opened)
    yield opened
    await opened.close()


async def test_the_first_scores_of_a_model_have_nothing_before_them(db: aiosqlite.Connection) -> None:
    assert await run_before(db) is None
    found = await history(db, since=None)
    assert {(change.now.kind, change.now.task) for change in found.changes} == {
        (kind, task) for kind in ("base", "tuned") for task in ("memorization", "rephrased", "secondary", "comparison")
    }
    assert all(change.before is None and change.compared is None for change in found.changes)
    assert (found.overruled, found.regraded) == ((), ())


async def test_a_later_score_stands_beside_the_same_models_one_before(db: aiosqlite.Connection) -> None:
    key = await ask_again(db, judge=False)
    assert await run_before(db) == CLOCK
    found = await history(db, since=CLOCK)
    assert {change.now.evaluation_key for change in found.changes} == {key}
    by_task = {change.now.task: change for change in found.changes}
    for task, change in by_task.items():
        assert change.before is not None and change.compared is not None
        assert (change.before.model, change.before_finished_at) == (change.now.model, CLOCK)
        whole = await compare(db, after=key, before=change.before.evaluation_key, task=task, grader="choice")
        assert change.compared == whole, "the same as counting the answers one by one"
    assert (by_task["memorization"].compared.after, by_task["memorization"].compared.before) == (0, 1)  # type: ignore[union-attr]
    rephrased = by_task["rephrased"].compared
    assert rephrased is not None and rephrased.after >= 4 and rephrased.before == 0
    assert rephrased.p_value == mcnemar_exact(rephrased.after, 0)
    assert (await history(db, since=LATER)).changes == (), "the moment itself is not after it"


async def test_a_deleted_evaluation_is_neither_new_nor_before(db: aiosqlite.Connection) -> None:
    key = await ask_again(db, judge=False)
    await db.execute(
        "UPDATE evaluations SET deleted_at = 1 WHERE finished_at = ? AND evaluation_key <> ?", (CLOCK, key)
    )
    assert all(change.before is None for change in (await history(db, since=None)).changes)
    await db.execute("UPDATE evaluations SET deleted_at = 1")
    assert (await history(db, since=None)).changes == ()
    assert await run_before(db) is None


async def test_evaluations_shortly_after_each_other_are_one_run(db: aiosqlite.Connection) -> None:
    await ask_again(db, at=CLOCK + REST - 1, judge=False)
    assert await run_before(db) is None
    await ask_again(db, at=LATER, judge=False)
    assert await run_before(db) == CLOCK + REST - 1


async def test_what_people_said_since_is_compared_with_what_held_before(db: aiosqlite.Connection) -> None:
    await ask_again(db)
    found = await history(db, since=LATER)
    [one] = found.overruled
    assert (one.task, one.answers, one.fixed, one.broken, one.at) == ("rephrased", 1, 1, 0, LATER + 60)
    assert (await history(db, since=LATER, grader="exact")).overruled == (), "a person's verdict leaves it alone"
    [row] = await db.execute_fetchall("SELECT response_key FROM person_verdicts")
    with patch("time.time", lambda: LATER + 120):
        await overrule(db, row[0], None)
    [back] = (await history(db, since=LATER + 90)).overruled
    assert (back.fixed, back.broken) == (0, 1), "taking a verdict back makes the answer wrong again"
    assert back.taken_back == 1


async def test_a_verdict_that_was_taken_back_is_no_change_since_before_it_was_given(db: aiosqlite.Connection) -> None:
    await ask_again(db)
    [row] = await db.execute_fetchall("SELECT response_key FROM person_verdicts")
    with patch("time.time", lambda: LATER + 120):
        await overrule(db, row[0], None)
    assert (await history(db, since=LATER)).overruled == ()
    assert (await history(db, since=None)).overruled == ()
    with patch("time.time", lambda: LATER + 180):
        await overrule(db, row[0], Verdict.CORRECT)
    assert (await history(db, since=LATER + 90)).overruled == (), "given again, it is what held then"
    [one] = (await history(db, since=LATER + 150)).overruled
    assert (one.answers, one.taken_back, one.fixed, one.broken) == (1, 0, 1, 0)


async def test_grades_given_anew_are_counted_by_grader_and_version(db: aiosqlite.Connection) -> None:
    [row] = await db.execute_fetchall("SELECT response_key FROM responses ORDER BY response_key LIMIT 1")
    with patch("time.time", lambda: LATER):
        await put_grades(db, [(row[0], "choice", 9, Grade(Verdict.CORRECT, "newer"))])
    [one] = (await history(db, since=CLOCK)).regraded
    assert (one.grader, one.version, one.answers, one.at) == ("choice", 9, 1, LATER)
    assert (await history(db, since=LATER)).regraded == ()


async def test_questions_asked_several_times_are_tested_by_fact(db: aiosqlite.Connection) -> None:
    await ask_again(db, judge=False)
    await db.execute("UPDATE evaluations SET repeats = 2 WHERE finished_at = ?", (LATER,))
    first, *_ = [change for change in (await history(db, since=CLOCK)).changes if change.now.task == "rephrased"]
    assert first.compared is not None and first.now.low is not None
    assert first.compared.n == 24
