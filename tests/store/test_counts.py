"""Counts that are kept are what counting every row anew would give, whatever happened to the rows."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import AsyncIterator
from itertools import product

import aiosqlite
import pytest

from ftb_tui.benchmark.graders import Grade, Verdict
from ftb_tui.benchmark.load import load_bundled
from ftb_tui.benchmark.statistics import mcnemar_exact, wilson
from ftb_tui.paths import paths
from ftb_tui.store import evaluations
from ftb_tui.store.counts import task_counts
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.datasets import questions_by_key, save_dataset
from ftb_tui.store.evaluations import ResponseRecord, list_evaluations
from ftb_tui.store.grading import overrule, put_grades
from ftb_tui.store.models import ensure_model
from ftb_tui.store.results import ResultRow, answers, results

WORLD = load_bundled("fictional_people")
GRADERS = ("exact", "normalized", "choice")


@pytest.fixture
async def db() -> AsyncIterator[aiosqlite.Connection]:
    db = await open_store()
    await save_dataset(db, WORLD)
    yield db
    await db.close()


async def grow(db: aiosqlite.Connection, rng: random.Random) -> None:
    """Two bases, two tuned models of one of them, some with several evaluations, none answered yet."""
    keys = list(await questions_by_key(db, WORLD.dataset_id))
    for name, kind, base in (("b", "base", "b"), ("c", "base", "c"), ("t", "tuned", "b"), ("u", "tuned", "b")):
        async with transaction(db):
            model = await ensure_model(db, provider="x", name=name, kind=kind, base_model=base)
        for _ in range(rng.randint(1, 2)):
            await evaluations.create_evaluation(
                db,
                model_key=model,
                dataset_id=WORLD.dataset_id,
                question_keys=rng.sample(keys, 60),
                parameters={"max_tokens": 1},
            )


async def happen(db: aiosqlite.Connection, rng: random.Random) -> None:
    """One of the things that happen to rows."""
    planned = [tuple(row) for row in await db.execute_fetchall("SELECT * FROM evaluation_questions")]
    answered = [row[0] for row in await db.execute_fetchall("SELECT response_key FROM responses WHERE answer NOT NULL")]
    what = rng.randrange(9)
    if what <= 2 or not answered:
        evaluation = rng.choice(planned)[0]
        asked = [question for key, question in planned if key == evaluation]
        records = [response(question, rng) for question in rng.choices(asked, k=30)]
        await evaluations.write_responses(db, evaluation, records)
    elif what == 3:
        await overrule(db, rng.choice(answered), rng.choice([Verdict.CORRECT, Verdict.WRONG, None]))
    elif what == 4:
        await put_grades(db, [(key, rng.choice(GRADERS), 9, verdict(rng)) for key in rng.sample(answered, 3)])
    elif what == 5:
        await change(db, "DELETE FROM responses WHERE response_key = ?", rng.choice(answered))
    elif what == 6:
        await change(db, "DELETE FROM grades WHERE response_key = ? AND grader = 'exact'", rng.choice(answered))
    elif what == 7:
        evaluation, question = rng.choice(planned)
        for table in ("evaluation_questions", "responses"):
            await change(db, f"DELETE FROM {table} WHERE evaluation_key = ? AND question_key = ?", evaluation, question)
    else:
        sql = "UPDATE evaluations SET deleted_at = CASE WHEN deleted_at IS NULL THEN 1 END WHERE evaluation_key = ?"
        await change(db, sql, rng.choice(planned)[0])


async def change(db: aiosqlite.Connection, sql: str, *values: object) -> None:
    async with transaction(db):
        await db.execute(sql, values)


def response(question_key: int, rng: random.Random) -> ResponseRecord:
    if rng.random() < 0.2:
        return ResponseRecord(question_key, {}, error_kind="timeout", error="slow", prompt_tokens=3)
    grades = {grader: verdict(rng) for grader in GRADERS if rng.random() < 0.8}
    return ResponseRecord(question_key, {}, answer="a", grades=grades, prompt_tokens=5, completion_tokens=7)


def verdict(rng: random.Random) -> Grade:
    return Grade(rng.choice(list(Verdict)), "because")


def recounted() -> tuple[dict[tuple[int, str, str], tuple[object, ...]], dict[int, tuple[object, ...]]]:
    """The result table and the evaluations' totals, from every row, by loops."""
    raw = sqlite3.connect(paths().store)
    models = {row[0]: row[1:] for row in raw.execute("SELECT model_key, name, kind, base_model FROM models")}
    runs = dict(raw.execute("SELECT evaluation_key, model_key FROM evaluations WHERE deleted_at IS NULL"))
    task_of = dict(raw.execute("SELECT question_key, task FROM questions"))
    planned = list(raw.execute("SELECT evaluation_key, question_key FROM evaluation_questions"))
    columns = "response_key, evaluation_key, question_key, answer, error_kind, prompt_tokens, completion_tokens"
    said = {(row[1], row[2]): row for row in raw.execute(f"SELECT {columns} FROM responses")}
    grades: dict[int, dict[str, str]] = {}
    for key, grader, found in raw.execute("SELECT response_key, grader, verdict FROM grades"):
        grades.setdefault(key, {})[grader] = found
    asked: dict[tuple[int, str], list[int]] = {}
    for run, question in planned:
        if run in runs:
            asked.setdefault((run, task_of[question]), []).append(question)
    chosen: dict[tuple[int, str], int] = {}

    def settled(run: int, task: str) -> tuple[int, int]:
        """How many have an answer, and how many an answer or a failure."""
        rows = [row for (key, question), row in said.items() if key == run and task_of[question] == task]
        return sum(row[3] is not None for row in rows), len(rows)

    for run, task in sorted(asked, key=lambda place: (*settled(*place), len(asked[place]), place[0])):
        chosen[runs[run], task] = run

    def verdicts(run: int, task: str, grader: str) -> dict[int, str]:
        found = {}
        for question in asked[run, task]:
            row = said.get((run, question))
            if row is not None and grader in grades.get(row[0], {}):
                found[question] = grades[row[0]][grader]
        return found

    table = {}
    for (model, task), run in chosen.items():
        _, kind, base_model = models[model]
        failed = sum((run, q) in said and said[run, q][4] is not None for q in asked[run, task])
        present = [grader for grader in GRADERS if verdicts(run, task, grader)]
        for grader in present or ["choice"]:
            own = verdicts(run, task, grader)
            correct = sum(v == "correct" for v in own.values())
            compared: tuple[object, ...] = (None, None, None, None)
            base = next((b for b, facts in models.items() if facts[0] == base_model and facts[1] == "base"), None)
            if kind != "base" and (base, task) in chosen:
                other = verdicts(chosen[base, task], task, grader)  # type: ignore[index]
                both = own.keys() & other.keys()
                if both:
                    fixed = sum(own[q] == "correct" != other[q] for q in both)
                    broken = sum(own[q] != "correct" == other[q] for q in both)
                    right = sum(other[q] == "correct" for q in both)
                    compared = (right / len(both), fixed, broken, mcnemar_exact(fixed, broken))
            low, high = wilson(correct, len(own)) if own else (None, None)
            abstained = sum(v == "abstained" for v in own.values())
            counted = (run, len(own), correct, failed, abstained, len(asked[run, task]), low, high)
            table[model, task, grader] = (*counted, *compared)
    totals = {}
    for run in runs:
        rows = [row for (key, _), row in said.items() if key == run]
        choices = [grades.get(row[0], {}).get("choice") for row in rows]
        totals[run] = (
            sum(key == run for key, _ in planned), sum(row[3] is not None for row in rows),
            sum(row[4] is not None for row in rows), choices.count("correct"), choices.count("abstained"),
            sum(row[5] or 0 for row in rows), sum(row[6] or 0 for row in rows),
        )  # fmt: skip
    raw.close()
    return table, totals


