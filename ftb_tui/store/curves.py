"""How well a job's models know their facts after each checkpoint."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiosqlite

from ftb_tui.benchmark.clusters import clustered_share
from ftb_tui.benchmark.graders import DEFAULT_GRADER
from ftb_tui.benchmark.model import YES_NO_TASKS, Task
from ftb_tui.benchmark.statistics import TrivialBaselines, baselines_of_counts, wilson
from ftb_tui.store.counts import task_counts
from ftb_tui.store.models import list_models
from ftb_tui.store.results import ResultRow, results


@dataclass(frozen=True, slots=True)
class JobModel:
    """A base (step 0), checkpoint or tuned model of a job, in the order of training."""

    model_key: int
    name: str
    kind: str
    step: int
    epoch: int | None


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One model's score on one task as the curve has it: `correct` of `n` answers, with the 95% interval."""

    row: ResultRow
    """The whole score, which may be over more questions."""
    n: int
    correct: int
    low: float
    high: float
    is_joined: bool
    """Whether it is over the questions that all joined points are over; else it stands for itself."""

    @property
    def score(self) -> float:
        """The share of right answers."""
        return self.correct / self.n


@dataclass(frozen=True, slots=True)
class LearningCurves:
    """The models of a job and what each scored, by model key and task."""

    job_key: int
    dataset_id: str
    models: tuple[JobModel, ...]
    tasks: tuple[str, ...]
    points: dict[tuple[int, str], CurvePoint]
    common: dict[str, int]
    """By task: over how many questions its joined points are; every model that is joined answered all of them."""
    baselines: dict[str, TrivialBaselines]
    """Of the yes/no tasks, over the same questions as the joined points."""
    unfinished: tuple[JobModel, ...]
    """Checkpoints and tuned models that were asked nothing yet, or not all that was planned."""

    @property
    def without_answers(self) -> tuple[JobModel, ...]:
        """Those of them that were asked nothing yet."""
        asked = {key for key, _ in self.points}
        return tuple(model for model in self.unfinished if model.model_key not in asked)


async def job_of_result(db: aiosqlite.Connection, row: ResultRow) -> int | None:
    """The job that made a result's model; for a base the newest job that tuned it on this dataset; None for neither."""
    models = {model.model_key: model for model in await list_models(db)}
    mine = models.get(row.model_key)
    if mine is not None and mine.job_key is not None:
        return mine.job_key
    found = await db.execute_fetchall(
        "SELECT max(job_key) FROM jobs WHERE provider = ? AND base_model = ? AND dataset_id = ?"
        " AND job_key IN (SELECT job_key FROM models WHERE kind = 'tuned')",
        (row.provider, row.model, row.dataset_id),
    )
    [[newest]] = found
    return None if newest is None else int(newest)


async def unasked_checkpoints(db: aiosqlite.Connection, rows: Sequence[ResultRow]) -> dict[tuple[int, str], int]:
    """By model key and dataset id of the results: how many checkpoints of the job behind them were not asked there,
    or not to the end.

    `rows` are all results, of any grader; the job is that of `job_of_result`. Nothing is said where none is left.
    """
    jobs = {
        row["job_key"]: row for row in await db.execute_fetchall("SELECT job_key, provider, base_model, dataset_id FROM jobs")
    }  # fmt: skip
    checkpoints: dict[int, list[int]] = {}
    job_of: dict[int, int] = {}
    newest: dict[tuple[str, str, str], int] = {}
    for model in await db.execute_fetchall("SELECT model_key, job_key, kind FROM models WHERE job_key IS NOT NULL"):
        job_of[model["model_key"]] = key = model["job_key"]
        if model["kind"] == "checkpoint":
            checkpoints.setdefault(key, []).append(model["model_key"])
        elif key in jobs:
            place = (jobs[key]["provider"], jobs[key]["base_model"], jobs[key]["dataset_id"])
            newest[place] = max(key, newest.get(place, key))
    left = await _places_left(db, None)
    cut = {(row.model_key, row.dataset_id) for row in rows if (row.evaluation_key, row.task) in left}
    answered = {(row.model_key, row.dataset_id) for row in rows if row.n} - cut
    found = {}
    for row in {(row.model_key, row.dataset_id): row for row in rows}.values() if checkpoints else ():
        job = job_of.get(row.model_key) or newest.get((row.provider, row.model, row.dataset_id))
        unasked = [key for key in checkpoints.get(job or 0, ()) if (key, row.dataset_id) not in answered]
        if unasked:
            found[row.model_key, row.dataset_id] = len(unasked)
    return found


