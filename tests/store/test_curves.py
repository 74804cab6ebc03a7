"""Every point of a curve is about the same questions, or stands for itself."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiosqlite
import pytest

from ftb_tui.benchmark.model import Task
from ftb_tui.report.learned import asked_notes, learning_sheet
from ftb_tui.store.curves import LearningCurves, learning_curves, unasked_checkpoints
from ftb_tui.store.database import open_store
from ftb_tui.store.datasets import questions_by_key
from ftb_tui.store.results import results
from tests.demo import fill_demo_store
from tests.demo_sweep import ask, checkpoint_keys, question_keys


@pytest.fixture
async def db() -> AsyncIterator[aiosqlite.Connection]:
    opened = await open_store()
    await fill_demo_store(opened)
    yield opened
    await opened.close()


async def curves_of(db: aiosqlite.Connection) -> LearningCurves:
    return await learning_curves(db, 1, (await results(db))[0].dataset_id)


async def asked_of(db: aiosqlite.Connection, task: Task) -> list[int]:
    """What base and tuned model were asked of one task."""
    dataset_id = (await results(db))[0].dataset_id
    stored = await questions_by_key(db, dataset_id)
    return [key for key in await question_keys(db) if stored[key].task is task]


async def right_of(db: aiosqlite.Connection, kind: str, asked: list[int]) -> int:
    [[right]] = await db.execute_fetchall(
        "SELECT sum(g.verdict = 'correct') FROM responses r JOIN evaluations USING (evaluation_key)"
        " JOIN models USING (model_key) JOIN grades g ON g.response_key = r.response_key AND g.grader = 'choice'"
        " WHERE kind = ? AND r.question_key IN (SELECT value FROM json_each(?))",
        (kind, str(asked)),
    )
    return int(right)


async def test_the_base_and_the_tuned_model_are_drawn_over_what_the_checkpoints_were_asked(
    db: aiosqlite.Connection,
) -> None:
    asked = await asked_of(db, Task.SECONDARY)
    stored = await questions_by_key(db, (await results(db))[0].dataset_id)
    few = [key for key in asked if stored[key].answer == "Yes"][:6]
    for model_key in await checkpoint_keys(db):
        await ask(db, model_key, few, right=2)
    curves = await curves_of(db)
    points = {model.kind: curves.points[model.model_key, "secondary"] for model in curves.models}
    assert {(point.n, point.is_joined) for point in points.values()} == {(6, True)}
    assert curves.common["secondary"] == 6
    for kind in ("base", "tuned"):
        assert points[kind].row.n == 24, "its own score is over all that it was asked"
        assert points[kind].correct == await right_of(db, kind, few)
    assert points["checkpoint"].score == pytest.approx(2 / 6)
    assert (curves.baselines["secondary"].always_no, curves.baselines["secondary"].majority) == (0.0, 1.0)
    assert curves.common["comparison"] == 24, "what no checkpoint was asked is as it was"
    assert curves.baselines["comparison"].always_no == 0.5
    [note] = asked_notes(curves)
    assert "24 of memorization and rephrased and comparison, 6 of secondary" in note
    assert note in learning_sheet(curves, "people", "choice").said


async def test_who_was_asked_other_questions_stands_for_itself(db: aiosqlite.Connection) -> None:
    stored = await questions_by_key(db, (await results(db))[0].dataset_id)
    asked = set(await question_keys(db))
    others = [key for key, q in stored.items() if key not in asked and q.task is Task.MEMORIZATION][:5]
    first, *_ = await checkpoint_keys(db)
    await ask(db, first, others, right=1)
    curves = await curves_of(db)
    apart = curves.points[first, "memorization"]
    assert (apart.n, apart.correct, apart.is_joined) == (5, 1, False)
    assert curves.common["memorization"] == 24
    assert all(point.is_joined for (key, _), point in curves.points.items() if key != first)
    assert any("not joined" in note for note in asked_notes(curves))
    assert [line[-1] for line in learning_sheet(curves, "people", "choice").tables[0].lines].count("5 ○") == 1


async def test_a_run_that_was_cut_off_does_not_take_the_line_with_it_and_is_still_to_be_asked(
    db: aiosqlite.Connection,
) -> None:
    asked = await asked_of(db, Task.MEMORIZATION)
    first, second, *others = await checkpoint_keys(db)
    await ask(db, first, asked, settled=3)
    await ask(db, second, asked, settled=0)
    for model_key in others:
        await ask(db, model_key, asked)
    curves = await curves_of(db)
    assert (curves.points[first, "memorization"].n, curves.points[first, "memorization"].is_joined) == (3, False)
    assert curves.common["memorization"] == 24
    assert [model.model_key for model in curves.unfinished] == [first, second]
    assert [model.model_key for model in curves.without_answers] == [second]
    assert set((await unasked_checkpoints(db, await results(db, grader=None))).values()) == {2}


async def test_a_curve_of_which_all_were_asked_the_same_is_of_their_own_scores_and_says_nothing_of_it(
    db: aiosqlite.Connection,
) -> None:
    for model_key in await checkpoint_keys(db):
        await ask(db, model_key, await question_keys(db), right=50)
    curves = await curves_of(db)
    assert asked_notes(curves) == [] and curves.unfinished == ()
    for point in curves.points.values():
        assert (point.n, point.score, point.low, point.high) == (24, point.row.score, point.row.low, point.row.high)


async def test_where_a_question_was_answered_several_times_the_interval_holds_a_fact_s_answers_together(
    db: aiosqlite.Connection,
) -> None:
    asked = await asked_of(db, Task.MEMORIZATION)
    first, *_ = await checkpoint_keys(db)
    await ask(db, first, asked[:6])
    [[base_run]] = await db.execute_fetchall(
        "SELECT evaluation_key FROM evaluations JOIN models USING (model_key) WHERE kind = 'base'"
    )
    await db.execute("UPDATE evaluations SET repeats = 2 WHERE evaluation_key = ?", (base_run,))
    await db.execute(
        "INSERT INTO responses (evaluation_key, question_key, repeat, answer, parameters_key, created_at)"
        " SELECT evaluation_key, question_key, 1, answer, parameters_key, created_at FROM responses"
        " WHERE evaluation_key = ?",
        (base_run,),
    )
    await db.execute(
        "INSERT INTO grades (response_key, grader, version, verdict, reason, created_at)"
        " SELECT response_key, 'choice', 1, 'wrong', '', 0 FROM responses WHERE repeat = 1"
    )
    await db.commit()
    curves = await curves_of(db)
    [base] = [model.model_key for model in curves.models if model.kind == "base"]
    once, twice = curves.points[first, "memorization"], curves.points[base, "memorization"]
    assert (once.n, twice.n, twice.correct) == (6, 12, 0)
    assert twice.high == pytest.approx(1 - once.low), "six facts, however often they were asked"
