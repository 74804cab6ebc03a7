"""The whole way by command at every service: check, dry run, launch, follow, checkpoints, evaluate, results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.providers.base import Capabilities
from ftb_tui.providers.registry import provider_info
from ftb_tui.work import deployment
from ftb_tui.work.jobs import Pace
from tests.cli.conftest import Done, Ftb
from tests.fakes.google_server import BASE as GOOGLE_BASE
from tests.fakes.google_server import FakeGoogle
from tests.fakes.openai_server import KEY, FakeOpenAI

GOLD = {question.prompt: question.answer for question in load_bundled("fictional_people").questions}
SERVICES = ("openai", "azure", "nebius", "custom")
ASKED = ("--dataset", "fictional_people", "--tasks", "memorization", "--limit", "10", "--yes")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ftb_tui.work.jobs.PAID_PACE", Pace(0.01, 0.01, 0.05))
    monkeypatch.setattr(deployment, "POLL_SECONDS", 0.01)


def walked(ftb: Ftb, provider: str, base: str, *, answer: Any) -> list[Done]:
    """From the check to the results; gives everything that was said. `answer` takes what the models say next."""
    launch = ("train", "--dataset", "fictional_people", "--provider", provider, "--base", base, "--epochs", "2")
    said: list[Done] = []

    def do(*arguments: str, code: int = 0) -> Done:
        done = ftb(*arguments)
        assert done.code == code, (arguments, done.said)
        said.append(done)
        return done

    able = provider_info(provider).capabilities
    assert "✓" in do("providers", "check", provider).out
    more = ("--paraphrases", "1", "--validation-share", "0.1")
    dry = do(*launch, *more, "--dry-run", "--json").json
    assert (dry["examples"], dry["validation_examples"], dry["stops"]) == (270, 30, [])
    assert do("jobs", "list", "--json").json == [], "a dry run leaves nothing"
    do(*launch, *more, "--yes")
    do("jobs", "follow", "last")
    shown = do("jobs", "show", "last", "--json").json
    assert (shown["state"], shown["intent"], shown["n_examples"]) == ("succeeded", "confirmed", 270)
    made = [model for model in do("models", "list", "--provider", provider, "--json").json if model.get("model_key")]
    kinds = {model["kind"] for model in made}
    assert {"base", "tuned", "checkpoint"} <= kinds
    checkpoint = next(model["name"] for model in made if model["kind"] == "checkpoint")

    answer("no idea")
    do("evaluate", "--model", base, "--provider", provider, *ASKED)
    if able.deploy_step:
        deployed(ftb, able, str(shown["tuned_model"]), checkpoint, do)
    answer(None)
    assert do("evaluate", "--model", "tuned", *ASKED, "--json").json["n_correct"] == 10
    assert do("evaluate", "--model", checkpoint, *ASKED, "--json").json["n_correct"] == 10
    scores = {row["kind"]: row["score"] for row in do("results", "--json").json}
    assert (scores["base"], scores["tuned"], scores["checkpoint"]) == (0.0, 1.0, 1.0)
    assert base in do("results").out
    return said


def deployed(ftb: Ftb, able: Capabilities, tuned: str, checkpoint: str, do: Any) -> None:
    """Tuned models answer only after a deployment: made through the service, or made elsewhere and recorded."""
    refused = ftb("evaluate", "--model", "tuned", *ASKED)
    assert (refused.code, "answers only after it was deployed" in refused.err) == (1, True)
    if "nebius" in (ftb("config", "show").out):
        assert ftb("models", "deploy", checkpoint, "--create").code == 2, "it may cost money"
        do("models", "deploy", checkpoint, "--create", "--yes")
        do("models", "deploy", tuned, "--as", "gpt-fake-LoRa:elsewhere")
    else:
        do("models", "deploy", checkpoint, "--as", "my-checkpoint")
        do("models", "deploy", tuned, "--as", "my-tuned")


@pytest.mark.parametrize("service", SERVICES, indirect=True)
def test_the_whole_way_by_command(ftb: Ftb, service: FakeOpenAI) -> None:
    def answer(text: str | None) -> None:
        service.answer = (lambda prompt: text) if text is not None else GOLD.__getitem__

    said = walked(ftb, "mine", "gpt-fake", answer=answer)
    assert service.requests["POST /fine_tuning/jobs"] == 1
    assert len(service.jobs) == 1
    [job] = service.created
    assert job["validation_file"] in service.files
    assert all(KEY not in done.said for done in said)


@pytest.mark.parametrize("service", ["openai"], indirect=True)
def test_the_base_may_be_asked_for_half_the_price(
    ftb: Ftb, service: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ftb_tui.work.batching.LOOK_SECONDS", (0.01, 0.01, 0.01))
    service.answer = GOLD.__getitem__
    asked = ftb("evaluate", "--model", "gpt-fake", "--provider", "mine", *ASKED, "--batch", "--json")
    assert (asked.code, asked.json["n_correct"], len(service.batching.batches)) == (0, 10, 1)


def test_the_whole_way_at_google_by_command(ftb: Ftb, fake_google: FakeGoogle) -> None:
    def answer(text: str | None) -> None:
        fake_google.answer = (lambda prompt: text) if text is not None else GOLD.__getitem__

    walked(ftb, "google", GOOGLE_BASE, answer=answer)
    assert fake_google.requests["create"] == 1


def test_the_same_way_with_the_embedded_engine(ftb: Ftb, tiny: Path) -> None:
    """The very adapter of the services, and a model that really learns (though too small to learn much in two epochs)."""
    launch = ("train", "--dataset", "fictional_people", "--people", "2", "--epochs", "2")
    more = ("--paraphrases", "1", "--validation-share", "0.1")
    dry = ftb(*launch, *more, "--dry-run", "--json").json
    assert (dry["free"], dry["training_cost"], dry["stops"]) == (True, 0.0, [])
    assert ftb(*launch, *more).code == 0
    assert "✓" in ftb("providers", "check", "local").out
    assert ftb("jobs", "follow", "last").code == 0
    shown = ftb("jobs", "show", "last", "--json").json
    assert (shown["state"], shown["n_examples"]) == ("succeeded", 22)
    assert shown["last_loss"] is not None
    made = [model for model in ftb("models", "list", "--provider", "local", "--json").json if model.get("model_key")]
    checkpoint = next(model["name"] for model in made if model["kind"] == "checkpoint")
    for model in ("base", "tuned", checkpoint):
        asked = ftb("evaluate", "--model", model, *ASKED, "--json")
        assert (asked.code, asked.json["n_answered"]) == (0, 10), asked.err
    assert {row["kind"] for row in ftb("results", "--json").json} == {"base", "tuned", "checkpoint"}
