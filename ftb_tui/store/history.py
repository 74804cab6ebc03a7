"""What changed since a moment: finished evaluations beside the same model's ones before, and verdicts given anew.

Scores are counted from the rows as they are now. What a grade was before it was renewed is not kept, so a renewed grade
can be counted but not compared; what people said is kept with its time, so that can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiosqlite

from ftb_tui.benchmark.graders import DEFAULT_GRADER
from ftb_tui.benchmark.model import Task
from ftb_tui.benchmark.paired import paired_difference
from ftb_tui.benchmark.statistics import MCNEMAR, mcnemar_exact, wilson
from ftb_tui.store.comparing import Comparison, compare
from ftb_tui.store.counts import Counts, pair_counts, task_counts
from ftb_tui.store.grading import LITERAL_GRADERS
from ftb_tui.store.repeats import repeated_evaluations, repeated_interval
from ftb_tui.store.results import ResultRow

REST = 1800.0
"""Evaluations with less than so many seconds between them are one run: a base, its tuned model, its checkpoints."""


@dataclass(frozen=True, slots=True)
class ScoreChange:
    """A score of a finished evaluation, and the one that the same model had before on the same dataset and task.

    `compared` is over the questions that both answered, `after` being the newer one; None without an earlier score.
    Times are seconds since 1970.
    """

    now: ResultRow
    finished_at: float
    before: ResultRow | None
    before_finished_at: float | None
    compared: Comparison | None


@dataclass(frozen=True, slots=True)
class Overruled:
    """What people's verdicts in force since the moment did to one model's answers to one task, as one grader has it.

    Of `answers` people say something else now than they did then; `taken_back` of these have no verdict of theirs any
    more. `fixed` are right now and were not, `broken` the reverse.
    """

    model_key: int
    provider: str
    model: str
    dataset: str
    task: str
    answers: int
    fixed: int
    broken: int
    at: float
    taken_back: int


@dataclass(frozen=True, slots=True)
class Regraded:
    """Answers that a grader's version graded since the moment, later than they were given."""

    grader: str
    version: int
    answers: int
    at: float


@dataclass(frozen=True, slots=True)
class History:
    """All that changed after `since` (None: from the beginning), the newest evaluations first."""

    since: float | None
    grader: str
    changes: tuple[ScoreChange, ...]
    overruled: tuple[Overruled, ...]
    regraded: tuple[Regraded, ...]


async def run_before(db: aiosqlite.Connection, *, dataset_id: str | None = None) -> float | None:
    """When the run before the newest one ended; None when there is no such run. See `REST` for what a run is."""
    rows = await db.execute_fetchall(
        "SELECT coalesce(started_at, created_at), finished_at FROM evaluations WHERE state = 'finished'"
        " AND deleted_at IS NULL AND (:dataset IS NULL OR dataset_id = :dataset) ORDER BY finished_at DESC",
        {"dataset": dataset_id},
    )
    begun: float | None = None
    for started, finished in rows:
        if begun is not None and finished < begun - REST:
            return float(finished)
        begun = started if begun is None else min(begun, started)
    return None


async def history(
    db: aiosqlite.Connection,
    *,
    since: float | None,
    dataset_id: str | None = None,
    grader: str = DEFAULT_GRADER,
) -> History:
    """What changed after a moment, as one grader sees it. Reads every grade once: a fifth of a second for a million."""
    return History(
        since,
        grader,
        await _changes(db, since, dataset_id, grader),
        await _overruled(db, since, dataset_id, grader),
        await _regraded(db, since, dataset_id),
    )


async def _changes(
    db: aiosqlite.Connection, since: float | None, dataset_id: str | None, grader: str
) -> tuple[ScoreChange, ...]:
    finished: dict[int, float] = {
        row[0]: row[1]
        for row in await db.execute_fetchall(
            "SELECT evaluation_key, finished_at FROM evaluations WHERE state = 'finished' AND finished_at IS NOT NULL"
        )
    }
    cells = [
        cell
        for cell in await task_counts(db, dataset_id=dataset_id)
        if cell.evaluation_key in finished and grader in cell.scores
    ]
    earlier = _earlier(cells, finished)
    new = [cell for cell in cells if since is None or finished[cell.evaluation_key] > since]
    order = {str(task): place for place, task in enumerate(Task)}
    new.sort(key=lambda cell: (-finished[cell.evaluation_key], -cell.evaluation_key, order[cell.task]))
    pairs = await pair_counts(
        db, [(cell, before) for cell in new if (before := earlier.get((cell.evaluation_key, cell.task))) is not None]
    )
    repeated = await repeated_evaluations(db)
    changes = []
    for cell in new:
        before = earlier.get((cell.evaluation_key, cell.task))
        compared = None
        if before is not None:
            if {cell.evaluation_key, before.evaluation_key} & repeated:
                compared = await compare(
                    db, after=cell.evaluation_key, before=before.evaluation_key, task=cell.task, grader=grader
                )
            else:
                pair = pairs.get((cell.evaluation_key, before.evaluation_key, cell.task), {}).get(grader)
                both = pair.base_correct - pair.broken if pair else 0
                compared = _counted(both, pair.fixed, pair.broken, pair.n) if pair else _counted(0, 0, 0, 0)
        changes.append(
            ScoreChange(
                now=await _row(db, cell, grader, cell.evaluation_key in repeated),
                finished_at=finished[cell.evaluation_key],
                before=None if before is None else await _row(db, before, grader, before.evaluation_key in repeated),
                before_finished_at=None if before is None else finished[before.evaluation_key],
                compared=compared,
            )
        )
    return tuple(changes)


