"""Datasets, facts and questions in the store."""

from __future__ import annotations

import difflib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiosqlite

from ftb_tui.benchmark.load import DatasetError, bundled_names
from ftb_tui.benchmark.model import Dataset, Fact, Family, Question, Task
from ftb_tui.store.database import transaction
from ftb_tui.store.provenance import load_provenance, save_provenance
from ftb_tui.store.term_conditions import Place, conditions
from ftb_tui.store.terms import name_problem, terms


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """A stored dataset, with how many questions each task has."""

    dataset_id: str
    name: str
    version: str
    family: str
    title: str
    description: str
    source: str
    licence: str
    card: str
    answer_tokens: int
    created_at: float
    tasks: dict[str, int]
    n_facts: int

    @property
    def n_questions(self) -> int:
        """Questions of all tasks."""
        return sum(self.tasks.values())


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """A stored question. `fact` is the text of the fact that it rests on."""

    question_key: int
    position: int
    question_id: str
    task: str
    fact_id: str
    other_fact_id: str | None
    prompt: str
    question: str
    answer: str
    answer_before: str | None
    template: str
    fact: str


async def save_dataset(db: aiosqlite.Connection, dataset: Dataset) -> str:
    """Keep a dataset; equal content is kept once. All of it or nothing. Returns the dataset id."""
    await save_datasets(db, [dataset])
    return dataset.dataset_id


async def save_datasets(db: aiosqlite.Connection, datasets: Sequence[Dataset]) -> list[bool]:
    """Keep several datasets in one transaction; for each whether it is new. Equal content is kept once."""
    async with transaction(db):
        return [await _save(db, dataset) for dataset in datasets]


async def _save(db: aiosqlite.Connection, dataset: Dataset) -> bool:
    dataset_id = dataset.dataset_id
    known = await db.execute_fetchall("SELECT 1 FROM datasets WHERE dataset_id = ?", (dataset_id,))
    if known:
        await db.execute("UPDATE datasets SET deleted_at = NULL WHERE dataset_id = ?", (dataset_id,))
        return False
    await db.execute(
        "INSERT INTO datasets VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
        (
            dataset_id, dataset.name, dataset.version, str(dataset.family), dataset.title, dataset.description,
            dataset.source, dataset.licence, dataset.card, dataset.answer_tokens, time.time(),
        ),
    )  # fmt: skip
    await db.executemany(
        "INSERT INTO facts (dataset_id, position, fact_id, text, subject, attribute, value, context)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (dataset_id, position, fact.fact_id, fact.text, fact.subject, fact.attribute, fact.value, fact.context)
            for position, fact in enumerate(dataset.facts)
        ],
    )
    await db.executemany(
        "INSERT INTO questions (dataset_id, position, question_id, task, fact_id, other_fact_id, prompt,"
        " question, answer, answer_before, template, original) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                dataset_id, position, q.question_id, str(q.task), q.fact_id, q.other_fact_id, q.prompt,
                q.question, q.answer, q.answer_before, q.template, q.original,
            )
            for position, q in enumerate(dataset.questions)
        ],
    )  # fmt: skip
    if dataset.provenance is not None:
        await save_provenance(db, dataset_id, dataset.provenance)
    return True


async def list_datasets(db: aiosqlite.Connection) -> list[DatasetRow]:
    """Every dataset that is not deleted, the newest first."""
    rows = await db.execute_fetchall("SELECT * FROM datasets WHERE deleted_at IS NULL ORDER BY created_at DESC, name")
    counts: dict[str, dict[str, int]] = {}
    for row in await db.execute_fetchall("SELECT dataset_id, task, count(*) FROM questions GROUP BY dataset_id, task"):
        counts.setdefault(row[0], {})[row[1]] = row[2]
    facts = {
        row[0]: row[1]
        for row in await db.execute_fetchall("SELECT dataset_id, count(*) FROM facts GROUP BY dataset_id")
    }
    listed = []
    for row in rows:
        values = {key: row[key] for key in row.keys() if key != "deleted_at"}  # noqa: SIM118 - a Row iterates over values
        found = counts.get(row["dataset_id"], {})
        tasks = {str(task): found[task] for task in Task if task in found}
        listed.append(DatasetRow(**values, tasks=tasks, n_facts=facts.get(row["dataset_id"], 0)))
    return listed


