"""Stored answers are graded again without asking, and a person has the last word."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiosqlite
import pytest

from ftb_tui.benchmark import graders
from ftb_tui.benchmark.graders import GRADERS, Grade, Grader, Verdict
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.grading import ResponseNotFoundError, overrule, person_verdicts, verdict_history
from ftb_tui.store.models import find_model
from ftb_tui.store.results import AnswerRow, ResultRow, answers, results
from ftb_tui.work.regrade import RegradeReport, regrade
from tests.demo import TUNED, fill_demo_store


@pytest.fixture
async def db() -> AsyncIterator[aiosqlite.Connection]:
    db = await open_store()
    await fill_demo_store(db)
    yield db
    await db.close()


def rule(monkeypatch: pytest.MonkeyPatch, name: str, version: int, verdict: Verdict) -> None:
    """From now on the grader of that name has this version and says this of everything."""
    changed = {**GRADERS, name: Grader(name, version, lambda question, answer: Grade(verdict, "because"))}
    monkeypatch.setattr("ftb_tui.work.regrade.GRADERS", changed)
    monkeypatch.setattr(graders, "GRADERS", changed)


async def only(db: aiosqlite.Connection, grader: str, **options: int) -> RegradeReport:
    [report] = await regrade(db, grader=grader, **options)
    return report


async def tuned(db: aiosqlite.Connection, task: str = "memorization", grader: str = "choice") -> ResultRow:
    [row] = [r for r in await results(db, grader=grader) if (r.kind, r.task) == ("tuned", task)]
    return row


async def shown(db: aiosqlite.Connection, show: str, grader: str = "choice") -> list[AnswerRow]:
    key = (await find_model(db, TUNED)).model_key
    [dataset] = {row.dataset_id for row in await results(db)}
    return await answers(db, model_key=key, dataset_id=dataset, task="memorization", show=show, grader=grader)


async def test_grades_of_the_present_version_are_left_alone(db: aiosqlite.Connection) -> None:
    before = [tuple(row) for row in await db.execute_fetchall("SELECT * FROM grades")]
    assert all((r.added, r.renewed, r.changed) == (0, 0, 0) for r in await regrade(db))
    assert [tuple(row) for row in await db.execute_fetchall("SELECT * FROM grades")] == before


async def test_an_older_version_is_replaced_and_a_newer_one_is_not(
    db: aiosqlite.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    was = await tuned(db)
    rule(monkeypatch, "choice", GRADERS["choice"].version + 1, Verdict.WRONG)
    report = await only(db, "choice")
    assert (report.renewed, report.kept, report.added) == (192, 0, 0)
    now = await tuned(db)
    assert (now.n, now.correct) == (was.n, 0)
    assert was.correct > 0
    rule(monkeypatch, "choice", GRADERS["choice"].version, Verdict.CORRECT)
    report = await only(db, "choice")
    assert (report.renewed, report.kept) == (0, 192)
    assert (await tuned(db)).correct == 0


async def test_a_missing_grade_is_added_for_the_chosen_model_alone(db: aiosqlite.Connection) -> None:
    async with transaction(db):
        await db.execute("DELETE FROM grades WHERE grader = 'exact'")
    key = (await find_model(db, TUNED)).model_key
    assert (await only(db, "exact", model_key=key)).added == 96
    assert (await only(db, "exact")).added == 96
    assert (await only(db, "exact")).added == 0


async def test_a_persons_verdict_counts_and_the_machines_is_kept(db: aiosqlite.Connection) -> None:
    was, [first, *_] = await tuned(db), await shown(db, "wrong")
    await overrule(db, first.response_key, Verdict.CORRECT, "means the same")
    now = await tuned(db)
    assert now.correct == was.correct + 1
    assert now.fixed == (was.fixed or 0) + 1
    [line] = await shown(db, "overruled")
    assert (line.id, line.grade, line.reason) == (first.id, "correct", "a person says correct: means the same")
    assert (line.machine_grade, line.machine_reason) == (first.grade, first.reason)
    assert first.id not in {row.id for row in await shown(db, "wrong")}
    [kept] = await person_verdicts(db)
    assert (kept.response_key, kept.verdict, kept.note) == (first.response_key, "correct", "means the same")


async def test_equality_stays_equality_whatever_a_person_says(db: aiosqlite.Connection) -> None:
    was, [first, *_] = await tuned(db, grader="exact"), await shown(db, "wrong")
    await overrule(db, first.response_key, Verdict.CORRECT)
    assert await tuned(db, grader="exact") == was


async def test_a_verdict_outlives_regrading_and_can_be_taken_back(
    db: aiosqlite.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    [first, *_] = await shown(db, "correct")
    await overrule(db, first.response_key, Verdict.WRONG)
    await overrule(db, first.response_key, Verdict.WRONG, "read it again")
    rule(monkeypatch, "choice", GRADERS["choice"].version + 1, Verdict.ABSTAINED)
    await regrade(db)
    [line] = await shown(db, "overruled")
    assert (line.grade, line.machine_grade, line.machine_reason) == ("wrong", "abstained", "because")
    await overrule(db, first.response_key, None)
    assert await shown(db, "overruled") == []
    assert {row.grade for row in await shown(db, "all")} == {"abstained"}
    assert [v.verdict for v in await verdict_history(db, first.response_key)] == ["wrong", "wrong", None]
    assert await person_verdicts(db) == []


async def test_what_is_no_answer_cannot_be_overruled(db: aiosqlite.Connection) -> None:
    with pytest.raises(ResponseNotFoundError, match="no response 999999"):
        await overrule(db, 999_999, Verdict.CORRECT)
    async with transaction(db):
        await db.execute("UPDATE responses SET answer = NULL, error_kind = 'timeout' WHERE response_key = 1")
    with pytest.raises(ResponseNotFoundError, match="failure"):
        await overrule(db, 1, Verdict.CORRECT)
    assert await person_verdicts(db) == []
