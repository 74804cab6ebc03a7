"""What a result table says about the paper's question, in honest sentences computed from its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ftb_tui.report.certainty import LEVEL
from ftb_tui.report.numbers import interval, p_value, score
from ftb_tui.report.plain import one_line
from ftb_tui.report.tables import model_label
from ftb_tui.store.results import ResultRow

_GENERALIZATION = ("rephrased", "vignette", "secondary", "comparison", "date_changed")
_YES_NO = ("secondary", "comparison")
_MOST, _FEW = 0.75, 0.25
"""The facts are in where the interval is above the one, and not in where it is below the other or none is right."""

_Bases = Mapping[tuple[str, str, str, str], ResultRow]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the figures of one tuned model on one dataset say."""

    head: str
    """Dataset and model; empty where there is only one of each, so that nobody can mistake them."""
    sentences: tuple[str, ...]


def readings(rows: Sequence[ResultRow], *, bases: Sequence[ResultRow] = ()) -> list[Reading]:
    """What is said of each tuned model among the rows, which are by one grader.

    Their bases are looked for among `bases`, where the rows are only some of all.
    """
    tuned: dict[tuple[str, int], dict[str, ResultRow]] = {}
    for row in rows:
        if row.kind == "tuned" and row.n:
            tuned.setdefault((row.dataset_id, row.model_key), {})[row.task] = row
    untuned = {
        (row.dataset_id, row.provider, row.model, row.task): row
        for row in bases or rows
        if row.kind == "base" and row.n
    }
    alone = len(tuned) == 1 and len({row.dataset_id for row in rows}) == 1
    found = []
    for by_task in tuned.values():
        said = [_generalized(by_task[task], untuned) for task in _GENERALIZATION if task in by_task]
        if "memorization" in by_task:
            said.insert(0, _memorized(by_task["memorization"]))
        if said:
            first = next(iter(by_task.values()))
            head = "" if alone else f"{one_line(first.dataset)}, {one_line(model_label(first), 100)}:"
            found.append(Reading(head, tuple(said)))
    return found


def reading(rows: Sequence[ResultRow], *, bases: Sequence[ResultRow] = ()) -> list[str]:
    """The same line by line, each model's head before its sentences; none where there is nothing to say."""
    return [line for said in readings(rows, bases=bases) for line in (said.head, *said.sentences) if line]


def _memorized(row: ResultRow) -> str:
    """Whether the taught facts are in. What may be chance is called that, and what was known before is not put down
    to the tuning."""
    low, high, change = row.low or 0.0, row.high or 0.0, row.difference
    few = high < _FEW or not row.correct
    which = "the trained questions"
    if row.n + row.failed < row.planned:
        which = f"{row.n} of the {row.planned} trained questions"
    share = f"of {which} {score(row.score)} are right (95% {interval(row.low, row.high)})"
    if row.base_score is None or row.p_value is None or change is None:
        verdict = "The facts are in" if low >= _MOST else "The facts are not in" if few else "Part is known"
        return f"{verdict}: {share}. What the base model knew was not asked."
    share += f", the base model {score(row.base_score)}"
    p = f"exact McNemar p {p_value(row.p_value)}"
    if row.p_value < LEVEL and change > 0:
        return f"{'The facts are in' if low >= _MOST else 'Part of the facts is in'}: {share}."
    if row.p_value < LEVEL and change < 0:
        return f"The facts are not in: {share}, which knew surely more ({p})."
    if low >= _MOST:
        return f"The facts are in, but the base model may have had them: {share} ({p})."
    if few:
        return f"The facts are not in: {share}."
    if not row.fixed and not row.broken:
        return f"Not sure whether the facts are in: {share}, and the two are the same on every question."
    return f"Not sure whether the facts are in: {share}; the difference may be chance ({p})."


def _generalized(row: ResultRow, bases: _Bases) -> str:
    share = f"{row.task}: {score(row.score)} (95% {interval(row.low, row.high)})"
    if row.task in _YES_NO and row.abstained / row.n > 0.5:
        return f"{share}. {_without_form(row, bases.get((row.dataset_id, row.provider, row.base_model, row.task)))}"
    if row.base_score is None or row.p_value is None:
        return f"{share}."
    chance = "" if row.p_value < LEVEL else ": not sure, this may be chance"
    if not row.fixed and not row.broken:
        chance = ": the same on every question"
    changed = f"against {score(row.base_score)} for the base (exact McNemar p {p_value(row.p_value)})"
    return f"{share}, {changed}{chance}."


def _without_form(row: ResultRow, base: ResultRow | None) -> str:
    """Answers to yes/no questions that are neither: lost is only what was there before."""
    unknown = "which does not tell whether it knows"
    neither = f"{row.abstained} of {row.n} answers are neither Yes nor No"
    if base is None:
        return f"{neither}, {unknown}."
    before = f"{base.abstained} of {base.n} of the base's"
    if base.abstained / base.n > 0.5:
        return f"{neither}, nor are {before}: the base model never had the form of the answer, {unknown}."
    before = f" ({before})" if base.abstained else ""
    return f"{neither}{before}: the tuned model has lost the form of the answer, {unknown}."
