"""What prompts demand of an answer's form, and whether all tasks demand the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from ftb_tui.benchmark.audit.finding import Finding, Severity, ids, of_task
from ftb_tui.benchmark.model import YES_NO_TASKS, Dataset, Question, Task

_SHORT = re.compile(
    r"\b(?:short|brief|concise|few words|single word|one word|number, (?:a )?word|a word|only the|no more than)\b",
    re.IGNORECASE,
)
_ABSTAIN = re.compile(r"\bNone\b|\b(?:do not|don't) know\b|\bcannot be answered\b|\bunknown\b")


def format_demands(dataset: Dataset) -> Iterator[Finding]:
    """`format_demand_differs`: memorization asks for a short answer, or allows None, and another task does not."""
    trained = of_task(dataset, Task.MEMORIZATION)
    if not trained:
        return
    own = _demand(trained)
    for task in dataset.tasks:
        if task in YES_NO_TASKS or task is Task.MEMORIZATION:
            continue
        asked = of_task(dataset, task)
        other = _demand(asked)
        if other == own:
            continue
        length = own[0] != other[0]
        yield Finding(
            "format_demand_differs",
            Severity.WARNING if length else Severity.NOTE,
            len(asked),
            ids(asked),
            f"{task}: its prompts {_said(other)}, those of memorization {_said(own)}",
            (
                "Grade this task by what an answer contains (number, contains, judge), not by equality: the answers will "
                "be longer or shorter."
                if length
                else "A lower score here may come from the other instruction, a higher one too."
            ),
            task,
        )


def _demand(questions: list[Question]) -> tuple[bool, bool]:
    """What most prompts of a task demand: a short answer; None for what is not known."""
    counts = Counter(map(_of_prompt, questions))
    return counts.most_common(1)[0][0]


def _of_prompt(question: Question) -> tuple[bool, bool]:
    instruction = question.prompt.replace(question.question, " ")
    return bool(_SHORT.search(instruction)), bool(_ABSTAIN.search(instruction))


def _said(demand: tuple[bool, bool]) -> str:
    short, abstain = demand
    return ("ask for a short answer" if short else "ask for no form") + (" and allow None" if abstain else "")
