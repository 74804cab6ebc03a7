"""What came to the tasks of an evaluation since they were counted, so that a run under way is not counted whole at every
look.

The schema's triggers raise a task's revision by one for every row that is inserted, changed or deleted. Responses
behind the largest key of that time are new, and so are their grades. Where there are exactly as many of them as the
revision has gone up, nothing else has happened: the counts of that time and theirs together are what counting every row
gives. Anything else, be it one grade that was changed, makes the difference larger, and then every row is counted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import aiosqlite

WORTH = 20_000
"""Behind so many new responses of all evaluations together counting a task whole is the cheaper way."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Counts of one task as they were taken, by whom it was asked first since keys are given again."""

    created_at: float
    revision: int
    newest: int
    """The largest response key at that moment."""
    text: str


@dataclass(frozen=True, slots=True)
class TakenPair:
    """The same of two evaluations beside each other."""

    created_at: tuple[float, float]
    revisions: tuple[int, int]
    newest: int
    text: str


@dataclass(frozen=True, slots=True)
class Memory:
    """What one connection counted: by (evaluation, task), and by (tuned evaluation, base evaluation, task)."""

    tasks: dict[tuple[int, str], Taken]
    pairs: dict[tuple[int, int, str], TakenPair]


_memories: WeakKeyDictionary[aiosqlite.Connection, Memory] = WeakKeyDictionary()


def memory_of(db: aiosqlite.Connection) -> Memory:
    """What was counted over this connection."""
    return _memories.setdefault(db, Memory({}, {}))


NEWEST = "(SELECT coalesce(max(response_key), 0) FROM responses)"

# The responses of one evaluation to one task behind a key, in the order of their keys.
_NEW = """FROM responses r CROSS JOIN questions q ON q.question_key = r.question_key
         AND q.dataset_id = e.dataset_id AND q.task = t.task {grades}
       WHERE r.response_key > :newest AND r.evaluation_key = {side}.evaluation_key"""
_GRADES = "CROSS JOIN grades g ON g.response_key = r.response_key"

_ARRIVED = f"""
  SELECT t.revision, {NEWEST},
    (SELECT json_array(count(r.answer), count(r.error_kind), coalesce(sum(r.prompt_tokens), 0),
        coalesce(sum(r.completion_tokens), 0)) {_NEW.format(side="t", grades="")}),
    (SELECT json_group_object(grader, json_array(n, correct, abstained)) FROM (
      SELECT g.grader, count(*) AS n, sum(g.verdict = 'correct') AS correct, sum(g.verdict = 'abstained') AS abstained
        {_NEW.format(side="t", grades=_GRADES)} GROUP BY g.grader))
    FROM evaluation_tasks t JOIN evaluations e USING (evaluation_key)
   WHERE t.evaluation_key = :evaluation AND t.task = :task AND e.created_at = :created_at
"""

_ARRIVED_PAIR = f"""
  SELECT t.revision, b.revision, {NEWEST},
    (SELECT count(*) {_NEW.format(side="{side}", grades="")})
      + (SELECT count(*) {_NEW.format(side="{side}", grades=_GRADES)}),
    (SELECT json_group_object(grader, json_array(n, base_correct, fixed, broken)) FROM (
      SELECT gt.grader, count(*) AS n, sum(gb.verdict = 'correct') AS base_correct,
             sum(gt.verdict = 'correct' AND gb.verdict <> 'correct') AS fixed,
             sum(gt.verdict <> 'correct' AND gb.verdict = 'correct') AS broken
        FROM responses {{new}} CROSS JOIN questions q ON q.question_key = {{new}}.question_key
         AND q.dataset_id = e.dataset_id AND q.task = t.task
       CROSS JOIN responses {{old}} ON {{old}}.evaluation_key = {{other}}.evaluation_key
         AND {{old}}.question_key = q.question_key AND {{old}}.repeat = {{new}}.repeat
       CROSS JOIN grades gt ON gt.response_key = rt.response_key
       CROSS JOIN grades gb ON gb.response_key = rb.response_key AND gb.grader = gt.grader
       WHERE {{new}}.response_key > :newest AND {{new}}.evaluation_key = {{side}}.evaluation_key GROUP BY gt.grader))
    FROM evaluation_tasks t JOIN evaluations e USING (evaluation_key)
    JOIN evaluation_tasks b ON b.task = t.task AND b.evaluation_key = :base
    JOIN evaluations eb ON eb.evaluation_key = b.evaluation_key
   WHERE t.evaluation_key = :tuned AND t.task = :task AND e.created_at = :created_at AND eb.created_at = :base_created_at
"""
_TUNED_NEW = _ARRIVED_PAIR.format(side="t", other="b", new="rt", old="rb")
_BASE_NEW = _ARRIVED_PAIR.format(side="b", other="t", new="rb", old="rt")


async def with_arrivals(db: aiosqlite.Connection, evaluation_key: int, task: str, taken: Taken) -> Taken | None:
    """The counts of now, from those that were taken and what came since; None where every row is to be counted."""
    where = {
        "evaluation": evaluation_key, "task": task, "newest": taken.newest, "created_at": taken.created_at,
    }  # fmt: skip
    rows = list(await db.execute_fetchall(_ARRIVED, where))
    if not rows:
        return None
    revision, newest, settled_text, scores_text = rows[0]
    settled, scores = json.loads(settled_text), json.loads(scores_text)
    came = settled[0] + settled[1] + sum(score[0] for score in scores.values())
    if revision - taken.revision != came:
        return None
    counts = json.loads(taken.text)
    counts["settled"] = _sum(counts["settled"], settled)
    counts["scores"] = _merged(counts["scores"], scores)
    return Taken(taken.created_at, revision, newest, json.dumps(counts))


async def pair_with_arrivals(
    db: aiosqlite.Connection, place: tuple[int, int, str], taken: TakenPair, revisions: tuple[int, int]
) -> TakenPair | None:
    """The same for the evaluations and the task of `place`, of which one went on to these revisions."""
    side = [now != before for now, before in zip(revisions, taken.revisions, strict=True)]
    if all(side):
        return None
    tuned, base, task = place
    where = {
        "tuned": tuned, "base": base, "task": task, "newest": taken.newest,
        "created_at": taken.created_at[0], "base_created_at": taken.created_at[1],
    }  # fmt: skip
    rows = list(await db.execute_fetchall(_BASE_NEW if side[1] else _TUNED_NEW, where))
    if not rows:
        return None
    tuned_now, base_now, newest, came, text = rows[0]
    gone_up = [tuned_now - taken.revisions[0], base_now - taken.revisions[1]]
    if gone_up != ([0, came] if side[1] else [came, 0]):
        return None
    merged = _merged(json.loads(taken.text), json.loads(text))
    return TakenPair(taken.created_at, (tuned_now, base_now), newest, json.dumps(merged))


def _sum(one: list[int], other: list[int]) -> list[int]:
    return [a + b for a, b in zip(one, other, strict=True)]


def _merged(one: dict[str, list[int]], other: dict[str, list[int]]) -> dict[str, list[int]]:
    return {**one, **{grader: _sum(one.get(grader, [0] * len(new)), new) for grader, new in other.items()}}
