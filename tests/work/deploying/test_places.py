"""A deployment is looked for where it is, taken for what it is, and told as what is known of it at the moment."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiosqlite
import pytest

from ftb_tui.providers.base import Provider, ProviderError
from ftb_tui.providers.registry import open_provider
from ftb_tui.store.database import transaction
from ftb_tui.store.models import ensure_model, list_models
from ftb_tui.work import deployment, deployment_look
from ftb_tui.work.asking_plan import AskingPlan, asking_quote, plan_evaluation
from ftb_tui.work.deployed import known_deployments
from tests.fakes.openai_server import FakeOpenAI, hang
from tests.work.deploying.service import AZURE, BOTH, NEBIUS, creations, states, there


@BOTH
async def test_a_deployment_that_is_being_asked_for_is_told_so_until_nobody_waits_for_the_answer(
    db: aiosqlite.Connection,
    provider: Provider,
    service: FakeOpenAI,
    checkpoint: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service.deploying.after_made.append(hang)
    service.deploying.late = True
    asking = asyncio.create_task(deployment.create(db, provider, checkpoint))
    while not there(service):
        await asyncio.sleep(0.01)
    [told] = await known_deployments()
    assert told.endswith("of ftjob-1:ck-4 at mine is being asked for now.")
    # Even when it was asked for so long ago that it should be there.
    monkeypatch.setattr(deployment_look, "SETTLED_SECONDS", 0.0)
    with pytest.raises(ProviderError, match="is being deployed by another ftb|may still appear"):
        await deployment.create(db, provider, checkpoint)
    assert (creations(service), await states(db)) == (1, ["sent"])
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    [told] = await known_deployments()
    assert "no answer came. It may exist and bill" in told


@BOTH
async def test_a_deployment_is_not_forgotten_because_the_provider_leads_to_another_place_now(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI, checkpoint: int, home: Path
) -> None:
    await deployment.create(db, provider, checkpoint)
    file = home / "config" / "config.toml"
    before = file.read_text()
    file.write_text(before.replace('account = "a"', 'account = "b"').replace("127.0.0.1", "localhost"))
    elsewhere = open_provider("mine")
    for work in (deployment_look.look, deployment.remove, deployment.create):
        with pytest.raises(
            ProviderError, match=r"is at http.*127\.0\.0\.1.* and mine is at .* now\. It may exist and bill"
        ):
            await work(db, elsewhere, checkpoint)
    await elsewhere.close()
    assert (len(there(service)), creations(service), await states(db)) == (1, 1, ["made"])
    assert await deployment.remove(db, provider, checkpoint)
    assert (there(service), await states(db)) == ([], [])


@AZURE
async def test_what_a_person_recorded_is_not_forgotten_either(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI, checkpoint: int, home: Path
) -> None:
    await deployment.record(db, checkpoint, "d1")
    service.deploying.account = "b"
    file = home / "config" / "config.toml"
    file.write_text(file.read_text().replace('account = "a"', 'account = "b"'))
    elsewhere = open_provider("mine")
    with pytest.raises(ProviderError, match="accounts/a, as far as is known here, and mine is at .*accounts/b now"):
        await deployment.remove(db, elsewhere, checkpoint)
    await elsewhere.close()
    assert await states(db) == ["recorded"]


@AZURE
@pytest.mark.parametrize(
    ("model", "version"), [("gpt-4o", ""), ("gpt-4o", "1"), ("gpt-4", "0613"), ("gpt-4o-mini", "1")]
)
async def test_the_deployment_of_a_model_whose_name_begins_alike_is_not_taken_away(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI, model: str, version: str
) -> None:
    ours = "gpt-4o-mini-2024-07-18"
    async with transaction(db):
        key = await ensure_model(db, provider="mine", name=ours, kind="base", base_model=ours)
    service.deploying.azure["d1"] = {"state": "Succeeded", "model": {"name": model, "version": version}}
    if model == "gpt-4o-mini":
        # Its version is left to the service.
        assert await deployment.remove(db, provider, key, name="d1") == ["d1"]
        return
    with pytest.raises(ProviderError, match=f"d1 at .* serves {model}, not {ours}; it is left alone"):
        await deployment.remove(db, provider, key, name="d1")
    assert there(service) == ["d1"]


@AZURE
async def test_what_appears_after_a_person_has_agreed_is_left_alone(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI, checkpoint: int
) -> None:
    made = (await deployment.create(db, provider, checkpoint)).serving_name
    with pytest.raises(ProviderError, match=rf"{made} has appeared since, and is left alone: ftb models deploy"):
        await deployment.remove(db, provider, checkpoint, only=["another"])
    assert (there(service), await states(db)) == ([made], ["made"])
    assert await deployment.remove(db, provider, checkpoint, only=[str(made)]) == [made]


@NEBIUS
async def test_a_base_model_is_not_asked_as_a_deployment_that_it_cannot_have(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    plan = AskingPlan("mine", "gpt-fake", "fictional_people", limit=1, serving_name="gpt-fake-LoRa:x")
    for work in (asking_quote, plan_evaluation):
        with pytest.raises(ProviderError, match="gpt-fake is a base model: mine answers for it by its own name"):
            await work(plan)
    assert (await list_models(db), await states(db)) == ([], [])
    async with transaction(db):
        await ensure_model(db, provider="mine", name="ftjob-1:ck-2", kind="checkpoint", base_model="gpt-fake")
    tuned = AskingPlan("mine", "ftjob-1:ck-2", "fictional_people", limit=1, serving_name="gpt-fake-LoRa:x")
    await plan_evaluation(tuned)
    assert await states(db) == ["recorded"]
