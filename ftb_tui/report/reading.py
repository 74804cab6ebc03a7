"""What a result table says about the paper's question, in honest sentences computed from its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ftb_tui.report.certainty import sure_sign
from ftb_tui.report.matrix import Place
from ftb_tui.report.numbers import interval, p_value, score
from ftb_tui.report.plain import one_line
from ftb_tui.report.tables import model_label
from ftb_tui.store.results import ResultRow

_GENERALIZATION = ("rephrased", "vignette", "secondary", "comparison", "date_changed")
_YES_NO = ("secondary", "comparison")
_MOST, _FEW = 0.75, 0.25
"""The facts are in where the whole interval is above the one, and not in where it is below the other."""

_Bases = Mapping[tuple[str, str, str, str], ResultRow]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the figures of one tuned model on one dataset say."""

    head: str
    """Dataset and model; empty where there is only one of each, so that nobody can mistake them."""
    sentences: tuple[str, ...]


def readings(
    rows: Sequence[ResultRow], adjusted: Mapping[Place, float], *, bases: Sequence[ResultRow] = ()
) -> list[Reading]:
    """What is said of each tuned model among the rows, which are by one grader.

    `adjusted` is `adjusted_p` of the table that is shown, so that a sentence is as sure as the star of its score. Their
    bases are looked for among `bases`, where the rows are only some of all.
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
        said = [_generalized(by_task[task], untuned, adjusted) for task in _GENERALIZATION if task in by_task]
        if "memorization" in by_task:
            said.insert(0, _memorized(by_task["memorization"], adjusted))
        if said:
            first = next(iter(by_task.values()))
            head = "" if alone else f"{one_line(first.dataset)}, {one_line(model_label(first), 100)}:"
            found.append(Reading(head, tuple(said)))
    return found


def reading(
    rows: Sequence[ResultRow], adjusted: Mapping[Place, float], *, bases: Sequence[ResultRow] = ()
) -> list[str]:
    """The same line by line, each model's head before its sentences; none where there is nothing to say."""
    return [line for said in readings(rows, adjusted, bases=bases) for line in (said.head, *said.sentences) if line]


@dataclass(frozen=True, slots=True)
class _Change:
    """A score beside its base's, over the questions that both answered."""

    mine: str
    """`on the 12 that both answered .58`; empty where those are all."""
    base: str
    sure: int
    """+1 surely better than the base, -1 surely worse, 0 not sure."""
    is_same: bool
    """Whether no answer differs."""
    tested: str
    """By which test, and its p."""


def _change(row: ResultRow, adjusted: Mapping[Place, float]) -> _Change | None:
    if row.base_score is None or row.p_value is None or row.difference is None:
        return None
    p = adjusted[row.dataset_id, row.model_key, row.task]
    return _Change(
        mine="" if row.paired == row.n else f"on the {row.paired} that both answered {score(row.paired_score)}",
        base=score(row.base_score),
        sure=sure_sign(p, row.difference),
        is_same=not row.fixed and not row.broken,
        tested=f"{row.test}, Holm over the table: p {p_value(p)}",
    )


def _memorized(row: ResultRow, adjusted: Mapping[Place, float]) -> str:
    """Whether the taught facts are in. What may be chance is called that, and what was known before is not put down
    to the tuning."""
    most, few = (row.low or 0.0) >= _MOST, (row.high or 0.0) < _FEW
    unsure = "Not sure whether the facts are in"
    which = "the trained questions"
    if row.n + row.failed < row.planned:
        which = f"{row.n} of the {row.planned} trained questions"
    share = f"of {which} {score(row.score)} are right (95% {interval(row.low, row.high)})"
    change = _change(row, adjusted)
    if change is None:
        part = "Part is known" if row.correct else unsure
        verdict = "The facts are in" if most else "The facts are not in" if few else part
        return f"{verdict}: {share}. What the base model knew was not asked."
    share += f"{'; ' if change.mine else ''}{change.mine}, the base model {change.base}"
    if change.sure > 0:
        return f"{'The facts are in' if most else 'Part of the facts is in'}: {share}."
    if change.sure < 0:
        verdict = "The facts are in" if most else "The facts are not in" if few else unsure
        return f"{verdict}: {share}, which knew surely more ({change.tested})."
    if most:
        return f"The facts are in, but the base model may have had them: {share} ({change.tested})."
    if few:
        return f"The facts are not in: {share}."
    if change.is_same:
        return f"{unsure}: {share}, and the two are the same on every question."
    return f"{unsure}: {share}; the difference may be chance ({change.tested})."


def _generalized(row: ResultRow, bases: _Bases, adjusted: Mapping[Place, float]) -> str:
    share = f"{row.task}: {score(row.score)} (95% {interval(row.low, row.high)})"
    if row.task in _YES_NO and row.abstained / row.n > 0.5:
        return f"{share}. {_without_form(row, bases.get((row.dataset_id, row.provider, row.base_model, row.task)))}"
    change = _change(row, adjusted)
    if change is None:
        return f"{share}."
    chance = (
        ": the same on every question" if change.is_same else "" if change.sure else ": not sure, this may be chance"
    )
    return f"{share}, {change.mine}{' ' if change.mine else ''}against {change.base} for the base ({change.tested}){chance}."


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
