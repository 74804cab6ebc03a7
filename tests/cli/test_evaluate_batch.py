"""Batches by command: sent, left, read later, ended, and refused where they are not to be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftb_tui.providers.dialect import load_dialect
from ftb_tui.work import batching
from tests.cli.conftest import Ftb
from tests.fakes.openai_server import FakeOpenAI

ASK = (
    "evaluate",
    "--provider",
    "fake",
    "--model",
    "gpt-fake",
    "--dataset",
    "fictional_people",
    "--limit",
    "5",
    "--yes",
)


@pytest.fixture
def service(home: Path, fake_openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> FakeOpenAI:
    monkeypatch.setattr(batching, "LOOK_SECONDS", (0.01, 0.01, 0.01))
    file = home / "config" / "config.toml"
    file.write_text(file.read_text().replace("[providers.fake]", '[providers.fake]\ndialect = "openai"'))
    return fake_openai


def test_a_batch_is_asked_waited_for_and_scored(ftb: Ftb, service: FakeOpenAI) -> None:
    done = ftb(*ASK, "--batch")
    assert (done.code, "At fake: batch_1 in_progress" in done.err) == (0, True)
    assert "of 20 right" in done.err
    assert len(service.batching.batches) == 1
    assert sum(service.batching.asked.count(prompt) for prompt in set(service.batching.asked)) == 19


def test_a_batch_is_sent_left_and_read_later(ftb: Ftb, service: FakeOpenAI) -> None:
    sent = ftb(*ASK, "--batch", "--no-wait", "--json")
    assert (sent.code, sent.json["state"], sent.json["batch"]) == (0, "paused", 1)
    waiting = ftb("evaluate", "--resume", "1", "--no-wait")
    assert (waiting.code, "A batch is under way" in waiting.err) == (0, True)
    read = ftb("evaluate", "--resume", "1", "--json")
    assert (read.code, read.json["n_answered"], read.json["state"]) == (0, 20, "finished")
    assert service.requests["POST /batches"] == 1


def test_what_is_left_in_a_batch_is_told_as_it_is_and_no_score_is_made_of_one_answer(
    ftb: Ftb, service: FakeOpenAI
) -> None:
    service.batching.held = True
    sent = ftb(*ASK, "--batch", "--no-wait")
    assert "of the 19 questions in it 0 are answered there" in sent.err
    assert "A batch is under way with 19 of the 20 questions" in sent.err
    assert "ftb evaluate --resume 1" in sent.err
    assert not [word for word in ("s left", "right", "Look closer") if word in sent.err]
    still = ftb("evaluate", "--resume", "1", "--no-wait")
    assert ("of the 19 questions in it 0 are" in still.err, "1/20 asked" in still.err) == (True, False)
    service.batching.held = False
    read = ftb("evaluate", "--resume", "1")
    assert (read.code, "of 20 right" in read.err) == (0, True)


def test_the_same_line_once_more_sends_no_second_batch_unless_it_says_so(ftb: Ftb, service: FakeOpenAI) -> None:
    service.batching.held = True
    ftb(*ASK, "--batch", "--no-wait")
    again = ftb(*ASK, "--batch", "--no-wait")
    assert (again.code, "Evaluation 1 asks exactly this in a batch now" in again.err) == (1, True)
    dry = ftb(*ASK, "--batch", "--dry-run")
    assert (dry.code, dry.out, "Evaluation 1 asks exactly this" in dry.err) == (1, "", True)
    assert len(service.batching.batches) == 1
    assert ftb(*ASK, "--batch", "--no-wait", "--new").code == 0
    assert len(service.batching.batches) == 2


def test_ending_a_batch_where_there_is_none_asks_nothing(ftb: Ftb, service: FakeOpenAI) -> None:
    ftb(*ASK, "--batch")
    ended = ftb("evaluate", "--resume", "1", "--cancel-batch")
    assert (ended.code, "there is none to end" in ended.err) == (1, True)
    assert service.requests["POST /batches"] == 1


def test_a_batch_is_ended_and_the_rest_asked_one_by_one(ftb: Ftb, service: FakeOpenAI) -> None:
    service.batching.fate = lambda place, line: "answered" if place < 4 else "unasked"
    ftb(*ASK, "--batch", "--no-wait")
    ended = ftb("evaluate", "--resume", "1", "--cancel-batch")
    assert (ended.code, "was cancelled. 15 of its 19" in ended.err) == (1, True)
    rest = ftb("evaluate", "--resume", "1", "--no-batch", "--yes", "--json")
    assert (rest.json["n_answered"], rest.json["batch"]) == (20, 0)
    assert service.requests["POST /chat/completions"] == 1 + 15


def test_where_there_are_no_batches_nothing_is_planned_or_sent(ftb: Ftb, fake_openai: FakeOpenAI) -> None:
    refused = ftb(*ASK, "--batch")
    assert (refused.code, "does not answer in batches" in refused.err) == (2, True)
    assert not fake_openai.requests
    assert not load_dialect("local").capabilities.batches
    assert load_dialect("openai").capabilities.batches
