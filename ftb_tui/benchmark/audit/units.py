"""Golds that are bare numbers of something, while the question names no unit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from ftb_tui.benchmark.audit.finding import Finding, Severity, ids, of_task, some
from ftb_tui.benchmark.model import Dataset, Question, Task

_UNITS = {
    "length": r"cm|mm|km|centimet(?:er|re)s?|millimet(?:er|re)s?|kilomet(?:er|re)s?|met(?:er|re)s?|feet|foot|ft|inch(?:es)?|"
    r"miles?|yards?",
    "weight": r"kg|kilo(?:gram(?:me)?)?s?|pounds?|lbs?|grams?|tonnes?|tons?|ounces?|oz|stones?",
    "temperature": r"°\s?[cf]|degrees?(?: celsius| fahrenheit)?|celsius|fahrenheit",
    "volume": r"lit(?:er|re)s?|millilit(?:er|re)s?|ml|gallons?|pints?",
    "speed": r"km/h|kph|mph|miles per hour|kilomet(?:er|re)s per hour|knots?",
    "dose": r"mg(?:/\w+)?|micrograms?|µg|mcg|milligrams?|mmol(?:/\w+)?|mmhg",
}
_NUMBER = re.compile(r"[-−]?\d[\d,]*(?:\.\d+)?")


def unnamed_units(dataset: Dataset) -> Iterator[Finding]:
    """`unit_not_named`: the fact gives the number with a unit, the gold without, and the question asks for none."""
    texts = {fact.fact_id: fact.text for fact in dataset.facts}
    for task in (Task.MEMORIZATION, Task.REPHRASED):
        found = [(question, unit) for question in of_task(dataset, task) if (unit := _unit(question, texts))]
        if found:
            rows = [question for question, _ in found]
            counts = ", ".join(f"{unit} {count}" for unit, count in Counter(unit for _, unit in found).most_common())
            yield Finding(
                "unit_not_named",
                Severity.WARNING,
                len(rows),
                ids(rows),
                f"{task}: {len(rows)} golds are bare numbers of a unit that the question does not name ({counts}): "
                f"{some(f'{question.question} {question.answer}' for question in rows)}",
                "Name the unit in the question, or a right answer in another unit is graded wrong.",
                task,
            )


def _unit(question: Question, texts: dict[str, str]) -> str | None:
    """The unit that the fact has and the question lacks; None if there is nothing to complain of."""
    gold = question.answer.strip()
    if not _NUMBER.fullmatch(gold):
        return None
    fact = texts.get(question.fact_id, "").lower()
    for units in _UNITS.values():
        match = re.search(rf"(?<![\d.,]){re.escape(gold)}[\s-]?({units})\b", fact)
        if match and not re.search(rf"\b(?:{units})\b|°", question.question.lower()):
            return match[1]
    return None
