"""What a task gives to a model that knows nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ftb_tui.benchmark.audit.finding import Finding, Severity, ids, of_task
from ftb_tui.benchmark.audit.wording import template_of
from ftb_tui.benchmark.model import Dataset, Question
from ftb_tui.benchmark.statistics import trivial_baselines

_FEW = 5
_HIGH = 0.6
"""A trivial score from which a warning is due: ten points above a coin."""


def balance(dataset: Dataset) -> Iterator[Finding]:
    """`trivial_baseline` and `one_sided_template` for tasks with Yes and No, `constant_gold` for all others."""
    for task in dataset.tasks:
        asked = of_task(dataset, task)
        yes_no = [replace(q, template=template_of(q)) for q in asked if q.answer in ("Yes", "No")]
        if len(yes_no) * 2 > len(asked):
            yield from _yes_no(yes_no)
        elif len(asked) >= _FEW and len({question.answer for question in asked}) == 1:
            yield Finding(
                "constant_gold",
                Severity.NOTE,
                len(asked),
                ids(asked),
                f"{task}: every gold is “{asked[0].answer}”, so that always saying it scores 1.000",
                "Read this score beside the others': a model that says it everywhere has learned nothing.",
                task,
            )


def _yes_no(asked: Sequence[Question]) -> Iterator[Finding]:
    task = asked[0].task
    trivial = trivial_baselines(asked)
    assert trivial is not None
    highest = max(trivial.always_no, trivial.always_yes, trivial.majority)
    yield Finding(
        "trivial_baseline",
        Severity.WARNING if highest >= _HIGH and len(asked) >= _FEW else Severity.NOTE,
        len(asked),
        ids(asked),
        f"{task}: always No scores {trivial.always_no:.3f}, always Yes {trivial.always_yes:.3f}, the majority of each "
        f"template {trivial.majority:.3f}",
        "Show this beside every score; only what lies above the highest of them is knowledge.",
        task,
    )
    templates: dict[str, list[Question]] = defaultdict(list)
    for question in asked:
        templates[question.template].append(question)
    for name, group in templates.items():
        golds = {question.answer for question in group}
        if len(group) >= _FEW and len(golds) == 1:
            yield Finding(
                "one_sided_template",
                Severity.WARNING,
                len(group),
                ids(group),
                f"{task}: the gold is {golds.pop()} in {len(group)} of {len(group)} questions of {name}, for example "
                f"“{group[0].question}”",
                "Add questions with the other gold, or leave these out: the wording alone gives the answer.",
                task,
            )
