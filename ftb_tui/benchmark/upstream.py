"""The published FineTuneBench files (arXiv 2411.05059) -> datasets of its four families, rows kept as they are.

Which file is which is told by its name, else by its header. Nothing is repaired and no gold is carried from one task
to another: faults are for the audit to name. Cells are taken verbatim, so that `None` is a word and a prompt's outer
space stays.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import PurePosixPath

from ftb_tui.benchmark.load import DatasetError
from ftb_tui.benchmark.model import Dataset, Fact, Family, Question, SourceFile, Task
from ftb_tui.benchmark.rows import Row, Table, decoded, delimited
from ftb_tui.benchmark.sources import RawFile, Source, described
from ftb_tui.benchmark.upstream_card import upstream_card
from ftb_tui.benchmark.upstream_people import comparison_facts, person_fact

REPOSITORY = "https://github.com/kevinwu23/StanfordFineTuneBench"
COMMIT = "5aaa1171b253f2b51eb6c28494de6e1603a6daf8"
ARCHIVE_URL = f"{REPOSITORY}/archive/{COMMIT}.zip"
LICENCE = "none stated"
LICENCE_NOTES: Mapping[Family, str] = {
    Family.LATEST_NEWS: (
        "The repository states no licence; the articles in it are The Associated Press's. For your own research; do "
        "not pass them on."
    ),
}
_LICENCE_NOTE = "The repository states no licence: all rights stay with the authors. Do not pass the rows on."

TASKS: Mapping[Family, tuple[Task, ...]] = {
    Family.LATEST_NEWS: (Task.MEMORIZATION, Task.REPHRASED, Task.DATE_CHANGED),
    Family.FICTIONAL_PEOPLE: (Task.MEMORIZATION, Task.REPHRASED, Task.SECONDARY, Task.COMPARISON),
    Family.MEDICAL: (Task.MEMORIZATION, Task.VIGNETTE),
    Family.CODING: (Task.MEMORIZATION, Task.REPHRASED),
}
"""The tasks of each family as they were published."""

_TITLES = {
    Family.LATEST_NEWS: "Latest News (FineTuneBench, as published)",
    Family.FICTIONAL_PEOPLE: "Fictional People (FineTuneBench, as published)",
    Family.MEDICAL: "Medical (FineTuneBench, as published)",
    Family.CODING: "Coding (FineTuneBench, as published)",
}
_QUESTION_COLUMNS = ("rephrased_question", "date_changed_question", "question")
_RESPONSES = "_response"
_COMPARED = {"taller": "height", "older": "age", "heavier": "weight", "alphabetically": "name"}


@dataclass(frozen=True, slots=True)
class Part:
    """One published file: which family and task it is, and its rows."""

    family: Family
    task: Task
    table: Table
    file: SourceFile


@dataclass(frozen=True, slots=True)
class Upstream:
    """What was read: the datasets, and notes on what is missing or was left out."""

    datasets: tuple[Dataset, ...]
    notes: tuple[str, ...]


def read_upstream(
    source: Source, *, families: Collection[Family] | None = None, tasks: Collection[Task] | None = None
) -> Upstream | None:
    """The datasets that the source's published files make, or None when none of its files is a published one.

    A folder or archive gives `finetunebench_<family>`; a single file gives `finetunebench_<family>_<task>`. News rows
    that the paper's figures rest on (`used_in_analysis`) make one dataset more, named `…_analysis`. Raises
    `DatasetError` with file and line for a published file that is broken.
    """
    notes: list[str] = []
    answers: list[str] = []
    found = [part for raw in source.files if (part := _part(raw, notes, answers)) is not None]
    if answers and not found:
        raise DatasetError(
            f"{answers[0]} holds models' answers: ftb import-responses {shlex.quote(answers[0])} --dataset DATASET"
        )
    if not found:
        return None
    if answers:
        first = PurePosixPath(answers[0]).name
        notes.append(f"{len(answers)} files hold models' answers ({first} …): they are for ftb import-responses.")
    chosen = [part for part in found if (not families or part.family in families) and (not tasks or part.task in tasks)]
    if not chosen:
        have = ", ".join(sorted({f"{part.family} {part.task}" for part in found}))
        raise DatasetError(f"{source.origin} has no published file of that family and task; it has {have}.")
    _refuse_doubles(chosen)
    datasets: list[Dataset] = []
    for family in TASKS:
        parts = sorted(
            (part for part in chosen if part.family is family), key=lambda part: TASKS[family].index(part.task)
        )
        if not parts:
            continue
        missing = [task for task in TASKS[family] if task not in {part.task for part in parts}]
        if missing and source.kind != "file" and not tasks:
            notes.append(_missing(family, missing))
        name = f"finetunebench_{family}"
        if source.kind == "file":
            name += f"_{parts[0].task}"
        datasets += _datasets(name, family, parts, source, missing)
    return Upstream(tuple(datasets), tuple(notes))


def recognized(name: str, columns: Sequence[str], rows: Sequence[Row]) -> tuple[Family, Task] | None:
    """Family and task of a published file, by its name or else by the columns that only it has."""
    stem = PurePosixPath(name).stem.lower()
    stem = stem.removesuffix("_w_responses")
    match = re.match(r"(latest_news|fictional_people|medical|coding)_([a-z_]+?)(?:[ ._-]*\(?\d+\)?)?$", stem)
    if match:
        family = Family(match[1])
        word = {"original": "memorization", "generalization": "vignette"}.get(match[2], match[2])
        if family is Family.CODING and word == "vignette":
            word = "rephrased"
        if word in TASKS[family]:
            return family, Task(word)
    return _by_header(frozenset(columns), rows)


def _by_header(columns: frozenset[str], rows: Sequence[Row]) -> tuple[Family, Task] | None:
    if not {"prompt", "answer"} <= columns:
        return None
    if {"article_title", "article_text"} <= columns:
        if "date_changed_question" in columns:
            return Family.LATEST_NEWS, Task.DATE_CHANGED
        return Family.LATEST_NEWS, Task.REPHRASED if "rephrased_question" in columns else Task.MEMORIZATION
    if {"update_reference_snippet", "updated_fact_description"} <= columns:
        return Family.MEDICAL, Task.MEMORIZATION
    if {"fact", "original_question", "rephrased_question", "id"} <= columns:
        return Family.FICTIONAL_PEOPLE, Task.REPHRASED
    if columns == {"id", "prompt", "answer", "fact", "question"} and rows and person_fact(rows[0].cells["fact"]):
        if {row.cells["answer"] for row in rows} - {"Yes", "No"}:
            return Family.FICTIONAL_PEOPLE, Task.MEMORIZATION
        two = all(len(comparison_facts(row.cells["id"], row.cells["fact"])) == 2 for row in rows)
        return Family.FICTIONAL_PEOPLE, Task.COMPARISON if two else Task.SECONDARY
    return None


def _part(raw: RawFile, notes: list[str], answers: list[str]) -> Part | None:
    if not raw.name.lower().endswith(".csv"):
        return None
    named = recognized(raw.name, (), ())
    try:
        # The published files are UTF-8 with commas; that a spreadsheet program has been over them is no reason to fail.
        text, encoding = decoded(raw.name, raw.content)
        table = delimited(raw.name, text, ",")
    except DatasetError:
        if named is None:
            return None
        raise
    found = recognized(raw.name, table.columns, table.rows)
    if found is None:
        return None
    if any(column.endswith(_RESPONSES) for column in table.columns):
        answers.append(raw.name)
        return None
    needed = [column for column in ("prompt", "answer") if column not in table.columns]
    if needed:
        notes.append(f"{raw.name} was left out: it has no column {' and no '.join(needed)}, only {_listed(table)}.")
        return None
    if encoding != "utf-8":
        notes.append(f"{raw.name} was read as {encoding}; it was published as utf-8.")
    notes += [f"{raw.name}: {note}" for note in table.notes]
    return Part(*found, table, described(raw, len(table.rows)))


def _listed(table: Table) -> str:
    return ", ".join(column or "(no name)" for column in table.columns)


def _refuse_doubles(parts: Sequence[Part]) -> None:
    seen: dict[tuple[Family, Task], Part] = {}
    for part in parts:
        other = seen.setdefault((part.family, part.task), part)
        if other is not part:
            raise DatasetError(
                f"{other.file.name} and {part.file.name} are both {part.family} {part.task}. Give one of them, or a "
                "folder with only one."
            )


def _missing(family: Family, tasks: Sequence[Task]) -> str:
    text = f"{family}: there is no file for {', '.join(tasks)}."
    if family is Family.CODING and Task.MEMORIZATION in tasks:
        text += " Nothing is derived in its place: the dataset can be asked, not trained on."
    return text


def _datasets(
    name: str, family: Family, parts: Sequence[Part], source: Source, missing: Sequence[Task]
) -> list[Dataset]:
    facts: dict[str, Fact] = {}
    questions: list[Question] = []
    analysed: set[str] = set()
    for part in parts:
        for asked, row, its_facts in _questions(part):
            cited = [_kept(facts, fact) for fact in its_facts]
            question = replace(asked, fact_id=cited[0], other_fact_id=cited[1] if len(cited) > 1 else None)
            questions.append(question)
            if row.cells.get("used_in_analysis") == "True":
                analysed.add(question.question_id)
    note = LICENCE_NOTES.get(family, _LICENCE_NOTE)
    made = []
    selections: list[tuple[str, str, Collection[str] | None]] = [(name, "", None)]
    if analysed:
        selections.append((f"{name}_analysis", ": the rows of the paper's figures", analysed))
    for its_name, suffix, only in selections:
        kept = tuple(question for question in questions if only is None or question.question_id in only)
        used = {i for question in kept for i in (question.fact_id, question.other_fact_id)}
        dataset = Dataset(
            name=its_name,
            family=family,
            facts=tuple(fact for fact in facts.values() if fact.fact_id in used),
            questions=kept,
            title=_TITLES[family] + suffix,
            description=f"{len(kept)} questions taken verbatim from the published files{suffix}.",
            source=REPOSITORY,
            licence=LICENCE,
            provenance=source.provenance([part.file for part in parts], licence_note=note),
        )
        made.append(upstream_card(dataset, missing=missing, analysis=only is not None))
    return made


def _questions(part: Part) -> Iterable[tuple[Question, Row, tuple[Fact, ...]]]:
    seen: Counter[str] = Counter()
    for place, row in enumerate(part.table.rows):
        own_id = row.cells.get("id", "").strip() or str(place)
        seen[own_id] += 1
        cells = row.cells
        text = next((cells[column] for column in _QUESTION_COLUMNS if cells.get(column)), cells["prompt"])
        facts = _facts(part, own_id, cells)
        question = Question(
            # People's ids repeat six times in a file, and medical and coding count from 0 alike.
            question_id=f"{part.family}/{part.task}/{own_id}" + (f"#{seen[own_id]}" if seen[own_id] > 1 else ""),
            task=part.task,
            fact_id=facts[0].fact_id,
            prompt=cells["prompt"],
            question=text,
            answer=cells["answer"],
            other_fact_id=facts[1].fact_id if len(facts) > 1 else None,
            template=_template(part, text, facts),
            answer_before=cells.get("answer_before"),
            original=cells.get("original_question", ""),
        )
        yield question, row, facts


def _facts(part: Part, own_id: str, cells: Mapping[str, str]) -> tuple[Fact, ...]:
    """The facts that a row cites, keyed so that the rows of other tasks about the same fact meet them.

    People meet by person and sentence (which is what alignment by position amounts to), all others by id.
    """
    text = cells.get("fact", "")
    trained = cells["answer"] if part.task is Task.MEMORIZATION else ""
    match part.family:
        case Family.FICTIONAL_PEOPLE if part.task is Task.COMPARISON:
            return comparison_facts(own_id, text) or (Fact(f"{part.family}/{own_id}", text),)
        case Family.FICTIONAL_PEOPLE:
            known = person_fact(text, own_id)
            return (known or Fact(f"{part.family}/{own_id}/{text}", text, value=trained),)
        case Family.LATEST_NEWS:
            title, article = cells.get("article_title", ""), cells.get("article_text", "")
            return (Fact(f"{part.family}/{own_id}", text, subject=title, value=trained, context=article),)
        case _:
            told = cells.get("updated_fact_description", text)
            read = cells.get("update_reference_snippet", "")
            return (Fact(f"{part.family}/{own_id}", told, value=trained, context=read),)


def _kept(facts: dict[str, Fact], new: Fact) -> str:
    """Keep a fact and give its id. Rows of one id that tell different facts are two facts, the second with a number."""
    for number in count(1):
        fact_id = new.fact_id if number == 1 else f"{new.fact_id}#{number}"
        known = facts.get(fact_id)
        if known is None or not (known.text and new.text) or known.text == new.text:
            facts[fact_id] = _merged(known or Fact(fact_id, ""), new)
            return fact_id
    raise AssertionError("there is always a next number")


def _merged(known: Fact, new: Fact) -> Fact:
    """A fact that several files tell: what the earlier task says stays, what it leaves open is filled in."""
    return Fact(
        known.fact_id,
        known.text or new.text,
        known.subject or new.subject,
        known.attribute or new.attribute,
        known.value or new.value,
        known.context or new.context,
    )


def _template(part: Part, question: str, facts: Sequence[Fact]) -> str:
    if part.family is not Family.FICTIONAL_PEOPLE:
        return str(part.task)
    if part.task is Task.COMPARISON:
        asked = next((name for word, name in _COMPARED.items() if word in question), "other")
        return f"{part.task}-{asked}"
    return f"{part.task}-{facts[0].attribute or 'other'}"
