"""Part of a dataset: the first people, some tasks, at most so many questions a task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random

from ftb_tui.benchmark.load import DatasetError
from ftb_tui.benchmark.model import YES_NO_TASKS, Dataset, Question, Task


def subset(
    dataset: Dataset,
    *,
    people: int | None = None,
    facts: int | None = None,
    limit: int | None = None,
    tasks: Sequence[Task] | None = None,
    seed: int = 0,
) -> tuple[Question, ...]:
    """The questions that remain, in the dataset's order.

    `people` keeps the facts of the first so many subjects, `facts` the first so many facts; a comparison stays only if
    both its facts do. `limit` keeps at most so many questions of each task, drawn with the seed, Yes and No in turn and
    each template in turn, so that a balanced task stays balanced whatever the limit.
    """
    questions: Iterable[Question] = dataset.questions
    if tasks is not None:
        questions = [question for question in questions if question.task in tasks]
    kept = first_facts(dataset, people=people, facts=facts)
    if kept is not None:
        questions = [
            question
            for question in questions
            if question.fact_id in kept and (question.other_fact_id or question.fact_id) in kept
        ]
    if limit is not None:
        chosen = set()
        listed = list(questions)
        for task in Task:
            chosen |= _draw([q for q in listed if q.task is task], limit, seed)
        questions = [question for question in listed if question.question_id in chosen]
    return tuple(questions)


def some_of(
    dataset: Dataset,
    *,
    people: int | None = None,
    facts: int | None = None,
    limit: int | None = None,
    tasks: Sequence[Task] | None = None,
    seed: int = 0,
) -> tuple[Question, ...]:
    """The same where nothing to ask is a mistake. Raises `DatasetError` that says which tasks there are."""
    found = subset(dataset, people=people, facts=facts, limit=limit, tasks=tasks, seed=seed)
    if found:
        return found
    wanted = " or ".join(tasks) if tasks else "the chosen facts"
    if asked := subset(dataset, tasks=tasks):
        raise DatasetError(_left_out(dataset, asked, wanted, people=people, facts=facts))
    raise DatasetError(
        f"{dataset.name} has no question of {wanted} to ask; its tasks are {', '.join(dataset.tasks) or 'none'}."
    )


def _left_out(
    dataset: Dataset, asked: Sequence[Question], wanted: str, *, people: int | None, facts: int | None
) -> str:
    """That the first people or facts leave none of these questions, and how many of them leave one."""
    places = {fact.fact_id: place for place, fact in enumerate(dataset.facts, start=1)}
    needed = min(max(places[fact_id] for fact_id in facts_of([question])) for question in asked)
    enough = {"people": len({fact.subject for fact in dataset.facts[:needed]}), "facts": needed}
    chosen = {name: count for name, count in (("people", people), ("facts", facts)) if count is not None}
    given = " and ".join(f"--{name} {count}" for name, count in chosen.items())
    give = " ".join(f"--{name} {max(count, enough[name])}" for name, count in chosen.items())
    why = ": each compares two facts" if all(question.other_fact_id for question in asked) else ""
    return f"With {given} there is no question of {wanted} of {dataset.name} to ask{why}. Give {give}, or more."


def first_facts(dataset: Dataset, *, people: int | None, facts: int | None) -> frozenset[str] | None:
    """The fact ids of the first so many subjects and among the first so many facts; None for all."""
    if people is None and facts is None:
        return None
    kept = frozenset(fact.fact_id for fact in dataset.facts[:facts])
    return kept if people is None else kept & first_subjects(dataset, people)


def first_subjects(dataset: Dataset, count: int) -> frozenset[str]:
    """The fact ids of the first `count` subjects in the dataset's order."""
    subjects = list(dict.fromkeys(fact.subject for fact in dataset.facts))[:count]
    return frozenset(fact.fact_id for fact in dataset.facts if fact.subject in subjects)


def facts_of(questions: Iterable[Question]) -> tuple[str, ...]:
    """Every fact that the questions rest on, in order of first mention."""
    ids = [i for q in questions for i in (q.fact_id, q.other_fact_id) if i is not None]
    return tuple(dict.fromkeys(ids))


def _draw(questions: list[Question], limit: int, seed: int) -> set[str]:
    """One after the other: of the gold that was drawn least so far, from the template that was, as long as each has more.

    What is drawn for a smaller limit is part of what is drawn for a larger one.
    """
    piles: dict[tuple[str, str], list[Question]] = {}
    for question in questions:
        piles.setdefault((_gold(question), question.template), []).append(question)
    # Text seeds are hashed the same way on every machine; a tuple's hash is not.
    random = Random(f"{seed}")
    for pile in piles.values():
        random.shuffle(pile)
    golds: Counter[str] = Counter()
    templates: Counter[str] = Counter()
    places: Counter[tuple[str, str]] = Counter()

    def drawn(place: tuple[str, str]) -> tuple[int, int, int]:
        gold, template = place
        return golds[gold], templates[template], places[place]

    chosen: set[str] = set()
    while len(chosen) < min(limit, len(questions)):
        gold, template = place = min((place for place, pile in piles.items() if pile), key=drawn)
        chosen.add(piles[place].pop().question_id)
        golds[gold] += 1
        templates[template] += 1
        places[place] += 1
    return chosen


def _gold(question: Question) -> str:
    """Of a yes/no task, which it is; other golds are not told apart, not even one that happens to be a Yes."""
    return question.answer if question.task in YES_NO_TASKS and question.answer in ("Yes", "No") else ""
