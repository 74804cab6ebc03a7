"""Grades of stored answers: graded again without asking, and overruled by people."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass

import aiosqlite

from ftb_tui.benchmark.graders import PREFERENCE, Grade, Verdict
from ftb_tui.benchmark.graders.preference import Preference
from ftb_tui.store.database import transaction

PAGE = 2_000

LITERAL_GRADERS = ("exact", "normalized", PREFERENCE)
"""Graders that a person's verdict leaves alone: they are defined by equality or by probabilities, not by judgement,
and must come out of an exported file the same."""


class ResponseNotFoundError(Exception):
    """No stored response has that number, or it holds no answer."""


@dataclass(frozen=True, slots=True)
class GradedAnswer:
    """A stored answer and the versions of the graders that graded it."""

    response_key: int
    question_key: int
    dataset_id: str
    answer: str
    preference: Preference | None
    versions: Mapping[str, int]
    verdicts: Mapping[str, str]
    """The machine's verdicts, also where a person overruled them."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a person says of an answer; a verdict of None takes earlier ones back."""

    verdict: Verdict | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class PersonVerdict:
    """What a person said of an answer; a verdict of None took the earlier ones back."""

    response_key: int
    verdict: str | None
    note: str
    created_at: float


async def stored_answers(
    db: aiosqlite.Connection, *, dataset_id: str | None = None, model_key: int | None = None
) -> AsyncIterator[list[GradedAnswer]]:
    """Every answer with its grades, in pages; failures are left out."""
    after = 0
    while True:
        rows = list(
            await db.execute_fetchall(
                "SELECT r.response_key, r.question_key, e.dataset_id, r.answer, p.yes, p.no, p.floor,"
                " p.response_key IS NOT NULL AS preferred FROM responses r JOIN evaluations e USING (evaluation_key)"
                " LEFT JOIN preferences p USING (response_key)"
                " WHERE r.response_key > :after AND r.answer IS NOT NULL AND e.deleted_at IS NULL"
                " AND (:dataset IS NULL OR e.dataset_id = :dataset) AND (:model IS NULL OR e.model_key = :model)"
                " ORDER BY r.response_key LIMIT :limit",
                {"after": after, "dataset": dataset_id, "model": model_key, "limit": PAGE},
            )
        )
        if not rows:
            return
        grades: dict[int, list[aiosqlite.Row]] = {}
        for grade in await db.execute_fetchall(
            "SELECT response_key, grader, version, coalesce(machine_verdict, verdict) AS verdict FROM grades"
            " WHERE response_key BETWEEN ? AND ?",
            (rows[0][0], rows[-1][0]),
        ):
            grades.setdefault(grade["response_key"], []).append(grade)
        yield [
            GradedAnswer(
                response_key=row["response_key"],
                question_key=row["question_key"],
                dataset_id=row["dataset_id"],
                answer=row["answer"],
                preference=Preference(row["yes"], row["no"], row["floor"]) if row["preferred"] else None,
                versions={grade["grader"]: grade["version"] for grade in grades.get(row[0], [])},
                verdicts={grade["grader"]: grade["verdict"] for grade in grades.get(row[0], [])},
            )
            for row in rows
        ]
        after = rows[-1][0]


async def put_grades(db: aiosqlite.Connection, grades: Iterable[tuple[int, str, int, Grade]]) -> None:
    """Record (response, grader, version, grade), replacing that grader's earlier ones; people's verdicts stay in force."""
    listed = list(grades)
    now = time.time()
    async with transaction(db):
        await db.executemany(
            "INSERT INTO grades (response_key, grader, version, verdict, reason, created_at) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (response_key, grader) DO UPDATE SET version = excluded.version, verdict = excluded.verdict,"
            " reason = excluded.reason, created_at = excluded.created_at, machine_verdict = NULL, machine_reason = NULL",
            [
                (
                    key,
                    grader,
                    version,
                    str(grade.verdict),
                    grade.reason.encode("utf-8", "backslashreplace").decode(),
                    now,
                )
                for key, grader, version, grade in listed
            ],
        )
        keys = sorted({key for key, *_ in listed})
        for row in await db.execute_fetchall(
            f"{_LATEST} AND response_key BETWEEN ? AND ?", (keys[0], keys[-1]) if keys else (0, 0)
        ):
            await _apply(db, row["response_key"], row["verdict"], row["note"])


_LATEST = """
  SELECT response_key, verdict, note, created_at FROM person_verdicts p
   WHERE person_verdict_key = (SELECT max(person_verdict_key) FROM person_verdicts WHERE response_key = p.response_key)
"""


async def overrule(db: aiosqlite.Connection, response_key: int, verdict: Verdict | None, note: str = "") -> Opinion:
    """Keep a person's verdict on one answer, as `overrule_all` does, and give what was in force before.

    Raises `ResponseNotFoundError`.
    """
    before = await overrule_all(db, {response_key: Opinion(verdict, note)})
    if response_key in before:
        return before[response_key]
    if not list(await db.execute_fetchall("SELECT 1 FROM responses WHERE response_key = ?", (response_key,))):
        raise ResponseNotFoundError(
            f"There is no response {response_key} in the store; ftb wrong --json lists response_key."
        )
    raise ResponseNotFoundError(f"Response {response_key} is a failure without an answer; nothing to overrule.")


