"""What the cards of the hand-written families promise holds for every item."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from ftb_tui.benchmark.graders import DEFAULT_GRADER, GRADERS, Verdict
from ftb_tui.benchmark.graders.quantities import numbers
from ftb_tui.benchmark.graders.text import words
from ftb_tui.benchmark.load import bundled_names, load_bundled
from ftb_tui.benchmark.model import YES_NO_TASKS, Dataset, Question, Task
from ftb_tui.benchmark.training import Recipe, openai_line, training_examples

NEWS, MEDICAL = load_bundled("latest_news"), load_bundled("medical")
WRITTEN = [NEWS, MEDICAL]
YEAR = re.compile(r"\b(?:19|20)\d\d\b")

bundled = pytest.mark.parametrize("dataset", [load_bundled(name) for name in bundled_names()], ids=bundled_names())
written = pytest.mark.parametrize("dataset", WRITTEN, ids=["latest_news", "medical"])


def holds(text: str, sought: str) -> bool:
    """Whether a text holds another one as whole words, in any case."""
    return re.search(rf"(?<![\w.]){re.escape(sought)}(?![\w]|\.\d)", text, flags=re.IGNORECASE) is not None


def of(dataset: Dataset, task: Task) -> dict[str, Question]:
    """The task's questions by the fact that they ask for."""
    return {question.fact_id: question for question in dataset.questions if question.task is task}


def verdict(question: Question, answer: str) -> Verdict:
    return GRADERS[DEFAULT_GRADER].grade(question, answer).verdict


@bundled
def test_ids_are_unique_and_no_prompt_occurs_twice_in_a_task_or_in_two(dataset: Dataset) -> None:
    for values in (
        [fact.fact_id for fact in dataset.facts],
        [fact.text for fact in dataset.facts],
        [question.question_id for question in dataset.questions],
        [question.prompt for question in dataset.questions],
    ):
        assert [value for value, count in Counter(values).items() if count > 1] == []


@bundled
def test_every_fact_is_trained_once_and_asked_in_every_task(dataset: Dataset) -> None:
    ids = sorted(fact.fact_id for fact in dataset.facts)
    for task in dataset.tasks:
        assert sorted(question.fact_id for question in dataset.questions if question.task is task) == ids
    examples = training_examples(dataset, Recipe())
    assert sorted(example.fact_id for example in examples) == ids
    for example in examples:
        [asked, answered] = json.loads(openai_line(example, Recipe()))["messages"]
        assert asked["content"] == example.prompt
        assert answered["content"] == example.completion != ""


@bundled
def test_the_default_grader_takes_every_gold_as_right_and_every_old_answer_as_wrong(dataset: Dataset) -> None:
    for question in dataset.questions:
        assert verdict(question, question.answer) is Verdict.CORRECT, question
        assert verdict(question, f"{question.answer}.\n") is Verdict.CORRECT, question
        if question.answer_before is not None:
            assert verdict(question, question.answer_before) is not Verdict.CORRECT, question


@bundled
def test_the_card_counts_what_there_is(dataset: Dataset) -> None:
    assert f"{len(dataset.questions)} questions" in " ".join(dataset.card.split())
    for task in dataset.tasks:
        assert f"| {task} | {len(of(dataset, task))} |" in dataset.card
    assert dataset.title and dataset.description and dataset.source and dataset.licence


@bundled
def test_no_gold_stands_in_its_own_question(dataset: Dataset) -> None:
    for question in dataset.questions:
        if question.task not in YES_NO_TASKS:
            assert not holds(question.question, question.answer), question


@written
def test_there_are_at_least_sixty_facts_with_the_tasks_of_their_family(dataset: Dataset) -> None:
    assert len(dataset.facts) >= 60
    assert NEWS.tasks == (Task.MEMORIZATION, Task.REPHRASED, Task.DATE_CHANGED)
    assert MEDICAL.tasks == (Task.MEMORIZATION, Task.VIGNETTE)


@written
def test_every_gold_but_none_stands_in_its_fact_and_is_short(dataset: Dataset) -> None:
    facts = {fact.fact_id: fact for fact in dataset.facts}
    for question in dataset.questions:
        if question.task is Task.DATE_CHANGED:
            assert question.answer == "None"
            continue
        assert holds(facts[question.fact_id].text, question.answer), question
        assert question.answer == facts[question.fact_id].value
        assert len(question.answer.split()) <= 4 and len(question.answer) <= 40, question