def shown(row: ResultRow) -> tuple[object, ...]:
    return (
        row.evaluation_key, row.n, row.correct, row.failed, row.abstained, row.planned, row.low, row.high,
        row.base_score, row.fixed, row.broken, row.p_value,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
async def test_every_figure_is_what_counting_all_rows_gives(db: aiosqlite.Connection, seed: int) -> None:
    rng = random.Random(seed)
    await grow(db, rng)
    for _ in range(25):
        await happen(db, rng)
        table, totals = recounted()
        assert {(r.model_key, r.task, r.grader): shown(r) for r in await results(db, grader=None)} == table
        assert {
            e.evaluation_key: (
                e.n_questions, e.n_answered, e.n_failed, e.n_correct, e.n_abstained, e.prompt_tokens,
                e.completion_tokens,
            )
            for e in await list_evaluations(db)
        } == totals  # fmt: skip


async def test_what_did_not_change_is_not_counted_again(db: aiosqlite.Connection) -> None:
    rng = random.Random(1)
    await grow(db, rng)
    for _ in range(5):
        await happen(db, rng)
    before = await results(db, grader=None)
    async with transaction(db):
        # Only somebody who trusts what was kept shows this.
        await db.execute("UPDATE evaluation_tasks SET counts = json_set(counts, '$.settled[1]', 777)")
    await db.close()
    db = await open_store()
    assert {row.failed for row in await results(db, grader=None)} == {777}
    [changed] = await db.execute_fetchall("SELECT response_key, evaluation_key, question_key FROM responses LIMIT 1")
    await change(db, "UPDATE responses SET latency_ms = 1 WHERE response_key = ?", changed[0])
    again = {(r.model_key, r.task, r.grader): r for r in await results(db, grader=None)}
    true = [r for r in before if r.evaluation_key == changed[1]]
    assert true
    assert all(again[r.model_key, r.task, r.grader].failed == r.failed for r in true)
    await db.close()


async def test_of_a_run_under_way_only_what_came_is_counted(db: aiosqlite.Connection) -> None:
    rng = random.Random(5)
    await grow(db, rng)
    planned = [tuple(row) for row in await db.execute_fetchall("SELECT * FROM evaluation_questions")]
    runs = {run: [question for key, question in planned if key == run] for run, _ in planned}

    async def answer(begin: int) -> None:
        for run, asked in runs.items():
            await evaluations.claim_evaluation(db, run, "somebody")
            await evaluations.write_responses(db, run, [response(key, rng) for key in asked[begin : begin + 20]])

    async def counted() -> int:
        return sum(score.correct for cell in await task_counts(db) for score in cell.scores.values())

    async def correct(behind: int) -> int:
        sql = "SELECT count(*) FROM grades WHERE verdict = 'correct' AND response_key > ?"
        [row] = await db.execute_fetchall(sql, (behind,))
        return int(row[0])

    await answer(0)
    before = await counted()
    [newest] = await db.execute_fetchall("SELECT max(response_key) FROM responses")
    [trigger] = await db.execute_fetchall("SELECT sql FROM sqlite_schema WHERE name = 'grades_changed'")
    await db.execute("DROP TRIGGER grades_changed")
    # Nobody is told, so only who counts every row again can know.
    await change(db, "UPDATE grades SET verdict = 'wrong'")
    await db.execute(trigger[0])
    await answer(20)
    assert before > 0
    assert await counted() == before + await correct(behind=newest[0])
    await change(db, "UPDATE grades SET verdict = 'abstained' WHERE grader = 'exact'")
    assert await counted() == await correct(behind=0)


async def test_an_evaluation_that_was_forgotten_lends_its_figures_to_none_that_follows(
    db: aiosqlite.Connection,
) -> None:
    keys = list(await questions_by_key(db, WORLD.dataset_id))
    for n in (30, 40):
        async with transaction(db):
            model = await ensure_model(db, provider="x", name="b", kind="base", base_model="b")
        run = await evaluations.create_evaluation(
            db, model_key=model, dataset_id=WORLD.dataset_id, question_keys=keys[:n], parameters={"max_tokens": 1}
        )
        # The same number of changes to both, so that the numbers of the changes tell nothing.
        await change(db, "UPDATE evaluation_tasks SET revision = 1000")
        assert sum(cell.planned for cell in await task_counts(db)) == n
        assert sum(row.planned for row in await results(db, grader=None)) == n
        await change(db, "UPDATE evaluation_tasks SET counted = NULL")
        await evaluations.forget_unanswered(db, run)
        assert await task_counts(db) == []


async def test_counts_are_right_while_another_process_writes(db: aiosqlite.Connection) -> None:
    rng = random.Random(2)
    await grow(db, rng)
    for _ in range(5):
        await happen(db, rng)
    writer = sqlite3.connect(paths().store, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM responses")
    # Nothing can be kept now, and nobody waits for that; what is shown is what was committed.
    table, _ = recounted()
    assert {(r.model_key, r.task, r.grader): shown(r) for r in await results(db, grader=None)} == table
    writer.execute("COMMIT")
    writer.close()
    assert {row.n for row in await results(db, grader=None)} == {0}


async def test_whatever_way_a_row_is_replaced_its_counts_are_taken_again(db: aiosqlite.Connection) -> None:
    rng = random.Random(3)
    await grow(db, rng)
    evaluation = (await list_evaluations(db))[0].evaluation_key
    [asked] = await db.execute_fetchall(
        "SELECT question_key FROM evaluation_questions WHERE evaluation_key = ? LIMIT 1", (evaluation,)
    )
    record = ResponseRecord(asked[0], {}, answer="a", grades={"choice": Grade(Verdict.WRONG, "")})
    await evaluations.write_responses(db, evaluation, [record])
    for conflict, found in product(("OR REPLACE", "OR REPLACE"), ("correct", "wrong")):
        sql = f"INSERT {conflict} INTO grades SELECT response_key, 'choice', 1, ?, '', 0, NULL, NULL FROM responses"
        await change(db, sql, found)
        counts = await task_counts(db, evaluation_key=evaluation)
        assert sum(c.scores["choice"].correct for c in counts if c.scores) == (found == "correct")
    await change(
        db, "INSERT OR IGNORE INTO evaluation_questions SELECT evaluation_key, question_key FROM evaluation_questions"
    )
    await change(db, "INSERT OR REPLACE INTO evaluation_questions SELECT * FROM evaluation_questions")
    assert sum(c.planned for c in await task_counts(db, evaluation_key=evaluation)) == 60
    await change(db, "DELETE FROM evaluations WHERE evaluation_key = ?", evaluation)
    assert await task_counts(db, evaluation_key=evaluation) == []


async def test_pages_end_where_the_next_begins(db: aiosqlite.Connection) -> None:
    rng = random.Random(4)
    await grow(db, rng)
    for _ in range(20):
        await happen(db, rng)
    for row in await results(db):
        for show in ("all", "wrong", "failed", "fixed"):
            where = {"model_key": row.model_key, "dataset_id": row.dataset_id, "task": row.task, "show": show}
            whole = await answers(db, **where)  # type: ignore[arg-type]
            paged, after = [], -1
            while page := await answers(db, **where, after=after, limit=3):  # type: ignore[arg-type]
                paged += page
                after = page[-1].position
            assert paged == whole
