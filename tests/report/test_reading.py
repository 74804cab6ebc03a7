"""What the figures are said to say: of whom, by whose count, and no surer than they are."""

from __future__ import annotations

import pytest

from ftb_tui.report.reading import reading, readings
from tests.report.rows import ROWS, TUNED, row


def memorized(n: int, right: int, base: int, fixed: int, broken: int, p: float, low: float, high: float) -> str:
    found = reading(
        [
            row(n=n, correct=base, score=base / n),
            row(**{**TUNED, "paired": n, "broken": broken, "base_score": base / n}, n=n, correct=right, score=right / n,
                low=low, high=high, fixed=fixed, p_value=p, planned=n),
        ]
    )  # fmt: skip
    return found[0]


def yes_no(task: str, base: dict[str, object] | None) -> str:
    rows = [] if base is None else [row(task=task, **base)]
    tuned = row(**TUNED, task=task, fixed=0, p_value=1.0, abstained=24)
    return reading([*rows, tuned])[0]


def test_one_model_on_one_dataset_needs_no_name() -> None:
    assert [said.head for said in readings(ROWS)] == [""]
    assert reading(ROWS)[0].startswith("The facts are in: of the trained questions 0.96 are right")


def test_every_group_of_sentences_names_its_model_and_dataset_where_there_are_several() -> None:
    second = {**TUNED, "model": "ft:gpt-4o-mini:ftb::Zz9", "base_model": "gpt-4o-mini", "model_key": 3}
    elsewhere = {**TUNED, "dataset": "news", "dataset_id": "news@1"}
    figures = {"correct": 12, "score": 0.5, "low": 0.314, "high": 0.686, "fixed": 12, "p_value": 0.0005}
    rows = [*ROWS, row(**second, **figures), row(**elsewhere, **figures)]
    assert [said.head for said in readings(rows)] == [
        "people, smollm2-135m 0a1b2c3d (tuned):",
        "people, gpt-4o-mini Zz9 (tuned):",
        "news, smollm2-135m 0a1b2c3d (tuned):",
    ]
    lines = reading(rows)
    assert lines[lines.index("people, gpt-4o-mini Zz9 (tuned):") + 1].startswith("Part of the facts is in")


def test_a_dataset_that_only_the_base_was_asked_of_is_reason_enough_for_names() -> None:
    assert readings([*ROWS, row(dataset="news", dataset_id="news@1")])[0].head.startswith("people, ")


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ((24, 23, 0, 23, 0, 2.4e-07, 0.80, 0.99), "The facts are in: of the trained"),
        ((24, 16, 3, 14, 1, 0.0009, 0.47, 0.82), "Part of the facts is in: of the trained"),
        ((27, 18, 11, 10, 3, 0.065, 0.48, 0.81), "Not sure whether the facts are in: of the trained"),
        ((24, 3, 1, 3, 1, 0.625, 0.04, 0.31), "Not sure whether the facts are in: of the trained"),
        ((24, 0, 0, 0, 0, 1.0, 0.00, 0.14), "The facts are not in: of the trained"),
        ((6, 0, 0, 0, 0, 1.0, 0.00, 0.39), "The facts are not in: of the trained"),
        ((24, 23, 22, 2, 1, 1.0, 0.80, 0.99), "The facts are in, but the base model may have had them: of the trained"),
        ((24, 9, 20, 0, 11, 0.001, 0.21, 0.57), "The facts are not in: of the trained"),
    ],
)  # fmt: skip
def test_the_verdict_is_no_surer_than_the_test(
    figures: tuple[int, int, int, int, int, float, float, float], said: str
) -> None:
    assert memorized(*figures).startswith(said)


def test_what_may_be_chance_is_called_that_with_its_p() -> None:
    assert memorized(27, 18, 11, 10, 3, 0.065, 0.48, 0.81).endswith("may be chance (exact McNemar p .065).")
    unsure = row(**TUNED, task="rephrased", correct=5, score=5 / 24, low=0.09, high=0.40, fixed=5, p_value=0.0625)
    assert reading([row(task="rephrased"), unsure])[0].endswith("p .062): not sure, this may be chance.")
    assert "chance" not in reading(ROWS)[1]


def test_where_no_answer_differs_there_is_no_chance_to_speak_of() -> None:
    same = row(**TUNED, task="rephrased", fixed=0, p_value=1.0)
    assert reading([row(task="rephrased"), same])[0].endswith("p 1): the same on every question.")
    assert memorized(24, 10, 10, 0, 0, 1.0, 0.24, 0.61).endswith("and the two are the same on every question.")


def test_without_the_bases_answers_nothing_is_put_down_to_the_tuning() -> None:
    alone = row(**{**TUNED, "base_score": None, "broken": None, "paired": None}, correct=23, score=23 / 24, low=0.798)
    assert reading([alone])[0].endswith("What the base model knew was not asked.")


def test_an_evaluation_half_way_or_a_grader_of_some_says_of_how_many_questions_it_speaks() -> None:
    half = row(**TUNED, n=12, planned=24, correct=7, score=7 / 12, low=0.32, high=0.81, fixed=7, p_value=0.016)
    assert "of 12 of the 24 trained questions 0.58 are right" in reading([row(), half])[0]


@pytest.mark.parametrize("task", ["secondary", "comparison"])
def test_only_a_form_that_was_there_can_be_lost(task: str) -> None:
    lost = "the tuned model has lost the form of the answer, which does not tell whether it knows."
    assert yes_no(task, {"correct": 12, "abstained": 0}).endswith(f"24 of 24 answers are neither Yes nor No: {lost}")
    assert yes_no(task, {"correct": 12, "abstained": 5}).endswith(f"neither Yes nor No (5 of 24 of the base's): {lost}")
    never = yes_no(task, {"abstained": 24})
    assert "lost" not in never
    assert "nor are 24 of 24 of the base's: the base model never had the form of the answer" in never
    assert yes_no(task, None).endswith("are neither Yes nor No, which does not tell whether it knows.")