async def find_dataset(db: aiosqlite.Connection, reference: str) -> DatasetRow:
    """The dataset of that id, or the newest version of that name; the error lists what there is."""
    listed = await list_datasets(db)
    wanted = reference.replace("-", "_")
    for row in listed:
        if reference in (row.dataset_id, row.name) or wanted == row.name:
            return row
    if wanted in bundled_names():
        raise DatasetError(
            f"The bundled dataset {wanted} was not used here yet. Begin with: ftb bench --dataset {wanted}"
        )
    names = sorted({*(row.name for row in listed), *bundled_names()})
    near = difflib.get_close_matches(wanted, names, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise DatasetError(f"There is no dataset {reference!r}.{hint} Known: {', '.join(names)}.")


async def load_dataset(db: aiosqlite.Connection, dataset_id: str) -> Dataset:
    """The whole dataset as it was saved."""
    rows = list(await db.execute_fetchall("SELECT * FROM datasets WHERE dataset_id = ?", (dataset_id,)))
    if not rows:
        raise DatasetError(f"There is no dataset {dataset_id!r} in the store.")
    row = rows[0]
    facts = await db.execute_fetchall(
        "SELECT fact_id, text, subject, attribute, value, context FROM facts WHERE dataset_id = ? ORDER BY position",
        (dataset_id,),
    )
    questions = await db.execute_fetchall(
        "SELECT question_id, task, fact_id, prompt, question, answer, other_fact_id, template, answer_before,"
        " original FROM questions WHERE dataset_id = ? ORDER BY position",
        (dataset_id,),
    )
    return Dataset(
        name=row["name"],
        family=Family(row["family"]),
        facts=tuple(Fact(*fact) for fact in facts),
        questions=tuple(Question(q[0], Task(q[1]), *q[2:]) for q in map(tuple, questions)),
        title=row["title"],
        description=row["description"],
        source=row["source"],
        licence=row["licence"],
        card=row["card"],
        answer_tokens=row["answer_tokens"],
        provenance=await load_provenance(db, dataset_id),
    )


_QUESTION = """
  SELECT q.question_key, q.position, q.question_id, q.task, q.fact_id, q.other_fact_id, q.prompt, q.question,
         q.answer, q.answer_before, q.template, coalesce(f.text, '') AS fact
    FROM questions q LEFT JOIN facts f ON f.dataset_id = q.dataset_id AND f.fact_id = q.fact_id
"""


QUESTION_ORDERS: Mapping[str, str] = {
    "position": "q.position",
    # Golds that begin with a number stand by its size, words after them.
    "gold": "q.answer NOT GLOB '[-0-9]*', CAST(q.answer AS REAL), q.answer COLLATE NOCASE, q.position",
    "question": "q.question COLLATE NOCASE, q.position",
}
"""What questions can be sorted by -> the columns of the order."""


QUESTION_COLUMNS = ("task", "question", "gold", "answer", "fact")
"""What can stand before a colon in a search of questions; their answer is their gold."""

_PLACES = {
    "task": Place("q.task"),
    "question": Place("q.question"),
    "gold": Place("q.answer"),
    "answer": Place("q.answer"),
    "fact": Place("coalesce(f.text, '')"),
}


async def question_page(
    db: aiosqlite.Connection,
    dataset_id: str,
    *,
    task: str | None = None,
    search: str = "",
    order: str = "position",
    after_position: int = -1,
    limit: int = 200,
) -> list[QuestionRow]:
    """Questions in an order, after the one of a position; `search` is of terms, as in `ftb_tui.store.terms`."""
    looked_for, words = conditions(terms(search, QUESTION_COLUMNS), _PLACES, anywhere=("question", "gold", "fact"))
    where = f"WHERE q.dataset_id = :dataset{' AND q.task = :task' if task else ''} AND {looked_for}"
    columns = QUESTION_ORDERS[order]
    if after_position >= 0:
        # COLLATE belongs to the comparison, which for row values takes it from the left side.
        where += f" AND ({columns}) > (SELECT {columns} FROM questions q WHERE q.dataset_id = :dataset AND q.position = :after)"
    rows = await db.execute_fetchall(
        f"{_QUESTION} {where} ORDER BY {columns} LIMIT :limit",
        {"dataset": dataset_id, "task": task, "after": after_position, "limit": limit, **words},
    )
    return [QuestionRow(*row) for row in rows]


def question_search_problem(search: str) -> str:
    """A sentence on what a search asks for that no question at all can have, with what there is; else empty."""
    if problem := name_problem(search, QUESTION_COLUMNS):
        return problem
    for term in terms(search, QUESTION_COLUMNS):
        if term.column == "task" and not any(term.stands_in(task) for task in Task):
            return f"There is no task {term.word!r}; known are {', '.join(Task)}."
    return ""


async def questions_of_fact(db: aiosqlite.Connection, dataset_id: str, fact_id: str) -> list[QuestionRow]:
    """Every question that rests on a fact, as its first or its other one."""
    rows = await db.execute_fetchall(
        f"{_QUESTION} WHERE q.dataset_id = ? AND (q.fact_id = ? OR q.other_fact_id = ?) ORDER BY q.position",
        (dataset_id, fact_id, fact_id),
    )
    return [QuestionRow(*row) for row in rows]


async def questions_by_key(db: aiosqlite.Connection, dataset_id: str) -> dict[int, Question]:
    """The questions of a dataset by their keys, as records for graders."""
    rows = await db.execute_fetchall(
        "SELECT question_key, question_id, task, fact_id, prompt, question, answer, other_fact_id, template,"
        " answer_before, original FROM questions WHERE dataset_id = ? ORDER BY position",
        (dataset_id,),
    )
    return {row[0]: Question(row[1], Task(row[2]), *tuple(row)[3:]) for row in rows}
