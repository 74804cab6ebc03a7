"""Deployments by command: what may bill is always in sight, and what one does about it is always said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ftb_tui.work import deployment, deployment_look
from ftb_tui.work.jobs import Pace
from tests.cli.conftest import Ftb
from tests.fakes.openai_server import FakeOpenAI, disconnect, error, status

AZURE = pytest.mark.parametrize("service", ["azure"], indirect=True)
NEBIUS = pytest.mark.parametrize("service", ["nebius"], indirect=True)
BOTH = pytest.mark.parametrize("service", ["azure", "nebius"], indirect=True)
BASE = "gpt-4.1-mini-2025-04-14"
ASKED = ("--dataset", "fictional_people", "--tasks", "memorization", "--limit", "1", "--yes")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ftb_tui.work.jobs.PAID_PACE", Pace(0.01, 0.01, 0.05))
    monkeypatch.setattr(deployment, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(deployment_look, "LOOK_PAUSES", (0.01,))


@pytest.fixture(autouse=True)
def azures_account(service: FakeOpenAI, home: Path) -> None:
    if service.service == "azure":
        file, address = home / "config" / "config.toml", service.url.removesuffix("/openai/v1")
        file.write_text(
            f'{file.read_text()}[providers.mine.deploy]\nsubscription = "s"\nresource_group = "g"\naccount = "a"\n'
            f'token_env = "FAKE_KEY"\nmanagement_url = "{address}"\n'
        )


def trained(ftb: Ftb, service: FakeOpenAI, base: str = "gpt-fake") -> Any:
    """A job that ended well; as followed."""
    if service.service == "nebius":
        # As the service has it: no tuned model, only checkpoints.
        service.job_changes = {"fine_tuned_model": None}
    launched = ftb(
        "train", "--dataset", "fictional_people", "--provider", "mine", "--base", base, "--epochs", "2", "--yes"
    )
    assert launched.code == 0, launched.said
    followed = ftb("jobs", "follow", "last")
    assert followed.code == 0, followed.said
    return followed


def everywhere(ftb: Ftb) -> list[str]:
    """All that is said where a person looks what there is."""
    looked = [("models", "list"), ("jobs", "show", "last"), ("providers", "check", "mine"), ("doctor",)]
    return [ftb(*command).said for command in looked]


@BOTH
def test_a_deployment_is_told_wherever_one_looks_until_it_is_gone(ftb: Ftb, service: FakeOpenAI) -> None:
    trained(ftb, service)
    made = ftb("models", "deploy", "tuned", "--create", "--yes", "--json")
    assert made.code == 0, made.said
    name, model = made.json["serving_name"], made.json["name"]
    for said in everywhere(ftb):
        assert f"{model} is deployed at mine as {name} since " in said
        assert f"ftb models deploy {model} --provider mine --remove" in said
    [listed] = [one for one in ftb("models", "list", "--json").json if one.get("deployments")]
    assert (listed["name"], listed["deployments"][0]["state"]) == (model, "made")
    gone = ftb("models", "deploy", "tuned", "--remove", "--yes")
    assert (gone.code, f"{name} is gone, says " in gone.err) == (0, True)
    assert not any(name in said for said in everywhere(ftb))
    again = ftb("models", "deploy", "tuned", "--remove", "--yes")
    assert (again.code, f"mine has no deployment of {model}." in again.err) == (0, True)


@BOTH
def test_a_deployment_whose_answer_was_lost_is_told_wherever_one_looks(ftb: Ftb, service: FakeOpenAI) -> None:
    trained(ftb, service)
    service.deploying.after_made.append(disconnect)
    service.deploying.late = True
    lost = ftb("models", "deploy", "tuned", "--create", "--yes")
    assert lost.code == 3
    assert "may exist at " in lost.err
    for said in everywhere(ftb):
        assert "no answer came. It may exist and bill. Take over what is there: ftb models deploy" in said
    service.deploying.late = False
    assert ftb("models", "deploy", "tuned", "--remove").code == 2, "a removal is asked about"
    assert ftb("models", "deploy", "tuned", "--remove", "--yes").code == 0
    assert (service.deploying.azure, service.deploying.nebius) == ({}, {})
    assert not any("may exist" in said for said in everywhere(ftb))


@NEBIUS
def test_what_appears_while_a_removal_is_asked_about_is_left_alone(
    ftb: Ftb, service: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(ftb, service)
    first = ftb("models", "deploy", "tuned", "--create", "--yes", "--json").json["serving_name"]
    # Where nothing is kept here, everything that the service has of the model is ours.
    assert ftb("models", "deploy", "tuned", "--forget", "--yes").code == 0
    asked: list[str] = []

    def confirm(question: str, *, yes: bool) -> None:
        asked.append(question)
        service.deploying.nebius["appeared"] = {**service.deploying.nebius[first], "name": "appeared"}

    monkeypatch.setattr("ftb_tui.cli.deploy.confirm", confirm)
    removed = ftb("models", "deploy", "tuned", "--remove")
    assert [first in one for one in asked] == [True]
    assert (removed.code, f"{first} is gone, says " in removed.err) == (2, True)
    assert "appeared has appeared since, and is left alone: ftb models deploy" in removed.err
    assert list(service.deploying.nebius) == ["appeared"]


@BOTH
def test_what_cannot_be_told_can_be_forgotten(ftb: Ftb, service: FakeOpenAI) -> None:
    trained(ftb, service)
    made = ftb("models", "deploy", "tuned", "--create", "--yes", "--json").json["serving_name"]
    sent = len(service.deploying.sent)
    assert ftb("models", "deploy", "tuned", "--forget").code == 2, "it may go on and bill"
    forgotten = ftb("models", "deploy", "tuned", "--forget", "--yes")
    assert f"{made}: forgotten here, and nothing was sent." in forgotten.err
    assert len(service.deploying.sent) == sent
    assert not any(made in said for said in everywhere(ftb))


@NEBIUS
def test_a_base_model_is_refused_where_only_tuned_ones_are_deployed(ftb: Ftb, service: FakeOpenAI) -> None:
    trained(ftb, service)
    for option in (("--create", "--yes"), ("--as", "gpt-fake-LoRa:x")):
        refused = ftb("models", "deploy", "gpt-fake", *option)
        assert (refused.code, "gpt-fake is a base model: mine answers for it by its own name" in refused.err) == (
            2,
            True,
        )
    assert service.deploying.sent == []


@AZURE
def test_a_base_model_that_was_never_used_here_is_deployed_or_recorded(ftb: Ftb, service: FakeOpenAI) -> None:
    assert ftb("models", "deploy", BASE, "--provider", "mine", "--as", "mybase").code == 0
    asked = ftb("evaluate", "--provider", "mine", "--model", BASE, *ASKED)
    assert (asked.code, service.bodies[-1]["model"]) == (0, "mybase"), asked.said
    other = "gpt-4o-mini-2024-07-18"
    assert ftb("models", "deploy", other, "--provider", "mine", "--create", "--yes").code == 0
    [made] = service.deploying.azure.values()
    assert (made["model"]["name"], made["model"]["version"]) == ("gpt-4o-mini", "2024-07-18")


@AZURE
def test_what_a_refused_base_model_leaves_behind_is_nothing(ftb: Ftb, service: FakeOpenAI) -> None:
    before = ftb("models", "list", "--provider", "mine", "--json").json
    service.deploying.account = "another"
    assert ftb("models", "deploy", BASE, "--provider", "mine", "--create", "--yes").code == 2
    assert ftb("models", "list", "--provider", "mine", "--json").json == before


@NEBIUS
def test_tuned_is_the_last_checkpoint_of_a_job_that_gives_nothing_else(ftb: Ftb, service: FakeOpenAI) -> None:
    followed = trained(ftb, service)
    assert "ftb models deploy ftjob-1:ck-4 --provider mine --create" in followed.err
    assert "ftb evaluate --model ftjob-1:ck-4 --dataset fictional_people" in followed.err
    refused = ftb("evaluate", "--model", "tuned", *ASKED)
    assert "ftjob-1:ck-4 answers only after it was deployed" in refused.err
    unknown = ftb("models", "deploy", "nothing-like-it", "--create", "--yes")
    assert "Known: gpt-fake, ftjob-1:ck-4, ftjob-1:ck-2." in unknown.err
    assert ftb("models", "deploy", "tuned", "--create", "--yes").code == 0
    assert ftb("evaluate", "--model", "tuned", *ASKED).code == 0
    assert service.bodies[-1]["model"] == "gpt-fake-LoRa:" + service.deploying.sent[1][2]["name"] + "-udpd"


@AZURE
def test_under_a_budget_an_unknown_price_is_refused_and_a_known_one_must_fit_into_the_day(
    ftb: Ftb, service: FakeOpenAI, home: Path
) -> None:
    trained(ftb, service)
    told = ftb("models", "deploy", "tuned", "--create")
    assert "What an hour of it costs is not known here." in told.err
    assert ftb("config", "set", "budget.per_day", "30").code == 0
    refused = ftb("models", "deploy", "tuned", "--create", "--yes")
    assert (refused.code, "put hosting_per_hour" in refused.err, service.deploying.azure) == (2, True, {})
    catalogue = home / "config" / "catalogue.toml"
    catalogue.write_text("[services.azure.prices]\nhosting_per_hour = 1.70\n")
    dear = ftb("models", "deploy", "tuned", "--create", "--yes")
    assert (dear.code, "A day of it costs $40.80; the day's budget has $30.00 left." in dear.err) == (2, True)
    catalogue.write_text("[services.azure.prices]\nhosting_per_hour = 1.20\n")
    made = ftb("models", "deploy", "tuned", "--create", "--yes")
    assert (made.code, "An hour of it costs $1.20, a day $28.80." in made.err) == (0, True)


@NEBIUS
def test_what_bills_only_its_answers_is_deployed_under_a_budget(ftb: Ftb, service: FakeOpenAI) -> None:
    trained(ftb, service)
    assert ftb("config", "set", "budget.per_day", "1").code == 0
    assert ftb("models", "deploy", "tuned", "--create", "--yes").code == 0


@AZURE
def test_a_refused_removal_says_that_it_is_still_there(ftb: Ftb, service: FakeOpenAI) -> None:
    trained(ftb, service)
    name = ftb("models", "deploy", "tuned", "--create", "--yes", "--json").json["serving_name"]
    [path] = {path.partition("?")[0] for _, path, _ in service.deploying.sent}
    service.faults[f"DELETE {path}"].append(status(409, error("it is in use")))
    refused = ftb("models", "deploy", "tuned", "--remove", "--yes")
    assert (refused.code, f"it is in use. {name} may still exist and bill" in refused.err) == (2, True)
    assert name in service.deploying.azure
