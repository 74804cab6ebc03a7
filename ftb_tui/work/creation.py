"""The creation of a job: what is sent, which answers are a plain no, and how a job is found whose answer never came."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ftb_tui.providers.base import ErrorKind, FindsJobsByFile, JobRequest, PartsJobs, Provider, ProviderError, RemoteJob
from ftb_tui.providers.registry import provider_info
from ftb_tui.store.jobs import JobRow

_REFUSALS = frozenset({ErrorKind.AUTH, ErrorKind.NOT_FOUND, ErrorKind.QUOTA, ErrorKind.INVALID_REQUEST})


def job_request(job: JobRow, file_id: str) -> JobRequest:
    """What creates the job of this intent, trained on the uploaded file."""
    return JobRequest(
        tag=job.intent_id,
        base_model=job.base_model,
        training_file=file_id,
        validation_file=job.remote_validation_id,
        n_epochs=job.n_epochs,
        batch_size=job.batch_size,
        learning_rate_multiplier=job.learning_rate_multiplier,
        seed=job.seed,
        suffix=job.suffix,
        method=job.method,
        beta=job.beta,
    )


def is_refusal(error: ProviderError) -> bool:
    """Whether this is a plain no, after which there is certainly no job."""
    return error.kind in _REFUSALS or (error.kind is ErrorKind.RATE_LIMITED and error.status == 429)


def never_sent(job_key: int) -> str:
    """What is said of a job that was planned and left before anything but a file was sent."""
    return (
        f"Job {job_key} was planned but never sent; nothing was started and nothing is owed. Launch it again (in mode 2 "
        f"of the app, r sends this one), or give it up with: ftb jobs abandon {job_key}"
    )


def jobs_at(provider: Provider) -> str:
    """The address of a provider's jobs, by which they are known: its host, with project and region where it has these."""
    return provider.jobs_at() if isinstance(provider, PartsJobs) else provider.host


def is_at_home(provider: Provider, job: JobRow) -> bool:
    """Whether the provider is at the address that the job was sent to. The embedded engine moves, with its jobs.

    Of jobs of an earlier version no more than the host is known.
    """
    return job.host in (jobs_at(provider), provider.host) or provider.capabilities.creates_once


def asked_with(provider: str) -> str:
    """With which provider and key a service was asked: it shows the jobs of that key's organisation, and no others."""
    try:
        return f"asked as {provider} (key: {provider_info(provider).key})"
    except ProviderError:
        return f"asked as {provider}"


async def look_for_intent(provider: Provider, job: JobRow, pauses: Sequence[float]) -> RemoteJob | None:
    """Look for the job of an intent once and after each of the pauses (seconds): a service may list it late."""
    for pause in (*pauses, None):
        try:
            found = await find_intent(provider, job)
        except ProviderError:
            found = []
        if found:
            return found[0]
        if pause is not None:
            await asyncio.sleep(pause)
    return None


async def find_intent(provider: Provider, job: JobRow) -> list[RemoteJob]:
    """The jobs of one intent: by its tag, or by its training file, which no other intent shares, oldest first.

    Raises `ProviderError` where the provider is at another address now, which can say nothing of this job.
    """
    if not is_at_home(provider, job):
        raise ProviderError(
            ErrorKind.INVALID_REQUEST,
            f"{job.provider} is at {jobs_at(provider)} now, not at {job.host}",
            host=provider.host,
        )
    tag, file_id = job.intent_id, job.remote_file_id
    found = await provider.find_jobs(tag)
    if not found and file_id and isinstance(provider, FindsJobsByFile):
        found = [one for one in await provider.jobs_of_file(file_id) if one.tag in (None, tag)]
    return sorted(found, key=lambda one: (one.created_at or 0.0, one.job_id))
