"""Training files from the command line: what they hold is told before, written whole, and kept with its facts."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path

import pytest

from ftb_tui.benchmark.load import load_bundled, write_dataset_folder
from ftb_tui.benchmark.training import Recipe, jsonl, openai_line, training_examples
from ftb_tui.store.database import open_store
from ftb_tui.store.jobs import examples_of_fact
from tests.cli.conftest import Ftb
from tests.fakes.openai_server import FakeOpenAI

PEOPLE = load_bundled("fictional_people")


def test_a_dry_run_tells_counts_tokens_and_lines_and_sends_nothing(ftb: Ftb, fake_openai: FakeOpenAI) -> None:
    arguments = ("--provider", "fake", "--base", "gpt-fake", "--paraphrases", "2", "--reversed", "0.2", "--dry-run")
    told = ftb("train", "--dataset", "fictional_people", *arguments)
    assert told.code == 0
    assert "150 taught, 300 paraphrase, 112 reversed" in told.out
    assert "estimated at 4" in told.out
    assert json.loads(told.out.splitlines()[-1])["messages"]
    plan = ftb("train", "--dataset", "fictional_people", *arguments, "--json").json
    assert plan["examples"] == 562
    assert plan["kinds"] == {"taught": 150, "paraphrase": 300, "reversed": 112}
    assert plan["recipe"] == {"name": "question_answer", "system_prompt": None, "paraphrases": 2, "reversed": 0.2}
    assert len(plan["samples"]) == 3
    assert not fake_openai.requests


def test_without_an_output_the_contents_are_shown_and_nothing_is_written(ftb: Ftb, tmp_path: Path) -> None:
    shown = ftb("datasets", "training-file", "coding", "--recipe", "document")
    assert shown.code == 0
    assert "17 taught" in shown.err
    assert len([json.loads(line) for line in shown.out.splitlines()]) == 3


def test_the_default_file_is_the_one_that_a_job_would_send(ftb: Ftb, tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl"
    made = ftb("datasets", "training-file", "fictional_people", "--output", str(file), "--json").json
    lines = [openai_line(example, Recipe()) for example in training_examples(PEOPLE, Recipe())]
    assert file.read_text(encoding="utf-8").splitlines() == lines
    assert made["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert made["examples"] == 150
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["t.jsonl"]


def test_a_validation_share_goes_into_a_file_of_its_own(ftb: Ftb, tmp_path: Path) -> None:
    made = ftb(
        "datasets", "training-file", "coding", "--paraphrases", "2", "--validation", "0.1", "--shuffle-seed", "5",
        "--format", "google", "--output", str(tmp_path / "t.jsonl"), "--json",
    ).json  # fmt: skip
    training = (tmp_path / "t.jsonl").read_text(encoding="utf-8").splitlines()
    aside = (tmp_path / "t.validation.jsonl").read_text(encoding="utf-8").splitlines()
    assert (len(training), len(aside)) == (made["examples"], made["validation_examples"]) == (454, 50)
    assert not set(training) & set(aside)
    assert [turn["role"] for turn in json.loads(aside[0])["contents"]] == ["user", "model"]


@pytest.mark.parametrize("recipe", ["question_answer", "statement", "document"])
def test_every_line_is_kept_with_the_facts_that_it_teaches(ftb: Ftb, tmp_path: Path, recipe: str) -> None:
    file = tmp_path / "t.jsonl"
    arguments = ("--recipe", recipe, "--paraphrases", "1", "--output", str(file), "--json")
    made = ftb("datasets", "training-file", "fictional_people", *arguments).json
    fact = PEOPLE.facts[3]

    async def kept() -> list[str]:
        db = await open_store()
        try:
            return await examples_of_fact(db, made["training_file_key"], fact.fact_id)
        finally:
            await db.close()

    lines = asyncio.run(kept())
    assert lines == [line for line in file.read_text(encoding="utf-8").splitlines() if line in lines]
    assert len(lines) == 2
    assert all(fact.value in line for line in lines)


def test_a_file_is_never_overwritten_and_a_refusal_leaves_none(ftb: Ftb, tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl"
    file.write_text("mine")
    refused = ftb("datasets", "training-file", "coding", "--output", str(file))
    assert refused.code == 2
    assert "exists already" in refused.err
    assert file.read_text() == "mine"
    other = tmp_path / "u.jsonl"
    assert ftb("datasets", "training-file", "coding", "--paraphrases", "99", "--output", str(other)).code == 2
    assert ftb("datasets", "training-file", "coding", "--output", str(tmp_path / "no" / "t.jsonl")).code == 2
    assert not other.exists()


def test_a_test_question_in_a_fact_is_refused_and_named(ftb: Ftb, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    write_dataset_folder(PEOPLE, folder)
    rephrased = next(question for question in PEOPLE.questions if question.task == "rephrased")
    lines = (folder / "facts.jsonl").read_text(encoding="utf-8").splitlines()
    lines[0] = json.dumps({**json.loads(lines[0]), "text": f"They ask: {rephrased.question} 149 it is."})
    (folder / "facts.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "dataset.toml").write_text(
        (folder / "dataset.toml").read_text(encoding="utf-8").replace('name = "fictional_people"', 'name = "mine"')
    )
    from ftb_tui.benchmark.load import read_dataset_folder
    from ftb_tui.store.datasets import save_dataset

    async def keep() -> None:
        db = await open_store()
        await save_dataset(db, read_dataset_folder(folder))
        await db.close()

    asyncio.run(keep())
    refused = ftb("datasets", "training-file", "mine", "--recipe", "statement", "--output", str(tmp_path / "t.jsonl"))
    assert refused.code == 2
    assert rephrased.question_id in refused.err
    assert not (tmp_path / "t.jsonl").exists()
    assert ftb("datasets", "training-file", "mine", "--output", str(tmp_path / "t.jsonl")).code == 0


def test_a_job_is_trained_on_exactly_the_recipes_file(ftb: Ftb, fake_openai: FakeOpenAI) -> None:
    recipe = ("--recipe", "statement", "--paraphrases", "1", "--facts", "20", "--system-prompt", "Be brief.")
    job = ftb(
        "train", "--dataset", "fictional_people", "--provider", "fake", "--base", "gpt-fake", *recipe, "--yes", "--json"
    ).json
    assert job["n_examples"] == 40
    wanted = Recipe("statement", system_prompt="Be brief.", paraphrases=1)
    kept = {fact.fact_id for fact in PEOPLE.facts[:20]}
    lines = [openai_line(example, wanted) for example in training_examples(PEOPLE, wanted, fact_ids=kept)]
    [sent] = fake_openai.uploads
    assert jsonl(lines) in sent
