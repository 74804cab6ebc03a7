"""Golds that are missing, that nothing backs, or that the question gives away."""

from __future__ import annotations

from collections.abc import Iterator

from ftb_tui.benchmark.audit.finding import Finding, Severity, ids, of_task, some
from ftb_tui.benchmark.audit.wording import contains, contains_whole
from ftb_tui.benchmark.model import Dataset, Question, Task

_MISSING = frozenset({"nan", "null", "na", "n/a", "#n/a", "<na>", "nat", "#value!", "#ref!", "undefined", "-", "?"})
"""What programs write for nothing. `None` is not among them: it is the gold of date_changed."""

_STATED = (Task.MEMORIZATION, Task.REPHRASED)
"""The tasks whose golds a fact states; the others' golds follow from it."""


def missing_golds(dataset: Dataset) -> Iterator[Finding]:
    """`empty_gold` and `nan_like_gold`."""
    for task in dataset.tasks:
        asked = of_task(dataset, task)
        if empty := [question for question in asked if not question.answer.strip()]:
            yield Finding(
                "empty_gold",
                Severity.ERROR,
                len(empty),
                ids(empty),
                f"{task}: {len(empty)} golds are empty",
                "Fill them in or leave the rows out: no answer can be right.",
                task,
            )
        if missing := [question for question in asked if question.answer.strip().lower() in _MISSING]:
            yield Finding(
                "nan_like_gold",
                Severity.ERROR,
                len(missing),
                ids(missing),
                f"{task}: {len(missing)} golds are what programs write for nothing: "
                f"{some(question.answer for question in missing)}",
                "If the file went through a table program, the word None may have become this: import the original file.",
                task,
            )


def unbacked_golds(dataset: Dataset) -> Iterator[Finding]:
    """`gold_not_in_fact` and `gold_not_in_context`, where there is a fact's text or a context to look in."""
    facts = {fact.fact_id: fact for fact in dataset.facts}
    places = (
        ("gold_not_in_fact", "the fact", {key: fact.text for key, fact in facts.items()}),
        (
            "gold_not_in_context",
            "the article that the fact is from",
            {key: fact.context for key, fact in facts.items()},
        ),
    )
    for task in (task for task in _STATED if task in dataset.tasks):
        asked = [question for question in of_task(dataset, task) if _worded(question)]
        for check, place, texts in places:
            lacking = [q for q in asked if texts.get(q.fact_id) and not contains(texts[q.fact_id], q.answer)]
            if lacking:
                yield Finding(
                    check,
                    Severity.WARNING,
                    len(lacking),
                    ids(lacking),
                    f"{task}: {len(lacking)} of {len(asked)} golds do not stand in {place}: "
                    f"{some(question.answer for question in lacking)}",
                    "Read these rows: the gold may be worded otherwise, worked out, or wrong.",
                    task,
                )


def given_away(dataset: Dataset) -> Iterator[Finding]:
    """`gold_in_question`; only a note where every such gold is part of a longer word or number."""
    for task in dataset.tasks:
        found = [q for q in of_task(dataset, task) if _worded(q) and contains(q.question, q.answer)]
        if not found:
            continue
        whole = [question for question in found if contains_whole(question.question, question.answer)]
        parts = len(found) - len(whole)
        among = f", {parts} of them only as part of a longer word or number" if parts else ""
        yield Finding(
            "gold_in_question",
            Severity.WARNING if whole else Severity.NOTE,
            len(found),
            ids(found),
            f"{task}: {len(found)} golds stand in their own question{among}: "
            f"{some(f'{q.answer} in {q.question}' for q in whole or found)}",
            "Look whether the question gives its answer away.",
            task,
        )


def _worded(question: Question) -> bool:
    gold = question.answer.strip()
    return gold not in ("", "Yes", "No", "None") and gold.lower() not in _MISSING
