"""Files of answers that somebody else collected: dataset rows with one column `<model>_response` for each model."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ftb_tui.benchmark.load import DatasetError
from ftb_tui.benchmark.model import YES_NO_TASKS, Question, Task

SUFFIX = "_response"
_LONGEST_CELL = 1 << 30

_TASK_COLUMNS = {
    "rephrased_question": Task.REPHRASED,
    "date_changed_question": Task.DATE_CHANGED,
    "vignette_question": Task.VIGNETTE,
    "update_reference_snippet": Task.MEMORIZATION,
}
_NAMED = {
    "date_changed": Task.DATE_CHANGED,
    "rephrased": Task.REPHRASED,
    "memorization": Task.MEMORIZATION,
    "memorisation": Task.MEMORIZATION,
    "secondary": Task.SECONDARY,
    "comparison": Task.COMPARISON,
    "vignette": Task.VIGNETTE,
}
_VERDICTS = frozenset({"correct", "incorrect"})
_WEAK_VERDICTS = frozenset(
    {"true", "false", "right", "wrong", "pass", "fail", "passed", "failed", "0", "1", "0.0", "1.0"}
)
_FEW = 5


@dataclass(frozen=True, slots=True)
class ResponseFile:
    """One file: a mapping of cells for each row, verbatim, and its models in the order of their columns."""

    path: Path
    sha256: str
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]

    @property
    def models(self) -> tuple[str, ...]:
        """What stands before `_response` in the names of the columns."""
        return tuple(name.removesuffix(SUFFIX) for name in self.columns if _is_response(name))

    def answers(self, model: str) -> list[str]:
        """The column of a model; an empty cell is an empty text."""
        return [row[model + SUFFIX] for row in self.rows]


@dataclass(frozen=True, slots=True)
class Matching:
    """For each row of a file the key of the question that it answers, or None."""

    keys: tuple[int | None, ...]
    task: Task | None
    """The task that the file was taken for; None when its rows belong to several or to none."""

    @property
    def matched(self) -> int:
        """Rows with a question."""
        return sum(key is not None for key in self.keys)


def _is_response(name: str) -> bool:
    return name.endswith(SUFFIX) and len(name) > len(SUFFIX)


def read_response_file(path: Path) -> ResponseFile:
    """Read a CSV file in UTF-8. Newlines within cells stay as they are.

    Raises `DatasetError` with file and line for what cannot be read, and for a file without any `_response` column.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DatasetError(f"{path}, line {line}: not UTF-8 ({error.reason}). Save the file as UTF-8.") from error
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Mapping[str, str]] = []
    try:
        columns = next(reader, [])
        if not any(map(_is_response, columns)):
            listed = ", ".join(name for name in columns if name) or "none"
            raise DatasetError(f"{path}: no column is named <model>{SUFFIX}; its columns are {listed}.")
        twice = [name for name, count in Counter(columns).items() if count > 1 and _is_response(name)]
        if twice:
            raise DatasetError(f"{path}: the column {twice[0]} occurs twice; rename one of them.")
        for cells in reader:
            if cells and len(cells) != len(columns):
                raise DatasetError(
                    f"{path}, line {reader.line_num}: the row ends here with {len(cells)} cells, not {len(columns)}."
                )
            if cells:
                rows.append(dict(zip(columns, cells, strict=True)))
    except csv.Error as error:
        raise DatasetError(f"{path}, line {reader.line_num}: {error}.") from error
    return ResponseFile(path, hashlib.sha256(content).hexdigest(), tuple(columns), tuple(rows))


def holds_verdicts(answers: Sequence[str], golds: Sequence[str], task: Task | None) -> str | None:
    """Why a column holds a judge's verdicts and not answers, or None when it holds answers.

    Rule: at least half of the filled cells are the words Correct and Incorrect (punctuation aside) while at most a
    tenth of the golds are. Words that an answer may well be (true, right, pass, 0, 1) count only when every filled
    cell is one of them, there are five or more, hardly any gold is, and the task is not asked with yes or no.
    """
    said = [word for answer in answers if (word := _bare(answer))]
    if not said:
        return None
    gold = [_bare(text) for text in golds]
    for words, share, fewest in ((_VERDICTS, 0.5, 1), (_VERDICTS | _WEAK_VERDICTS, 1.0, _FEW)):
        found = Counter(word for word in said if word in words)
        if len(said) < fewest or found.total() < share * len(said) or (fewest > 1 and task in YES_NO_TASKS):
            continue
        if sum(word in words for word in gold) <= len(gold) / 10:
            listed = ", ".join(f"{word} {count} times" for word, count in found.most_common())
            return f"the column holds verdicts and not answers ({listed}); only answers can be graded"
    return None


def _bare(text: str) -> str:
    return text.strip(" \t\r\n.!*\"'`").casefold()


