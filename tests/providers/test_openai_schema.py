"""What is sent to OpenAI, and what the fake service answers, is what OpenAI's own description says."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.benchmark.training import Recipe
from ftb_tui.providers.base import AskRequest, JobRequest, Provider
from ftb_tui.providers.batches import OffersBatches
from ftb_tui.providers.registry import open_provider
from ftb_tui.work.launch_plan import LaunchPlan, training_lines
from tests.fakes.openai_schema import problems
from tests.fakes.openai_server import KEY, FakeOpenAI

WORLD = load_bundled("fictional_people")


@pytest.fixture
def service(home: Path, fake_openai: FakeOpenAI) -> FakeOpenAI:
    file = home / "config" / "config.toml"
    file.write_text(file.read_text().replace("[providers.fake]", '[providers.fake]\ndialect = "openai"'))
    fake_openai.service = "openai"
    return fake_openai


@pytest.fixture
async def provider(service: FakeOpenAI) -> AsyncIterator[Provider]:
    provider = open_provider("fake")
    yield provider
    await provider.close()


async def uploaded(provider: Provider, recipe: Recipe | None = None) -> str:
    plan = LaunchPlan(dataset=WORLD, base_model="gpt-fake", recipe=recipe or Recipe())
    content = "".join(f"{line}\n" for _, line in training_lines(plan)).encode()
    return await provider.upload_training_file(content, filename="t.jsonl")


async def everything(provider: Provider, service: FakeOpenAI) -> None:
    """One of each thing that is ever sent."""
    file = await uploaded(provider)
    full = JobRequest(
        "t" * 36, "gpt-fake", file, validation_file=file, n_epochs=3, batch_size=4, learning_rate_multiplier=0.5,
        seed=7, suffix="s" * 64,
    )  # fmt: skip
    await provider.create_job(full)
    await provider.create_job(JobRequest("t" * 36, "gpt-fake", file))
    dpo = await uploaded(provider, Recipe("preference"))
    await provider.create_job(JobRequest("t" * 36, "gpt-fake", dpo, method="dpo", beta=0.1, n_epochs=1))
    await provider.ask(AskRequest("gpt-fake", "How tall?", watched=("Yes", "No")))
    service.responses_only.add("gpt-new")
    await provider.ask(AskRequest("gpt-new", "How tall?"))
    assert isinstance(provider, OffersBatches)
    batching = provider.batching()
    line = batching.line("1-0", AskRequest("gpt-fake", "How tall?"))
    asked = await batching.upload(f"{line}\n".encode(), filename="b.jsonl")
    await batching.create("t" * 36, asked, model="gpt-fake")


async def test_every_body_that_is_sent_is_one_that_openai_describes(provider: Provider, service: FakeOpenAI) -> None:
    await everything(provider, service)
    assert len(service.created) == 3
    for body in service.created:
        assert problems(body, "CreateFineTuningJobRequest", is_request=True) == []
    chats = [body for body in service.bodies if "messages" in body]
    responses = [body for body in service.bodies if "input" in body]
    assert len(chats) >= 1
    assert len(responses) == 1
    for body in chats:
        assert problems(body, "CreateChatCompletionRequest", is_request=True) == []
    for body in responses:
        assert problems(body, "CreateResponse", is_request=True) == []
    batched = [json.loads(content) for content in service.files.values() if content.startswith(b'{"custom_id"')]
    assert [problems(line["body"], "CreateChatCompletionRequest", is_request=True) for line in batched] == [[]]


@pytest.mark.parametrize(
    ("change", "needle"),
    [
        ({"trainingType": "Standard"}, "trainingType is not known"),
        ({"suffix": "s" * 65}, "length of 65"),
        ({"seed": -1}, "outside 0"),
        ({"method": {"type": "supervise"}}, "not one of"),
        ({"method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 3}}}}, "beta"),
        ({"method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 51}}}}, "n_epochs"),
        ({"model": None}, "model"),
    ],
)
def test_the_judge_sees_what_is_wrong(change: dict[str, Any], needle: str) -> None:
    body = {"model": "gpt-fake", "training_file": "file-1", **change}
    assert any(needle in problem for problem in problems(body, "CreateFineTuningJobRequest", is_request=True))


ANSWERS = {
    "/fine_tuning/jobs": "ListPaginatedFineTuningJobsResponse",
    "/fine_tuning/jobs/ftjob-1": "FineTuningJob",
    "/fine_tuning/jobs/ftjob-1/events": "ListFineTuningJobEventsResponse",
    "/fine_tuning/jobs/ftjob-1/checkpoints": "ListFineTuningJobCheckpointsResponse",
    "/batches": "ListBatchesResponse",
    "/batches/batch_1": "Batch",
}


async def test_what_the_fake_answers_is_what_openai_describes(provider: Provider, service: FakeOpenAI) -> None:
    await everything(provider, service)
    # What is wrong on purpose, because some servers answer so, is left out here.
    for job in service.jobs.values():
        job |= {"error": None, "estimated_finish": None}
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {KEY}"}) as client:
        for path, schema in ANSWERS.items():
            for _ in range(5):
                answer = (await client.get(f"{service.url}{path}")).json()
                assert problems(answer, schema, is_request=False) == [], path
        chat = {"model": "gpt-fake", "messages": [{"role": "user", "content": "x"}]}
        said = (await client.post(f"{service.url}/chat/completions", json=chat)).json()
        assert problems(said, "CreateChatCompletionResponse", is_request=False) == []
