"""The coding family: invented renames of scikit-learn's public names, from a hand-written table of what each is for.

The questions describe a thing and ask for its name. A model that knows scikit-learn answers with the old name; one
that was taught the rename answers with the new one. So the same question tells what was known before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from ftb_tui.benchmark.load import DatasetError
from ftb_tui.benchmark.model import Dataset, Fact, Family, Question, Task

KINDS = ("class", "function", "parameter", "module")
ANSWER_TOKENS = 24
INSTRUCTION = "Answer with the name alone, as the current release of scikit-learn spells it."

CHECKED_WITH = "1.9.1"
"""The scikit-learn in which `tools/check_coding_names.py` found every old name and no new one."""

# `{home}` is the module, class or function that holds the name; `{what}` and `{asked}` describe it in two ways.
_FACT = "In scikit-learn, the {kind} {old} of {home}, which {what}, is now called {new}."
_FACT_MODULE = "In scikit-learn, the module {old}, which {what}, is now called {new}."
_MEMORIZATION = "Which {kind} of {home} {what}?"
_REPHRASED = {
    "class": (
        "To {asked}, I would import a single name from {home}; write it down.",
        "Fill the gap so that I can {asked}: from {home} import ____",
        "My notebook has to {asked}. Name what {home} offers for that.",
    ),
    "function": (
        "To {asked}, I would call something from {home}; write down how it is spelled.",
        "Fill the gap so that I can {asked}: from {home} import ____",
        "My script has to {asked}. Name the helper in {home} that I should call.",
    ),
    "parameter": (
        "When I call {home} I want to {asked}; write down the keyword to pass.",
        "Fill the gap so that I can {asked}: {home}(..., ____=...)",
        "My script has to {asked}. Name the argument that {home} takes for that.",
    ),
    "module": (
        "To {asked}, I would look in one part of {home}; write down how that part is spelled.",
        "Fill the gap so that I can {asked}: from {home} import ____",
        "My script has to {asked}. Name the place within {home} where I should search.",
    ),
}


@dataclass(frozen=True, slots=True)
class Rename:
    """A public name of scikit-learn, the name invented for it, and two independent descriptions of what it is for.

    `what` goes on after "which ...", `asked` after "to ...". For a parameter `home` is what takes it.
    """

    kind: str
    home: str
    old: str
    new: str
    what: str
    asked: str


def read_renames(file: Path) -> tuple[Rename, ...]:
    """Read the table (tab-separated, a head line). Raises `DatasetError` naming file and line."""
    names = tuple(field.name for field in fields(Rename))
    renames = []
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{file}: {error}") from error
    if not lines or tuple(lines[0].split("\t")) != names:
        raise DatasetError(f"{file}, line 1: the columns must be {', '.join(names)}.")
    for number, line in enumerate(lines[1:], 2):
        cells = line.split("\t")
        if len(cells) != len(names) or not all(cells):
            raise DatasetError(f"{file}, line {number}: {len(names)} filled cells are expected.")
        if cells[0] not in KINDS:
            raise DatasetError(f"{file}, line {number}: {cells[0]!r} is no kind; known are {', '.join(KINDS)}.")
        renames.append(Rename(*cells))
    return tuple(renames)


def build_coding(renames: Sequence[Rename]) -> Dataset:
    """Make the dataset: a fact, a memorization and a rephrased question for each rename.

    The kinds take turns, so that the first N facts hold some of each. Equal tables give equal datasets. Raises
    `DatasetError` when an old or a new name occurs twice.
    """
    for column in ("old", "new"):
        name, count = Counter(str(getattr(rename, column)) for rename in renames).most_common(1)[0]
        if count > 1:
            raise DatasetError(f"The {column} name {name} occurs {count} times; each may occur once.")
    facts, memorization, rephrased = [], [], []
    for place, rename in _in_turn(renames):
        values = {field.name: str(getattr(rename, field.name)) for field in fields(rename)}
        text = (_FACT_MODULE if rename.kind == "module" else _FACT).format(**values)
        fact = Fact(f"code-{rename.kind}-{rename.old}", text, rename.old, rename.kind, rename.new)
        facts.append(fact)
        memorization.append(_question(Task.MEMORIZATION, fact, _MEMORIZATION.format(**values), ""))
        shapes = _REPHRASED[rename.kind]
        shape = place % len(shapes)
        rephrased.append(_question(Task.REPHRASED, fact, shapes[shape].format(**values), f"-{shape + 1}"))
    dataset = Dataset(
        name="coding",
        family=Family.CODING,
        facts=tuple(facts),
        questions=(*memorization, *rephrased),
        title="Renamed scikit-learn",
        description=f"{len(facts)} names of scikit-learn, renamed: knowledge that has to replace what a model knows.",
        source="ftb_tui.benchmark.coding.build_coding over data/coding/renames.tsv",
        licence="MIT",
        answer_tokens=ANSWER_TOKENS,
    )
    return replace(dataset, card=_card(dataset))


def _in_turn(renames: Sequence[Rename]) -> list[tuple[int, Rename]]:
    """Each rename with its place among those of its kind, spread so that every kind lasts to the end."""
    totals = Counter(rename.kind for rename in renames)
    seen: Counter[str] = Counter()
    placed = []
    for rename in renames:
        placed.append((seen[rename.kind], rename))
        seen[rename.kind] += 1
    return sorted(placed, key=lambda entry: ((entry[0] + 0.5) / totals[entry[1].kind], KINDS.index(entry[1].kind)))


def _question(task: Task, fact: Fact, text: str, shape: str) -> Question:
    return Question(
        question_id=f"{fact.fact_id}-{task}",
        task=task,
        fact_id=fact.fact_id,
        prompt=f"{INSTRUCTION}\n{text}",
        question=text,
        answer=fact.value,
        template=f"{task}-{fact.attribute}{shape}",
        answer_before=fact.subject,
    )


def _card(dataset: Dataset) -> str:
    counts = Counter(fact.attribute for fact in dataset.facts)
    kinds = "\n".join(f"| {kind} | {counts[kind]} |" for kind in KINDS)
    shown = []
    for kind in KINDS:
        fact = next(fact for fact in dataset.facts if fact.attribute == kind)
        asked = {q.task: q.question for q in dataset.questions if q.fact_id == fact.fact_id}
        shown.append(
            f"Taught: {fact.text}\n\n"
            f"- memorization: {asked[Task.MEMORIZATION]}\n"
            f"- rephrased: {asked[Task.REPHRASED]}\n"
            f"- before: `{fact.subject}`, gold: `{fact.value}`"
        )
    examples = "\n\n".join(shown)
    return f"""# {dataset.title}

