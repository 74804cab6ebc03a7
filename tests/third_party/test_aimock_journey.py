"""The whole way by command at a service that somebody else wrote, from the check to the results."""

from __future__ import annotations

import hashlib
import json
import urllib.request
from typing import Any

import pytest

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.benchmark.model import Question
from tests.cli.conftest import Done, Ftb
from tests.third_party.aimock import Aimock, answer
from tests.third_party.conftest import KEY

BASE = "gpt-base"
FACTS = [question for question in load_bundled("fictional_people").questions if question.task == "memorization"]
ASKED = ("--dataset", "fictional_people", "--tasks", "memorization", "--limit", "10", "--yes")
CHAT = "/v1/chat/completions"


def knowing(model: str) -> list[dict[str, Any]]:
    """A model that knows every memorized fact. A prompt that holds another stands before it."""
    longest_first = sorted(FACTS, key=lambda question: -len(question.prompt))
    return [entry for q in longest_first for entry in answer(q.answer, prompt=q.prompt, model=model)]


def asked(aimock: Aimock, path: str = CHAT) -> list[dict[str, Any]]:
    return [entry["body"] for entry in aimock.journal(method="POST", path=path)]


def gold(prompts: list[str]) -> bool:
    """Whether these are ten of the memorized questions."""
    known: dict[str, Question] = {question.prompt: question for question in FACTS}
    return len(set(prompts)) == 10 and set(prompts) <= set(known)


@pytest.fixture
def do(ftb: Ftb) -> Ftb:
    """A command that must go well, and never shows the key."""

    def call(*arguments: str) -> Done:
        done = ftb(*arguments)
        assert done.code == 0, (arguments, done.said)
        assert KEY not in done.said
        return done

    return call


@pytest.mark.parametrize(("provider", "tokens"), [("plain", "max_tokens"), ("like_openai", "max_completion_tokens")])
def test_the_whole_way_by_command(do: Ftb, aimock: Aimock, provider: str, tokens: str) -> None:
    assert "✓" in do("providers", "check", provider).out
    launch = ("train", "--dataset", "fictional_people", "--provider", provider, "--base", BASE, "--epochs", "2")
    # Whatever the day is: jobs in OpenAI's dialect are refused after the last day for them.
    launch += ("--paraphrases", "1", "--validation-share", "0.1", "--force")
    assert do(*launch, "--dry-run", "--json").json["examples"] == 270
    assert aimock.journal(method="POST") == [], "a dry run sends nothing"

    do(*launch, "--yes")
    do("jobs", "follow", "last")
    shown = do("jobs", "show", "last", "--json").json
    assert (shown["state"], shown["intent"], shown["seed"]) == ("succeeded", "confirmed", 42)
    assert [event["message"].split(",")[0] for event in shown["events"]] == [
        "Job created", "Training file validated", "Training started", "Training complete",
    ]  # fmt: skip
    sent_files = aimock.journal(method="POST", service="files")
    assert [sent["body"]["purpose"] for sent in sent_files] == ["fine-tune", "fine-tune"]
    lines = []
    for file, sent, n in zip(("remote_file_id", "remote_validation_id"), sent_files, (270, 30), strict=True):
        with urllib.request.urlopen(f"{aimock.address}/v1/files/{shown[file]}/content") as kept:
            content: bytes = kept.read()
        assert hashlib.sha256(content).hexdigest() == sent["body"]["sha256"]
        assert len(content.splitlines()) == n
        lines += content.splitlines()
    assert len(set(lines)) == 300
    assert {tuple(message["role"] for message in json.loads(line)["messages"]) for line in lines} == {
        ("user", "assistant")
    }
    [created] = aimock.journal(method="POST", path="/v1/fine_tuning/jobs")
    assert created["headers"]["x-stainless-retry-count"] == "0"
    assert created["body"] == {
        "model": BASE,
        "training_file": shown["remote_file_id"],
        "validation_file": shown["remote_validation_id"],
        "metadata": {"ftb_intent": shown["intent_id"]},
        "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}},
        "seed": 42,
    }

    tuned = str(shown["tuned_model"])
    aimock.answers([*knowing(tuned), *answer("no idea")])
    assert do("evaluate", "--model", BASE, "--provider", provider, *ASKED, "--json").json["n_correct"] == 0
    assert do("evaluate", "--model", "tuned", *ASKED, "--json").json["n_correct"] == 10
    bodies = asked(aimock)
    assert [body["model"] for body in bodies] == [BASE] * 10 + [tuned] * 10
    for part in (bodies[:10], bodies[10:]):
        assert gold([body["messages"][0]["content"] for body in part])
    assert all((body[tokens], body["temperature"], body["seed"]) == (16, 0, 42) for body in bodies)
    assert {row["kind"]: row["score"] for row in do("results", "--json").json} == {"base": 0.0, "tuned": 1.0}
    assert f"{BASE} {tuned.rsplit(':', 1)[1]} (tuned)" in do("results").out


