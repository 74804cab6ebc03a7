"""Preferences and validation files by command: what is sent, what is kept, and where it is refused beforehand."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.benchmark.model import Task
from tests.cli.conftest import Ftb
from tests.fakes.openai_server import FakeOpenAI

TRAIN = ("train", "--dataset", "fictional_people", "--provider", "fake", "--base", "gpt-fake", "--epochs", "2", "--yes")
ASKED = [question for question in load_bundled("fictional_people").questions if question.task is Task.MEMORIZATION]


@pytest.fixture
def service(home: Path, fake_openai: FakeOpenAI) -> FakeOpenAI:
    """The fake service as OpenAI, which is strict about bodies."""
    file = home / "config" / "config.toml"
    file.write_text(file.read_text().replace("[providers.fake]", '[providers.fake]\ndialect = "openai"'))
    fake_openai.service = "openai"
    return fake_openai


def lines(service: FakeOpenAI, file_id: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in service.files[file_id].decode().splitlines()]


def test_a_preference_job_is_sent_as_its_service_wants_it(ftb: Ftb, service: FakeOpenAI) -> None:
    launched = ftb(*TRAIN, "--method", "dpo", "--beta", "0.2", "--force", "--json")
    assert (launched.code, launched.json["method"], launched.json["beta"]) == (0, "dpo", 0.2)
    [body] = service.created
    assert body["method"] == {"type": "dpo", "dpo": {"hyperparameters": {"n_epochs": 2, "beta": 0.2}}}
    sent = lines(service, body["training_file"])
    assert len(sent) == 150
    assert {frozenset(line) for line in sent} == {frozenset({"input", "preferred_output", "non_preferred_output"})}
    assert sent[0]["preferred_output"] == [{"role": "assistant", "content": ASKED[0].answer}]
    assert sent[0]["non_preferred_output"] != sent[0]["preferred_output"]


def test_what_the_base_said_wrong_is_taught_against(ftb: Ftb, service: FakeOpenAI) -> None:
    service.answer = lambda prompt: "about 9,876"
    ask = ("evaluate", "--provider", "fake", "--model", "gpt-fake", "--dataset", "fictional_people", "--yes")
    assert ftb(*ask, "--tasks", "memorization", "--json").json["n_answered"] == 150
    dry = ftb(*TRAIN, "--method", "dpo", "--dry-run", "--json").json
    assert (dry["method"], dry["recipe"]["name"]) == ("dpo", "preference")
    assert json.loads(dry["samples"][0])["non_preferred_output"][0]["content"] == "about 9,876"
    assert ftb(*TRAIN, "--recipe", "preference", "--force").code == 0
    sent = lines(service, service.created[0]["training_file"])
    said = [line["non_preferred_output"][0]["content"] for line in sent]  # type: ignore[index]
    assert said.count("about 9,876") > 50, "to questions for names it is no wrong answer but none at all"


@pytest.mark.parametrize("service_name", ["nebius", "local"])
def test_a_service_that_knows_no_preferences_refuses_before_anything_is_sent(
    ftb: Ftb, home: Path, service: FakeOpenAI, service_name: str
) -> None:
    file = home / "config" / "config.toml"
    file.write_text(file.read_text().replace('dialect = "openai"', f'dialect = "{service_name}"'))
    where = ("--provider", "local") if service_name == "local" else ("--provider", "fake", "--base", "gpt-fake")
    if service_name == "local":
        file.write_text("")
    refused = ftb("train", "--dataset", "fictional_people", *where, "--method", "dpo", "--epochs", "1", "--yes")
    assert (refused.code, "trains by supervised, not dpo" in refused.err) == (2, True)
    assert not service.requests


@pytest.mark.parametrize(
    ("arguments", "needle"),
    [
        (("--method", "dpo", "--recipe", "statement"), "is for --method supervised, not dpo"),
        (("--method", "supervised", "--recipe", "preference"), "is for --method dpo"),
        (("--beta", "0.1"), "--beta is for --method dpo"),
        (("--method", "dpo", "--replay", "0.1"), "nobody rejects them"),
        (("--validation-share", "0.1"), "ask for paraphrases as well"),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(
    ftb: Ftb, service: FakeOpenAI, arguments: tuple[str, ...], needle: str
) -> None:
    refused = ftb(*TRAIN, *arguments)
    assert (refused.code, needle in refused.err) == (2, True), refused.err
    assert not service.requests


@pytest.mark.parametrize("method", ["supervised", "dpo"])
def test_the_validation_file_goes_with_the_job(ftb: Ftb, service: FakeOpenAI, home: Path, method: str) -> None:
    more = ("--method", method, "--paraphrases", "1", "--validation-share", "0.2")
    dry = ftb(*TRAIN, *more, "--dry-run", "--json").json
    assert (dry["examples"], dry["validation_examples"]) == (240, 60)
    assert ftb(*TRAIN, *more, "--force").code == 0
    [body] = service.created
    trained, aside = lines(service, body["training_file"]), lines(service, body["validation_file"])
    assert (len(trained), len(aside)) == (240, 60)
    assert not {json.dumps(line) for line in trained} & {json.dumps(line) for line in aside}
    with sqlite3.connect(home / "data" / "ftb.db") as db:
        kept = db.execute("SELECT n_examples, recipe FROM training_files ORDER BY training_file_key").fetchall()
    assert [n for n, _ in kept] == [240, 60]
    assert json.loads(kept[1][1])["part"] == "validation"


def test_without_a_share_there_is_no_validation_file(ftb: Ftb, service: FakeOpenAI) -> None:
    assert ftb(*TRAIN, "--force").code == 0
    assert "validation_file" not in service.created[0]
    assert len(service.files) == 1
