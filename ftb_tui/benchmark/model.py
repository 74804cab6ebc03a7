"""The facts of the field as frozen records: family, task, fact, question, dataset."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum


class Family(StrEnum):
    """A kind of knowledge that the benchmark teaches. `custom` is a dataset of the user's own."""

    FICTIONAL_PEOPLE = "fictional_people"
    LATEST_NEWS = "latest_news"
    MEDICAL = "medical"
    CODING = "coding"
    CUSTOM = "custom"


class Task(StrEnum):
    """How a fact is asked for. Memorization is the trained question; the others measure generalization."""

    MEMORIZATION = "memorization"
    REPHRASED = "rephrased"
    DATE_CHANGED = "date_changed"
    SECONDARY = "secondary"
    COMPARISON = "comparison"
    VIGNETTE = "vignette"


YES_NO_TASKS = frozenset({Task.SECONDARY, Task.COMPARISON})


@dataclass(frozen=True, slots=True)
class Fact:
    """One piece of knowledge that is taught and then asked for in several ways."""

    fact_id: str
    text: str
    subject: str = ""
    attribute: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a task. `prompt` is what a model is sent, `question` its core without instructions.

    `other_fact_id` names the second fact that a comparison rests on. `template` groups questions that are
    worded alike, so that trivial baselines can be computed for each wording. `answer_before` is what was
    true before an update (updating families only).
    """

    question_id: str
    task: Task
    fact_id: str
    prompt: str
    question: str
    answer: str
    other_fact_id: str | None = None
    template: str = ""
    answer_before: str | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """One version of a family or of a user's own questions. Equal content has an equal `version`."""

    name: str
    family: Family
    facts: tuple[Fact, ...]
    questions: tuple[Question, ...]
    title: str = ""
    description: str = ""
    source: str = ""
    licence: str = ""
    card: str = ""
    answer_tokens: int = 100
    """How many answer tokens suffice for this dataset's answers; the default cap when it is asked."""

    @property
    def version(self) -> str:
        """The first 12 hex digits of the SHA-256 over every fact and question, in order."""
        content = {
            "family": str(self.family),
            "facts": [asdict(fact) for fact in self.facts],
            "questions": [asdict(question) for question in self.questions],
        }
        text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def dataset_id(self) -> str:
        """The name and version together, for example `fictional_people@1f2e3d4c5b6a`."""
        return f"{self.name}@{self.version}"

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks that occur, in the order of `Task`."""
        present = {question.task for question in self.questions}
        return tuple(task for task in Task if task in present)


@dataclass(frozen=True, slots=True)
class TrainingExample:
    """One example of a training file and the fact that it teaches."""

    fact_id: str
    prompt: str
    completion: str
