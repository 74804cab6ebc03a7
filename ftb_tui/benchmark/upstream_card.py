"""The dataset card of an imported family: what it is, where it is from, what to know before using it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ftb_tui.benchmark.model import Dataset, Family, Task

_MEANING = {
    Task.MEMORIZATION: "the trained question, word for word",
    Task.REPHRASED: "the same fact, asked in other words",
    Task.DATE_CHANGED: "the date moved, so that the gold is the word None",
    Task.SECONDARY: "yes or no: something that follows from the fact",
    Task.COMPARISON: "yes or no: two people compared",
    Task.VIGNETTE: "a case in which the new guideline has to be applied",
}
_KNOW: dict[Family, str] = {
    Family.FICTIONAL_PEOPLE: (
        "A comparison cites the facts that the published file cites, which are both people's weights whatever is asked. "
        "The paper's figures use 25 of the 150 comparisons."
    ),
    Family.LATEST_NEWS: (
        "The article is kept as each fact's context. The gold of every date_changed question is the word None."
    ),
    Family.MEDICAL: (
        "A benchmark, not medical advice. Golds differ between memorization and vignette and are never copied from one "
        "to the other. `answer_before` is what was recommended before."
    ),
    Family.CODING: "`answer_before` is the real scikit-learn name, the gold an invented one: never use it in code.",
}


def upstream_card(dataset: Dataset, *, missing: Sequence[Task], analysis: bool) -> Dataset:
    """The dataset with its card. `missing` are published tasks without a file."""
    taken = dataset.provenance
    assert taken is not None
    rows = "\n".join(
        f"| {task} | {sum(q.task is task for q in dataset.questions)} | {_MEANING[task]} |" for task in dataset.tasks
    )
    files = "\n".join(f"| {file.name} | {file.n_rows} | {file.sha256} |" for file in taken.files)
    what = " These are the rows that the paper's figures rest on." if analysis else ""
    lacking = ""
    if missing:
        lacking = f"\nNot among the files: {', '.join(missing)}. Nothing was derived in its place.\n"
    card = f"""# {dataset.title}

{len(dataset.questions)} questions about {len(dataset.facts)} facts, taken as they are from the published files of
FineTuneBench (arXiv 2411.05059).{what} Their faults are kept too; `ftb datasets audit {dataset.name}` names them.

| | |
|---|---|
| family | {dataset.family} |
| from | {dataset.source} |
| commit | {taken.revision or "not told by the files"} |
| licence | {taken.licence_note} |

## Tasks

| task | questions | what is asked |
|---|---|---|
{rows}
{lacking}
## Good to know

{_KNOW[dataset.family]}

## Files

| file | rows | SHA-256 |
|---|---|---|
{files}
"""
    return replace(dataset, card=card)
