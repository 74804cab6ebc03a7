"""Questions that are asked more than once."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from ftb_tui.benchmark.audit.finding import Finding, Severity, ids, of_task, some
from ftb_tui.benchmark.audit.wording import folded
from ftb_tui.benchmark.model import YES_NO_TASKS, Dataset, Question

_SHORTEST = 8
"""Words below which two questions that differ in one word are two questions."""


def repeats(dataset: Dataset) -> Iterator[Finding]:
    """`duplicate_question` and `same_question_different_golds`, for each task."""
    for task in dataset.tasks:
        groups: dict[str, list[Question]] = defaultdict(list)
        for question in of_task(dataset, task):
            groups[folded(question.question)].append(question)
        repeated = [group for group in groups.values() if len(group) > 1]
        if repeated:
            rows = [question for group in repeated for question in group]
            yield Finding(
                "duplicate_question",
                Severity.WARNING,
                len(repeated),
                ids(rows),
                f"{task}: {_questions(len(repeated))} asked more than once ({_times(repeated)}): "
                f"{some(group[0].question for group in repeated)}",
                "Keep one row of each, or its answer counts several times.",
                task,
            )
        differing = [group for group in repeated if len({folded(question.answer) for question in group}) > 1]
        if differing:
            rows = [question for group in differing for question in group]
            golds = "; ".join(
                f"{_times([group])}, golds {some((question.answer for question in group), 4)}"
                for group in differing[:3]
            )
            yield Finding(
                "same_question_different_golds",
                Severity.ERROR,
                len(differing),
                ids(rows),
                f"{task}: {_questions(len(differing))} asked with different golds: {golds}",
                "No answer is right for all rows. Make the questions tell apart what they ask, or keep one gold.",
                task,
            )


def near_repeats(dataset: Dataset) -> Iterator[Finding]:
    """`near_duplicate_question`: same gold, and all but one word the same, which is neither a name nor a number."""
    for task in dataset.tasks:
        if task in YES_NO_TASKS:
            continue
        pairs = _near(of_task(dataset, task))
        if pairs:
            rows = {question.question_id: question for pair in pairs for question in pair}
            yield Finding(
                "near_duplicate_question",
                Severity.WARNING,
                len(pairs),
                tuple(rows),
                f"{task}: {len(pairs)} pairs of questions with one gold differ in a word: "
                f"{some((question.question for question in pairs[0]), 2)}",
                "Look whether both are needed: they measure the same thing twice.",
                task,
            )


def _near(questions: Sequence[Question]) -> list[tuple[Question, Question]]:
    """Pairs found without comparing all with all: each question is filed under itself without each of its words."""
    filed: dict[tuple[str, tuple[str, ...]], list[Question]] = defaultdict(list)
    found: dict[tuple[str, str], tuple[Question, Question]] = {}
    # Equal questions are one question here; that they repeat is another check's matter.
    for text, question in {folded(question.question): question for question in reversed(questions)}.items():
        for rest in near_forms(question.question):
            for other in filed[folded(question.answer), rest]:
                found.setdefault((folded(other.question), text), (question, other))
            filed[folded(question.answer), rest].append(question)
    return list(found.values())


def near_forms(text: str, *, shortest: int = _SHORTEST) -> set[tuple[str, ...]]:
    """The text's words, and its words without each that is neither a name nor a number; none below `shortest` words.

    Two texts of which one form is equal differ in at most one such word.
    """
    words = re.findall(r"[^\W_]+(?:['’.,][^\W_]+)*", text)
    if len(words) < shortest:
        return set()
    lower = tuple(word.casefold() for word in words)
    left_out = [place for place, word in enumerate(words) if not _telling(word)]
    return {lower, *(lower[:place] + lower[place + 1 :] for place in left_out)}


def _telling(word: str) -> bool:
    return any(character.isdigit() for character in word) or word[:1].isupper()


def _times(groups: Sequence[Sequence[Question]]) -> str:
    counts = Counter(len(group) for group in groups)
    words = {2: "twice"}
    return ", ".join(
        (f"{count} x " if count > 1 else "") + words.get(times, f"{times} times")
        for times, count in sorted(counts.items(), reverse=True)
    )


def _questions(count: int) -> str:
    return "1 question is" if count == 1 else f"{count} questions are"