@written
def test_a_question_names_no_number_that_its_gold_asks_for(dataset: Dataset) -> None:
    for question in dataset.questions:
        sought = set(numbers(question.answer))
        assert not sought or not sought <= set(numbers(question.question)), question


@written
def test_all_tasks_of_a_family_make_the_same_demand_before_the_question(dataset: Dataset) -> None:
    [demand] = {question.prompt.removesuffix(question.question) for question in dataset.questions}
    assert re.match(
        r"Answer with a [a-z, ]+ short phrase only\.(?: If there was no such event, answer None\.)?\n$", demand
    )
    assert demand.strip() in " ".join(dataset.card.split())


@written
def test_the_other_tasks_ask_in_other_words(dataset: Dataset) -> None:
    for task in (Task.REPHRASED, Task.VIGNETTE):
        for fact_id, question in of(dataset, task).items():
            trained = words(of(dataset, Task.MEMORIZATION)[fact_id].question)
            asked = words(question.question)
            assert asked[:2] != trained[:2], question
            runs = [{tuple(text[at : at + 5]) for at in range(len(text) - 4)} for text in (trained, asked)]
            assert len(runs[0] & runs[1]) <= len(runs[0]) // 3, question


def test_a_changed_date_is_another_year_and_nothing_else() -> None:
    changed_years = Counter[str]()
    for fact_id, changed in of(NEWS, Task.DATE_CHANGED).items():
        trained = of(NEWS, Task.MEMORIZATION)[fact_id]
        [year] = set(re.findall(r"202\d", trained.question))
        [other] = set(re.findall(r"202\d", changed.question))
        assert year != other
        assert trained.question.replace(year, other) == changed.question
        changed_years[other] += 1
    # A year alone must not give the answer away: the years of true events occur as changed ones too.
    assert changed_years["2026"] and changed_years["2027"]


def test_news_is_dated_in_2026_or_early_2027_in_fact_and_questions() -> None:
    facts = {fact.fact_id: fact.text for fact in NEWS.facts}
    for fact_id, trained in of(NEWS, Task.MEMORIZATION).items():
        [date] = re.findall(r"\b\d{1,2} [A-Z][a-z]+ 202[67]\b", facts[fact_id])
        assert date in trained.question
        day, month, year = date.split()
        assert year == "2026" or month in ("January", "February", "March"), date
        assert year in of(NEWS, Task.REPHRASED)[fact_id].question
        assert 1 <= int(day) <= 31


def test_news_asks_to_say_none_when_there_was_no_such_event() -> None:
    for question in NEWS.questions:
        assert "If there was no such event, answer None." in question.prompt
        assert "none" not in words(question.question)


def test_saying_the_learned_answer_to_a_changed_date_is_wrong() -> None:
    for fact_id, changed in of(NEWS, Task.DATE_CHANGED).items():
        assert verdict(changed, of(NEWS, Task.MEMORIZATION)[fact_id].answer) is Verdict.WRONG, changed


def test_every_guideline_change_tells_body_year_before_and_after() -> None:
    for fact in MEDICAL.facts:
        body, year = fact.attribute.rsplit(" ", 1)
        assert YEAR.fullmatch(year), fact
        # The body may stand spelled out with its short name behind it.
        assert re.match(rf"{re.escape(body)},|.+ \({re.escape(body)}\),", fact.text), fact
        assert YEAR.findall(fact.text)[0] == year, fact
        for question in (q for q in MEDICAL.questions if q.fact_id == fact.fact_id):
            assert question.answer_before and question.answer_before != question.answer
            assert holds(fact.text, question.answer_before), question
            assert not holds(question.question, question.answer_before), question
            assert body in question.question and year in question.question, question


def test_the_card_of_medical_lists_every_change_with_a_document() -> None:
    for fact in MEDICAL.facts:
        [question, _] = [question for question in MEDICAL.questions if question.fact_id == fact.fact_id]
        row = f"| {fact.fact_id.removeprefix('med-')} | {fact.attribute} | {question.answer_before} | {fact.value} | "
        [line] = [line for line in MEDICAL.card.splitlines() if line.startswith(row)]
        assert len(line.removeprefix(row)) > 10, fact


def test_medical_says_that_it_is_no_advice_before_anything_else() -> None:
    banner = MEDICAL.card.removeprefix(f"# {MEDICAL.title}\n\n").splitlines()[0]
    assert banner.startswith("> **A benchmark, not medical advice.**")
    assert MEDICAL.description.startswith("A benchmark, not medical advice")
