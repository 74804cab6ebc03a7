"""What the figures are said to say: of whom, by whose count, and no surer than they are."""

from __future__ import annotations

import pytest

from ftb_tui.report.matrix import adjusted_p, blocks, cell_text
from ftb_tui.report.reading import Reading, reading, readings
from ftb_tui.store.results import ResultRow
from tests.report.rows import ROWS, TUNED, row


def lines_of(rows: list[ResultRow]) -> list[str]:
    return reading(rows, adjusted_p(rows))


def groups_of(rows: list[ResultRow]) -> list[Reading]:
    return readings(rows, adjusted_p(rows))


def memorized(n: int, right: int, base: int, fixed: int, broken: int, p: float, low: float, high: float) -> str:
    found = lines_of(
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
    return lines_of([*rows, tuned])[0]


def test_one_model_on_one_dataset_needs_no_name() -> None:
    assert [said.head for said in groups_of(ROWS)] == [""]
    assert lines_of(ROWS)[0].startswith("The facts are in: of the trained questions 0.96 are right")


def test_every_group_of_sentences_names_its_model_and_dataset_where_there_are_several() -> None:
    second = {**TUNED, "model": "ft:gpt-4o-mini:ftb::Zz9", "base_model": "gpt-4o-mini", "model_key": 3}
    elsewhere = {**TUNED, "dataset": "news", "dataset_id": "news@1"}
    figures = {"correct": 12, "score": 0.5, "low": 0.314, "high": 0.686, "fixed": 12, "p_value": 0.0005}
    rows = [*ROWS, row(**second, **figures), row(**elsewhere, **figures)]
    assert [said.head for said in groups_of(rows)] == [
        "people, smollm2-135m 0a1b2c3d (tuned):",
        "people, gpt-4o-mini Zz9 (tuned):",
        "news, smollm2-135m 0a1b2c3d (tuned):",
    ]
    lines = lines_of(rows)
    assert lines[lines.index("people, gpt-4o-mini Zz9 (tuned):") + 1].startswith("Part of the facts is in")


def test_a_dataset_that_only_the_base_was_asked_of_is_reason_enough_for_names() -> None:
    assert groups_of([*ROWS, row(dataset="news", dataset_id="news@1")])[0].head.startswith("people, ")


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ((24, 23, 0, 23, 0, 2.4e-07, 0.80, 0.99), "The facts are in: of the trained"),
        ((24, 16, 3, 14, 1, 0.0009, 0.47, 0.82), "Part of the facts is in: of the trained"),
        ((27, 18, 11, 10, 3, 0.065, 0.48, 0.81), "Not sure whether the facts are in: of the trained"),
        ((24, 3, 1, 3, 1, 0.625, 0.04, 0.31), "Not sure whether the facts are in: of the trained"),
        ((24, 0, 0, 0, 0, 1.0, 0.00, 0.14), "The facts are not in: of the trained"),
        ((6, 0, 0, 0, 0, 1.0, 0.00, 0.39), "Not sure whether the facts are in: of the trained"),
        ((1, 0, 0, 0, 0, 1.0, 0.00, 0.79), "Not sure whether the facts are in: of the trained"),
        ((24, 23, 22, 2, 1, 1.0, 0.80, 0.99), "The facts are in, but the base model may have had them: of the trained"),
        ((24, 9, 20, 0, 11, 0.001, 0.21, 0.57), "Not sure whether the facts are in: of the trained"),
        ((40, 1, 12, 0, 11, 0.001, 0.00, 0.13), "The facts are not in: of the trained"),
        ((100, 85, 95, 2, 12, 0.013, 0.77, 0.91), "The facts are in: of the trained"),
    ],
)  # fmt: skip
def test_the_verdict_is_no_surer_than_the_test(
    figures: tuple[int, int, int, int, int, float, float, float], said: str
) -> None:
    assert memorized(*figures).startswith(said)


def test_what_may_be_chance_is_called_that_with_its_p() -> None:
    assert memorized(27, 18, 11, 10, 3, 0.065, 0.48, 0.81).endswith(
        "may be chance (exact McNemar, Holm over the table: p .065)."
    )
    unsure = row(**TUNED, task="rephrased", correct=5, score=5 / 24, low=0.09, high=0.40, fixed=5, p_value=0.0625)
    assert lines_of([row(task="rephrased"), unsure])[0].endswith("table: p .062): not sure, this may be chance.")
    assert "chance" not in lines_of(ROWS)[1]


def test_what_the_base_knew_better_is_said_beside_how_much_is_in() -> None:
    said = memorized(100, 85, 95, 2, 12, 0.013, 0.77, 0.91)
    assert said.endswith("the base model 0.95, which knew surely more (exact McNemar, Holm over the table: p .013).")
    assert "knew surely more" in memorized(24, 9, 20, 0, 11, 0.001, 0.21, 0.57)


