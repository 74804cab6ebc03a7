"""What a test asks must not be in what is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ftb_tui.benchmark.load import DatasetError
from ftb_tui.benchmark.model import Dataset, Question, Task, TrainingExample

_SHOWN = 5
# Between texts that are searched together; no normalized text contains it.
_EDGE = "\n"


@dataclass(frozen=True, slots=True)
class Leak:
    """A test question whose text stands in a training example. `position` counts examples from 0."""

    question: Question
    position: int


def leaks(dataset: Dataset, examples: Sequence[TrainingExample]) -> tuple[Leak, ...]:
    """Every test question whose text occurs in an example, in the dataset's order, with the first such example.

    Case and white space do not matter. Memorization questions are what is trained on; a test question that is
    worded exactly like one of them is the dataset's fault and found by `shared_wordings`.
    """
    meant = {_plain(question.question) for question in dataset.questions if question.task is Task.MEMORIZATION}
    texts = [_plain(f"{example.prompt} {example.completion}") for example in examples]
    together = _EDGE.join(texts)
    found = []
    for question in dataset.questions:
        asked = _plain(question.question)
        if question.task is Task.MEMORIZATION or not asked or asked in meant or asked not in together:
            continue
        position = next(place for place, text in enumerate(texts) if asked in text)
        found.append(Leak(question, position))
    return tuple(found)


def shared_wordings(dataset: Dataset) -> tuple[Question, ...]:
    """Test questions worded exactly like a memorization question: training on that one teaches them as well."""
    meant = {_plain(question.question) for question in dataset.questions if question.task is Task.MEMORIZATION}
    return tuple(q for q in dataset.questions if q.task is not Task.MEMORIZATION and _plain(q.question) in meant)


def refuse_leaks(dataset: Dataset, examples: Sequence[TrainingExample]) -> None:
    """Raise `DatasetError` naming the test questions whose text stands in the examples, if there are any."""
    found = leaks(dataset, examples)
    if not found:
        return
    named = ", ".join(f"{leak.question.question_id} (example {leak.position + 1})" for leak in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    raise DatasetError(
        f"{dataset.name}: the training file would contain the text of {len(found)} test question(s): {named}{more}. "
        "Choose another recipe, or mend the questions; a test that was trained on measures nothing."
    )


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
