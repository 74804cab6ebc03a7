"""A deployment bills: what was asked for is never lost, never made twice, and gone only when the service says so."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time

import aiosqlite
import pytest

from ftb_tui.providers.base import ErrorKind, Provider, ProviderError
from ftb_tui.providers.registry import open_provider
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.models import ensure_model, get_model
from ftb_tui.work import deployment, deployment_look
from ftb_tui.work.deployed import known_deployments
from ftb_tui.work.quoting import LaunchRefusedError
from tests.fakes.deployments import Fault
from tests.fakes.openai_server import KEY, FakeOpenAI, disconnect, error, hang, status
from tests.work.deploying.service import AZURE, BOTH, NEBIUS, azure_path, checkpoint_name, creations, states, there

LOST = pytest.mark.parametrize("lost", [disconnect, status(502, error("Bad gateway"))], ids=["reset", "502"])


@BOTH
@LOST
async def test_a_deployment_whose_answer_is_lost_is_found_and_used(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI, checkpoint: int, lost: Fault
) -> None:
    service.deploying.after_made.append(lost)
    made = await deployment.create(db, provider, checkpoint)
    assert made.serving_name == there(service)[0]
    assert (creations(service), await states(db)) == (1, ["made"])


@BOTH
@LOST
async def test_a_deployment_that_cannot_be_looked_for_is_told_kept_and_taken_away_later(
    db: aiosqlite.Connection,
    provider: Provider,
    service: FakeOpenAI,
    checkpoint: int,
    lost: Fault,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service.deploying.after_made.append(lost)
    find = type(provider).find_deployments  # type: ignore[attr-defined]

    async def sick(self: object, model: str, *, name: str) -> object:
        if creations(service):
            raise ProviderError(ErrorKind.SERVER, "in trouble")
        return await find(self, model, name=name)

    with monkeypatch.context() as trouble:
        trouble.setattr(type(provider), "find_deployments", sick)
        with pytest.raises(ProviderError, match=r"may exist at .* and bill.*--create.*--remove") as told:
            await deployment.create(db, provider, checkpoint)
    assert told.value.kind in (ErrorKind.UNREACHABLE, ErrorKind.SERVER)
    assert (await states(db), len(there(service))) == (["sent"], 1)
    [billing] = there(service)
    assert await deployment.remove(db, provider, checkpoint) == [billing]
    assert (there(service), await states(db)) == ([], [])


@BOTH
async def test_what_was_asked_for_and_never_made_is_asked_for_again(
    db: aiosqlite.Connection,
    provider: Provider,
    service: FakeOpenAI,
    checkpoint: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for route in (f"PUT {azure_path(checkpoint_name())}", "POST /v0/models"):
        service.faults[route].append(disconnect)
    with pytest.raises(ProviderError, match="may exist"):
        await deployment.create(db, provider, checkpoint)
    assert (await states(db), there(service)) == (["sent"], [])
    if service.service == "nebius":
        # Azure makes one of two requests by one name; here a second one would be a second adapter.
        with pytest.raises(ProviderError, match="may still appear"):
            await deployment.create(db, provider, checkpoint)
        assert await states(db) == ["sent"]
        monkeypatch.setattr(deployment_look, "SETTLED_SECONDS", 0.0)
    assert (await deployment.create(db, provider, checkpoint)).serving_name == there(service)[0]
    assert await states(db) == ["made"]


@BOTH
async def test_what_may_still_appear_is_not_told_as_gone(
    db: aiosqlite.Connection,
    provider: Provider,
    service: FakeOpenAI,
    checkpoint: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service.deploying.after_made.append(disconnect)
    service.deploying.late = True
    with pytest.raises(ProviderError, match="may exist"):
        await deployment.create(db, provider, checkpoint)
    with pytest.raises(ProviderError, match=r"shows no deployment .* may still appear, and bill.*2 minutes"):
        await deployment.remove(db, provider, checkpoint)
    assert await states(db) == ["sent"]
    monkeypatch.setattr(deployment_look, "SETTLED_SECONDS", 0.0)
    assert (await deployment.remove(db, provider, checkpoint), await states(db)) == ([], [])


@BOTH
async def test_what_was_just_made_may_be_found_late(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI, checkpoint: int
) -> None:
    unknown = status(404, error("not found"))
    service.faults[f"GET {azure_path(checkpoint_name())}"].extend([unknown] * 3)
    service.faults[f"GET /v0/models/gpt-fake-LoRa:{checkpoint_name()}-udpd"].extend([unknown] * 3)
    made = await deployment.create(db, provider, checkpoint)
    assert (made.serving_name, creations(service)) == (there(service)[0], 1)


@BOTH
async def test_a_service_in_trouble_is_asked_for_nothing_new(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI, checkpoint: int
) -> None:
    for route in (f"GET {azure_path(checkpoint_name())}", "GET /v0/models"):
        service.faults[route].append(status(503, error("overloaded")))
    with pytest.raises(ProviderError, match=r"overloaded\. What is there already could not be told"):
        await deployment.create(db, provider, checkpoint)
    assert (creations(service), await states(db)) == (0, [])


@BOTH
async def test_a_second_creation_takes_over_what_is_there(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI, checkpoint: int
) -> None:
    first = await deployment.create(db, provider, checkpoint)
    assert await deployment.forget(db, checkpoint) == [first.serving_name]
    said: list[str] = []
    again = await deployment.create(db, provider, checkpoint, on_state=said.append)
    assert (again.serving_name, creations(service), len(there(service))) == (first.serving_name, 1, 1)
    assert "already; nothing new is asked for" in said[0]


@BOTH
async def test_a_refusal_leaves_nothing_behind(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI, checkpoint: int
) -> None:
    for route in (f"PUT {azure_path(checkpoint_name())}", "POST /v0/models"):
        service.faults[route].append(status(400, error("no quota for this")))
    with pytest.raises(ProviderError, match=r"no quota for this$"):
        await deployment.create(db, provider, checkpoint)
    assert await states(db) == []


@AZURE
async def test_a_refusal_does_not_make_forget_what_was_asked_for_before_it(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI, checkpoint: int
) -> None:
    put = service.faults[f"PUT {azure_path(checkpoint_name())}"]
    put.extend([disconnect, status(409, error("another operation is in progress"))])
    with pytest.raises(ProviderError, match="may exist"):
        await deployment.create(db, provider, checkpoint)
    with pytest.raises(ProviderError, match="in progress"):
        await deployment.create(db, provider, checkpoint)
    assert await states(db) == ["sent"]


@BOTH
async def test_two_who_deploy_a_model_at_once_make_one_deployment(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI, checkpoint: int
) -> None:
    other, theirs = await open_store(), open_provider("mine")
    made = await asyncio.gather(
        deployment.create(db, provider, checkpoint),
        deployment.create(other, theirs, checkpoint),
        return_exceptions=True,
    )
    await theirs.close()
    await other.close()
    assert (creations(service), len(there(service)), await states(db)) == (1, 1, ["made"])
    refused = [one for one in made if isinstance(one, ProviderError)]
    assert all("another ftb" in str(one) or "may still appear" in str(one) for one in refused)


@BOTH
async def test_under_a_budget_a_new_one_is_refused_and_one_that_is_there_is_taken_over(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI, checkpoint: int
) -> None:
    with pytest.raises(LaunchRefusedError, match=r"Too dear\. Nothing was sent\."):
        await deployment.create(db, provider, checkpoint, refusal="Too dear.")
    assert (creations(service), await states(db)) == (0, [])
    await deployment.create(db, provider, checkpoint)
    assert (await deployment.create(db, provider, checkpoint, refusal="Too dear.")).serving_name


@BOTH
async def test_a_removal_whose_answer_is_lost_is_confirmed_by_looking(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI, checkpoint: int
) -> None:
    made = await deployment.create(db, provider, checkpoint)
    service.deploying.after_gone.append(disconnect)
    assert await deployment.remove(db, provider, checkpoint) == [made.serving_name]
    assert (there(service), await states(db)) == ([], [])


@AZURE
async def test_a_removal_that_is_never_confirmed_is_not_told_as_done(
    db: aiosqlite.Connection,
    provider: Provider,
    service: FakeOpenAI,
    checkpoint: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deployment, "LONGEST_REMOVAL", 0.02)
    await deployment.create(db, provider, checkpoint)
    service.deploying.deletes = False
    with pytest.raises(ProviderError, match=r"does not confirm .* gone \(it is Deleting\).*may still exist and bill"):
        await deployment.remove(db, provider, checkpoint)
    assert await states(db) == ["made"]


@AZURE
async def test_an_account_that_is_not_there_does_not_say_that_the_deployment_is_gone(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI, checkpoint: int
) -> None:
    await deployment.create(db, provider, checkpoint)
    service.deploying.account = "another"
    with pytest.raises(ProviderError, match="was not found"):
        await deployment.remove(db, provider, checkpoint)
    assert await states(db) == ["made"]


@AZURE
async def test_a_deployment_of_another_model_is_neither_replaced_nor_taken_away(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI, checkpoint: int
) -> None:
    service.deploying.azure["d1"] = {"state": "Succeeded", "model": {"name": "theirs", "version": "1"}}
    with pytest.raises(ProviderError, match=r"d1 at .* serves theirs.*left alone.*another name with --as"):
        await deployment.create(db, provider, checkpoint, name="d1")
    with pytest.raises(ProviderError, match="left alone"):
        await deployment.remove(db, provider, checkpoint, name="d1")
    assert (there(service), set(service.deploying.verbs())) == (["d1"], {"GET"})


@AZURE
async def test_a_failed_deployment_is_kept_until_it_is_taken_away(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI, checkpoint: int
) -> None:
    service.deploying.azure["d1"] = {"state": "Failed", "model": {"name": "ftjob-1:ck-4", "version": "1"}}
    with pytest.raises(ProviderError, match=r"was not deployed: Failed.*--remove"):
        await deployment.create(db, provider, checkpoint, name="d1")
    assert (await states(db), (await get_model(db, checkpoint)).serving_name) == (["failed"], None)
    assert await deployment.remove(db, provider, checkpoint) == ["d1"]
    assert await states(db) == []


@AZURE
async def test_a_base_model_is_deployed_by_name_and_version(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    name = "gpt-4.1-mini-2025-04-14"
    async with transaction(db):
        key = await ensure_model(db, provider="mine", name=name, kind="base", base_model=name)
    assert (await deployment.create(db, provider, key, name="mybase")).serving_name == "mybase"
    made = service.deploying.azure["mybase"]["model"]
    assert (made["name"], made["version"]) == ("gpt-4.1-mini", "2025-04-14")
    assert await deployment.remove(db, provider, key) == ["mybase"]


@NEBIUS
async def test_a_base_model_is_not_deployed_as_if_it_were_tuned(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    async with transaction(db):
        key = await ensure_model(db, provider="mine", name="gpt-fake", kind="base", base_model="gpt-fake")
    with pytest.raises(ProviderError, match="is a base model"):
        await deployment.create(db, provider, key)
    assert service.deploying.sent == []


@NEBIUS
async def test_without_a_list_what_was_never_answered_is_not_asked_for_again(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI, checkpoint: int
) -> None:
    unlisted = status(404, error("no such page"))
    service.faults["GET /v0/models"].extend([unlisted] * 20)
    service.deploying.after_made.append(disconnect)
    with pytest.raises(ProviderError, match="may exist"):
        await deployment.create(db, provider, checkpoint)
    for again in (deployment.create, deployment.remove):
        with pytest.raises(ProviderError, match=r"cannot be told what is there.*--forget"):
            await again(db, provider, checkpoint)
    assert (creations(service), await states(db)) == (1, ["sent"])


@BOTH
async def test_killed_between_asking_and_answer_it_is_found_by_the_next_one(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI, checkpoint: int
) -> None:
    service.deploying.after_made.append(hang)
    asked = [sys.executable, "-m", "ftb_tui", "models", "deploy", "ftjob-1:ck-4", "--create", "--yes"]
    with subprocess.Popen(asked, env={**os.environ, "FAKE_KEY": KEY}, stderr=subprocess.DEVNULL) as process:
        while not there(service) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert (len(there(service)), await states(db)) == (1, ["sent"])
    assert "no answer came" in (await known_deployments())[0]
    assert (await deployment.create(db, provider, checkpoint)).serving_name == there(service)[0]
    assert creations(service) == 1