def _earlier(cells: Sequence[Counts], finished: Mapping[int, float]) -> dict[tuple[int, str], Counts]:
    """By evaluation and task the same model's last one before on the same dataset."""
    found: dict[tuple[int, str], Counts] = {}
    last: dict[tuple[int, str, str], Counts] = {}
    for cell in sorted(cells, key=lambda cell: (finished[cell.evaluation_key], cell.evaluation_key)):
        place = (cell.model_key, cell.dataset_id, cell.task)
        if place in last:
            found[cell.evaluation_key, cell.task] = last[place]
        last[place] = cell
    return found


async def _row(db: aiosqlite.Connection, cell: Counts, grader: str, is_repeated: bool) -> ResultRow:
    """One evaluation's score on one task, whether it is the one that counts or not; not compared with a base."""
    [row] = await db.execute_fetchall(
        "SELECT d.name AS dataset, d.family, m.provider, m.name AS model, m.kind, m.base_model, m.epoch"
        " FROM models m, datasets d WHERE m.model_key = ? AND d.dataset_id = ?",
        (cell.model_key, cell.dataset_id),
    )
    score = cell.scores[grader]
    if is_repeated:
        low, high = await repeated_interval(db, cell.evaluation_key, cell.task, grader)
    else:
        low, high = wilson(score.correct, score.n)
    return ResultRow(
        **dict(row), task=cell.task, grader=grader, n=score.n, correct=score.correct, failed=cell.failed,
        score=score.correct / score.n, low=low, high=high, base_score=None, fixed=None, broken=None, p_value=None,
        abstained=score.abstained, planned=cell.planned, model_key=cell.model_key, dataset_id=cell.dataset_id,
        evaluation_key=cell.evaluation_key,
    )  # fmt: skip


def _counted(both: int, fixed: int, broken: int, n: int) -> Comparison:
    low, high = paired_difference(fixed, broken, n)
    neither = n - both - fixed - broken
    return Comparison(both, fixed, broken, neither, mcnemar_exact(fixed, broken), low, high, MCNEMAR)


# A response of which people say something else now than they did at the moment. A verdict that was given after it and
# taken back is not there, nor one that was given again.
_OVERRULED = """
  WITH judged AS (
    SELECT response_key, max(created_at) AS at FROM person_verdicts WHERE created_at > :since GROUP BY response_key
  ), said AS (
    SELECT j.response_key, j.at,
           (SELECT p.verdict FROM person_verdicts p WHERE p.response_key = j.response_key AND p.created_at <= :since
             ORDER BY p.person_verdict_key DESC LIMIT 1) AS earlier,
           (SELECT p.verdict FROM person_verdicts p WHERE p.response_key = j.response_key
             ORDER BY p.person_verdict_key DESC LIMIT 1) AS latest
      FROM judged j
  ), seen AS (
    SELECT s.response_key, s.at, s.latest, coalesce(s.earlier, g.machine_verdict, g.verdict) AS before, g.verdict AS now
      FROM said s JOIN grades g ON g.response_key = s.response_key AND g.grader = :grader
     WHERE s.earlier IS NOT s.latest
  )
  SELECT m.model_key, m.provider, m.name, d.name, q.task, count(*),
         sum(s.now = 'correct' AND s.before <> 'correct'), sum(s.now <> 'correct' AND s.before = 'correct'), max(s.at),
         sum(s.latest IS NULL)
    FROM seen s JOIN responses r USING (response_key) JOIN evaluations e USING (evaluation_key)
    JOIN models m USING (model_key) JOIN datasets d ON d.dataset_id = e.dataset_id
    JOIN questions q ON q.question_key = r.question_key
   WHERE e.deleted_at IS NULL AND (:dataset IS NULL OR e.dataset_id = :dataset)
   GROUP BY m.model_key, e.dataset_id, q.task ORDER BY max(s.at) DESC, m.model_key, q.task
"""


async def _overruled(
    db: aiosqlite.Connection, since: float | None, dataset_id: str | None, grader: str
) -> tuple[Overruled, ...]:
    if grader in LITERAL_GRADERS:
        return ()
    rows = await db.execute_fetchall(
        _OVERRULED, {"since": -1.0 if since is None else since, "dataset": dataset_id, "grader": grader}
    )
    return tuple(Overruled(*row) for row in rows)


async def _regraded(db: aiosqlite.Connection, since: float | None, dataset_id: str | None) -> tuple[Regraded, ...]:
    """An answer's first grades bear its own time, so a later time tells a grade that was given afterwards."""
    rows = await db.execute_fetchall(
        "SELECT g.grader, g.version, count(*), max(g.created_at) FROM grades g JOIN responses r USING (response_key)"
        " JOIN evaluations e USING (evaluation_key) WHERE g.created_at > :since AND g.created_at > r.created_at"
        " AND e.deleted_at IS NULL AND (:dataset IS NULL OR e.dataset_id = :dataset)"
        " GROUP BY g.grader, g.version ORDER BY max(g.created_at) DESC, g.grader",
        {"since": -1.0 if since is None else since, "dataset": dataset_id},
    )
    return tuple(Regraded(*row) for row in rows)