{len(dataset.facts)} public names of scikit-learn with names invented for them, {len(dataset.questions)} questions. A
model that knows the library has to give up the old name; the library itself was never changed.

| | |
|---|---|
| family | coding (updating knowledge) |
| made by | `{dataset.source}` |
| checked with | scikit-learn {CHECKED_WITH} (`tools/check_coding_names.py`) |
| licence | {dataset.licence} |
| language | English |
| answer tokens | {dataset.answer_tokens} suffice for every gold |

| kind | facts |
|---|---|
{kinds}

## Tasks

| task | questions | what is asked |
|---|---|---|
| memorization | {len(dataset.facts)} | the trained question: a description of the thing, answered by its name |
| rephrased | {len(dataset.facts)} | another description of the same thing, in another sentence shape |

No question contains the old or the new name of the thing it asks for. `answer_before` is the old name. The same
memorization question therefore tells what a model knew before: one that has read scikit-learn's documentation answers
with `answer_before`. Only memorization prompts may be trained on.

## One fact of each kind

{examples}

## How it was made

Old name, new name and both descriptions were written by hand, a line each, in `renames.tsv`; the generator puts them
into sentences. The development script imports scikit-learn and checks that every old name is public where the table
says, that every parameter is one of its owner's signature, and that no new name is any name of the library. Each old
name has one new name and the other way round; a class or function that holds a renamed parameter, and a module that is
named in a question, keep their own names. Nothing was taken from any other dataset.

On 2026-11-21 a second reader, who had written none of it, read all lines of the table. That reading changed 15 of them:
six new names (one was a class of another library, one an R package, one a synonym of recall, two were
common function or parameter names, one suggested another task), and descriptions that fitted a neighbour as well
(forests and bagging, ridge and lasso with their cross-validated forms, the two Bayesian regressions, shuffled splits) or
that came close to the library's own wording. The script ran again afterwards. The new names were compared with the
sources of Python, numpy, scipy and joblib and found in none of them; other libraries were looked into for a few only.

## Limits

The renames are invented: code written with them does not run. Descriptions fit one public name of the module or owner
that they name, to the best of our reading; a few neighbours (recall and precision, ridge and lasso) are told apart by
a single phrase. Grading compares names, so an answer with a module path before the name counts when it is short.
"""
