"""Everything that a report of the stored results says, read once."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import aiosqlite

from ftb_tui.benchmark.averages import Average
from ftb_tui.benchmark.graders import DEFAULT_GRADER
from ftb_tui.benchmark.model import YES_NO_TASKS
from ftb_tui.benchmark.statistics import TrivialBaselines
from ftb_tui.report.tables import model_label
from ftb_tui.store.baselines import asked_baselines
from ftb_tui.store.curves import LearningCurves, learning_curves
from ftb_tui.store.evaluations import get_evaluation
from ftb_tui.store.jobs import get_job
from ftb_tui.store.models import list_models
from ftb_tui.store.results import AnswerRow, ResultRow, answers, results

EXAMPLES = 3
"""Wrong answers shown of each model and task."""


class AverageLine(Protocol):
    """A model's average over families, as `ftb_tui.work.statistics.ModelAverage` has it."""

    @property
    def provider(self) -> str:
        """Who serves the model."""

    @property
    def model(self) -> str:
        """Its name."""

    @property
    def of(self) -> str:
        """What is averaged: memorization or generalization, over all families or over one kind of knowledge."""

    @property
    def average(self) -> str:
        """By family or by question."""

    @property
    def value(self) -> float:
        """The average."""

    @property
    def low(self) -> float:
        """The lower end of its 95% interval."""

    @property
    def high(self) -> float:
        """The upper end."""

    @property
    def n(self) -> int:
        """Answers."""

    @property
    def families(self) -> tuple[str, ...]:
        """What it is over."""


