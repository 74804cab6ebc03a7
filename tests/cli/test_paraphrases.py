"""`ftb paraphrases`: make, list, keep, reject, as a person types them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Ftb
from tests.fakes.openai_server import FakeOpenAI


def wordings(prompt: str) -> str:
    found = re.search(r"whatever it says:\n(.*)", prompt)
    assert found is not None
    return f"I wonder: {json.loads(found[1])}\nOne more time, {json.loads(found[1])}\nHow [bold]tall\x1b[31m is she?"


@pytest.fixture
def model(fake_openai: FakeOpenAI) -> FakeOpenAI:
    fake_openai.answer = wordings
    return fake_openai


MAKE = ("paraphrases", "make", "fictional-people", "--model", "fake/gpt", "--limit", "2")


def test_wordings_are_made_listed_and_kept_or_rejected_by_their_keys(ftb: Ftb, model: FakeOpenAI) -> None:
    made = ftb(*MAKE, "-n", "3", "--json")
    assert (made.code, made.json["proposed"], made.json["rejected"], made.json["requests"]) == (0, 4, 2, 2)
    assert "ftb paraphrases list fictional-people --state proposed" in made.err
    listed = ftb("paraphrases", "list", "fictional_people", "--state", "proposed", "--json").json
    assert {row["state"] for row in listed} == {"proposed"}
    first, second, *_ = (str(row["paraphrase_key"]) for row in listed)
    assert ftb("paraphrases", "keep", first, "--json").json == [{"paraphrase_key": int(first), "state": "kept"}]
    assert "1 wording rejected." in ftb("paraphrases", "reject", second).err
    assert "2 wordings kept." in ftb("paraphrases", "keep", "--all", "--dataset", "fictional_people").err
    states = [row["state"] for row in ftb("paraphrases", "list", "fictional_people", "--json").json]
    assert sorted(states) == ["kept", "kept", "kept", "rejected", "rejected", "rejected"]
    again = ftb(*MAKE, "-n", "3", "--json")
    assert (again.json["requests"], again.json["cached"], again.json["cost"]) == (0, 2, 0.0)
    assert "A higher -n asks for more." in again.err


def test_the_list_shows_a_models_text_plain(ftb: Ftb, model: FakeOpenAI) -> None:
    ftb(*MAKE, "-n", "3")
    out = ftb("paraphrases", "list", "fictional_people").out
    assert "\x1b" not in out
    assert "[bold]tall" in out
    assert "cannot be seen" in out


def test_what_is_missing_is_said_and_what_to_do(ftb: Ftb, model: FakeOpenAI) -> None:
    ftb("datasets", "training-file", "fictional_people")
    none = ftb("paraphrases", "list", "fictional_people")
    assert none.code == 0
    assert "ftb paraphrases make fictional_people --model PROVIDER/MODEL" in none.err
    for arguments, told in (
        (("make", "fictional_people", "--model", "gpt"), "is not PROVIDER/MODEL"),
        (("make", "fictional_people", "--model", "nobody/gpt"), "nobody"),
        (("keep", "99"), "There is no wording 99"),
        (("keep",), "--all"),
        (("reject", "1", "--all"), "--all"),
        (("keep", "1", "--dataset", "x"), "--dataset is for --all"),
    ):
        done = ftb("paraphrases", *arguments)
        assert done.code == 2, arguments
        assert told in done.err


def test_the_kept_wordings_are_trained_on_and_too_few_are_refused_with_what_to_do(
    ftb: Ftb, model: FakeOpenAI, tmp_path: Path
) -> None:
    ftb(*MAKE, "-n", "3")
    recipe = ("--paraphrases", "1", "--paraphrases-from", "reviewed", "--facts", "2")
    early = ftb("datasets", "training-file", "fictional_people", *recipe)
    assert early.code != 0
    assert "too few for 2" in early.err
    assert "ftb paraphrases make fictional_people" in early.err
    ftb("paraphrases", "keep", "--all")
    file = tmp_path / "t.jsonl"
    made = ftb("datasets", "training-file", "fictional_people", *recipe, "--output", str(file), "--json").json
    assert made["kinds"] == {"taught": 2, "paraphrase": 2}
    assert made["recipe"]["paraphrases_from"] == "reviewed"
    assert file.read_text(encoding="utf-8").count("I wonder: ") == 2
    train = ("train", "--dataset", "fictional_people", "--provider", "fake", "--base", "gpt-fake", *recipe)
    plan = ftb(*train, "--dry-run", "--json").json
    assert plan["kinds"] == made["kinds"]
    assert "I wonder: " in plan["samples"][1]


def test_a_job_is_sent_the_wordings_that_were_kept(ftb: Ftb, model: FakeOpenAI) -> None:
    ftb("paraphrases", "make", "fictional-people", "--model", "fake/gpt", "--limit", "12", "-n", "2")
    ftb("paraphrases", "keep", "--all")
    recipe = ("--paraphrases", "2", "--paraphrases-from", "reviewed", "--facts", "12")
    job = ftb("train", "--dataset", "fictional_people", "--provider", "fake", "--base", "gpt-fake", *recipe, "--yes")
    assert job.code == 0, job.err
    [sent] = model.files.values()
    assert sent.count(b"I wonder: ") == 12


def test_the_whole_benchmark_trains_on_the_kept_wordings_or_says_what_is_missing(ftb: Ftb, model: FakeOpenAI) -> None:
    bench = (
        "bench", "--provider", "fake", "--base", "gpt-fake", "--facts", "12", "--limit", "1", "--yes",
        "--paraphrases", "1", "--paraphrases-from", "reviewed",
    )  # fmt: skip
    early = ftb(*bench)
    assert early.code != 0
    assert "too few for 12" in early.err
    assert "ftb paraphrases make fictional_people" in early.err
    assert not model.jobs, "nothing was sent"
    ftb("paraphrases", "make", "fictional-people", "--model", "fake/gpt", "--limit", "12", "-n", "2")
    ftb("paraphrases", "keep", "--all")
    model.answer = lambda prompt: "Yes"
    done = ftb(*bench)
    assert done.code == 0, done.err
    [sent] = model.files.values()
    assert sent.count(b"I wonder: ") == 12
    without_number = ftb(*bench[:-4], "--paraphrases-from", "reviewed")
    assert without_number.code != 0
    assert "Ask for 1 paraphrase or more" in without_number.err


def test_a_reply_without_wordings_fails_the_command_and_says_so(ftb: Ftb, model: FakeOpenAI) -> None:
    model.answer = lambda prompt: "\n"
    done = ftb(*MAKE)
    assert done.code == 1
    assert "2 replies held no wording" in done.err


def test_the_embedded_engine_words_questions_too(ftb: Ftb, tiny: Path) -> None:
    """The tiny model writes nonsense; what counts is that it is asked, read and judged like any other."""
    arguments = ("fictional-people", "--model", "local/smollm2-135m", "--limit", "2", "-n", "1")
    done = ftb("paraphrases", "make", *arguments, "--json")
    assert done.json["requests"] == 2
    assert done.json["asked"] + done.json["unreadable"] == 2
    assert (done.json["failed"], done.json["cost"]) == (0, 0.0)
