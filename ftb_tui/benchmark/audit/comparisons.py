"""Comparisons of two people: who is compared with whom, by what, and whether the facts agree with the gold."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ftb_tui.benchmark.audit.finding import Finding, Severity, ids, of_task, some
from ftb_tui.benchmark.model import Dataset, Fact, Question, Task

_RELATIONS = (
    (re.compile(r"\btaller\b"), "height", True),
    (re.compile(r"\bshorter\b"), "height", False),
    (re.compile(r"\bheavier\b|\bweighs? more\b"), "weight", True),
    (re.compile(r"\blighter\b|\bweighs? less\b"), "weight", False),
    (re.compile(r"\bolder\b"), "age", True),
    (re.compile(r"\byounger\b"), "age", False),
    (re.compile(r"\bborn\b.*\b(?:earlier|before)\b"), "birth_year", False),
    (re.compile(r"\bborn\b.*\b(?:later|after)\b"), "birth_year", True),
)
_OTHER_SIDE = {"age": "birth_year", "birth_year": "age"}
"""Older is a higher age and an earlier year of birth."""


@dataclass(frozen=True, slots=True)
class Read:
    """A comparison as it reads: two people, what of them, and what the facts say (None if they do not tell)."""

    question: Question
    first: str
    second: str
    attribute: str
    truth: bool | None


def comparisons(dataset: Dataset) -> Iterator[Finding]:
    """`self_comparison`, `comparison_gold_contradicts_facts`, `comparison_cites_one_attribute` and `…_other_fact`."""
    asked = of_task(dataset, Task.COMPARISON)
    if not asked:
        return
    read = list(_read(dataset, asked))
    own = [one.question for one in read if one.first == one.second]
    if own:
        yield _finding(
            "self_comparison", Severity.ERROR, own,
            f"{len(own)} questions compare a person with themselves: {some(q.question for q in own)}",
            "Leave them out: the answer is No without any knowledge.",
        )  # fmt: skip
    wrong = [one.question for one in read if one.truth is not None and one.question.answer != _gold(one.truth)]
    if wrong:
        open_ = len(asked) - sum(one.truth is not None for one in read)
        rest = f" ({open_} more could not be checked: their facts are not in the dataset)" if open_ else ""
        yield _finding(
            "comparison_gold_contradicts_facts", Severity.ERROR, wrong,
            f"{len(wrong)} of {len(asked)} golds are wrong when the question is read{rest}: "
            f"{some(f'{q.question} {q.answer}' for q in wrong)}",
            "Correct the golds from the facts, or leave the task out.",
        )  # fmt: skip
    yield from _citations(dataset, read)


def _citations(dataset: Dataset, read: list[Read]) -> Iterator[Finding]:
    attributes = {fact.fact_id: fact.attribute for fact in dataset.facts}
    cited = {attributes.get(i, "") for one in read for i in _cited(one.question)} - {""}
    told = [one for one in read if all(attributes.get(i) for i in _cited(one.question))]
    if len(cited) == 1 and len({one.attribute for one in told}) > 1:
        [only] = cited
        rows = [one.question for one in told]
        yield _finding(
            "comparison_cites_one_attribute", Severity.WARNING, rows,
            f"{len(rows)} of {len(rows)} questions cite facts about {only}, whatever they ask",
            "Do not show these facts as the reason of the gold; join the questions to the facts that they ask about.",
        )  # fmt: skip
    off = [one for one in told if not {attributes[i] for i in _cited(one.question)} <= _same(one.attribute)]
    if off:
        examples = (f"{one.question.question} cites {attributes[one.question.fact_id]}" for one in off)
        yield _finding(
            "comparison_cites_other_fact", Severity.WARNING, [one.question for one in off],
            f"{len(off)} questions cite facts about something else than they ask: {some(examples)}",
            "The cited facts do not decide these questions.",
        )  # fmt: skip


def _read(dataset: Dataset, asked: list[Question]) -> Iterator[Read]:
    """The questions whose people and relation can be told; others are passed over."""
    by_name = _names(dataset)
    if not by_name:
        return
    longest_first = sorted(by_name, key=len, reverse=True)
    names = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\w)")
    facts = {(fact.subject, fact.attribute): fact for fact in dataset.facts}
    words = {fact.attribute for fact in dataset.facts if fact.attribute}
    for question in asked:
        mentioned = names.findall(question.question)
        if len(mentioned) != 2:
            continue
        first, second = (by_name[name] for name in mentioned)
        text = question.question.lower()
        if "alphabetical" in text:
            attribute = next((word for word in sorted(words) if word.replace("_", " ") in text), "name")
            pair = (mentioned[0], mentioned[1]) if attribute == "name" else _values(facts, first, second, attribute)
            truth = pair[0].casefold() < pair[1].casefold() if pair else None
            yield Read(question, first, second, attribute, truth)
            continue
        for pattern, attribute, more in _RELATIONS:
            if pattern.search(text):
                yield Read(question, first, second, attribute, _holds(facts, first, second, attribute, more=more))
                break


def _names(dataset: Dataset) -> dict[str, str]:
    """Whole names, and first names that only one person has -> the person."""
    subjects = sorted({fact.subject for fact in dataset.facts if fact.subject.strip()})
    firsts = Counter(subject.split()[0] for subject in subjects)
    unique = {subject.split()[0]: subject for subject in subjects if firsts[subject.split()[0]] == 1}
    return unique | {subject: subject for subject in subjects}


def _holds(facts: dict[tuple[str, str], Fact], first: str, second: str, attribute: str, *, more: bool) -> bool | None:
    pair = _values(facts, first, second, attribute)
    if pair is None and (other := _OTHER_SIDE.get(attribute)):
        pair, more = _values(facts, first, second, other), not more
    numbers = [_number(value) for value in pair] if pair else []
    if len(numbers) != 2 or None in numbers:
        return None
    left, right = (number for number in numbers if number is not None)
    return left > right if more else left < right


def _values(facts: dict[tuple[str, str], Fact], first: str, second: str, attribute: str) -> tuple[str, str] | None:
    pair = [facts[person, attribute].value for person in (first, second) if (person, attribute) in facts]
    return (pair[0], pair[1]) if len(pair) == 2 and all(pair) else None


def _number(value: str) -> float | None:
    match = re.fullmatch(r"-?\d+(?:\.\d+)?", value.strip().replace(",", ""))
    return float(match[0]) if match else None


def _same(attribute: str) -> set[str]:
    return {attribute, _OTHER_SIDE.get(attribute, attribute)}


def _cited(question: Question) -> tuple[str, ...]:
    return tuple(i for i in (question.fact_id, question.other_fact_id) if i is not None)


def _gold(truth: bool) -> str:
    return "Yes" if truth else "No"


def _finding(check: str, severity: Severity, rows: list[Question], message: str, advice: str) -> Finding:
    return Finding(check, severity, len(rows), ids(rows), f"comparison: {message}", advice, Task.COMPARISON)
