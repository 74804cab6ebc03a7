"""Taking on jobs that were created elsewhere."""

from __future__ import annotations

import aiosqlite

from ftb_tui.benchmark.load import DatasetError
from ftb_tui.providers.base import Provider, ProviderError, ReadsFiles, RemoteJob
from ftb_tui.providers.catalogue import load_catalogue
from ftb_tui.providers.registry import service_name
from ftb_tui.store import jobs as store
from ftb_tui.store.adoption import insert_adopted, set_adopted_dataset
from ftb_tui.store.spending import Estimate
from ftb_tui.work.creation import jobs_at
from ftb_tui.work.jobs import look


async def adopt(
    db: aiosqlite.Connection, provider: Provider, job_id: str, *, dataset_id: str | None = None
) -> store.JobRow:
    """Follow a job that was created elsewhere from now on, and record what is known of it.

    `dataset_id` says what it was trained on, if that is a stored dataset. Its training file is kept where the service
    gives it back. Raises `ProviderError` when the service does not know the job, and `DatasetError` for another dataset
    than the one that a job was launched on here.
    """
    for job in await store.list_jobs(db):
        if (job.provider, job.remote_job_id) == (provider.name, job_id):
            await _take_dataset(db, job, dataset_id)
            return await look(db, provider, job.job_key)
    remote = await provider.get_job(job_id)
    for job in await store.list_jobs(db):
        if remote.tag is not None and job.intent_id == remote.tag:
            await _take_dataset(db, job, dataset_id)
            await store.update_job(db, job.job_key, remote)
            return await look(db, provider, job.job_key)
    lines = await _adopted_lines(provider, remote)
    prices = load_catalogue().prices(service_name(provider.name), remote.base_model)
    priced = None if prices is None else Estimate(price=prices.training, price_as_of=prices.as_of)
    job_key = await insert_adopted(
        db, provider=provider.name, host=jobs_at(provider), remote=remote, dataset_id=dataset_id, lines=lines,
        estimate=priced,
    )  # fmt: skip
    return await look(db, provider, job_key)


async def _take_dataset(db: aiosqlite.Connection, job: store.JobRow, dataset_id: str | None) -> None:
    """Record what a person says that a job known already was trained on."""
    if dataset_id is None or dataset_id == job.dataset_id:
        return
    if not job.adopted:
        raise DatasetError(f"Job {job.job_key} was launched here, on {job.dataset}: leave --dataset out.")
    await set_adopted_dataset(db, job.job_key, dataset_id)


async def _adopted_lines(provider: Provider, remote: RemoteJob) -> list[tuple[str, str]]:
    if remote.training_file is None or not isinstance(provider, ReadsFiles):
        return []
    try:
        content = await provider.read_file(remote.training_file)
    except ProviderError:
        return []
    return [("", line) for line in content.decode("utf-8-sig", "replace").splitlines() if line.strip()]
