"""Renamed functions and classes: one new name for an old one, and nothing but names as golds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ftb_tui.benchmark.audit.finding import Finding, Severity, ids, of_task, some
from ftb_tui.benchmark.model import Dataset, Family, Question


def renames(dataset: Dataset) -> Iterator[Finding]:
    """`several_new_names` and `not_an_identifier`, for each task of the coding family."""
    if dataset.family is not Family.CODING:
        return
    for task in dataset.tasks:
        asked = of_task(dataset, task)
        by_old: dict[str, list[Question]] = defaultdict(list)
        for question in asked:
            if question.answer_before:
                by_old[question.answer_before.strip()].append(question)
        several = {old: rows for old, rows in by_old.items() if len({row.answer.strip() for row in rows}) > 1}
        if several:
            rows = [row for group in several.values() for row in group]
            named = "; ".join(
                f"{old} → {', '.join(sorted({row.answer.strip() for row in group}))}"
                for old, group in list(several.items())[:3]
            )
            yield Finding(
                "several_new_names",
                Severity.WARNING,
                len(several),
                ids(rows),
                f"{task}: {len(several)} old names have several new names: {named}",
                "Name the class or module in the question, so that it is clear which of them is meant.",
                task,
            )
        if odd := [question for question in asked if not question.answer.strip().isidentifier()]:
            yield Finding(
                "not_an_identifier",
                Severity.WARNING,
                len(odd),
                ids(odd),
                f"{task}: {len(odd)} golds are not identifiers: {some(question.answer for question in odd)}",
                "Make the gold the bare name: an answer that is right will rarely be worded like this.",
                task,
            )
