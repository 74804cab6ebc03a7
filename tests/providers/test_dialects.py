"""Each service is spoken to as it insists on; the fake server refuses what the real one would refuse."""

from __future__ import annotations

import base64
import datetime
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiosqlite
import pytest

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.providers.base import AskRequest, JobRequest, JobState, Provider, ProviderError, RemoteCheckpoint
from ftb_tui.providers.openai_wire import OpenAIWire
from ftb_tui.providers.registry import check_provider, open_provider
from ftb_tui.store import jobs as store
from ftb_tui.store.database import open_store
from ftb_tui.store.datasets import save_dataset
from ftb_tui.store.models import ModelNotFoundError, find_model, get_model, list_models
from ftb_tui.work import deployment, evaluate
from ftb_tui.work import jobs as work
from ftb_tui.work.adoption import adopt
from ftb_tui.work.evaluate import EvaluationStoppedError
from ftb_tui.work.jobs import LaunchPlan, Pace
from ftb_tui.work.quoting import quote_launch
from tests.fakes.openai_server import KEY, FakeOpenAI, error, status

WORLD = load_bundled("fictional_people")
FAST = Pace(0.01, 0.01, 0.05)
SERVICES = ("openai", "azure", "nebius", "custom")
CSV = "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n1,2.0,0.5,,\n2,1.0,0.75,1.5,0.5\n"


def plan(suffix: str | None = "v1.2-and-a-long-tail") -> LaunchPlan:
    return LaunchPlan(dataset=WORLD, base_model="gpt-fake", n_epochs=2, suffix=suffix)


@pytest.fixture
def service(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOpenAI]:
    """The fake service of that name, known to ftb as the provider `mine`."""
    name = str(request.param)
    with FakeOpenAI("" if name == "custom" else name) as server:
        monkeypatch.setenv("FAKE_KEY", KEY)
        address = server.url.removesuffix("/openai/v1")
        (home / "config").mkdir(parents=True, exist_ok=True)
        (home / "config" / "config.toml").write_text(
            f'[providers.mine]\ndialect = "{name}"\nbase_url = "{address}"\napi_key_env = "FAKE_KEY"\n'
        )
        yield server


@pytest.fixture
async def provider(service: FakeOpenAI) -> AsyncIterator[Provider]:
    provider = open_provider("mine")
    yield provider
    await provider.close()


