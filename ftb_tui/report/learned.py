"""The learning curves of a job, for a file."""

from __future__ import annotations

from ftb_tui.report.collect import named_baselines
from ftb_tui.report.numbers import interval, score
from ftb_tui.report.sheets import ReadTable, Sheet
from ftb_tui.store.curves import LearningCurves

APART = "○"
"""The mark of a point that stands for itself."""


def asked_notes(curves: LearningCurves) -> list[str]:
    """Over which questions the points are, where that is not simply all that every model was asked."""
    fewer = {task for (_, task), point in curves.points.items() if point.is_joined and point.n != point.row.n}
    apart = any(not point.is_joined for point in curves.points.values())
    notes = []
    if fewer or apart:
        over = {n: [task for task in curves.tasks if curves.common.get(task) == n] for n in curves.common.values()}
        listed = ", ".join(f"{n} of {' and '.join(tasks)}" for n, tasks in over.items())
        if len(over) == 1 and len(curves.common) == len(curves.tasks):
            listed = f"{next(iter(over))} of each task"
        notes += [f"Joined over the questions that all answered: {listed}."] if over else []
    if apart:
        notes.append(f"{APART}: other questions, or not all of them yet; over its own, not joined.")
    return notes


def learning_sheet(curves: LearningCurves, dataset: str, grader: str) -> Sheet:
    """Every point of every curve, in the order of training, with its interval and what no knowledge would score."""
    points = [
        {
            "model": model.name, "kind": model.kind, "step": model.step, "epoch": model.epoch, "task": task,
            "score": point.score, "low": point.low, "high": point.high, "n": point.n, "correct": point.correct,
            "failed": point.row.failed, "evaluation_key": point.row.evaluation_key, "joined": point.is_joined,
        }
        for model in curves.models
        for task in curves.tasks
        if (point := curves.points.get((model.model_key, task))) is not None
    ]  # fmt: skip
    tables = [
        ReadTable(
            task,
            ("model", "kind", "step", "epoch", "score", "95%", "n"),
            [
                (
                    model.name, model.kind, str(model.step), "" if model.epoch is None else str(model.epoch),
                    score(point.score), interval(point.low, point.high),
                    f"{point.n}" if point.is_joined else f"{point.n} {APART}",
                )
                for model in curves.models
                if (point := curves.points.get((model.model_key, task))) is not None
            ],
            frozenset({"step", "epoch", "score", "n"}),
        )
        for task in curves.tasks
    ]  # fmt: skip
    said = [
        f"What no knowledge would score on {task}: {', '.join(f'{n} {score(v)}' for n, v in named_baselines(b).items())}"
        for task, b in curves.baselines.items()
    ] + asked_notes(curves)
    whole = {
        "job_key": curves.job_key,
        "dataset": dataset,
        "grader": grader,
        "points": points,
        "baselines": {task: named_baselines(found) for task, found in curves.baselines.items()},
    }
    about = {"job_key": curves.job_key, "dataset": dataset, "grader": grader}
    title = f"Learning curve of job {curves.job_key} on {dataset}, by {grader}"
    return Sheet(title, said, tables, [about | point for point in points], whole)
