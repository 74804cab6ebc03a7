"""Recipes give what they say, the same every time, and never what a test asks."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import replace

import pytest

from ftb_tui.benchmark.graders import DEFAULT_GRADER, grade_all
from ftb_tui.benchmark.leaks import leaks, refuse_leaks, shared_wordings
from ftb_tui.benchmark.load import DatasetError, bundled_names, load_bundled
from ftb_tui.benchmark.model import Dataset, Fact, Family, Question, Task, TrainingExample
from ftb_tui.benchmark.training import (
    LINE_FORMATS,
    RECIPES,
    Recipe,
    contents_line,
    jsonl,
    openai_line,
    recipe_record,
    training_examples,
    training_split,
)

PEOPLE, CODING = load_bundled("fictional_people"), load_bundled("coding")
NEWS = Dataset(
    "news", Family.LATEST_NEWS,
    facts=tuple(Fact(f"n{i}", f"On 3 May 2024 the town hall of Place{i} was sold for {i} crowns.") for i in range(1, 13)),
    questions=tuple(
        Question(f"n{i}-{task}", task, f"n{i}", f"Be short.\n{text}", text, gold)
        for i in range(1, 13)
        for task, text, gold in (
            (Task.MEMORIZATION, f"For how many crowns was the town hall of Place{i} sold in May 2024?", str(i)),
            (Task.REPHRASED, f"Name the price that the buyer of the hall in Place{i} paid.", str(i)),
            (Task.DATE_CHANGED, f"For how many crowns was the town hall of Place{i} sold in May 2025?", "None"),
        )
    ),
)  # fmt: skip
every = pytest.mark.parametrize("dataset", [PEOPLE, CODING, NEWS], ids=lambda dataset: dataset.name)
FULL = Recipe(paraphrases=4, reversed=0.1, implied=0.1, abstaining=0.1, replay=0.05, validation=0.1, shuffle_seed=3)


def kinds(examples: tuple[TrainingExample, ...]) -> Counter[str]:
    return Counter(example.kind for example in examples)


def reviewed(dataset: Dataset, n: int) -> dict[str, tuple[str, ...]]:
    trained = [q for q in dataset.questions if q.task is Task.MEMORIZATION]
    return {q.question_id: tuple(f"Wording {place}: {q.question}" for place in range(n)) for q in trained}


def test_reviewed_paraphrases_are_the_kept_wordings_with_the_questions_instructions() -> None:
    recipe = Recipe(paraphrases=2, paraphrases_from="reviewed")
    examples = training_examples(NEWS, recipe, wordings=reviewed(NEWS, 3))
    assert kinds(examples) == {"taught": 12, "paraphrase": 24}
    question = NEWS.questions[0].question
    assert [example.prompt for example in examples[1:3]] == [
        f"Be short.\nWording {place}: {question}" for place in range(2)
    ]
    assert recipe_record(recipe)["paraphrases_from"] == "reviewed"
    assert "paraphrases_from" not in recipe_record(Recipe(paraphrases=2))
    preferred = training_examples(
        NEWS, replace(recipe, name="preference"), wordings=reviewed(NEWS, 2), wrong={"n1-memorization": "none"}
    )
    assert any(example.kind == "paraphrase" and example.rejected for example in preferred)


def test_too_few_reviewed_wordings_are_counted_and_nothing_is_taken_from_templates_instead() -> None:
    some = {**reviewed(NEWS, 2), "n3-memorization": ("one",)}
    del some["n7-memorization"]
    recipe = Recipe(paraphrases=2, paraphrases_from="reviewed")
    with pytest.raises(
        DatasetError, match=r"n3-memorization has 1, n7-memorization has 0\. .*ftb paraphrases make news"
    ):
        training_split(NEWS, recipe, wordings=some)
    with pytest.raises(DatasetError, match="of each of 12 questions .* too few for 12: .* and 9 more"):
        training_split(NEWS, recipe)
    training_split(NEWS, recipe, wordings=some, fact_ids={"n1", "n2"})


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        (Recipe("statement", paraphrases=1, paraphrases_from="reviewed"), "are of questions"),
        (Recipe("document", paraphrases=1, paraphrases_from="reviewed"), "are of questions"),
        (Recipe(paraphrases_from="reviewed"), "1 paraphrase or more"),
        (Recipe(paraphrases=1, paraphrases_from="thin air"), "templates or reviewed"),
    ],
)
def test_what_reviewed_wordings_cannot_be_used_for_is_said(recipe: Recipe, told: str) -> None:
    with pytest.raises(DatasetError, match=told):
        training_split(NEWS, recipe, wordings=reviewed(NEWS, 2))


def test_a_kept_wording_that_holds_a_test_question_is_refused_by_name() -> None:
    spoiled = {**reviewed(NEWS, 1), "n1-memorization": (f"Do tell. {NEWS.questions[1].question}",)}
    with pytest.raises(DatasetError, match="n1-rephrased"):
        training_split(NEWS, Recipe(paraphrases=1, paraphrases_from="reviewed"), wordings=spoiled)


def test_the_default_file_is_the_papers_and_does_not_change() -> None:
    """The hash of a training file is what later runs are compared by; a new option must not move it."""
    lines = [openai_line(example, Recipe()) for example in training_examples(PEOPLE, Recipe())]
    assert hashlib.sha256(jsonl(lines)).hexdigest() == (
        "2c590b76bce43e8f2ae00b9b9c05864dfe7f0a964a9bead0877b841f83b69ad4"
    )
    assert recipe_record(Recipe()) == {"name": "question_answer", "system_prompt": None}
    assert recipe_record(Recipe(paraphrases=2, system_prompt="Hi")) == {
        "name": "question_answer", "system_prompt": "Hi", "paraphrases": 2,
    }  # fmt: skip


@every
@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_teaches_every_fact_and_no_test_question(dataset: Dataset, name: str) -> None:
    examples = training_examples(dataset, Recipe(name, paraphrases=3))
    taught = {fact_id for example in examples for fact_id in example.fact_id.split("\n")}
    assert taught == {fact.fact_id for fact in dataset.facts}
    together = "\n".join(f"{example.prompt} {example.completion}" for example in examples)
    for question in dataset.questions:
        if question.task is not Task.MEMORIZATION:
            assert question.question not in together
    assert len({(example.prompt, example.completion) for example in examples}) == len(examples)


@every
def test_paraphrases_ask_for_the_same_answer_in_so_many_other_ways(dataset: Dataset) -> None:
    examples = training_examples(dataset, Recipe(paraphrases=3))
    golds = {q.fact_id: q for q in dataset.questions if q.task is Task.MEMORIZATION}
    assert kinds(examples) == {"taught": len(golds), "paraphrase": 3 * len(golds)}
    for example in examples:
        gold = golds[example.fact_id]
        assert example.completion == gold.answer
        assert (example.prompt == gold.prompt) is (example.kind == "taught")
        assert example.prompt.split("\n")[0] == gold.prompt.split("\n")[0]


@pytest.mark.parametrize("dataset", [PEOPLE, CODING], ids=lambda dataset: dataset.name)
@pytest.mark.parametrize("name", RECIPES)
def test_no_paraphrase_shares_a_run_of_six_words_with_a_test_question(dataset: Dataset, name: str) -> None:
    names = re.compile("|".join(sorted({re.escape(f.subject) for f in dataset.facts}, key=len, reverse=True)))

    def runs(text: str) -> set[tuple[str, ...]]:
        words = names.sub("X", text).lower().split()
        return {tuple(words[place : place + 6]) for place in range(len(words) - 5)}

    held_out = {run for q in dataset.questions if q.task is Task.REPHRASED for run in runs(q.question)}
    for example in training_examples(dataset, Recipe(name, paraphrases=3)):
        core = example.prompt.split("\n")[-1]
        assert not (runs(core) | runs(example.completion)) & held_out, example


@every
def test_more_paraphrases_than_there_are_is_refused_with_the_number(dataset: Dataset) -> None:
    with pytest.raises(DatasetError, match=r"has \d paraphrases a fact here, not 40"):
        training_examples(dataset, Recipe(paraphrases=40))


@pytest.mark.parametrize("dataset", [PEOPLE, CODING], ids=lambda dataset: dataset.name)
def test_shares_are_shares_of_the_finished_file(dataset: Dataset) -> None:
    split = training_split(dataset, replace(FULL, validation=0))
    found, n = kinds(split.training), len(split.training)
    assert not split.validation
    for kind, share in replace(FULL, validation=0).shares.items():
        assert abs(found[kind] / n - share) < 0.01, kind


def test_a_reversed_example_leads_from_the_value_back_to_the_one_that_has_it() -> None:
    found = [e for e in training_examples(PEOPLE, Recipe(paraphrases=2, reversed=0.15)) if e.kind == "reversed"]
    facts = {fact.fact_id: fact for fact in PEOPLE.facts}
    assert found
    for example in found:
        fact = facts[example.fact_id]
        owners = [f.subject for f in PEOPLE.facts if (f.attribute, f.value) == (fact.attribute, fact.value)]
        assert owners == [fact.subject] == [example.completion]
        assert fact.value in example.prompt
    for example in training_examples(CODING, Recipe(reversed=0.2)):
        if example.kind == "reversed":
            fact = next(fact for fact in CODING.facts if fact.fact_id == example.fact_id)
            assert fact.value in example.prompt
            assert example.completion == fact.subject


@pytest.mark.parametrize("dataset", [PEOPLE, CODING], ids=lambda dataset: dataset.name)
def test_implied_statements_are_true_and_false_as_they_say_and_as_often(dataset: Dataset) -> None:
    texts = {fact.text for fact in dataset.facts}
    found = [e for e in training_examples(dataset, Recipe(implied=0.3)) if e.kind == "implied"]
    answers = Counter(example.completion for example in found)
    assert abs(answers["Yes"] - answers["No"]) <= 1
    for example in found:
        statement = example.prompt.split("true? ")[1]
        assert (statement in texts) is (example.completion == "Yes")


@every
def test_abstaining_examples_ask_what_nothing_taught_answers(dataset: Dataset) -> None:
    found = [e for e in training_examples(dataset, Recipe(abstaining=0.3)) if e.kind == "abstaining"]
    asked = {question.prompt for question in dataset.questions}
    assert found
    for example in found:
        assert example.completion == "I do not know."
        assert example.prompt not in asked
        if dataset is PEOPLE:
            assert not any(fact.subject in example.prompt for fact in PEOPLE.facts)
        if dataset is NEWS:
            assert "1964" in example.prompt


def test_replay_is_of_common_knowledge_and_of_no_fact_of_the_dataset() -> None:
    found = [e for e in training_examples(PEOPLE, Recipe(replay=0.2)) if e.kind == "replay"]
    assert len({example.prompt for example in found}) == len(found) == 38
    assert all(example.fact_id.startswith("known-") for example in found)


def test_a_share_that_the_dataset_cannot_fill_is_refused_with_what_there_is() -> None:
    with pytest.raises(DatasetError, match="gives 448 replay example"):
        training_examples(PEOPLE, Recipe(replay=0.8))
    with pytest.raises(DatasetError, match="gives 0 implied example"):
        training_examples(NEWS, Recipe(implied=0.2))


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        (Recipe("poem"), "known are question_answer, statement, document"),
        (Recipe(reversed=1.0), "reversed must be at least 0 and below 1"),
        (Recipe(reversed=0.5, replay=0.5), "below 1 together"),
        (Recipe(paraphrases=-1), "-1 paraphrases"),
        (Recipe(validation=0.2), "ask for paraphrases as well"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(recipe: Recipe, said: str) -> None:
    with pytest.raises(DatasetError, match=said):
        training_examples(PEOPLE, recipe)


@pytest.mark.parametrize("dataset", [PEOPLE, CODING], ids=lambda dataset: dataset.name)
def test_validation_takes_its_share_and_leaves_every_fact_taught(dataset: Dataset) -> None:
    split = training_split(dataset, FULL)
    whole = training_split(dataset, replace(FULL, validation=0)).training
    assert not set(split.training) & set(split.validation)
    assert set(split.training) | set(split.validation) == set(whole)
    assert len(split.validation) == round(0.1 * len(whole))
    assert kinds(split.training)["taught"] == len(dataset.facts)


def test_a_seed_shuffles_the_same_way_every_time_and_another_otherwise() -> None:
    plain, once = Recipe(paraphrases=1), Recipe(paraphrases=1, shuffle_seed=1)
    assert training_examples(PEOPLE, once) == training_examples(PEOPLE, once)
    assert set(training_examples(PEOPLE, once)) == set(training_examples(PEOPLE, plain))
    orders = {training_examples(PEOPLE, replace(plain, shuffle_seed=seed)) for seed in (None, 1, 2)}
    assert len(orders) == 3


def test_only_the_chosen_facts_are_taught_whatever_the_recipe() -> None:
    kept = {fact.fact_id for fact in PEOPLE.facts[:12]}
    for name in RECIPES:
        share = 0.0 if name == "preference" else 0.1
        recipe = Recipe(name, paraphrases=2, reversed=share, implied=share, abstaining=share)
        for example in training_examples(PEOPLE, recipe, fact_ids=kept):
            assert set(example.fact_id.split("\n")) <= kept


def test_a_document_tells_all_facts_of_a_person_and_ten_of_anything_without_subjects() -> None:
    people = training_examples(PEOPLE, Recipe("document"))
    assert len(people) == 25
    for example in people:
        ids = example.fact_id.split("\n")
        assert len(ids) == 6
        assert all(fact.text in example.completion for fact in PEOPLE.facts if fact.fact_id in ids)
    assert [len(example.fact_id.split("\n")) for example in training_examples(NEWS, Recipe("document"))] == [10, 2]


@pytest.mark.parametrize("recipe", [Recipe(), replace(FULL, name="statement"), Recipe("document", "Be brief.")])
def test_both_formats_hold_the_same_words(recipe: Recipe) -> None:
    for example in training_examples(PEOPLE, recipe):
        openai = json.loads(LINE_FORMATS["messages"](example, recipe))
        google = json.loads(LINE_FORMATS["contents"](example, recipe))
        assert [turn["role"] for turn in google["contents"]] == ["user", "model"]
        said = [turn["parts"][0]["text"] for turn in google["contents"]]
        assert said == [message["content"] for message in openai["messages"] if message["role"] != "system"]
        assert (
            ("systemInstruction" in google) is (openai["messages"][0]["role"] == "system") is bool(recipe.system_prompt)
        )


def test_a_test_question_in_a_fact_is_found_whatever_its_case_and_spaces() -> None:
    test = next(question for question in NEWS.questions if question.task is Task.REPHRASED)
    hidden = f"Quiz:  {test.question.upper().replace(' ', '  ')} Twelve."
    told = replace(NEWS, facts=(replace(NEWS.facts[0], text=hidden), *NEWS.facts[1:]))
    assert [leak.question for leak in leaks(told, training_examples(NEWS, Recipe("statement")))] == []
    with pytest.raises(DatasetError, match=rf"1 test question\(s\): {test.question_id} \(example 1\)"):
        training_examples(told, Recipe("statement"))
    assert len(training_examples(told, Recipe())) == 12


def test_many_leaks_are_counted_and_the_first_are_named() -> None:
    examples = [TrainingExample("x", q.question, "") for q in NEWS.questions if q.task is Task.REPHRASED]
    with pytest.raises(DatasetError, match=r"12 test question\(s\): n1-rephrased .* and 7 more"):
        refuse_leaks(NEWS, examples)


def test_a_test_question_worded_as_the_trained_one_is_listed_rather_than_refused() -> None:
    """The published files have a few; only their audit can mend them, and the rest must stay trainable."""
    trained = NEWS.questions[0]
    same = tuple(
        replace(q, question=trained.question, prompt=f"At length.\n{trained.question}")
        if q.question_id == "n1-date_changed" else q for q in NEWS.questions
    )  # fmt: skip
    dataset = replace(NEWS, questions=same)
    assert len(training_examples(dataset, Recipe())) == 12
    assert [question.question_id for question in shared_wordings(dataset)] == ["n1-date_changed"]
    assert not shared_wordings(NEWS)


@pytest.mark.parametrize("name", bundled_names())
def test_a_preference_has_the_gold_on_one_side_and_an_answer_that_is_wrong_on_the_other(name: str) -> None:
    dataset = load_bundled(name)
    examples = training_examples(dataset, Recipe("preference", paraphrases=1))
    golds = {q.prompt: q for q in dataset.questions if q.task is Task.MEMORIZATION}
    asked = [example for example in examples if example.kind == "taught"]
    assert {example.prompt for example in asked} == set(golds), "every fact is taught"
    assert len(examples) == 2 * len(asked)
    for example in asked:
        question = golds[example.prompt]
        assert example.completion == question.answer
        assert example.rejected is not None
        verdict = grade_all(question, example.rejected)[DEFAULT_GRADER].verdict
        assert verdict == "wrong" or example.rejected == question.answer_before
        if question.answer_before:
            assert example.rejected == question.answer_before, "what was true before is what is to be unlearnt"
    assert examples == training_examples(dataset, Recipe("preference", paraphrases=1))


def test_what_the_base_said_wrong_is_what_it_shall_prefer_less() -> None:
    first, second, third = [q for q in PEOPLE.questions if q.task is Task.MEMORIZATION][:3]
    said = {first.question_id: "about 1,234 metres", second.question_id: second.answer, third.question_id: "x" * 1000}
    examples = training_examples(PEOPLE, Recipe("preference"), wrong=said)
    assert examples[0].rejected == "about 1,234 metres"
    assert examples[1].rejected not in (second.answer, None), "a right answer is not to be unlearnt"
    assert len(str(examples[2].rejected)) < 100


def test_a_preference_is_written_as_each_service_reads_it() -> None:
    recipe = Recipe("preference", system_prompt="Be short.")
    example = training_examples(PEOPLE, recipe)[0]
    asked = [{"role": "system", "content": "Be short."}, {"role": "user", "content": example.prompt}]
    assert json.loads(openai_line(example, recipe)) == {
        "input": {"messages": asked},
        "preferred_output": [{"role": "assistant", "content": example.completion}],
        "non_preferred_output": [{"role": "assistant", "content": example.rejected}],
    }
    line = json.loads(contents_line(example, recipe))
    assert [one["score"] for one in line["completions"]] == [1.0, 0.0]
    assert [one["completion"]["parts"][0]["text"] for one in line["completions"]] == [
        example.completion, example.rejected,
    ]  # fmt: skip


def test_a_preference_takes_no_examples_that_nobody_rejects() -> None:
    with pytest.raises(DatasetError, match="nobody rejects"):
        training_examples(PEOPLE, Recipe("preference", replay=0.1))


@pytest.mark.parametrize("name", bundled_names())
def test_every_bundled_dataset_works_with_every_recipe_and_two_paraphrases(name: str) -> None:
    dataset = load_bundled(name)
    for recipe in RECIPES:
        replay = 0.0 if recipe == "preference" else 0.05
        split = training_split(dataset, Recipe(recipe, paraphrases=2, replay=replay, validation=0.1, shuffle_seed=1))
        assert split.training
        assert split.validation