@pytest.fixture
async def db(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[aiosqlite.Connection]:
    monkeypatch.setattr(work, "RECONCILE_PAUSES", (0.01, 0.01))
    db = await open_store()
    await save_dataset(db, WORLD)
    yield db
    await db.close()


@pytest.mark.parametrize("service", SERVICES, indirect=True)
async def test_the_whole_way_at_every_service(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    assert (await check_provider("mine")).reachable
    quoted = await quote_launch(db, plan(), "mine", datetime.date(2026, 11, 21))
    assert quoted.stops() == []
    key = await work.launch(db, provider, plan(), estimate=quoted)
    job = await work.follow(db, provider, key, pace=FAST)
    assert (job.state, job.intent) == (JobState.SUCCEEDED, "confirmed")
    assert len(service.jobs) == 1
    models = {model.kind: model for model in await list_models(db)}
    assert {"base", "checkpoint", "tuned"} <= set(models)
    for kind in ("tuned", "checkpoint", "base"):
        model = models[kind]
        if provider.capabilities.deploy_step and kind != "base":
            await deployment.record(db, model.model_key, f"my-{kind}")
        evaluation = await evaluate.create(
            db, model_key=model.model_key, dataset_id=WORLD.dataset_id, questions=WORLD.questions[:5], answer_tokens=7
        )
        row = await evaluate.run(db, provider, evaluation)
        assert (row.n_answered, row.n_failed) == (5, 0)
        deployed = provider.capabilities.deploy_step and kind != "base"
        assert service.bodies[-1]["model"] == (f"my-{kind}" if deployed else model.name)


@pytest.mark.parametrize("service", ["azure"], indirect=True)
async def test_azure_gets_its_mark_its_training_type_and_a_suffix_that_fits(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    await work.launch(db, provider, plan())
    [body] = service.created
    assert (body["trainingType"], body["suffix"]) == ("Standard", "v1-2-and-a-long-ta")
    assert service.files[body["training_file"]].startswith(b"\xef\xbb\xbf{")
    assert set(service.requests) <= {"POST /files", "POST /fine_tuning/jobs"}
    await provider.create_job(JobRequest("t", "gpt-oss-20b", body["training_file"], n_epochs=1))
    assert service.created[-1]["trainingType"] == "globalStandard"


@pytest.mark.parametrize("service", ["azure"], indirect=True)
async def test_a_persons_own_addition_is_sent_with_the_job(
    db: aiosqlite.Connection, service: FakeOpenAI, home: Path
) -> None:
    file = home / "config" / "config.toml"
    file.write_text(file.read_text() + 'job_body = { trainingType = "Developer" }\n')
    provider = open_provider("mine")
    await work.launch(db, provider, plan(None))
    await provider.close()
    assert service.created[-1]["trainingType"] == "Developer"


@pytest.mark.parametrize("service", ["azure"], indirect=True)
async def test_a_model_without_its_deployment_is_not_asked(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    key = await work.launch(db, provider, plan())
    await work.follow(db, provider, key, pace=FAST)
    tuned = await find_model(db, "tuned")
    evaluation = await evaluate.create(
        db, model_key=tuned.model_key, dataset_id=WORLD.dataset_id, questions=WORLD.questions[:2], answer_tokens=7
    )
    with pytest.raises(EvaluationStoppedError, match="ftb models deploy"):
        await evaluate.run(db, provider, evaluation)
    assert service.asked == []


@pytest.mark.parametrize("service", ["nebius"], indirect=True)
async def test_nebius_reads_hyperparameters_at_the_top_and_keeps_losses_on_checkpoints(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    service.checkpoint_metrics = lambda step: {"step": step, "train_loss": 1 / step, "valid_loss": None}
    service.events_page = lambda events: [{**e, "data": None, "type": "message"} for e in events]
    key = await work.launch(db, provider, plan(None))
    [body] = service.created
    assert body["hyperparameters"] == {"lora": True, "n_epochs": 2}
    assert "method" not in body
    await work.follow(db, provider, key, pace=FAST)
    assert await store.job_metrics(db, key, "train_loss") == [(2, 0.5), (4, 0.25)]
    assert [c.model for c in await store.job_checkpoints(db, key)] == ["ftjob-1:ck-2", "ftjob-1:ck-4"]


@pytest.mark.parametrize("service", ["nebius"], indirect=True)
async def test_a_checkpoint_is_deployed_asked_and_taken_away_again(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    key = await work.launch(db, provider, plan(None))
    await work.follow(db, provider, key, pace=FAST)
    checkpoint = (await store.job_checkpoints(db, key))[-1]
    states: list[str] = []
    model = await deployment.create(
        db, provider, checkpoint.model_key, name="mine", on_state=states.append, poll_seconds=0.01
    )
    assert model.serving_name == "gpt-fake-LoRa:mine-udpd"
    assert any("validating" in state for state in states)
    [made] = service.deploying.nebius.values()
    assert made["source"] == "ftjob-1:ck-4"
    assert await deployment.remove(db, provider, checkpoint.model_key, poll_seconds=0.01) == ["gpt-fake-LoRa:mine-udpd"]
    assert ((await get_model(db, checkpoint.model_key)).serving_name, service.deploying.nebius) == (None, {})
    assert await deployment.remove(db, provider, checkpoint.model_key) == []


@pytest.mark.parametrize("service", ["nebius"], indirect=True)
async def test_a_checkpoint_stands_for_the_tuned_model_only_when_its_job_ended_well_without_one(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    service.job_changes = {"fine_tuned_model": None}
    key = await work.launch(db, provider, plan(None))
    # As it is seen halfway: a checkpoint is there, and the job goes on.
    await store.add_checkpoints(db, key, [RemoteCheckpoint("ck-2", "ftjob-1:ck-2", 2)])
    with pytest.raises(ModelNotFoundError, match="Known: gpt-fake, ftjob-1:ck-2"):
        await find_model(db, "tuned")
    await work.follow(db, provider, key, pace=FAST)
    assert (await find_model(db, "tuned")).name == "ftjob-1:ck-4"
    assert (await find_model(db, "base")).name == "gpt-fake"
    service.job_changes = {}
    second = await work.launch(db, provider, plan(None))
    await work.follow(db, provider, second, pace=FAST)
    assert (await find_model(db, "tuned")).kind == "tuned"


@pytest.mark.parametrize("service", ["bedrock"], indirect=True)
async def test_bedrock_is_refused_before_anything_is_sent(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    quoted = await quote_launch(db, plan(), "mine", datetime.date(2026, 11, 21))
    assert any("trains by reinforcement, not supervised" in reason for reason in quoted.stops(force=True))
    assert not service.requests
    answer = await provider.ask(AskRequest("openai.gpt-oss-20b", "hi"))
    assert answer.text == "Yes"


@pytest.mark.parametrize("service", ["bedrock"], indirect=True)
async def test_a_check_does_not_promise_training_that_is_refused(service: FakeOpenAI) -> None:
    checked = await check_provider("mine")
    assert checked.reachable
    assert checked.message.endswith("answers; it trains by reinforcement only, which ftb does not do")


@pytest.mark.parametrize("service", ["openai"], indirect=True)
async def test_preferences_are_sent_by_their_own_method(provider: Provider, service: FakeOpenAI) -> None:
    file_id = await provider.upload_training_file(b"{}\n" * 10, filename="t.jsonl")
    await provider.create_job(JobRequest("t", "gpt-fake", file_id, n_epochs=1, method="dpo", beta=0.3))
    assert service.created[-1]["method"] == {"type": "dpo", "dpo": {"hyperparameters": {"n_epochs": 1, "beta": 0.3}}}


@pytest.mark.parametrize("service", ["openai"], indirect=True)
async def test_a_large_file_goes_in_parts_and_arrives_whole(provider: Provider, service: FakeOpenAI) -> None:
    content = b'{"messages": []}\n' * 4_100_000 + b"the end"
    file_id = await provider.upload_training_file(content, filename="t.jsonl")
    assert service.files[file_id] == content
    assert service.requests["POST /uploads/upload-1/parts"] > 1
    assert "POST /files" not in service.requests


@pytest.mark.parametrize("service", ["openai"], indirect=True)
@pytest.mark.parametrize("content", [CSV.encode(), base64.b64encode(CSV.encode())], ids=["plain", "base64"])
async def test_a_result_file_gives_the_losses_that_events_did_not(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI, content: bytes
) -> None:
    service.results = content
    service.events_page = lambda events: []
    key = await work.launch(db, provider, plan(None))
    await work.follow(db, provider, key, pace=FAST)
    assert await store.job_metrics(db, key, "train_loss") == [(1, 2.0), (2, 1.0)]
    assert await store.job_metrics(db, key, "valid_loss") == [(2, 1.5)]
    assert await store.job_metrics(db, key, "train_mean_token_accuracy") == [(1, 0.5), (2, 0.75)]


@pytest.mark.parametrize("service", ["custom"], indirect=True)
async def test_a_job_made_elsewhere_is_adopted_once_with_its_training_file(
    db: aiosqlite.Connection, provider: Provider, service: FakeOpenAI
) -> None:
    file_id = await provider.upload_training_file(b'{"messages": []}\n' * 3, filename="t.jsonl")
    made = await provider.create_job(JobRequest("elsewhere", "gpt-fake", file_id))
    job = await adopt(db, provider, made.job_id)
    assert (job.remote_job_id, job.adopted, job.n_examples, job.intent) == ("ftjob-1", 1, 3, "confirmed")
    assert (await adopt(db, provider, made.job_id)).job_key == job.job_key
    assert (await work.follow(db, provider, job.job_key, pace=FAST)).state is JobState.SUCCEEDED
    with pytest.raises(ProviderError, match="Could not find"):
        await adopt(db, provider, "ftjob-99")
    assert len(await store.list_jobs(db)) == 1


@pytest.mark.parametrize("service", ["openai"], indirect=True)
async def test_a_check_tells_what_the_key_may_do_and_how_much(service: FakeOpenAI) -> None:
    service.model_limits = {"gpt-fake": {"max_total_jobs": 10, "active_jobs": 1}}
    # The limits are asked for at services that have them.
    found = await check_provider("mine")
    assert found.quota == "gpt-fake: max_total_jobs 10, active_jobs 1"
    service.faults["GET /fine_tuning/jobs"].append(status(403, error("fine-tuning is wound down")))
    assert "may not train: fine-tuning is wound down" in (await check_provider("mine")).message


@pytest.mark.parametrize("service", ["openai"], indirect=True)
async def test_organisation_and_custom_headers_go_to_openais_own_host_only(
    service: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-mine")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-mine")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer sk-somebody-elses\nX-Secret: hush")
    provider = open_provider("mine")
    await provider.list_models()
    await provider.ask(AskRequest("gpt-fake", "hi"))
    await provider.close()
    for headers in service.headers:
        names = {name.lower() for name in headers}
        assert not {"openai-organization", "openai-project", "x-secret"} & names
        assert headers["Authorization"] == f"Bearer {KEY}"
    assert isinstance(provider, OpenAIWire)


@pytest.mark.parametrize("service", ["azure"], indirect=True)
async def test_azure_deploys_by_its_management_and_takes_away_again(
    db: aiosqlite.Connection, service: FakeOpenAI, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "mine"
    provider = open_provider(key)
    job = await work.launch(db, provider, plan())
    await work.follow(db, provider, job, pace=FAST)
    tuned = await find_model(db, "tuned")
    with pytest.raises(ProviderError, match="subscription, resource_group, account"):
        await deployment.create(db, provider, tuned.model_key, name="d1")
    await provider.close()
    file = home / "config" / "config.toml"
    address = service.url.removesuffix("/openai/v1")
    file.write_text(
        file.read_text() + '[providers.mine.deploy]\nsubscription = "s"\nresource_group = "g"\naccount = "a"\n'
        f'management_url = "{address}"\n'
    )
    provider = open_provider(key)
    with pytest.raises(ProviderError, match="AZURE_MANAGEMENT_TOKEN"):
        await deployment.create(db, provider, tuned.model_key, name="d1")
    monkeypatch.setenv("AZURE_MANAGEMENT_TOKEN", KEY)
    made = await deployment.create(db, provider, tuned.model_key, name="d1", poll_seconds=0.01)
    assert made.serving_name == "d1"
    assert await deployment.remove(db, provider, tuned.model_key, poll_seconds=0.01) == ["d1"]
    assert (await get_model(db, tuned.model_key)).serving_name is None
    await provider.close()
    seen = service.deploying.sent
    assert [verb for verb, _, _ in seen] == ["GET", "PUT", "GET", "GET", "GET", "DELETE", "GET", "GET"]
    path = "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/a/deployments/d1"
    assert seen[1][1] == f"{path}?api-version=2024-10-01"
    assert seen[1][2] == {
        "sku": {"name": "GlobalStandard", "capacity": 1},
        "properties": {"model": {"format": "OpenAI", "name": tuned.name, "version": "1"}},
    }