async def overrule_all(db: aiosqlite.Connection, opinions: Mapping[int, Opinion]) -> dict[int, Opinion]:
    """Keep what a person says of each of these answers and let it stand in the grades, of all of them or of none.

    Gives what was in force before on each answer that there is; those that are gone, or are failures without an answer,
    are left out. The graders' own verdicts are kept beside it. `LITERAL_GRADERS` are not touched.
    """
    async with transaction(db):
        return await _keep(db, opinions)


async def restore_all(
    db: aiosqlite.Connection, before: Mapping[int, Opinion], kept: Mapping[int, Opinion]
) -> tuple[set[int], set[int]]:
    """Let what was in force `before` stand again on those answers on which what was `kept` still is.

    All of it or nothing. Gives the answers of which that is so, and those of which somebody has said something else
    since: that stays. Answers that are gone are in neither.
    """
    async with transaction(db):
        there, in_force = await _there(db, list(before)), await opinions_of(db, list(before))
        mine = {key for key in there if in_force.get(key, Opinion(None)) == _as_in_force(kept[key])}
        await _keep(db, {key: before[key] for key in mine})
        return mine, there - mine


def _as_in_force(opinion: Opinion) -> Opinion:
    return opinion if opinion.verdict is not None else Opinion(None)


async def _there(db: aiosqlite.Connection, response_keys: Sequence[int]) -> set[int]:
    rows = await db.execute_fetchall(
        "SELECT response_key FROM responses WHERE answer IS NOT NULL"
        " AND response_key IN (SELECT value FROM json_each(?))",
        (json.dumps(list(response_keys)),),
    )
    return {row[0] for row in rows}


async def _keep(db: aiosqlite.Connection, opinions: Mapping[int, Opinion]) -> dict[int, Opinion]:
    in_force, now = await opinions_of(db, list(opinions)), time.time()
    before = {key: in_force.get(key, Opinion(None)) for key in sorted(await _there(db, list(opinions)))}
    for key in before:
        verdict, note = opinions[key].verdict, opinions[key].note
        said = None if verdict is None else str(verdict)
        await db.execute(
            "INSERT INTO person_verdicts (response_key, verdict, note, created_at) VALUES (?, ?, ?, ?)",
            (key, said, note, now),
        )
        await _apply(db, key, said, note)
    return before


async def _apply(db: aiosqlite.Connection, response_key: int, verdict: str | None, note: str) -> None:
    await db.execute(
        "UPDATE grades SET verdict = machine_verdict, reason = machine_reason, machine_verdict = NULL,"
        " machine_reason = NULL WHERE response_key = ? AND machine_verdict IS NOT NULL",
        (response_key,),
    )
    if verdict is not None:
        said = f"a person says {verdict}" + (f": {note}" if note else "")
        literal = ", ".join("?" * len(LITERAL_GRADERS))
        await db.execute(
            "UPDATE grades SET machine_verdict = verdict, machine_reason = reason, verdict = ?, reason = ?"
            f" WHERE response_key = ? AND grader NOT IN ({literal})",
            (verdict, said, response_key, *LITERAL_GRADERS),
        )


async def person_verdicts(db: aiosqlite.Connection, *, dataset_id: str | None = None) -> list[PersonVerdict]:
    """The verdicts of people that are in force."""
    rows = await db.execute_fetchall(
        f"{_LATEST} AND verdict IS NOT NULL AND response_key IN (SELECT response_key FROM responses"
        " JOIN evaluations USING (evaluation_key) WHERE deleted_at IS NULL AND (? IS NULL OR dataset_id = ?))"
        " ORDER BY response_key",
        (dataset_id, dataset_id),
    )
    return [PersonVerdict(*row) for row in rows]


async def verdicts_of(db: aiosqlite.Connection, response_keys: Sequence[int]) -> dict[int, PersonVerdict]:
    """The verdicts of people on these answers, where they are in force."""
    rows = await db.execute_fetchall(
        f"{_LATEST} AND verdict IS NOT NULL AND response_key IN (SELECT value FROM json_each(?))",
        (json.dumps(list(response_keys)),),
    )
    return {row["response_key"]: PersonVerdict(*row) for row in rows}


async def opinions_of(db: aiosqlite.Connection, response_keys: Sequence[int]) -> dict[int, Opinion]:
    """What people say of these answers, where that is in force."""
    found = await verdicts_of(db, response_keys)
    return {key: Opinion(Verdict(one.verdict), one.note) for key, one in found.items() if one.verdict is not None}


async def verdict_history(db: aiosqlite.Connection, response_key: int) -> list[PersonVerdict]:
    """All that people said of one answer, oldest first."""
    rows = await db.execute_fetchall(
        "SELECT response_key, verdict, note, created_at FROM person_verdicts WHERE response_key = ?"
        " ORDER BY person_verdict_key",
        (response_key,),
    )
    return [PersonVerdict(*row) for row in rows]
