"""The facts of the field as frozen records: family, task, fact, question, dataset."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any


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
    context: str = ""
    """What the fact was taken from: an article, a guideline's paragraph. Never taught; audits and judges read it."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a task. `prompt` is what a model is sent, `question` its core without instructions.

    `other_fact_id` names the second fact that a comparison rests on. `template` groups questions that are
    worded alike, so that trivial baselines can be computed for each wording. `answer_before` is what was
    true before an update (updating families only). `original` is the trained question that this one was made
    from, where the source says so.
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
    original: str = ""


def record(of: Fact | Question) -> dict[str, Any]:
    """The fields as they are written to files and hashed: `context` and `original` only where there is one."""
    values = ((one.name, getattr(of, one.name)) for one in fields(of))
    return {name: value for name, value in values if value or name not in ("context", "original")}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that rows were taken from: its name inside the source, its hash, its bytes and rows."""

    name: str
    sha256: str
    n_bytes: int
    n_rows: int = 0


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a dataset was taken from.

    `origin` is the path or address as given, `revision` the commit if the source tells it, `sha256` the hash of the
    archive or file, or of the list of files for a folder; `taken_at` is UTC in ISO 8601.
    """

    origin: str
    sha256: str
    taken_at: str
    revision: str = ""
    licence_note: str = ""
    files: tuple[SourceFile, ...] = ()


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
    provenance: Provenance | None = None
    """Only for datasets taken from elsewhere; no part of the version."""
    _version: str = field(default="", init=False, repr=False, compare=False)

    @property
    def version(self) -> str:
        """The first 12 hex digits of the SHA-256 over every fact and question, in order; computed once."""
        if not self._version:
            object.__setattr__(self, "_version", self._hashed())
        return self._version

    def _hashed(self) -> str:
        content = {
            "family": str(self.family),
            "facts": [record(fact) for fact in self.facts],
            "questions": [record(question) for question in self.questions],
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
    """One example of a training file and the fact that it teaches; a document names several, an id a line."""

    fact_id: str
    prompt: str
    completion: str
    kind: str = "taught"
    """`taught`, `paraphrase`, or what the recipe added: `reversed`, `implied`, `abstaining`, `replay`."""
    rejected: str | None = None
    """In a preference: the answer that is to be preferred less than `completion`."""
