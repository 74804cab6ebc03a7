"""Scores over the facts that the base model held before they were changed; see `ftb_tui.benchmark.known_before`."""

from __future__ import annotations

from dataclasses import dataclass

import aiosqlite

from ftb_tui.benchmark.graders import DEFAULT_GRADER
from ftb_tui.benchmark.known_before import asking_task, held_facts, tells_what_was_before
from ftb_tui.benchmark.model import Question, Task
from ftb_tui.benchmark.statistics import wilson
from ftb_tui.store.datasets import questions_by_key
from ftb_tui.store.results import ResultRow, results


@dataclass(frozen=True, slots=True)
class Held:
    """What a base model held of a dataset's old facts, by the answers of one evaluation."""

    evaluation_key: int
    task: Task
    """The task whose answers tell."""
    asked: frozenset[str]
    """Facts whose question was answered, rightly or not."""
    known: frozenset[str]
    """Those of them whose old answer was given."""


@dataclass(frozen=True, slots=True)
class KnownRow:
    """One model's score on one task, over all questions and over those whose old fact its base held."""

    dataset: str
    provider: str
    model: str
    kind: str
    base_model: str
    task: str
    grader: str
    n: int
    correct: int
    score: float | None
    asked_before: int
    """Facts about which the base was asked; facts outside are in `n` but can never be in `known`."""
    held_before: int
    """Facts among them that the base held."""
    known: int
    """Graded questions on facts that the base held."""
    known_correct: int
    known_score: float | None
    known_low: float | None
    known_high: float | None
    base_evaluation_key: int
    evaluation_key: int
    dataset_id: str


async def held_before(db: aiosqlite.Connection, dataset_id: str, evaluation_key: int) -> Held | None:
    """What the model of this evaluation held; None where the dataset or the evaluation's questions cannot tell."""
    questions = await questions_by_key(db, dataset_id)
    task = asking_task(questions.values())
    if task is None:
        return None
    answered: list[tuple[Question, str]] = []
    rows = await db.execute_fetchall(
        "SELECT question_key, answer FROM responses WHERE evaluation_key = ? AND repeat = 0 AND answer IS NOT NULL",
        (evaluation_key,),
    )
    for row in rows:
        question = questions[row["question_key"]]
        if question.task is task and tells_what_was_before(question):
            answered.append((question, row["answer"]))
    if not answered:
        return None
    asked = frozenset(question.fact_id for question, _ in answered)
    return Held(evaluation_key, task, asked, held_facts(answered))


async def known_results(
    db: aiosqlite.Connection, *, dataset_id: str | None = None, grader: str = DEFAULT_GRADER
) -> list[KnownRow]:
    """The result rows of every dataset with old answers whose base was asked, in the order of the result table."""
    rows = await results(db, dataset_id=dataset_id, grader=grader)
    held: dict[tuple[str, str, str], Held] = {}
    for row in rows:
        if row.kind == "base":
            key = (row.dataset_id, row.provider, row.model)
            found = await held_before(db, row.dataset_id, row.evaluation_key)
            # A base that was asked in several evaluations: the one that tells about the most facts.
            if found is not None and (key not in held or len(found.asked) > len(held[key].asked)):
                held[key] = found
    return [
        await _known_row(db, row, base)
        for row in rows
        if (base := held.get((row.dataset_id, row.provider, row.base_model))) is not None
    ]


async def _known_row(db: aiosqlite.Connection, row: ResultRow, base: Held) -> KnownRow:
    graded = await db.execute_fetchall(
        "SELECT q.fact_id, g.verdict FROM responses r JOIN grades g USING (response_key)"
        " JOIN questions q USING (question_key) WHERE r.evaluation_key = ? AND q.task = ? AND g.grader = ?",
        (row.evaluation_key, row.task, row.grader),
    )
    verdicts = [line["verdict"] for line in graded if line["fact_id"] in base.known]
    known, correct = len(verdicts), sum(verdict == "correct" for verdict in verdicts)
    low, high = wilson(correct, known) if known else (None, None)
    return KnownRow(
        dataset=row.dataset,
        provider=row.provider,
        model=row.model,
        kind=row.kind,
        base_model=row.base_model,
        task=row.task,
        grader=row.grader,
        n=row.n,
        correct=row.correct,
        score=row.score,
        asked_before=len(base.asked),
        held_before=len(base.known),
        known=known,
        known_correct=correct,
        known_score=correct / known if known else None,
        known_low=low,
        known_high=high,
        base_evaluation_key=base.evaluation_key,
        evaluation_key=row.evaluation_key,
        dataset_id=row.dataset_id,
    )
