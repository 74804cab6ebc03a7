"""Cancelling, pausing and resuming jobs at their services."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import aiosqlite

from ftb_tui.providers.base import ErrorKind, JobState, Provider, ProviderError, RemoteJob
from ftb_tui.store import jobs as store


async def cancel(db: aiosqlite.Connection, provider: Provider, job_key: int) -> store.JobRow:
    """Ask the service to cancel; the recorded state is what the service says, and never what was asked for.

    After an unclear answer the job itself is looked at; the error is raised only if that shows it going on.
    """

    async def asked(job_id: str) -> RemoteJob:
        try:
            return await provider.cancel_job(job_id)
        except ProviderError as error:
            if not error.retryable:
                raise
            remote = await provider.get_job(job_id)
            if not (remote.state.is_final or remote.state is JobState.CANCELLING):
                raise
            return remote

    return await _ask(db, job_key, asked)


async def pause(db: aiosqlite.Connection, provider: Provider, job_key: int) -> store.JobRow:
    """Ask the service to pause. Raises `ProviderError`, with nothing sent, where it cannot."""
    _require_pauses(provider)
    return await _ask(db, job_key, provider.pause_job)


async def resume(db: aiosqlite.Connection, provider: Provider, job_key: int) -> store.JobRow:
    """Ask the service to resume. Raises `ProviderError`, with nothing sent, where it cannot."""
    _require_pauses(provider)
    return await _ask(db, job_key, provider.resume_job)


async def _ask(db: aiosqlite.Connection, job_key: int, call: Callable[[str], Awaitable[RemoteJob]]) -> store.JobRow:
    job = await store.get_job(db, job_key)
    if job.remote_job_id is None:
        raise ProviderError(ErrorKind.NOT_FOUND, f"Job {job_key} is not known to have been created.", host=job.host)
    await store.update_job(db, job_key, await call(job.remote_job_id))
    return await store.get_job(db, job_key)


def _require_pauses(provider: Provider) -> None:
    if not provider.capabilities.pause:
        raise ProviderError(
            ErrorKind.INVALID_REQUEST,
            f"{provider.name} does not pause jobs, so there is nothing to resume either. Nothing was sent.",
            host=provider.host,
        )
