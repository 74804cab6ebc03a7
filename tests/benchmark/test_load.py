"""A dataset folder reads back as written; a broken one names file and line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftb_tui.benchmark.load import DatasetError, bundled_names, load_bundled, read_dataset_folder, write_dataset_folder
from ftb_tui.benchmark.model import Task
from ftb_tui.benchmark.subset import facts_of, subset
from ftb_tui.benchmark.training import Recipe, jsonl, openai_line, training_examples

WORLD = load_bundled("fictional_people")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_dataset_folder(WORLD, tmp_path)
    return tmp_path


def test_a_dataset_reads_back_as_written(folder: Path) -> None:
    assert read_dataset_folder(folder) == WORLD


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "questions.jsonl, line 601: not valid JSON"),
        (pytest.param("1" * 5000, "line 601: not valid JSON .Exceeds the limit", id="a number without end")),
        (pytest.param("[" * 100_000, "line 601: not valid JSON", id="brackets without end")),
        ("[]", "line 601: an object is expected"),
        ('{"question_id": "x"}', "line 601: the key 'task' is missing"),
        ('{"colour": "red"}', "line 601: unknown key 'colour'"),
    ],
)
def test_a_broken_line_is_named(folder: Path, line: str, message: str) -> None:
    with (folder / "questions.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(DatasetError, match=message):
        read_dataset_folder(folder)


def test_a_question_about_an_unknown_fact_and_an_unknown_task_are_refused(folder: Path) -> None:
    lines = (folder / "questions.jsonl").read_text().splitlines()
    for key, value in (("fact_id", "nobody"), ("task", "guessing")):
        broken = json.dumps({**json.loads(lines[0]), key: value})
        (folder / "questions.jsonl").write_text("\n".join([broken, *lines[1:]]))
        with pytest.raises(DatasetError, match=value):
            read_dataset_folder(folder)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"dataset\.toml is missing"):
        read_dataset_folder(tmp_path)
    with pytest.raises(DatasetError, match=r"Bundled: .*fictional_people"):
        load_bundled("people")
    assert "fictional_people" in bundled_names()


def test_the_version_changes_with_the_content_only(folder: Path) -> None:
    text = (folder / "facts.jsonl").read_text()
    (folder / "README.md").write_text("another card")
    assert read_dataset_folder(folder).dataset_id == WORLD.dataset_id
    (folder / "facts.jsonl").write_text(text.replace("centimetres tall", "centimetres high", 1))
    assert read_dataset_folder(folder).dataset_id != WORLD.dataset_id


def test_fewer_people_keep_comparisons_only_among_themselves() -> None:
    few = subset(WORLD, people=8)
    people = {fact.subject for fact in WORLD.facts if fact.fact_id in facts_of(few)}
    assert len(people) == 8
    assert sum(question.task is Task.MEMORIZATION for question in few) == 48
    assert sum(question.task is Task.COMPARISON for question in few) >= 40


def test_a_limit_is_kept_in_every_task_balanced_and_repeatable() -> None:
    few = subset(WORLD, limit=24)
    assert few == subset(WORLD, limit=24)
    assert few != subset(WORLD, limit=24, seed=1)
    for task in Task:
        asked = [question for question in few if question.task is task]
        assert len(asked) in (0, 24)
        assert len({question.template for question in asked}) in (0, 6)
        if task in (Task.SECONDARY, Task.COMPARISON):
            assert sum(question.answer == "Yes" for question in asked) == 12
    assert {question.task for question in subset(WORLD, tasks=[Task.SECONDARY])} == {Task.SECONDARY}


def test_a_training_file_holds_exactly_the_memorization_questions() -> None:
    examples = training_examples(WORLD, Recipe())
    assert [e.prompt for e in examples] == [q.prompt for q in WORLD.questions if q.task is Task.MEMORIZATION]
    line = json.loads(openai_line(examples[0], Recipe(system_prompt="Be brief.")))
    assert [message["role"] for message in line["messages"]] == ["system", "user", "assistant"]
    assert jsonl(["a", "b"]) == b"a\nb\n"


def test_a_test_question_never_enters_a_training_file(folder: Path) -> None:
    lines = (folder / "questions.jsonl").read_text().splitlines()
    leaked = {**json.loads(lines[200]), "prompt": json.loads(lines[0])["prompt"]}
    lines[200] = json.dumps(leaked)
    (folder / "questions.jsonl").write_text("\n".join(lines))
    with pytest.raises(DatasetError, match="leak the test"):
        training_examples(read_dataset_folder(folder), Recipe())
    with pytest.raises(DatasetError, match="no memorization question"):
        training_examples(WORLD, Recipe(), fact_ids=())
