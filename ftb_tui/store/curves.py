"""How well a job's models know their facts after each checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import aiosqlite

from ftb_tui.benchmark.graders import DEFAULT_GRADER
from ftb_tui.benchmark.model import YES_NO_TASKS, Task
from ftb_tui.benchmark.statistics import TrivialBaselines
from ftb_tui.store.baselines import asked_baselines
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
class LearningCurves:
    """The models of a job and what each scored, by model key and task."""

    job_key: int
    dataset_id: str
    models: tuple[JobModel, ...]
    tasks: tuple[str, ...]
    cells: dict[tuple[int, str], ResultRow]
    baselines: dict[str, TrivialBaselines]
    """Of the yes/no tasks."""

    @property
    def without_answers(self) -> tuple[JobModel, ...]:
        """Checkpoints that were asked nothing yet."""
        asked = {key for key, _ in self.cells}
        return tuple(model for model in self.models if model.kind != "base" and model.model_key not in asked)


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
    """By model key and dataset id of the results: how many checkpoints of the job behind them have no answers there.

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
    answered = {(row.model_key, row.dataset_id) for row in rows if row.n}
    found = {}
    for row in {(row.model_key, row.dataset_id): row for row in rows}.values() if checkpoints else ():
        job = job_of.get(row.model_key) or newest.get((row.provider, row.model, row.dataset_id))
        left = [key for key in checkpoints.get(job or 0, ()) if (key, row.dataset_id) not in answered]
        if left:
            found[row.model_key, row.dataset_id] = len(left)
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
    rows = [row for row in await results(db, dataset_id=dataset_id, grader=grader) if row.model_key in keys and row.n]
    tasks = tuple(str(task) for task in Task if any(row.task == task for row in rows))
    baselines = {}
    for task in YES_NO_TASKS.intersection(tasks):
        newest = max((row for row in rows if row.task == task), key=lambda row: (row.n, row.evaluation_key))
        if (found := await asked_baselines(db, newest.evaluation_key, task)) is not None:
            baselines[str(task)] = found
    cells = {(row.model_key, row.task): row for row in rows}
    return LearningCurves(job_key, dataset_id, tuple(models), tasks, cells, baselines)
