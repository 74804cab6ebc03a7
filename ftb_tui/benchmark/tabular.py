"""A table of the user's own -> a dataset. Which column is what is guessed by its name, shown, and can be told."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ftb_tui.benchmark.load import DatasetError
from ftb_tui.benchmark.model import Dataset, Fact, Family, Question, Task
from ftb_tui.benchmark.rows import Row, Table

FIELDS: Mapping[str, tuple[str, ...]] = {
    "question_id": ("question_id", "id", "qid", "uid", "uuid", "key", "no", "number"),
    "task": ("task", "question_type", "kind", "type"),
    "prompt": ("prompt", "full_prompt", "input", "model_input"),
    "question": ("question", "query", "q", "problem", "question_text", "instruction", "frage", "pregunta", "domanda"),
    "answer": (
        "answer", "gold", "gold_answer", "golden_answer", "correct_answer", "expected_answer", "expected", "target",
        "reference", "reference_answer", "ground_truth", "label", "solution", "output", "completion", "response",
        "answers", "a", "antwort", "respuesta", "risposta",
    ),
    "answer_before": ("answer_before", "old_answer", "previous_answer", "before", "outdated_answer"),
    "fact": ("fact", "statement", "knowledge", "claim", "evidence", "fact_text"),
    "fact_id": ("fact_id", "fact_key", "group", "group_id"),
    "context": ("context", "article", "article_text", "passage", "document", "paragraph", "source_text", "text"),
    "subject": ("subject", "entity", "person", "title", "article_title", "topic"),
    "attribute": ("attribute", "property", "relation", "predicate"),
    "template": ("template", "pattern"),
    "original": ("original_question", "original"),
    "rephrased": ("rephrased_question", "rephrased", "paraphrase", "paraphrased_question", "rephrasing"),
    "vignette": ("vignette", "case", "scenario"),
}  # fmt: skip
"""What a column can be, and the names by which it is known. `rephrased` and `vignette` are columns with a second
question about the same fact, with the same gold."""

SECOND_QUESTIONS: Mapping[str, Task] = {"rephrased": Task.REPHRASED, "vignette": Task.VIGNETTE}


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Field -> column.

    `told` are the fields that the user named, `unused` the columns that are nothing. A column that is named as its
    field is no guess.
    """

    columns: Mapping[str, str]
    told: frozenset[str]
    unused: tuple[str, ...]

    @property
    def guessed(self) -> bool:
        """Whether any of it is a guess that a person should look at."""
        return any(self.is_guess(name) for name in self.columns)

    def is_guess(self, name: str) -> bool:
        """Whether a field's column was guessed by its name."""
        return name not in self.told and _folded(self.columns[name]) != name

    def sentence(self) -> str:
        """The mapping on one line, guesses marked."""
        parts = [
            f"{name}={column}" + (" (guessed)" if self.is_guess(name) else "") for name, column in self.columns.items()
        ]
        unused = f"; not used: {', '.join(column or '(no name)' for column in self.unused)}" if self.unused else ""
        return ", ".join(parts) + unused


def map_columns(table: Table, told: Mapping[str, str]) -> ColumnMap:
    """Find each field's column; a field that is told with an empty column has none.

    Raises `DatasetError` for an unknown field or column, or when none is the gold.
    """
    _check_told(table, told)
    found = {field: column for field, column in told.items() if column}
    for field, names in FIELDS.items():
        if field not in told and (column := _column(table, names, taken=set(found.values()))) is not None:
            found[field] = column
    if "task" in found and "task" not in told and not _is_about_tasks(table, found["task"]):
        del found["task"]
    _settle_questions(found, told)
    required = ["answer"] if "prompt" in found else ["question", "answer"]
    for field in required:
        if field not in found:
            raise DatasetError(
                f"{table.file}: none of its columns ({_listed(table.columns)}) is known as the {field}. "
                f"Name it: --map {field}=COLUMN."
            )
    ordered = {field: found[field] for field in FIELDS if field in found}
    unused = tuple(column for column in table.columns if column not in ordered.values())
    return ColumnMap(ordered, frozenset(told), unused)