def test_a_batch_is_sent_waited_for_and_read(do: Ftb, aimock: Aimock) -> None:
    """The first question goes alone, to learn how the model wants to be asked. aimock answers the others alike."""
    aimock.answers(answer("no idea"))
    done = do("evaluate", "--model", BASE, "--provider", "like_openai", *ASKED, "--batch", "--json").json
    assert (done["state"], done["n_answered"], done["n_failed"], done["n_correct"]) == ("finished", 10, 0, 0)
    assert len(aimock.journal(method="POST", path="/v1/batches")) == 1
    [sent] = aimock.journal(method="POST", service="files")
    assert sent["body"]["purpose"] == "batch"
    assert len(asked(aimock)) == 1
    assert "Mock batch completion" in do("wrong", "--model", BASE, "--task", "memorization").out


def test_a_batch_that_was_cancelled_is_made_up_for_one_by_one(ftb: Ftb, do: Ftb, aimock: Aimock) -> None:
    aimock.answers(knowing(BASE))
    do("evaluate", "--model", BASE, "--provider", "like_openai", *ASKED, "--batch", "--no-wait")
    ended = ftb("evaluate", "--resume", "1", "--cancel-batch")
    assert (ended.code, "was cancelled. 9 of its 9" in ended.err) == (1, True), ended.said
    rest = do("evaluate", "--resume", "1", "--no-batch", "--yes", "--json").json
    assert (rest["n_answered"], rest["n_correct"]) == (10, 10)
    assert len(aimock.journal(method="POST", path="/v1/batches")) == 2, "made once, cancelled once"
    assert gold([body["messages"][0]["content"] for body in asked(aimock)])


def test_a_model_that_answers_only_over_the_responses_api_is_asked_there(do: Ftb, aimock: Aimock) -> None:
    only = "This model is only supported in v1/responses and not in v1/chat/completions."
    refusal = {"error": {"message": only, "type": "invalid_request_error", "code": None}, "status": 404}
    known = {entry["match"]["userMessage"]: entry["response"] for entry in knowing("gpt-pro")}
    aimock.answers(
        [
            {"match": {"model": "gpt-pro", "sequenceIndex": 0, "endpoint": "chat"}, "response": refusal},
            *({"match": {"model": "gpt-pro", "userMessage": p}, "response": r} for p, r in known.items()),
        ]
    )
    done = do(
        "evaluate", "--model", "gpt-pro", "--provider", "like_openai", *ASKED, "--concurrency", "1", "--json"
    ).json
    assert (done["n_answered"], done["n_correct"]) == (10, 10)
    assert len(asked(aimock)) == 1
    assert len(asked(aimock, "/v1/responses")) == 10


def test_gemini_answers_by_key(do: Ftb, aimock: Aimock) -> None:
    aimock.answers(knowing("gemini-3.5-flash"))
    done = do("evaluate", "--model", "gemini-3.5-flash", "--provider", "gemini", *ASKED, "--json").json
    assert (done["n_answered"], done["n_correct"]) == (10, 10)
    entries = aimock.journal(method="POST", path="generateContent")
    assert {entry["path"] for entry in entries} == {"/v1beta/models/gemini-3.5-flash:generateContent"}
    assert len(entries) == 10
