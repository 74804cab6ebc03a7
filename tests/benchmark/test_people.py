"""Fictional People is what its card says: every gold follows from the facts, and the files are the generator's."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from ftb_tui.benchmark.load import bundled_folder, load_bundled, write_dataset_folder
from ftb_tui.benchmark.model import YES_NO_TASKS, Dataset, Question, Task
from ftb_tui.benchmark.people import build_fictional_people

PUBLISHED = Path(__file__).resolve().parents[3] / "shared/finetunebench/datasets/fictional_people"
STRINGS = {
    "violin", "cello", "harp", "lute", "banjo", "zither", "viola", "mandolin", "guitar", "ukulele", "dulcimer",
    "sitar", "balalaika",
}  # fmt: skip

BUNDLED = load_bundled("fictional_people")
FRESH = build_fictional_people(seed=7)
SMALL = build_fictional_people(seed=3, people=8)
worlds = pytest.mark.parametrize("world", [BUNDLED, FRESH, SMALL], ids=["bundled", "seed7", "small"])


def value(world: Dataset, person: str, attribute: str) -> str:
    [found] = [fact.value for fact in world.facts if fact.subject == person and fact.attribute == attribute]
    return found


def gold_of(world: Dataset, question: Question) -> str:
    """Answer a question by reading its words and looking the people up, without the generator's code."""
    text = question.question
    people = sorted({f.subject for f in world.facts if f.subject in text}, key=text.index)
    attribute = question.template.split("-")[1]
    held = [value(world, person, attribute) for person in people]
    if question.task in (Task.MEMORIZATION, Task.REPHRASED):
        [only] = held
        return only
    rules = [
        (r"taller than (\d+) centimetres\?", lambda m: int(held[0]) > int(m[1])),
        (r"weigh more than (\d+) kilograms\?", lambda m: int(held[0]) > int(m[1])),
        (r"born before (\d+)\?", lambda m: int(held[0]) < int(m[1])),
        (r"begin with a vowel\?", lambda m: held[0][0] in "AEIOU"),
        (r"^Is (.+) the occupation of", lambda m: held[0] == m[1]),
        (r"plays a string instrument\?", lambda m: held[0] in STRINGS),
        (r" taller than |weigh more than ", lambda m: int(held[0]) > int(held[1])),
        (r"in an earlier year than", lambda m: int(held[0]) < int(held[1])),
        (r"In alphabetical order,", lambda m: held[0].lower() < held[1].lower()),
        (r"the same kind of instrument", lambda m: (held[0] in STRINGS) == (held[1] in STRINGS)),
    ]
    for pattern, rule in rules:
        if match := re.search(pattern, text):
            return "Yes" if rule(match) else "No"
    raise AssertionError(f"no rule reads {text!r}")


def test_the_bundled_files_are_the_generators_output(tmp_path: Path) -> None:
    write_dataset_folder(build_fictional_people(), tmp_path)
    for made in tmp_path.iterdir():
        assert made.read_bytes() == (bundled_folder() / "fictional_people" / made.name).read_bytes(), made.name


def test_the_bundled_world_has_150_questions_in_each_of_four_tasks() -> None:
    assert len(BUNDLED.facts) == 150
    assert Counter(question.task for question in BUNDLED.questions) == {
        Task.MEMORIZATION: 150, Task.REPHRASED: 150, Task.SECONDARY: 150, Task.COMPARISON: 150,
    }  # fmt: skip


@worlds
def test_every_gold_follows_from_the_facts(world: Dataset) -> None:
    for question in world.questions:
        assert gold_of(world, question) == question.answer, question


def leanings(world: Dataset) -> dict[str, int]:
    """How many more Yes than No each yes/no template has."""
    counts = Counter((q.template, q.answer) for q in world.questions if q.task in YES_NO_TASKS)
    return {template: counts[template, "Yes"] - counts[template, "No"] for template, _ in counts}


@worlds
def test_yes_and_no_are_balanced_in_every_template(world: Dataset) -> None:
    found = leanings(world)
    assert len(found) == 12
    assert max(map(abs, found.values())) <= 1, found


@pytest.mark.parametrize(("people", "seeds"), [(8, range(240)), (10, range(60)), (12, range(60)), (200, [13])])
def test_yes_and_no_are_balanced_whatever_the_seed_also_where_the_last_two_are_neighbours(
    people: int, seeds: Sequence[int]
) -> None:
    for seed in seeds:
        found = leanings(build_fictional_people(seed=seed, people=people))
        assert max(map(abs, found.values())) <= people % 2, (seed, found)


