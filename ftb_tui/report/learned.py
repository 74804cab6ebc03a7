"""The learning curves of a job, for a file."""

from __future__ import annotations

from ftb_tui.report.collect import named_baselines
from ftb_tui.report.numbers import interval, score
from ftb_tui.report.sheets import ReadTable, Sheet
from ftb_tui.store.curves import LearningCurves


def learning_sheet(curves: LearningCurves, dataset: str, grader: str) -> Sheet:
    """Every point of every curve, in the order of training, with its interval and what no knowledge would score."""
    points = [
        {
            "model": model.name, "kind": model.kind, "step": model.step, "epoch": model.epoch, "task": task,
            "score": row.score, "low": row.low, "high": row.high, "n": row.n, "correct": row.correct,
            "failed": row.failed, "evaluation_key": row.evaluation_key,
        }
        for model in curves.models
        for task in curves.tasks
        if (row := curves.cells.get((model.model_key, task))) is not None
    ]  # fmt: skip
    tables = [
        ReadTable(
            task,
            ("model", "kind", "step", "epoch", "score", "95%", "n"),
            [
                (
                    model.name, model.kind, str(model.step), "" if model.epoch is None else str(model.epoch),
                    score(row.score), interval(row.low, row.high), str(row.n),
                )
                for model in curves.models
                if (row := curves.cells.get((model.model_key, task))) is not None
            ],
            frozenset({"step", "epoch", "score", "n"}),
        )
        for task in curves.tasks
    ]  # fmt: skip
    said = [
        f"What no knowledge would score on {task}: {', '.join(f'{n} {score(v)}' for n, v in named_baselines(b).items())}"
        for task, b in curves.baselines.items()
    ]
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