def test_a_sentence_is_as_sure_as_the_star_of_its_score() -> None:
    """With p .02 and thrice .04, or four times .03, none is below .05 once Holm has adjusted them."""
    for ps in ((0.02, 0.04, 0.04, 0.04), (0.03, 0.03, 0.03, 0.03)):
        tasks = ("memorization", "rephrased", "vignette", "date_changed")
        figures = {"correct": 9, "score": 9 / 24, "low": 0.212, "high": 0.573, "fixed": 9, "broken": 3}
        rows = [row(task=task) for task in tasks]
        rows += [row(**{**TUNED, **figures}, task=task, p_value=p) for task, p in zip(tasks, ps, strict=True)]
        adjusted = adjusted_p(rows)
        cells = [cell for block in blocks(rows) for cell in block.cells.values() if cell.kind == "tuned"]
        stars = [cell_text(cell, adjusted[cell.dataset_id, cell.model_key, cell.task]).direction for cell in cells]
        assert stars == [0, 0, 0, 0]
        memorized, *others = lines_of(rows)
        assert memorized.startswith("Not sure whether the facts are in"), memorized
        assert all(said.endswith("not sure, this may be chance.") for said in others), others
        assert all("p .120" in said for said in others) or ps[0] == 0.02, "the p by which it is judged"


def test_of_a_part_of_the_table_nothing_surer_is_said_than_of_all_of_it() -> None:
    rows = [row(), row(**TUNED, correct=9, score=9 / 24, low=0.212, high=0.573, fixed=9, p_value=0.03)]
    table = [*rows, row(**TUNED, task="rephrased", fixed=9, p_value=0.03)]
    assert reading(rows, adjusted_p(rows))[0].startswith("Part of the facts is in")
    assert reading(rows, adjusted_p(table), bases=table)[0].startswith("Not sure whether the facts are in")


def test_a_test_is_called_what_it_is() -> None:
    repeated = row(**{**TUNED, "test": "sign test over facts"}, task="rephrased", fixed=2, p_value=0.5)
    assert "(sign test over facts, Holm over the table: p .500)" in lines_of([row(task="rephrased"), repeated])[0]


def test_the_base_stands_beside_the_score_over_the_same_questions() -> None:
    """While a run goes on, or where calls failed: over all of its own the tuned model looks worse than the base here."""
    figures = {"n": 40, "planned": 40, "correct": 20, "score": 0.5, "low": 0.352, "high": 0.648}
    pair = {"paired": 20, "base_score": 0.6, "fixed": 4, "broken": 0, "p_value": 0.125}
    tuned = [row(**{**TUNED, **figures, **pair}, task=task) for task in ("memorization", "rephrased")]
    first, second = lines_of([row(), row(task="rephrased"), *tuned])
    assert "0.50 are right (95% .35–.65); on the 20 that both answered 0.80, the base model 0.60" in first
    assert "0.50 (95% .35–.65), on the 20 that both answered 0.80 against 0.60 for the base" in second


def test_where_no_answer_differs_there_is_no_chance_to_speak_of() -> None:
    same = row(**TUNED, task="rephrased", fixed=0, p_value=1.0)
    assert lines_of([row(task="rephrased"), same])[0].endswith("table: p 1): the same on every question.")
    assert memorized(24, 10, 10, 0, 0, 1.0, 0.24, 0.61).endswith("and the two are the same on every question.")


def test_without_the_bases_answers_nothing_is_put_down_to_the_tuning() -> None:
    alone = row(**{**TUNED, "base_score": None, "broken": None, "paired": None}, correct=23, score=23 / 24, low=0.798)
    assert lines_of([alone])[0].endswith("What the base model knew was not asked.")
    one = row(**{**TUNED, "base_score": None, "broken": None, "paired": None, "planned": 1}, n=1, low=0.0, high=0.793)
    assert lines_of([one])[0].startswith("Not sure whether the facts are in"), "one question, and a wrong answer"


def test_an_evaluation_half_way_or_a_grader_of_some_says_of_how_many_questions_it_speaks() -> None:
    half = row(**TUNED, n=12, planned=24, correct=7, score=7 / 12, low=0.32, high=0.81, fixed=7, p_value=0.016)
    assert "of 12 of the 24 trained questions 0.58 are right" in lines_of([row(), half])[0]


@pytest.mark.parametrize("task", ["secondary", "comparison"])
def test_only_a_form_that_was_there_can_be_lost(task: str) -> None:
    lost = "the tuned model has lost the form of the answer, which does not tell whether it knows."
    assert yes_no(task, {"correct": 12, "abstained": 0}).endswith(f"24 of 24 answers are neither Yes nor No: {lost}")
    assert yes_no(task, {"correct": 12, "abstained": 5}).endswith(f"neither Yes nor No (5 of 24 of the base's): {lost}")
    never = yes_no(task, {"abstained": 24})
    assert "lost" not in never
    assert "nor are 24 of 24 of the base's: the base model never had the form of the answer" in never
    assert yes_no(task, None).endswith("are neither Yes nor No, which does not tell whether it knows.")