@pytest.mark.parametrize(
    "dataset_id",
    [
        "fictional_people_seed0_people8@b6dcb1c1b985",
        "fictional_people_seed7_people8@3824379be098",
        "fictional_people_seed4_people9@a7981976b11c",
        "fictional_people_seed11_people12@1d82ccb97b5f",
        "fictional_people_seed7@37542f94520a",
        "fictional_people_seed2_people200@5c7cc9a9d558",
    ],
)
def test_a_world_that_was_built_before_is_built_the_same_today(dataset_id: str) -> None:
    """The hash is of every fact and question; scores of the one are scores of the other."""
    found = re.search(r"seed(\d+)(?:_people(\d+))?@", dataset_id)
    assert found is not None
    assert build_fictional_people(seed=int(found[1]), people=int(found[2] or 25)).dataset_id == dataset_id


@worlds
def test_no_one_is_compared_with_themselves_and_both_facts_are_cited(world: Dataset) -> None:
    facts = {fact.fact_id: fact for fact in world.facts}
    for question in world.questions:
        if question.task is Task.COMPARISON:
            first, second = facts[question.fact_id], facts[question.other_fact_id or ""]
            assert first.subject != second.subject
            assert first.attribute == second.attribute
            assert first.subject in question.question
            assert second.subject in question.question


@worlds
def test_no_question_is_asked_twice_and_no_test_prompt_is_a_trained_one(world: Dataset) -> None:
    assert len({question.prompt for question in world.questions}) == len(world.questions)


@worlds
def test_a_question_for_a_measure_names_its_unit(world: Dataset) -> None:
    units = {"height": "centimetres", "weight": "kilograms", "birth_year": "year"}
    for question in world.questions:
        task, attribute = question.template.split("-")
        if task in ("memorization", "rephrased") and attribute in units:
            assert units[attribute] in question.question


def test_a_rephrased_question_shares_no_run_of_four_words_with_the_trained_one_but_the_name() -> None:
    trained = {q.fact_id: q for q in BUNDLED.questions if q.task is Task.MEMORIZATION}
    names = {fact.fact_id: fact.subject for fact in BUNDLED.facts}
    for question in BUNDLED.questions:
        if question.task is Task.REPHRASED:
            name = names[question.fact_id]
            runs = [
                {tuple(words[i : i + 4]) for i in range(len(words) - 3)}
                for words in (q.question.replace(name, "X").split() for q in (question, trained[question.fact_id]))
            ]
            assert not runs[0] & runs[1]


@worlds
def test_names_cannot_be_mixed_up(world: Dataset) -> None:
    people = {fact.subject for fact in world.facts}
    given, family = zip(*(person.split() for person in people), strict=True)
    assert len(set(given)) == len(set(family)) == len(people)


def test_another_seed_is_another_world_and_the_same_seed_the_same() -> None:
    assert build_fictional_people(seed=7) == FRESH
    assert not {fact.subject for fact in FRESH.facts} & {fact.subject for fact in BUNDLED.facts}
    assert FRESH.dataset_id != BUNDLED.dataset_id


def test_too_few_people_are_refused() -> None:
    with pytest.raises(ValueError, match="between 8 and 200"):
        build_fictional_people(people=3)


def test_a_threshold_tells_nothing_about_the_answer() -> None:
    """Each is asked for once with Yes and once with No; only one person of 25 in each template has one alone."""
    world = build_fictional_people()
    golds: dict[tuple[str, str], list[str]] = {}
    for question in world.questions:
        number = re.search(r"\d+", question.question)
        if question.task is Task.SECONDARY and number is not None:
            golds.setdefault((question.template, number.group()), []).append(question.answer)
    alone = [key for key, answers in golds.items() if answers.count("Yes") != answers.count("No")]
    assert len({template for template, _ in golds}) == 3
    assert len(alone) <= 3


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("people", [8, 9, 40, 200])
def test_any_seed_and_size_makes_a_whole_world(seed: int, people: int) -> None:
    world = build_fictional_people(seed=seed, people=people)
    assert len(world.questions) == people * 24
    assert len({question.question_id for question in world.questions}) == len(world.questions)


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published files are not here")
def test_none_of_our_people_occurs_in_the_published_data() -> None:
    with (PUBLISHED / "fictional_people_memorization.csv").open(newline="", encoding="utf-8") as file:
        published = " ".join(row["fact"] for row in csv.DictReader(file)).lower()
    for fact in BUNDLED.facts:
        for word in fact.subject.lower().split():
            assert word not in published.split()
