"""Narrowing the results down: words choose models, `task:` chooses tasks."""

from __future__ import annotations

from collections.abc import Sequence

from ftb_tui.report.matrix import tasks_of
from ftb_tui.report.numbers import counted
from ftb_tui.report.tables import model_label
from ftb_tui.store.results import ResultRow
from ftb_tui.ui.widgets.narrowing import Term, matches, name_fault, terms

COLUMNS = ("model", "dataset", "kind", "provider", "task")


def narrowed(rows: Sequence[ResultRow], text: str) -> list[ResultRow]:
    """The rows whose model is what all terms want, of the tasks that any `task:` names and no `-task:` does."""
    asked = terms(text, COLUMNS)
    if not asked:
        return list(rows)
    chosen = set(_tasks([term for term in asked if term.column == "task"], tasks_of(rows)))
    of_models = [term for term in asked if term.column != "task"]
    fits: dict[tuple[str, int], bool] = {}
    for row in rows:
        place = (row.dataset_id, row.model_key)
        if place not in fits:
            fits[place] = matches(of_models, _cells(row))
    return [row for row in rows if row.task in chosen and fits[row.dataset_id, row.model_key]]


def how_many(shown: Sequence[ResultRow], rows: Sequence[ResultRow]) -> str:
    """How much is left: `3 of 12 models, 1 of 4 tasks`."""
    models, every = ({(row.dataset_id, row.model_key) for row in these} for these in (shown, rows))
    said = f"{len(models)} of {counted(len(every), 'model')}"
    tasks, all_tasks = len(tasks_of(shown)), len(tasks_of(rows))
    return said if tasks == all_tasks else f"{said}, {tasks} of {counted(all_tasks, 'task')}"


def fault(rows: Sequence[ResultRow], text: str) -> str:
    """What is wrong with a filter, in a sentence; empty where nothing is."""
    models = [_cells(row) for row in {(row.dataset_id, row.model_key): row for row in rows}.values()]
    if said := name_fault(text, COLUMNS, lambda: models):
        return said
    tasks = tasks_of(rows)
    for term in terms(text, COLUMNS):
        if term.column == "task" and not any(term.stands_in(task) for task in tasks):
            return f"There is no task {term.word}. There are {', '.join(tasks)}."
        if not term.column and not any(matches([Term(term.word, whole=term.whole)], cells) for cells in models):
            meant = next((task for task in tasks if term.stands_in(task)), None)
            if meant is not None:
                return f"No model has {term.word} in its name. For the task, type task:{meant}."
    return ""


def words(rows: Sequence[ResultRow], column: str) -> Sequence[str]:
    """The columns' names for an empty text, else what stands in that column."""
    if not column:
        return COLUMNS
    if column == "task":
        return tasks_of(rows)
    return sorted({word for row in rows for word in _cells(row).get(column, "").split()})


def _tasks(asked: Sequence[Term], tasks: Sequence[str]) -> list[str]:
    wanted, unwanted = [term for term in asked if not term.negated], [term for term in asked if term.negated]
    return [
        task
        for task in tasks
        if (not wanted or any(term.stands_in(task) for term in wanted))
        and not any(term.stands_in(task) for term in unwanted)
    ]


def _cells(row: ResultRow) -> dict[str, str]:
    return {
        "model": f"{row.model} {model_label(row)} {row.base_model}",
        "dataset": row.dataset,
        "kind": row.kind,
        "provider": row.provider,
    }
