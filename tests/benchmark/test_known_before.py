"""What counts as having known a fact before it was changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ftb_tui.benchmark.graders import Verdict
from ftb_tui.benchmark.known_before import asking_task, grade_before, held_facts, tells_what_was_before
from ftb_tui.benchmark.load import load_bundled
from ftb_tui.benchmark.model import Question, Task

CODING, MEDICAL, PEOPLE = (load_bundled(name) for name in ("coding", "medical", "fictional_people"))
FOREST = next(question for question in CODING.questions if question.answer_before == "RandomForestClassifier")
COLON = replace(FOREST, answer="45", answer_before="50", fact_id="colon")


@pytest.mark.parametrize(
    ("question", "answer", "held"),
    [
        (FOREST, "RandomForestClassifier", True),
        (FOREST, "`RandomForestClassifier`\n", True),
        (FOREST, "It is the RandomForestClassifier.", True),
        (FOREST, "GroveVoteClassifier", False),
        (FOREST, "ExtraTreesClassifier", False),
        (FOREST, "", False),
        (COLON, "From 50 years on", True),
        (COLON, "45", False),
    ],
)
def test_the_old_answer_is_graded_as_a_gold_would_be(question: Question, answer: str, held: bool) -> None:
    assert (grade_before(question, answer).verdict is Verdict.CORRECT) is held
    assert held_facts([(question, answer)]) == (frozenset({question.fact_id}) if held else frozenset())


def test_a_question_whose_answer_did_not_change_tells_nothing() -> None:
    same = replace(FOREST, answer="RandomForestClassifier")
    assert not tells_what_was_before(same)
    assert held_facts([(same, "RandomForestClassifier")]) == frozenset()


def test_a_question_without_an_old_answer_cannot_be_graded_so() -> None:
    with pytest.raises(ValueError, match="has no answer_before"):
        grade_before(replace(FOREST, answer_before=None), "x")


def test_memorization_is_asked_where_it_can_tell_and_else_the_first_task_that_can() -> None:
    assert asking_task(CODING.questions) is asking_task(MEDICAL.questions) is Task.MEMORIZATION
    assert asking_task(q for q in CODING.questions if q.task is Task.REPHRASED) is Task.REPHRASED
    assert asking_task(PEOPLE.questions) is None
