"""One look at a job: everything that its service tells of it now goes into the store."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import aiosqlite

from ftb_tui.providers.base import NOT_OFFERED, Provider, ProviderError, ReadsFiles, RemoteJob
from ftb_tui.providers.states import told
from ftb_tui.store import intents
from ftb_tui.store import jobs as store
from ftb_tui.store.following import unread
from ftb_tui.work.creation import find_intent, is_refusal, job_request

_PATIENCE = 2
"""So often the events of a job that has ended are asked for again before its end is recorded without them."""


async def look(
    db: aiosqlite.Connection,
    provider: Provider,
    job_key: int,
    *,
    errors: int | None = None,
) -> store.JobRow:
    """Look at a job once and record what there is.

    The state is the job's own, also where its events or checkpoints cannot be read for now. Whoever looks again and
    again gives the number of `errors` so far, and is told of those by `ProviderError` where the service asks for a
    pause, or where a job has ended whose events may come yet: then its end is not recorded.
    """
    job = await store.get_job(db, job_key)
    job_id = job.remote_job_id
    if job_id is None and job.intent == "sent":
        job_id = await _find_sent(db, provider, job)
    if job_id is None:
        return await store.get_job(db, job_key)
    remote = await provider.get_job(job_id)
    lacking: dict[str, ProviderError] = {}
    for what, able, read in (
        ("events", provider.capabilities.events, _read_events),
        ("checkpoints", provider.capabilities.checkpoints, _read_checkpoints),
    ):
        try:
            if able:
                await read(db, provider, job_key, job_id)
        except ProviderError as error:
            # Some speak the wire without events or checkpoints at all.
            if error.status not in NOT_OFFERED:
                lacking[what] = error
    if remote.state.is_final:
        if lacking and errors is not None and errors < _PATIENCE:
            raise _unread(lacking, f"it {told(remote.state)}, but ")
        await _read_results(db, provider, job_key, remote)
    # Last, so that a final state is recorded only together with everything that led to it.
    await store.update_job(db, job_key, remote)
    if lacking:
        await store.set_follow_error(db, job_key, _unread(lacking).message)
        if errors is not None and not remote.state.is_final and any(error.retry_after for error in lacking.values()):
            raise _unread(lacking)
    return await store.get_job(db, job_key)


def _unread(lacking: Mapping[str, ProviderError], beginning: str = "") -> ProviderError:
    """What could not be read of a job that answers, as one error with the longest pause that was asked for."""
    first = next(iter(lacking.values()))
    pause = max((error.retry_after or 0.0 for error in lacking.values()), default=0.0)
    said = beginning + unread(list(lacking), first.message)
    return ProviderError(first.kind, said, host=first.host, status=first.status, retry_after=pause or None)


async def _read_events(db: aiosqlite.Connection, provider: Provider, job_key: int, job_id: str) -> None:
    known = await store.known_events(db, job_key)
    await store.add_events(db, job_key, await provider.list_events(job_id, known=known))


async def _read_checkpoints(db: aiosqlite.Connection, provider: Provider, job_key: int, job_id: str) -> None:
    checkpoints = await provider.list_checkpoints(job_id)
    await store.add_checkpoints(db, job_key, checkpoints)
    if provider.capabilities.checkpoint_metrics:
        await store.add_metrics(db, job_key, [(c.step, c.metrics) for c in checkpoints])


async def _find_sent(db: aiosqlite.Connection, provider: Provider, job: store.JobRow) -> str | None:
    """The id of the job whose answer never came, if it was created. Created again only where that cannot make two."""
    found = await find_intent(provider, job)
    if not found and provider.capabilities.creates_once and job.remote_file_id:
        try:
            found = [await provider.create_job(job_request(job, job.remote_file_id))]
        except ProviderError as error:
            if not is_refusal(error):
                raise
            await intents.set_intent(db, job.job_key, "refused", error=error.message)
    if not found:
        return None
    # Known from now on, whatever else may fail; but a final state is recorded only with all that led to it.
    if not found[0].state.is_final:
        await store.update_job(db, job.job_key, found[0])
    return found[0].job_id


async def _read_results(db: aiosqlite.Connection, provider: Provider, job_key: int, remote: RemoteJob) -> None:
    """The losses from the result file, where the events had none. That there is no such file is no failure."""
    if not remote.result_files or not isinstance(provider, ReadsFiles) or await store.metric_names(db, job_key):
        return
    from ftb_tui.providers.openai_reading import result_rows

    for file_id in remote.result_files:
        with contextlib.suppress(ProviderError):
            if rows := result_rows(await provider.read_file(file_id)):
                await store.add_metrics(db, job_key, rows)
