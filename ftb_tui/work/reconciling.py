"""Settling what is unclear: jobs that were sent to be created and of which no answer came."""

from __future__ import annotations

import asyncio
import time

import aiosqlite

from ftb_tui.providers.base import ErrorKind, ProviderError
from ftb_tui.providers.states import told
from ftb_tui.store import benches, intents
from ftb_tui.store import jobs as store
from ftb_tui.weights import WeightsError
from ftb_tui.work import jobs
from ftb_tui.work.creation import asked_with, find_intent, never_sent
from ftb_tui.work.local_engine import EngineStartError
from ftb_tui.work.service import Opener, in_service

_YOUNG = 120.0
"""Seconds for which a service may not list a job yet that it has made."""


async def reconcile(db: aiosqlite.Connection, open_provider: Opener, settled: set[int] | None = None) -> list[str]:
    """Settle intents that somebody left open. Returns a sentence for each.

    An intent whose creation may have been sent is looked for by its tag. One of which nothing was sent is sent now
    only by its owner (`send`); here it is reported. What somebody is launching at this moment is left to them, and so
    are the jobs of a benchmark that somebody runs. `settled` are the keys of those that were settled before, which are
    left alone; those of now come to them.
    """
    settled = set() if settled is None else settled
    theirs = {row.job_key for row in await benches.unfinished_benches(db) if row.is_held}
    said = []
    for job in await intents.open_intents(db):
        if job.job_key not in settled | theirs and not job.is_being_sent:
            settled.add(job.job_key)
            said.append(await _settle(db, open_provider, job.job_key))
    return [sentence for sentence in said if sentence]


async def _settle(db: aiosqlite.Connection, open_provider: Opener, job_key: int) -> str:
    """What came of an intent that was left open; nothing is said of one that was taken up meanwhile."""
    job = await store.get_job(db, job_key)
    if job.is_being_sent or job.intent not in ("intended", "sent"):
        return ""
    if job.intent == "intended":
        return never_sent(job.job_key)
    try:
        found = await _looked_for(db, open_provider, job)
    except (ProviderError, EngineStartError, WeightsError) as error:
        await store.set_follow_error(db, job.job_key, str(error))
        return f"Job {job.job_key} could not be looked for at {job.host}: {error}"
    if found is not None:
        return f"Job {job.job_key} was created before the interruption ({found.remote_job_id}); it is followed again."
    if (await store.get_job(db, job_key)).intent != "sent":
        return ""
    return (
        f"Job {job.job_key} is not at {job.host}, {asked_with(job.provider)}; it was probably never created. Give it up with: "
        f"ftb jobs abandon {job.job_key}"
    )


async def abandon(
    db: aiosqlite.Connection, open_provider: Opener, job_key: int, *, force: bool = False
) -> tuple[store.JobRow, str]:
    """Give up on a job whose creation is unclear, once its service has said that there is none.

    Returns the job and what came of it in a sentence. A job that is there is not given up but known from now on. Raises
    `ProviderError` where the service cannot be asked, with nothing changed; `force` gives the job up all the same, and
    then its money stays counted. Raises `LaunchError` for a job that somebody is launching at this moment.
    """
    job = await store.get_job(db, job_key)
    if job.is_being_sent:
        raise _moving(job_key)
    if job.intent == "intended":
        given_up = await _give_up(db, job_key, "given up: it was never sent", cost_nothing=True)
        return given_up, f"Job {job_key} is given up; nothing of it was ever sent."
    try:
        found = await _looked_for(db, open_provider, job)
    except (ProviderError, EngineStartError, WeightsError) as error:
        if not force:
            message = (
                f"Job {job_key} is not given up: whether it exists could not be asked of {job.host} ({_said(error)}). "
                f"Try again later. If that service is gone for good: ftb jobs abandon {job_key} --force"
            )
            if not isinstance(error, ProviderError):
                raise ProviderError(ErrorKind.UNREACHABLE, message, host=job.host) from error
            raise ProviderError(error.kind, message, host=error.host, status=error.status) from error
        return await _give_up(db, job_key, f"given up; {job.host} could not be asked for it"), (
            f"Job {job_key} is given up, though {job.host} could not be asked for it ({_said(error)}). Should it exist, "
            "it goes on there and is billed, so what it costs stays counted for its day. If it turns up, take it on with: "
            f"ftb jobs adopt ID --provider {job.provider}"
        )
    if found is not None:
        what_now = (
            f"Look at it with: ftb jobs show {job_key}"
            if found.is_final
            else f"Follow it with: ftb jobs follow {job_key} - or end it with: ftb jobs cancel {job_key}"
        )
        said = (
            f"Job {job_key} is not given up: it was created ({found.remote_job_id}) and {told(found.state)}. {what_now}"
        )
        return found, said
    given_up = await _give_up(db, job_key, f"given up: {job.host} has no such job", cost_nothing=True)
    return given_up, (
        f"Job {job_key} is given up: {job.host} has no such job. It was {asked_with(job.provider)}: should it be of "
        f"another organisation, it goes on there; take it on with: ftb jobs adopt ID --provider {job.provider}"
    )


async def _give_up(db: aiosqlite.Connection, job_key: int, why: str, *, cost_nothing: bool = False) -> store.JobRow:
    if not await intents.set_intent(db, job_key, "abandoned", error=why, cost_nothing=cost_nothing):
        raise _moving(job_key)
    return await store.get_job(db, job_key)


def _moving(job_key: int) -> jobs.LaunchError:
    return jobs.LaunchError(
        f"Job {job_key} is not given up: somebody is launching it at this moment. See what comes of it with: "
        f"ftb jobs follow {job_key}",
        job_key=job_key, refused=False,
    )  # fmt: skip


async def _looked_for(db: aiosqlite.Connection, open_provider: Opener, job: store.JobRow) -> store.JobRow | None:
    """The job if it is at its service. One that was sent just now is looked for a few times: it may be listed late."""
    async with in_service(job.provider, open_provider) as (provider, _):
        young = time.time() - job.created_at < _YOUNG
        for pause in (*(jobs.RECONCILE_PAUSES if young else ()), None):
            if await find_intent(provider, job):
                return await jobs.look(db, provider, job.job_key)
            if pause is not None:
                await asyncio.sleep(pause)
        return None


def _said(error: Exception) -> str:
    return str(error).rstrip(".")
