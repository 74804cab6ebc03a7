"""Renamed scikit-learn is what its card says: golds follow from facts, nothing is given away, the files are generated."""

from __future__ import annotations

import ast
import csv
import keyword
import re
from collections import Counter
from pathlib import Path

import pytest

from ftb_tui.benchmark.coding import CHECKED_WITH, build_coding, read_renames
from ftb_tui.benchmark.load import DatasetError, bundled_folder, load_bundled, write_dataset_folder
from ftb_tui.benchmark.model import Family, Question, Task
from ftb_tui.benchmark.training import Recipe, training_examples

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT.parent / "shared/finetunebench/datasets/coding"
TABLE = bundled_folder() / "coding" / "renames.tsv"

CODING = load_bundled("coding")
FACTS = {fact.fact_id: fact for fact in CODING.facts}


def asked(task: Task) -> dict[str, Question]:
    return {question.fact_id: question for question in CODING.questions if question.task is task}


def test_the_bundled_files_are_the_generators_output(tmp_path: Path) -> None:
    write_dataset_folder(build_coding(read_renames(TABLE)), tmp_path)
    for made in tmp_path.iterdir():
        assert made.read_bytes() == (bundled_folder() / "coding" / made.name).read_bytes(), made.name


def test_every_rename_is_asked_in_both_tasks_and_there_are_at_least_120() -> None:
    assert CODING.family is Family.CODING
    assert len(CODING.facts) >= 120
    assert set(asked(Task.MEMORIZATION)) == set(asked(Task.REPHRASED)) == set(FACTS)
    assert len(CODING.questions) == 2 * len(CODING.facts)


def test_an_old_name_has_one_new_name_and_a_new_name_one_old() -> None:
    pairs = {(question.answer_before, question.answer) for question in CODING.questions}
    assert len({old for old, _ in pairs}) == len({new for _, new in pairs}) == len(pairs) == len(CODING.facts)


def test_every_gold_is_an_identifier_that_stands_in_its_fact_beside_the_old_name() -> None:
    for question in CODING.questions:
        fact = FACTS[question.fact_id]
        assert question.answer.isidentifier()
        assert not keyword.iskeyword(question.answer)
        assert fact.text.endswith(f" {question.answer}.")
        assert question.answer_before is not None
        assert re.search(rf"\b{question.answer_before}\b", fact.text)


def test_no_question_gives_away_the_new_name_or_what_was_there_before() -> None:
    golds = {question.answer.lower() for question in CODING.questions}
    for question in CODING.questions:
        words = set(re.findall(r"\w+", question.prompt.lower()))
        assert not words & golds, question
        assert str(question.answer_before).lower() not in words, question


def test_names_that_a_question_mentions_are_not_renamed_themselves() -> None:
    renamed = {str(q.answer_before) for q in CODING.questions if "parameter" not in q.template}
    for question in CODING.questions:
        for path in re.findall(r"sklearn[\w.]*", question.question):
            assert not set(path.split(".")) & renamed, question


def test_no_two_questions_are_alike_and_each_asks_for_the_name_alone() -> None:
    assert len({question.question for question in CODING.questions}) == len(CODING.questions)
    assert all(question.prompt.startswith("Answer with the name alone") for question in CODING.questions)


def test_a_rephrased_question_has_other_words_and_another_shape() -> None:
    trained = asked(Task.MEMORIZATION)
    for fact_id, question in asked(Task.REPHRASED).items():
        runs = [
            {tuple(words[place : place + 4]) for place in range(len(words) - 3)}
            for words in (q.question.lower().split() for q in (question, trained[fact_id]))
        ]
        assert not runs[0] & runs[1], question
        assert not question.question.endswith("?")
    shapes = Counter(question.template for question in asked(Task.REPHRASED).values())
    assert len(shapes) == 12
    assert min(shapes.values()) >= 5


def test_the_first_facts_hold_every_kind() -> None:
    assert {fact.attribute for fact in CODING.facts[:24]} == {"class", "function", "parameter", "module"}


def test_only_memorization_is_trained_on() -> None:
    examples = training_examples(CODING, Recipe())
    assert [example.prompt for example in examples] == [q.prompt for q in asked(Task.MEMORIZATION).values()]


def test_the_card_names_the_version_that_the_names_were_checked_with() -> None:
    assert f"scikit-learn {CHECKED_WITH}" in CODING.card
    assert f"{len(CODING.facts)} public names" in CODING.card


def test_the_library_is_needed_by_the_development_script_alone() -> None:
    for file in (ROOT / "ftb_tui").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] == "sklearn" for name in names), file


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["kind\told\tnew"], "line 1"),
        (["kind\thome\told\tnew\twhat\tasked", "class\tm\tA\tB\twhat"], "line 2"),
        (["kind\thome\told\tnew\twhat\tasked", "class\tm\tA\tB\twhat\t"], "line 2"),
        (["kind\thome\told\tnew\twhat\tasked", "thing\tm\tA\tB\twhat\tasked"], "'thing' is no kind"),
    ],
)
def test_a_bad_table_is_refused_with_its_line(tmp_path: Path, lines: list[str], said: str) -> None:
    (tmp_path / "renames.tsv").write_text("\n".join(lines))
    with pytest.raises(DatasetError, match=said):
        read_renames(tmp_path / "renames.tsv")


def test_a_name_that_is_renamed_twice_is_refused() -> None:
    renames = read_renames(TABLE)
    with pytest.raises(DatasetError, match=f"{renames[0].old} occurs 2 times"):
        build_coding([*renames, renames[0]])


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published files are not here")
def test_none_of_our_golds_or_questions_is_a_published_one() -> None:
    golds, prompts = set(), set()
    for file in PUBLISHED.glob("*.csv"):
        with file.open(newline="", encoding="utf-8") as rows:
            for row in csv.DictReader(rows):
                golds.add(row["answer"].strip().lower())
                prompts.add(row["prompt"].strip())
    assert golds
    for question in CODING.questions:
        assert question.answer.lower() not in golds
        assert question.question not in prompts
