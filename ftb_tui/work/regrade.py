"""Grading stored answers again, without asking any model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import aiosqlite

from ftb_tui.benchmark.graders import GRADERS, PREFERENCE, Grade, applicable
from ftb_tui.benchmark.graders.preference import VERSION as PREFERENCE_VERSION
from ftb_tui.benchmark.graders.preference import grade_preference
from ftb_tui.benchmark.model import Question
from ftb_tui.store.database import open_store
from ftb_tui.store.datasets import questions_by_key
from ftb_tui.store.grading import GradedAnswer, put_grades, stored_answers


@dataclass(frozen=True, slots=True)
class RegradeReport:
    """What one grader did: `added` grades are new, `renewed` replace an older version's, `kept` had this version.

    `changed` counts the renewed ones whose verdict is another now.
    """

    grader: str
    version: int
    added: int
    renewed: int
    kept: int
    changed: int


async def regrade(
    db: aiosqlite.Connection,
    *,
    grader: str | None = None,
    dataset_id: str | None = None,
    model_key: int | None = None,
    on_progress: Callable[[int], None] = lambda done: None,
) -> list[RegradeReport]:
    """Grade every stored answer by every grader that applies, or by one.

    A grade of the grader's present version, or of a newer one that another ftb gave, is left alone. A person's
    verdict stays in force; the machine's beside it is renewed.
    """
    questions: dict[str, dict[int, Question]] = {}
    counts: Counter[tuple[str, str]] = Counter()
    versions = {**{name: rule.version for name, rule in GRADERS.items()}, PREFERENCE: PREFERENCE_VERSION}
    done = 0
    async for page in stored_answers(db, dataset_id=dataset_id, model_key=model_key):
        grades: list[tuple[int, str, int, Grade]] = []
        for answer in page:
            if answer.dataset_id not in questions:
                questions[answer.dataset_id] = await questions_by_key(db, answer.dataset_id)
            question = questions[answer.dataset_id][answer.question_key]
            names = applicable(question)
            for name in names if answer.preference is None else (*names, PREFERENCE):
                if grader not in (None, name):
                    continue
                if answer.versions.get(name, 0) >= versions[name]:
                    counts[name, "kept"] += 1
                    continue
                grade = _grade(name, question, answer)
                if grade is None:
                    continue
                grades.append((answer.response_key, name, versions[name], grade))
                before = answer.verdicts.get(name)
                counts[name, "added" if before is None else "renewed"] += 1
                counts[name, "changed"] += before not in (None, str(grade.verdict))
        if grades:
            await put_grades(db, grades)
        done += len(page)
        on_progress(done)
    return [
        RegradeReport(name, version, *(counts[name, what] for what in ("added", "renewed", "kept", "changed")))
        for name, version in versions.items()
        if grader in (None, name)
    ]


def _grade(name: str, question: Question, answer: GradedAnswer) -> Grade | None:
    if name == PREFERENCE:
        assert answer.preference is not None
        return grade_preference(question, answer.preference)
    return GRADERS[name].grade(question, answer.answer)


async def regrade_apart() -> list[RegradeReport]:
    """Grade over a connection of its own, for a thread of its own. Raises as `regrade` does."""
    db = await open_store()
    try:
        return await regrade(db)
    finally:
        await db.close()