async def learning_curves(
    db: aiosqlite.Connection, job_key: int, dataset_id: str, *, grader: str = DEFAULT_GRADER
) -> LearningCurves:
    """Everything that a job's models scored on a dataset, with the base before them."""
    [job] = await db.execute_fetchall("SELECT provider, base_model, n_epochs FROM jobs WHERE job_key = ?", (job_key,))
    listed = await list_models(db)
    models = [
        JobModel(model.model_key, model.name, "base", 0, 0) for model in listed
        if (model.provider, model.name, model.kind) == (job["provider"], job["base_model"], "base")
    ]  # fmt: skip
    mine = [model for model in listed if model.job_key == job_key]
    last = max((model.step or 0 for model in mine), default=0)
    trained = [
        JobModel(model.model_key, model.name, model.kind, model.step or last + 1, model.epoch or
                 (job["n_epochs"] if model.kind == "tuned" else None))
        for model in mine
    ]  # fmt: skip
    models += sorted(trained, key=lambda model: (model.step, model.kind == "tuned"))
    keys = {model.model_key for model in models}
    planned = [row for row in await results(db, dataset_id=dataset_id, grader=grader) if row.model_key in keys]
    rows = [row for row in planned if row.n]
    left = await _places_left(db, dataset_id)
    cut = {row.model_key for row in planned if (row.evaluation_key, row.task) in left}
    done = {row.model_key for row in rows} - cut
    answered = await _answered(db, rows, grader)
    curves = LearningCurves(
        job_key, dataset_id, tuple(models), tuple(str(task) for task in Task if any(row.task == task for row in rows)),
        {}, {}, {}, tuple(model for model in models if model.kind != "base" and model.model_key not in done),
    )  # fmt: skip
    for task in curves.tasks:
        scores = {row.model_key: row for row in rows if row.task == task}
        own = {key: answered[row.evaluation_key, task] for key, row in scores.items()}
        # The tuned model first, then back to the base, which may have been asked anything.
        trained_last = [model.model_key for model in reversed(models) if model.model_key in scores]
        joined, shared = _joined([key for key in trained_last if (scores[key].evaluation_key, task) not in left], own)
        for key, row in scores.items():
            answers = {question: own[key][question] for question in shared} if key in joined else own[key]
            curves.points[key, task] = _point(row, answers, is_joined=key in joined)
        if joined:
            curves.common[task] = len(shared)
            golds = Counter((own[joined[0]][question].template, own[joined[0]][question].gold) for question in shared)
            if task in YES_NO_TASKS and (found := baselines_of_counts(golds)) is not None:
                curves.baselines[task] = found
    return curves


@dataclass(frozen=True, slots=True)
class _Answers:
    """One model's graded answers to one question."""

    fact_id: str
    template: str
    gold: str
    correct: int
    n: int


async def _answered(
    db: aiosqlite.Connection, rows: Sequence[ResultRow], grader: str
) -> dict[tuple[int, str], dict[int, _Answers]]:
    """(evaluation, task) -> question -> what was answered, of all these scores."""
    found: dict[tuple[int, str], dict[int, _Answers]] = {(row.evaluation_key, row.task): {} for row in rows}
    listed = await db.execute_fetchall(
        "SELECT r.evaluation_key, q.task, q.question_key, q.fact_id, q.template, q.answer, sum(g.verdict = 'correct'), count(*)"
        " FROM json_each(?) k CROSS JOIN responses r ON r.evaluation_key = k.value JOIN questions q USING (question_key)"
        " JOIN grades g ON g.response_key = r.response_key AND g.grader = ? GROUP BY r.evaluation_key, r.question_key",
        (json.dumps(sorted({row.evaluation_key for row in rows})), grader),
    )
    for evaluation, task, question, *answers in listed:
        if (evaluation, task) in found:
            found[evaluation, task][question] = _Answers(*answers)
    return found


def _joined(keys: Sequence[int], own: Mapping[int, Mapping[int, _Answers]]) -> tuple[list[int], frozenset[int]]:
    """The models that can be joined in one line, and the questions that all of them answered.

    One that answered none of the questions of those before it stands for itself.
    """
    joined: list[int] = []
    shared: frozenset[int] = frozenset()
    for key in keys:
        both = shared.intersection(own[key]) if joined else frozenset(own[key])
        if both:
            joined.append(key)
            shared = both
    return joined, shared


def _point(row: ResultRow, answers: Mapping[int, _Answers], *, is_joined: bool) -> CurvePoint:
    n, correct = sum(one.n for one in answers.values()), sum(one.correct for one in answers.values())
    if n == row.n and row.low is not None and row.high is not None:
        return CurvePoint(row, n, correct, row.low, row.high, is_joined)
    if n == len(answers):
        low, high = wilson(correct, n)
    else:
        facts: dict[str, tuple[float, int]] = {}
        for one in answers.values():
            right, times = facts.get(one.fact_id, (0.0, 0))
            facts[one.fact_id] = right + one.correct, times + one.n
        found = clustered_share(list(facts.values()))
        low, high = found.low, found.high
    return CurvePoint(row, n, correct, low, high, is_joined)


async def _places_left(db: aiosqlite.Connection, dataset_id: str | None) -> frozenset[tuple[int, str]]:
    """(evaluation, task) of all that is not asked to its end; what failed was asked."""
    cells = await task_counts(db, dataset_id=dataset_id)
    return frozenset((one.evaluation_key, one.task) for one in cells if one.answered + one.failed < one.planned)