def _check_told(table: Table, told: Mapping[str, str]) -> None:
    for field, column in told.items():
        if field not in FIELDS:
            raise DatasetError(f"--map {field}={column}: there is no field {field!r}; known are {', '.join(FIELDS)}.")
        if column and column not in table.columns:
            near = difflib.get_close_matches(column, table.columns, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise DatasetError(f"{table.file} has no column {column!r}.{hint} It has {_listed(table.columns)}.")


def _settle_questions(found: dict[str, str], told: Mapping[str, str]) -> None:
    """A column of second questions counts as such only beside one of first questions; alone it is the question."""
    for field in SECOND_QUESTIONS:
        if field in found and field not in told and "question" not in found and "question" not in told:
            column = found.pop(field)
            if "prompt" not in found or field == "rephrased":
                found["question"] = column


def build_dataset(
    table: Table, mapping: ColumnMap, *, name: str, family: Family = Family.CUSTOM, task: Task | None = None
) -> Dataset:
    """The dataset of a table; `task` holds for every row and overrides a task column.

    Facts join the questions of one `fact_id`; without such a column those of one fact text, of one id, or of one row,
    in this order. Raises `DatasetError` with line and column for an unknown task and an empty question. An empty gold
    is kept, since the audit names it.
    """
    facts: dict[str, Fact] = {}
    questions: list[Question] = []
    seen: Counter[str] = Counter()
    by_text: dict[str, str] = {}
    if not table.rows:
        raise DatasetError(f"{table.file} has a header but no rows.")
    for number, row in enumerate(table.rows, 1):
        cells = {field: row.cells.get(column, "") for field, column in mapping.columns.items()}
        fact_id = _fact_id(cells, number, by_text)
        fact = Fact(
            fact_id,
            cells.get("fact", ""),
            cells.get("subject", ""),
            cells.get("attribute", ""),
            "",
            cells.get("context", ""),
        )
        facts.setdefault(fact_id, fact)
        for its_task, prompt, text in _asked(table, row, cells, mapping, task):
            own_id = f"{its_task}/{cells.get('question_id', '').strip() or number}"
            seen[own_id] += 1
            questions.append(
                Question(
                    question_id=own_id + (f"#{seen[own_id]}" if seen[own_id] > 1 else ""),
                    task=its_task,
                    fact_id=fact_id,
                    prompt=prompt,
                    question=text,
                    answer=cells["answer"],
                    template=cells.get("template", ""),
                    answer_before=cells.get("answer_before") or None,
                    original=cells.get("original", ""),
                )
            )
    questions.sort(key=lambda question: list(Task).index(question.task))
    return Dataset(
        name=name,
        family=family,
        facts=tuple(facts.values()),
        questions=tuple(questions),
        title=name.replace("_", " "),
        description=f"{len(questions)} questions from {table.file}.",
        source=table.file,
    )


def dataset_name(file: str) -> str:
    """A dataset's name made of a file's: lower case, words joined by underscores."""
    stem = re.sub(r"\.[a-z]+$", "", file.rsplit("/", 1)[-1].lower())
    return re.sub(r"[^\w]+", "_", stem).strip("_") or "imported"


def _asked(
    table: Table, row: Row, cells: Mapping[str, str], mapping: ColumnMap, task: Task | None
) -> Iterator[tuple[Task, str, str]]:
    own = task or _task(table, row, cells, mapping)
    text = cells.get("question") or cells.get("prompt", "")
    if not text.strip():
        column = mapping.columns.get("question") or mapping.columns["prompt"]
        raise DatasetError(f"{table.file}, line {row.line}, column {column!r}: the question is empty.")
    yield own, cells.get("prompt") or text, text
    for field, its_task in SECOND_QUESTIONS.items():
        if (second := cells.get(field, "")).strip():
            yield its_task, second, second


def _task(table: Table, row: Row, cells: Mapping[str, str], mapping: ColumnMap) -> Task:
    if "task" not in cells:
        return Task.MEMORIZATION
    try:
        return Task(_folded(cells["task"]))
    except ValueError as error:
        raise DatasetError(
            f"{table.file}, line {row.line}, column {mapping.columns['task']!r}: {cells['task']!r} is no task; known are "
            f"{', '.join(Task)}. If the column is about something else, leave it out: --map task="
        ) from error


def _fact_id(cells: Mapping[str, str], number: int, by_text: dict[str, str]) -> str:
    if told := cells.get("fact_id", "").strip():
        return told
    own = cells.get("question_id", "").strip() or f"row {number}"
    text = cells.get("fact", "").strip()
    if text and text not in by_text:
        # One id with two fact texts is two facts.
        again = sum(known == own or known.startswith(f"{own}#") for known in by_text.values())
        by_text[text] = f"{own}#{again + 1}" if again else own
    return by_text[text] if text else own


def _column(table: Table, names: Sequence[str], *, taken: Collection[str]) -> str | None:
    by_name = {_folded(column): column for column in reversed(table.columns) if column}
    return next((by_name[name] for name in names if name in by_name and by_name[name] not in taken), None)


def _is_about_tasks(table: Table, column: str) -> bool:
    """Whether a column names tasks. One that is called so does unless it is empty: a misspelt task is a mistake."""
    values = {_folded(row.cells.get(column, "")) for row in table.rows} - {""}
    return bool(values) and (_folded(column) == "task" or bool(values & set(Task)))


def _folded(name: str) -> str:
    return re.sub(r"[^\w]+", "_", name.strip().lower()).strip("_")


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(column or "(no name)" for column in columns)
