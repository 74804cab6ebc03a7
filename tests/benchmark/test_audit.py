"""The audit names each fault with its rows, and says nothing of what is in order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from ftb_tui.benchmark.audit import Finding, Severity, audit, tally
from ftb_tui.benchmark.importing import read_path
from ftb_tui.benchmark.load import bundled_names, load_bundled
from ftb_tui.benchmark.model import Dataset, Fact, Family, Question, Task
from tests.benchmark.published import REAL, coding, medical, needs_real, news, people, write

Key = tuple[str, Task | None]


def of(findings: Iterable[Finding]) -> dict[Key, Finding]:
    """By check and task; fails when one is said twice."""
    listed = list(findings)
    keyed = {(finding.check, finding.task): finding for finding in listed}
    assert len(keyed) == len(listed)
    return keyed


def dataset(*questions: Question, facts: Iterable[Fact] = (), family: Family = Family.CUSTOM) -> Dataset:
    return Dataset("own", family, tuple(facts), questions)


def asked(
    text: str, gold: str, task: Task = Task.MEMORIZATION, fact: str = "f", prompt: str = "", own: str = ""
) -> Question:
    return Question(own or f"{task}/{text}/{gold}", task, fact, prompt or text, text, gold)


def checks(found: Dataset) -> set[str]:
    return {finding.check for finding in audit(found)}


@pytest.mark.parametrize("name", bundled_names())
def test_the_bundled_datasets_have_no_error(name: str) -> None:
    assert [finding for finding in audit(load_bundled(name)) if finding.severity is Severity.ERROR] == []


def test_a_question_asked_twice_is_one_fault_of_two_rows_and_different_golds_are_worse() -> None:
    one, two, three = (asked("Who sang?", gold, own=str(n)) for n, gold in enumerate(("Ida", "Ida", "Olm")))
    assert set(of(audit(dataset(one, two)))) == {("duplicate_question", Task.MEMORIZATION)}
    found = of(audit(dataset(one, replace(two, question="who  SANG?"), three)))
    twice = found["duplicate_question", Task.MEMORIZATION]
    assert (twice.count, twice.question_ids) == (1, ("0", "1", "2"))
    differing = found["same_question_different_golds", Task.MEMORIZATION]
    assert (differing.count, differing.severity) == (1, Severity.ERROR)
    assert "Ida" in differing.message and "Olm" in differing.message
    again = asked("Who sang?", "Ida", Task.VIGNETTE)
    assert "duplicate_question" not in checks(dataset(one, again))


def test_near_duplicates_differ_in_a_word_that_tells_nothing() -> None:
    base = "In which small town did the orchestra play its concert?"
    for other, near in (
        (base.replace("small", "little"), True),
        (base.replace("small ", ""), True),
        (base.replace("orchestra", "Orlanda"), False),
        (base.replace("concert", "2nd"), False),
        (base.replace("small town", "big city"), False),
    ):
        pair = dataset(asked(base, "Ulm", own="a"), asked(other, "Ulm", own="b"))
        assert ("near_duplicate_question" in checks(pair)) is near, other
    assert "near_duplicate_question" not in checks(
        dataset(asked(base, "Ulm"), asked(base.replace("small", "little"), "Bonn"))
    )


def test_a_trained_question_in_a_test_is_an_error_also_when_only_its_origin_is_known() -> None:
    trained, leaked = asked("Who sang?", "Ida"), asked("Who sang? ", "Ida", Task.REPHRASED)
    found = of(audit(dataset(trained, leaked)))
    assert found["identical_across_tasks", Task.REPHRASED].question_ids == (leaked.question_id,)
    alone = replace(leaked, original="Who sang?")
    assert "identical_across_tasks" in checks(dataset(alone))
    assert "identical_across_tasks" not in checks(dataset(trained, asked("Name the singer.", "Ida", Task.REPHRASED)))


@pytest.mark.parametrize(
    ("changed", "unchanged"),
    [
        ("Who sang on May 3, 2025?", False),
        ("Who sang on June 3, 2024?", False),
        ("Who was singing on May 3, 2024?", True),
        ("Who sang on May 3, 2024?", True),
    ],
)
def test_a_date_that_did_not_change_is_found_whatever_else_did(changed: str, unchanged: bool) -> None:
    trained = asked("Who sang on May 3, 2024?", "Ida")
    question = asked(changed, "None", Task.DATE_CHANGED)
    assert ("date_unchanged" in checks(dataset(trained, question))) is unchanged
    assert ("date_unchanged" in checks(dataset(replace(question, original=trained.question)))) is unchanged


@pytest.mark.parametrize(
    ("gold", "check"),
    [("", "empty_gold"), (" ", "empty_gold"), ("nan", "nan_like_gold"), ("#N/A", "nan_like_gold")],
)
def test_golds_that_are_nothing_are_errors_but_none_is_a_word(gold: str, check: str) -> None:
    assert check in checks(dataset(asked("Who?", gold)))
    for task in (Task.DATE_CHANGED, Task.MEMORIZATION):
        assert checks(dataset(asked("Who?", "None", task))) == set()


def test_golds_are_sought_in_fact_and_article_and_in_their_question() -> None:
    fact = Fact("f", "Ida sang in Ulm.", context="On Monday Ida Olm sang in Ulm.")
    assert checks(dataset(asked("Who sang?", "ida"), facts=[fact])) == set()
    assert checks(dataset(asked("Who sang?", "Ida Olm"), facts=[fact])) == {"gold_not_in_fact"}
    assert checks(dataset(asked("Who sang?", "Kuno"), facts=[fact])) == {"gold_not_in_fact", "gold_not_in_context"}
    # What has to be worked out need not stand there.
    assert checks(dataset(asked("A man asks who sang.", "Kuno did", Task.VIGNETTE), facts=[fact])) == set()
    [whole] = audit(dataset(asked("Did Ida or Kuno sing?", "Ida")))
    [part] = audit(dataset(asked("How many sang in 2024?", "24")))
    assert (whole.severity, part.severity) == (Severity.WARNING, Severity.NOTE)


def test_a_yes_no_task_has_its_trivial_scores_and_its_one_sided_wordings() -> None:
    rows = [asked(f"Is N{n} over {n}?", "No" if n < 7 else "Yes", Task.SECONDARY) for n in range(10)]
    rows += [asked(f"Does the town of M{n} begin with a vowel?", "No", Task.SECONDARY) for n in range(5)]
    found = of(audit(dataset(*rows)))
    trivial = found["trivial_baseline", Task.SECONDARY]
    assert "always No scores 0.800, always Yes 0.200, the majority of each template 0.800" in trivial.message
    assert (trivial.severity, trivial.count) == (Severity.WARNING, 15)
    one_sided = found["one_sided_template", Task.SECONDARY]
    assert (one_sided.count, len(one_sided.question_ids)) == (5, 5)


def person(name: str, **values: str) -> list[Fact]:
    return [Fact(f"{name}/{key}", f"{name}: {value}", name, key, value) for key, value in values.items()]


WORLD = [
    *person("Ida Olm", height="181", age="44", weight="80", town="Ulm"),
    *person("Kuno Ast", height="170", age="29", weight="75", town="Bonn"),
]


def compared(text: str, gold: str, attribute: str = "height", *, same: bool = False) -> Question:
    other = "Ida Olm" if same else "Kuno Ast"
    return replace(asked(text, gold, Task.COMPARISON, f"Ida Olm/{attribute}"), other_fact_id=f"{other}/{attribute}")


@pytest.mark.parametrize(
    ("text", "truth", "attribute"),
    [
        ("Is Ida taller than Kuno?", "Yes", "height"),
        ("Is Kuno Ast shorter than Ida Olm?", "Yes", "height"),
        ("Does Ida weigh less than Kuno?", "No", "weight"),
        ("Is Kuno older than Ida?", "No", "age"),
        ("Was Kuno born earlier than Ida?", "No", "age"),
        ("Is Ida alphabetically first than Kuno?", "Yes", "town"),
        ("In alphabetical order, does the town of Ida come before the town of Kuno?", "No", "town"),
    ],
)
def test_a_comparison_s_gold_is_recomputed_from_the_facts(text: str, truth: str, attribute: str) -> None:
    for gold in ("Yes", "No"):
        found = checks(dataset(compared(text, gold, attribute), facts=WORLD))
        assert ("comparison_gold_contradicts_facts" in found) is (gold != truth)


def test_what_cannot_be_read_or_known_is_passed_over() -> None:
    unknown = [fact for fact in WORLD if fact.attribute != "height"]
    assert "comparison_gold_contradicts_facts" not in checks(
        dataset(compared("Is Ida taller than Kuno?", "No"), facts=unknown)
    )
    riddle = compared("Do Ida and Kuno play the same instrument?", "No")
    assert "comparison_gold_contradicts_facts" not in checks(dataset(riddle, facts=WORLD))
    namesakes = [*WORLD, *person("Ida Ast", height="150")]
    assert "comparison_gold_contradicts_facts" not in checks(
        dataset(compared("Is Ida taller than Kuno?", "No"), facts=namesakes)
    )


def test_self_comparisons_and_facts_that_decide_nothing_are_named() -> None:
    rows = [
        compared("Is Ida taller than Ida?", "No", "weight", same=True),
        compared("Is Ida taller than Kuno?", "Yes", "weight"),
        compared("Is Ida heavier than Kuno?", "Yes", "weight"),
    ]
    found = of(audit(dataset(*rows, facts=WORLD)))
    assert found["self_comparison", Task.COMPARISON].question_ids == (rows[0].question_id,)
    assert found["comparison_cites_one_attribute", Task.COMPARISON].count == 3
    assert found["comparison_cites_other_fact", Task.COMPARISON].count == 2


@pytest.mark.parametrize(
    ("question", "fact", "missing"),
    [
        ("How tall is Ida?", "Ida is 181 cm tall.", True),
        ("How tall is Ida in metres?", "Ida is 181 cm tall.", False),
        ("How old is Ida?", "Ida is 181 years old.", False),
        ("What dose is given?", "The dose is 181 mg.", True),
        ("How tall is Ida?", "Ida is 1181 cm tall.", False),
    ],
)
def test_a_bare_number_of_something_wants_a_unit_in_its_question(question: str, fact: str, missing: bool) -> None:
    found = audit(dataset(asked(question, "181"), facts=[Fact("f", fact)]))
    assert ("unit_not_named" in {finding.check for finding in found}) is missing


def test_tasks_that_demand_another_form_are_told() -> None:
    trained = asked("Who sang?", "Ida", prompt="Answer with a short phrase.\nWho sang?")
    free = asked("Name the singer.", "Ida", Task.REPHRASED)
    assert of(audit(dataset(trained, free)))["format_demand_differs", Task.REPHRASED].severity is Severity.WARNING
    same = replace(free, prompt="Answer with a short phrase.\nName the singer.")
    assert checks(dataset(trained, same)) == set()
    allowed = replace(same, prompt=same.prompt + "\nIf you do not know, say None.")
    assert of(audit(dataset(trained, allowed)))["format_demand_differs", Task.REPHRASED].severity is Severity.NOTE
    # "short" in the question itself demands nothing.
    worded = asked("Which short song did Ida sing?", "Ode", Task.REPHRASED)
    assert "format_demand_differs" in checks(dataset(trained, worded))


def test_questions_that_differ_in_a_number_only_are_no_near_duplicates() -> None:
    rows = [
        asked(f"Which number has the house of person {n} in the long street?", "one", own=str(n)) for n in range(2000)
    ]
    assert "near_duplicate_question" not in checks(dataset(*rows))


def test_the_faults_of_small_files_in_the_published_shapes_are_found(tmp_path: Path) -> None:
    found = {
        d.name: of(audit(d))
        for d in read_path(write(tmp_path, {**news(), **people(), **medical(), **coding()})).datasets
    }
    world = found["finetunebench_fictional_people"]
    assert {key[0]: finding.count for key, finding in world.items() if key[1] is Task.COMPARISON} == {
        "self_comparison": 1,
        # Taller and the age of Mira herself are judged by weights; of the names, "Mira" does not come first.
        "comparison_gold_contradicts_facts": 2,
        "comparison_cites_one_attribute": 4,
        "comparison_cites_other_fact": 3,
        "trivial_baseline": 4,
    }
    assert world["unit_not_named", Task.MEMORIZATION].count == 2
    assert found["finetunebench_medical"]["same_question_different_golds", Task.MEMORIZATION].count == 1
    assert found["finetunebench_coding"]["several_new_names", Task.REPHRASED].count == 1
    assert found["finetunebench_coding"]["not_an_identifier", Task.REPHRASED].count == 1
    assert found["finetunebench_latest_news"]["format_demand_differs", Task.REPHRASED].count == 3
    assert tally(found["finetunebench_latest_news"].values())["error"] == 0


@needs_real
def test_every_known_fault_of_the_published_files_is_found_with_its_count() -> None:
    found = {d.name.removeprefix("finetunebench_"): of(audit(d)) for d in read_path(REAL).datasets}
    counts = {
        (family, check, str(task)): finding.count
        for family, keyed in found.items()
        for (check, task), finding in keyed.items()
    }
    expected = {
        ("fictional_people", "comparison_gold_contradicts_facts", "comparison"): 55,
        ("fictional_people", "self_comparison", "comparison"): 7,
        ("fictional_people", "comparison_cites_one_attribute", "comparison"): 150,
        ("fictional_people", "one_sided_template", "secondary"): 25,
        ("fictional_people", "trivial_baseline", "secondary"): 150,
        ("fictional_people", "unit_not_named", "memorization"): 25,
        ("latest_news", "date_unchanged", "date_changed"): 4,
        ("latest_news", "identical_across_tasks", "date_changed"): 4,
        ("latest_news", "duplicate_question", "memorization"): 2,
        ("latest_news", "gold_not_in_fact", "memorization"): 65,
        ("latest_news", "gold_not_in_context", "memorization"): 24,
        ("latest_news", "gold_in_question", "memorization"): 4,
        ("latest_news", "format_demand_differs", "rephrased"): 590,
        ("medical", "same_question_different_golds", "memorization"): 2,
        ("coding", "several_new_names", "rephrased"): 8,
        ("coding", "not_an_identifier", "rephrased"): 3,
    }
    assert {key: counts.get(key) for key in expected} == expected
    secondary = found["fictional_people"]["trivial_baseline", Task.SECONDARY].message
    assert "always No scores 0.613" in secondary and "majority of each template 0.793" in secondary
    assert "4 times, twice" in found["medical"]["duplicate_question", Task.MEMORIZATION].message
    assert "vowel" in found["fictional_people"]["one_sided_template", Task.SECONDARY].message


@needs_real
def test_one_real_file_alone_is_audited_as_far_as_it_tells() -> None:
    [alone, *_] = read_path(REAL / "latest_news" / "latest_news_date_changed.csv").datasets
    assert of(audit(alone))["date_unchanged", Task.DATE_CHANGED].count == 4
    [compare] = read_path(REAL / "fictional_people" / "fictional_people_comparison.csv").datasets
    found = of(audit(compare))
    assert found["self_comparison", Task.COMPARISON].count == 7
    assert "could not be checked" in found["comparison_gold_contradicts_facts", Task.COMPARISON].message
