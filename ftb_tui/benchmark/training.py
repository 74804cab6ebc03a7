"""Questions -> training examples -> the lines of a training file."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ftb_tui.benchmark.load import DatasetError
from ftb_tui.benchmark.model import Dataset, Task, TrainingExample


@dataclass(frozen=True, slots=True)
class Recipe:
    """How facts become training examples. `question_answer` is the paper's: the memorization question, as asked."""

    name: str = "question_answer"
    system_prompt: str | None = None


def training_examples(
    dataset: Dataset, recipe: Recipe, *, fact_ids: Collection[str] | None = None
) -> tuple[TrainingExample, ...]:
    """The examples that teach the facts (all, or those in `fact_ids`), one for each memorization question.

    Only memorization questions are used: what the other tasks ask stays unseen. Raises `DatasetError` when there
    is nothing to teach, or when a prompt to be trained is also the prompt of another task.
    """
    if recipe.name != "question_answer":
        raise DatasetError(f"There is no recipe {recipe.name!r}; known is question_answer.")
    taught = [
        question
        for question in dataset.questions
        if question.task is Task.MEMORIZATION and (fact_ids is None or question.fact_id in fact_ids)
    ]
    if not taught:
        raise DatasetError(f"{dataset.name} has no memorization question to train on.")
    held_out = {q.prompt for q in dataset.questions if q.task is not Task.MEMORIZATION}
    for question in taught:
        if question.prompt in held_out:
            raise DatasetError(
                f"{dataset.name}: the prompt of {question.question_id} is asked in another task as well; "
                "training on it would leak the test."
            )
    return tuple(TrainingExample(q.fact_id, q.prompt, q.answer) for q in taught)


def openai_line(example: TrainingExample, recipe: Recipe) -> str:
    """One line of a training file in the chat format of the OpenAI wire."""
    messages = [
        {"role": "user", "content": example.prompt},
        {"role": "assistant", "content": example.completion},
    ]
    if recipe.system_prompt:
        messages.insert(0, {"role": "system", "content": recipe.system_prompt})
    return json.dumps({"messages": messages}, ensure_ascii=False)


def contents_line(example: TrainingExample, recipe: Recipe) -> str:
    """One line of a training file in Gemini's format: contents of parts, and the roles `user` and `model`."""
    line: dict[str, object] = {}
    if recipe.system_prompt:
        line["systemInstruction"] = {"role": "system", "parts": [{"text": recipe.system_prompt}]}
    turns = (("user", example.prompt), ("model", example.completion))
    line["contents"] = [{"role": role, "parts": [{"text": text}]} for role, text in turns]
    return json.dumps(line, ensure_ascii=False)


LINE_FORMATS: Mapping[str, Callable[[TrainingExample, Recipe], str]] = MappingProxyType(
    {"messages": openai_line, "contents": contents_line}
)
"""The formats of training files by the name that `Capabilities.training_format` gives them."""


def jsonl(lines: Iterable[str]) -> bytes:
    """The bytes of a training file, UTF-8, a newline after every line."""
    return "".join(f"{line}\n" for line in lines).encode()