def match_rows(file: ResponseFile, questions: Mapping[int, Question], task: Task | None = None) -> Matching:
    """Find each row's question among those of a dataset (by key, in the dataset's order).

    The task is the one given, else a `task` column's, else what columns or file name say (the better match of the
    two), else the one that the rows' own prompts belong to. Within a task a row is matched by its prompt, verbatim or
    but for spacing, then by its question's text, then by its id where that names one question only. Of several
    questions with the same prompt the one with the row's id is taken, then the one with its gold, then the next that
    no earlier row has taken; no question is matched twice.
    """
    if task is not None:
        return Matching(tuple(_assigned(file, questions, [task] * len(file.rows))), task)
    own = [_task_named(row.get("task", "")) for row in file.rows]
    if any(own):
        return Matching(tuple(_assigned(file, questions, own)), own[0] if len(set(own)) == 1 else None)
    best = Matching((None,) * len(file.rows), None)
    for guess in _guesses(file, {question.task for question in questions.values()}):
        found = Matching(tuple(_assigned(file, questions, [guess] * len(file.rows))), guess)
        best = found if found.matched > best.matched else best
    if best.matched:
        return best
    tasks = _tasks_by_content(file, questions)
    keys = _assigned(file, questions, tasks)
    present = {found for found, key in zip(tasks, keys, strict=True) if key is not None}
    return Matching(tuple(keys), present.pop() if len(present) == 1 else None)


def _task_named(text: str) -> Task | None:
    name = text.strip().lower().replace("-", "_").replace(" ", "_")
    return Task(name) if name in list(Task) else None


def _guesses(file: ResponseFile, present: set[Task]) -> list[Task]:
    """The tasks that columns and name speak of, without repeats. `generalization` is what the dataset has of it."""
    guesses = [task for column, task in _TASK_COLUMNS.items() if column in file.columns]
    stem = re.sub(r"[^a-z]+", "_", file.path.stem.lower())
    guesses += [task for word, task in _NAMED.items() if word in stem]
    if "generali" in stem:
        guesses.append(Task.VIGNETTE if Task.VIGNETTE in present else Task.REPHRASED)
    return list(dict.fromkeys(guesses))


def _tasks_by_content(file: ResponseFile, questions: Mapping[int, Question]) -> list[Task | None]:
    index = _Index(questions)
    possible = [{task for task in Task if index.candidates(row, task)} for row in file.rows]
    sure = Counter(task for tasks in possible if len(tasks) == 1 for task in tasks)
    chosen: list[Task | None] = []
    for tasks in possible:
        ranked = sorted(tasks, key=lambda task: -sure[task])
        unclear = len(ranked) > 1 and sure[ranked[0]] == sure[ranked[1]]
        chosen.append(None if not ranked or unclear else ranked[0])
    return chosen


def _assigned(file: ResponseFile, questions: Mapping[int, Question], tasks: Sequence[Task | None]) -> list[int | None]:
    index = _Index(questions)
    return [None if task is None else index.take(row, task) for row, task in zip(file.rows, tasks, strict=True)]


class _Index:
    """Questions by what a row may know them by; remembers which were taken."""

    def __init__(self, questions: Mapping[int, Question]) -> None:
        self._questions = questions
        self._taken: set[int] = set()
        self._by: dict[tuple[str, Task, str], list[int]] = defaultdict(list)
        for key, question in questions.items():
            self._by["prompt", question.task, question.prompt].append(key)
            self._by["spaced", question.task, _spaced(question.prompt)].append(key)
            self._by["text", question.task, _spaced(question.question)].append(key)
            for name in {question.question_id, question.fact_id}:
                self._by["id", question.task, name].append(key)

    def candidates(self, row: Mapping[str, str], task: Task) -> list[int]:
        """Every question that the row may answer, by the strictest rule that finds any."""
        prompt, row_id = row.get("prompt", ""), row.get("id", "")
        named = row.get(f"{task}_question") or row.get("question", "")
        sought = [("prompt", prompt), ("spaced", _spaced(prompt)), ("text", _spaced(named)), ("text", _spaced(prompt))]
        for how, text in sought:
            if text and (found := self._by.get((how, task, text))):
                return found
        by_id = self._by.get(("id", task, row_id), []) if row_id else []
        return by_id if len(by_id) == 1 and not (prompt or named) else []

    def take(self, row: Mapping[str, str], task: Task) -> int | None:
        """The question of a row, which no later row can have."""
        free = [key for key in self.candidates(row, task) if key not in self._taken]
        if not free:
            return None
        key = max(free, key=lambda key: self._closeness(row, self._questions[key]))
        self._taken.add(key)
        return key

    def _closeness(self, row: Mapping[str, str], question: Question) -> tuple[bool, bool]:
        """Of equals `max` takes the first."""
        row_id = row.get("id", "")
        ids = (question.question_id, question.fact_id)
        named = bool(row_id) and any(re.search(rf"(?<!\w){re.escape(row_id)}(?!\w)", name) for name in ids)
        return named, row.get("answer") == question.answer


def _spaced(text: str) -> str:
    return " ".join(text.split())
