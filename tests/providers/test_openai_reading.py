"""What a service sends in another form than it should is not known; nothing of it stops a job from being followed."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from ftb_tui.providers.base import JobState, Provider, ProviderError
from ftb_tui.providers.registry import open_provider
from tests.fakes.openai_server import FakeOpenAI, error, status

ODD: tuple[Any, ...] = ("x", 2.5, 7, True, None, [], ["x"], {}, {"x": {"y": 1}})
JOB = {"id": "ftjob-1", "object": "fine_tuning.job", "status": "running", "model": "gpt-fake"}
EVENT = {"id": "e-1", "object": "fine_tuning.job.event", "created_at": 5, "level": "info", "message": "Step 1/4"}
CHECKPOINT = {"id": "c-1", "fine_tuned_model_checkpoint": "ft:x:ckpt-1", "step_number": 2, "created_at": 5}


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    """A warning would be printed over the app."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


@pytest.fixture
async def provider(fake_openai: FakeOpenAI) -> AsyncIterator[Provider]:
    provider = open_provider("fake")
    yield provider
    await provider.close()


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize(
    "field",
    [
        "hyperparameters", "method", "metadata", "error", "status", "model", "fine_tuned_model", "trained_tokens",
        "created_at", "finished_at", "estimated_finish", "result_files", "training_file", "integrations", "seed",
    ],
)  # fmt: skip
async def test_a_job_with_any_field_of_another_kind_is_read(
    provider: Provider, fake_openai: FakeOpenAI, field: str, odd: Any
) -> None:
    fake_openai.faults["GET /fine_tuning/jobs/ftjob-1"].append(status(200, {**JOB, field: odd}))
    job = await provider.get_job("ftjob-1")
    assert job.job_id == "ftjob-1"
    assert job.state is (JobState.UNKNOWN if field == "status" else JobState.RUNNING)
    assert job.tuned_model == ("x" if (field, odd) == ("fine_tuned_model", "x") else None)


@pytest.mark.parametrize("left_out", ["status", "model", "object"])
async def test_a_job_without_a_field_is_read(provider: Provider, fake_openai: FakeOpenAI, left_out: str) -> None:
    body = {name: value for name, value in JOB.items() if name != left_out}
    fake_openai.faults["GET /fine_tuning/jobs/ftjob-1"].append(status(200, body))
    assert (await provider.get_job("ftjob-1")).job_id == "ftjob-1"


@pytest.mark.parametrize("value", [2.5, "many", {"a": 1}, None])
async def test_odd_numbers_of_epochs_warn_nobody(provider: Provider, fake_openai: FakeOpenAI, value: Any) -> None:
    fake_openai.faults["GET /fine_tuning/jobs/ftjob-1"].append(
        status(200, {**JOB, "hyperparameters": {"n_epochs": value, "batch_size": 4}})
    )
    job = await provider.get_job("ftjob-1")
    assert job.hyperparameters["batch_size"] == 4


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("field", ["data", "created_at", "level", "message", "type"])
async def test_an_event_with_any_field_of_another_kind_is_read(
    provider: Provider, fake_openai: FakeOpenAI, field: str, odd: Any
) -> None:
    page = {"object": "list", "data": [{**EVENT, field: odd}, {"id": 3}, "x", None], "has_more": False}
    fake_openai.faults["GET /fine_tuning/jobs/ftjob-1/events"].append(status(200, page))
    [event] = await provider.list_events("ftjob-1")
    assert event.event_id == "e-1"


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("field", ["metrics", "step_number", "created_at", "fine_tuning_job_id"])
async def test_a_checkpoint_with_any_field_of_another_kind_is_read(
    provider: Provider, fake_openai: FakeOpenAI, field: str, odd: Any
) -> None:
    page = {"object": "list", "data": [{**CHECKPOINT, field: odd}], "has_more": False}
    fake_openai.faults["GET /fine_tuning/jobs/ftjob-1/checkpoints"].append(status(200, page))
    [checkpoint] = await provider.list_checkpoints("ftjob-1")
    assert checkpoint.model == "ft:x:ckpt-1"


async def test_metrics_that_are_text_are_gaps(provider: Provider, fake_openai: FakeOpenAI) -> None:
    metrics = {"train_loss": "low", "valid_loss": 0.5, "step": 2}
    page = {"object": "list", "data": [{**CHECKPOINT, "metrics": metrics}], "has_more": False}
    fake_openai.faults["GET /fine_tuning/jobs/ftjob-1/checkpoints"].append(status(200, page))
    [checkpoint] = await provider.list_checkpoints("ftjob-1")
    assert checkpoint.metrics == {"valid_loss": 0.5}


@pytest.mark.parametrize("data", ["x", 3, {"id": "y"}, None])
async def test_a_list_that_is_none_is_empty(provider: Provider, fake_openai: FakeOpenAI, data: Any) -> None:
    fake_openai.faults["GET /fine_tuning/jobs/ftjob-1/events"].append(status(200, {"object": "list", "data": data}))
    assert await provider.list_events("ftjob-1") == []


async def test_secrets_of_a_job_body_are_taken_out_of_what_a_service_sends_back(
    fake_openai: FakeOpenAI, home: Path
) -> None:
    config = home / "config" / "config.toml"
    config.write_text(
        config.read_text() + '[providers.fake.job_body]\nhub_token = "hf-0123456789-abcd"\n'
        '[providers.fake.job_body.wandb]\napi_key = "w-secret-0123456789"\nproject = "shown-project"\n'
    )
    provider = open_provider("fake")
    said = "hub_token hf-0123456789-abcd, api_key w-secret-0123456789, project shown-project"
    fake_openai.faults["GET /fine_tuning/jobs/ftjob-1"].extend(
        [status(400, error(said)), status(200, {**JOB, "error": {"message": said, "code": "x"}})]
    )
    fake_openai.faults["GET /fine_tuning/jobs/ftjob-1/events"].append(
        status(200, {"object": "list", "data": [{**EVENT, "message": said}], "has_more": False})
    )
    with pytest.raises(ProviderError) as caught:
        await provider.get_job("ftjob-1")
    [event] = await provider.list_events("ftjob-1")
    for words in (caught.value.message, (await provider.get_job("ftjob-1")).error or "", event.message):
        assert words == "hub_token …abcd, api_key …6789, project shown-project"
    await provider.close()