class GapLine(Protocol):
    """A model's generalization gap, as `ftb_tui.work.gap.Gap` has it."""

    @property
    def by_family(self) -> Average:
        """Families count the same."""

    @property
    def by_fact(self) -> Average:
        """Facts count the same."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Some wrong answers of one model to one task."""

    row: ResultRow
    answers: tuple[AnswerRow, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """How something was measured: a title, and names with their values."""

    title: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The stored results with all that is needed to judge them."""

    grader: str
    made_at: str
    version: str
    rows: tuple[ResultRow, ...]
    """By `grader`."""
    every: tuple[ResultRow, ...]
    """By every grader."""
    averages: tuple[AverageLine, ...]
    gaps: tuple[tuple[str, GapLine], ...]
    """Model and its gap."""
    baselines: Mapping[tuple[str, str], Mapping[str, float]]
    """Dataset id and yes/no task -> name -> share."""
    curves: tuple[LearningCurves, ...]
    examples: tuple[Examples, ...]
    measured: tuple[Section, ...]


async def collect(
    db: aiosqlite.Connection,
    *,
    averages: Sequence[AverageLine],
    gaps: Mapping[int, GapLine],
    version: str,
    now: float,
    dataset_id: str | None = None,
    grader: str = DEFAULT_GRADER,
) -> Report:
    """Read a report of one dataset or all. `averages` and `gaps` (by model key) are those of the same choice."""
    every = await results(db, dataset_id=dataset_id, grader=None)
    rows = [row for row in every if row.grader == grader]
    names = {model.model_key: model.name for model in await list_models(db)}
    examples = []
    for row in rows:
        if row.kind == "tuned" and row.n > row.correct:
            listed = await answers(
                db, model_key=row.model_key, dataset_id=row.dataset_id, task=row.task, grader=grader, limit=EXAMPLES
            )
            examples.append(Examples(row, tuple(listed)))
    baselines = {}
    for row in rows:
        if row.task in YES_NO_TASKS and (found := await asked_baselines(db, row.evaluation_key, row.task)) is not None:
            baselines[row.dataset_id, row.task] = named_baselines(found)
    return Report(
        grader=grader,
        made_at=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now)),
        version=version,
        rows=tuple(rows),
        every=tuple(every),
        averages=tuple(averages),
        gaps=tuple((names[key], gap) for key, gap in gaps.items() if key in names),
        baselines=baselines,
        curves=tuple(await _curves(db, rows, grader)),
        examples=tuple(examples),
        measured=(*await _datasets(db, rows), *await _jobs(db, rows), *await _evaluations(db, rows, grader)),
    )


def named_baselines(found: TrivialBaselines) -> dict[str, float]:
    """The baselines that are drawn, by name; one line where they are the same."""
    if abs(found.always_no - found.majority) < 0.005:
        return {"always No = majority": found.majority}
    return {"always No": found.always_no, "majority": found.majority}


async def _job_keys(db: aiosqlite.Connection, rows: Sequence[ResultRow]) -> dict[tuple[int, str], None]:
    """The jobs behind the rows with the datasets their models were asked, in order."""
    jobs = {model.model_key: model.job_key for model in await list_models(db)}
    return {(job, row.dataset_id): None for row in rows if (job := jobs.get(row.model_key)) is not None}


async def _curves(db: aiosqlite.Connection, rows: Sequence[ResultRow], grader: str) -> list[LearningCurves]:
    """Only jobs of which more than the tuned model was asked: one point after the base is no curve."""
    found = []
    for job_key, dataset_id in await _job_keys(db, rows):
        curves = await learning_curves(db, job_key, dataset_id, grader=grader)
        asked = {key for key, _ in curves.points}
        if sum(model.kind != "base" and model.model_key in asked for model in curves.models) > 1:
            found.append(curves)
    return found


async def _datasets(db: aiosqlite.Connection, rows: Sequence[ResultRow]) -> list[Section]:
    sections = []
    for dataset_id in dict.fromkeys(row.dataset_id for row in rows):
        [row] = await db.execute_fetchall("SELECT * FROM datasets WHERE dataset_id = ?", (dataset_id,))
        counts = await db.execute_fetchall(
            "SELECT task, count(*) FROM questions WHERE dataset_id = ? GROUP BY task ORDER BY task", (dataset_id,)
        )
        facts = (
            ("version", row["version"]), ("id", dataset_id), ("family", row["family"]), ("source", row["source"]),
            ("licence", row["licence"]), ("questions", ", ".join(f"{task} {count}" for task, count in counts)),
        )  # fmt: skip
        sections.append(Section(f"Dataset {row['name']}", _said(facts)))
    return sections


async def _jobs(db: aiosqlite.Connection, rows: Sequence[ResultRow]) -> list[Section]:
    sections = []
    for job_key in dict.fromkeys(key for key, _ in await _job_keys(db, rows)):
        job = await get_job(db, job_key)
        [file] = await db.execute_fetchall(
            "SELECT recipe, sha256, n_examples FROM training_files WHERE training_file_key = ?",
            (job.training_file_key,),
        )
        facts = (
            ("provider", f"{job.provider} ({job.host})"), ("base model", job.base_model), ("dataset", job.dataset_id),
            ("tuned model", job.tuned_model), ("job at the service", job.remote_job_id), ("state", str(job.state)),
            ("method", job.method), ("epochs", job.n_epochs or "chosen by the service"),
            ("batch size", job.batch_size or "chosen by the service"),
            ("learning rate multiplier", job.learning_rate_multiplier or "chosen by the service"), ("seed", job.seed),
            ("recipe", file["recipe"]), ("training file", f"{file['n_examples']} examples, sha256 {file['sha256']}"),
            ("trained tokens", job.trained_tokens),
        )  # fmt: skip
        sections.append(Section(f"Fine-tuning job {job_key}", _said(facts)))
    return sections


async def _evaluations(db: aiosqlite.Connection, rows: Sequence[ResultRow], grader: str) -> list[Section]:
    sections = []
    by_key: dict[int, list[ResultRow]] = {}
    for row in rows:
        by_key.setdefault(row.evaluation_key, []).append(row)
    for key, mine in by_key.items():
        evaluation = await get_evaluation(db, key)
        graded = await db.execute_fetchall(
            "SELECT g.version, count(*), sum(g.machine_verdict IS NOT NULL) FROM responses r JOIN grades g USING"
            " (response_key) WHERE r.evaluation_key = ? AND g.grader = ? GROUP BY g.version",
            (key, grader),
        )
        reported = await db.execute_fetchall(
            "SELECT DISTINCT model_reported FROM responses WHERE evaluation_key = ? AND model_reported IS NOT NULL",
            (key,),
        )
        facts = (
            ("model", f"{evaluation.provider}/{evaluation.model}"),
            ("model as the service named it", ", ".join(row[0] for row in reported)),
            ("dataset", evaluation.dataset_id), ("tasks", ", ".join(row.task for row in mine)),
            ("parameters of a request", json.dumps(evaluation.parameters, sort_keys=True)),
            ("times each question was asked", evaluation.repeats if evaluation.repeats > 1 else ""),
            ("answers", f"{evaluation.n_answered} of {evaluation.n_questions}, {evaluation.n_failed} failed"),
            ("grades", "; ".join(
                f"{grader} version {version}: {count} answers" + (f", {people} overruled by a person" if people else "")
                for version, count, people in graded
            )),
            ("asked", _day(evaluation.started_at)),
        )  # fmt: skip
        sections.append(Section(f"Evaluation {key}: {model_label(mine[0])}", _said(facts)))
    return sections


def _said(facts: Sequence[tuple[str, object]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, str(value)) for name, value in facts if value not in (None, ""))


def _day(seconds: float | None) -> str:
    return "" if seconds is None else time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))
