"""Launching, following and reconciling fine-tuning jobs. Never two jobs for one intent."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable, Mapping

import aiosqlite

from ftb_tui.benchmark.training import recipe_record
from ftb_tui.providers.base import (
    ErrorKind,
    JobEvent,
    Provider,
    ProviderError,
    ReadsFiles,
    RemoteJob,
)
from ftb_tui.providers.states import told
from ftb_tui.store import holding, intents, leases, spending
from ftb_tui.store import jobs as store
from ftb_tui.store.database import transaction
from ftb_tui.store.following import unread
from ftb_tui.store.leases import Lease
from ftb_tui.store.models import ensure_model
from ftb_tui.work.cost import Quote, fitting_suffix
from ftb_tui.work.creation import find_intent, is_refusal, job_request, look_for_intent
from ftb_tui.work.launch_plan import LaunchPlan, require, training_parts
from ftb_tui.work.leases import keeping
from ftb_tui.work.pace import FREE_PACE, PAID_PACE, Pace

__all__ = ["LaunchError", "LaunchPlan", "Pace", "follow", "launch"]

MISSES = 5
"""So many clean lists without a job whose creation was unclear end the search for it."""
RECONCILE_PAUSES = (0.5, 2.0, 5.0)
_NOT_OFFERED = (404, 405, 501)
_SENDING_SECONDS = 0.2
"""Between two looks at whether a job is still being launched."""
_PATIENCE = 2
"""So often the events of a job that has ended are asked for again before its end is recorded without them."""


class LaunchError(Exception):
    """A job was not launched, or it is not known whether it was; the message says which."""

    def __init__(self, message: str, *, job_key: int, refused: bool) -> None:
        super().__init__(message)
        self.job_key = job_key
        self.refused = refused
        """True: the service said no. False: the answer is unclear, and the job will be reconciled."""


async def launch(
    db: aiosqlite.Connection,
    provider: Provider,
    plan: LaunchPlan,
    *,
    estimate: Quote | None = None,
    on_intent: Callable[[int], None] = lambda key: None,
    bench_key: int | None = None,
) -> int:
    """Keep the intent (and what it is expected to cost), upload, create once, confirm. Returns the job's key.

    The dataset must be in the store. Raises `LaunchError` when the service refuses (the intent is closed with its
    words) or when the answer is unclear even after looking for the job by its tag; nothing is ever sent again then.
    Also, with nothing sent, while it is unclear whether an earlier launch of the same made a job.
    Raises `ProviderError`, with nothing kept, where the service does not train so or not at all.
    """
    require(provider, plan)
    lines, aside = training_parts(plan, provider.capabilities.training_format)
    recipe = recipe_record(plan.recipe)
    file_key = await store.save_training_file(db, plan.dataset.dataset_id, recipe, lines)
    aside_key = None
    if aside:
        aside_key = await store.save_training_file(db, plan.dataset.dataset_id, {**recipe, "part": "validation"}, aside)
    await _settle_unclear(db, provider, plan, file_key)
    owner = holding.new_owner()
    job_key = await intents.insert_intent(
        db,
        intent_id=str(uuid.uuid4()),
        provider=provider.name,
        host=provider.host,
        base_model=plan.base_model,
        dataset_id=plan.dataset.dataset_id,
        training_file_key=file_key,
        validation_file_key=aside_key,
        n_epochs=plan.n_epochs,
        batch_size=plan.batch_size,
        learning_rate_multiplier=plan.learning_rate_multiplier,
        seed=plan.seed if provider.capabilities.seed else None,
        suffix=fitting_suffix(provider.capabilities, plan.suffix),
        method=plan.method,
        beta=plan.beta,
        bench_key=bench_key,
        owner=owner,
    )
    async with keeping(db, Lease("jobs", job_key), owner):
        if estimate is not None:
            await spending.record_estimate(
                db,
                job_key,
                tokens=estimate.billed_tokens,
                cost=estimate.training_cost,
                price=estimate.price,
                price_as_of=estimate.price_as_of,
            )
        async with transaction(db):
            await ensure_model(
                db, provider=provider.name, name=plan.base_model, kind="base", base_model=plan.base_model
            )
        on_intent(job_key)
        await _send(db, provider, job_key)
    return job_key


async def _settle_unclear(db: aiosqlite.Connection, provider: Provider, plan: LaunchPlan, file_key: int) -> None:
    """Look for the jobs at this service whose creation is unclear, before another one is sent there.

    Raises `LaunchError` for one of the same base and training file, whether it was found (then this launch would be the
    second one) or is still unclear.
    """
    if provider.capabilities.creates_once:
        return
    unclear = [job for job in await store.list_jobs(db) if job.intent == "sent" and job.provider == provider.name]
    for key in (job.job_key for job in unclear):
        why = f"{provider.host} does not list it; it was probably never created"
        try:
            job = await look(db, provider, key)
        except ProviderError as error:
            await store.set_follow_error(db, key, error.message)
            job = await store.get_job(db, key)
            why = f"{provider.host} could not be asked for it: {error.message.rstrip('.')}"
        if (job.base_model, job.training_file_key, job.method) != (plan.base_model, file_key, plan.method):
            continue
        said = (
            f"job {key}, which is the same, was created after all ({job.remote_job_id}). Follow it with: "
            f"ftb jobs follow {key} - or launch once more to have a second one."
        )
        if job.intent == "sent":
            said = (
                f"it is not known yet whether job {key}, which is the same, was created ({why}). Look for it with: "
                f"ftb jobs follow {key} - or give it up with: ftb jobs abandon {key}"
            )
        raise LaunchError(f"Nothing was sent: {said}", job_key=key, refused=False)


async def send(db: aiosqlite.Connection, provider: Provider, job_key: int) -> None:
    """Send an intent that a crash has left, of which nothing was sent yet. Raises `LaunchError` as `launch` does."""
    owner = holding.new_owner()
    lease = Lease("jobs", job_key)
    if not await leases.claim(db, lease, owner):
        raise LaunchError(f"Job {job_key} is being sent by another ftb.", job_key=job_key, refused=False)
    async with keeping(db, lease, owner):
        await _send(db, provider, job_key)


async def _send(db: aiosqlite.Connection, provider: Provider, job_key: int) -> None:
    job = await store.get_job(db, job_key)
    if job.intent != "intended":
        raise LaunchError(f"Job {job_key} is {job.intent} already.", job_key=job_key, refused=False)
    content = await store.training_file_content(db, job.training_file_key)
    try:
        filename = f"{job.dataset}-{job.intent_id[:8]}.jsonl"
        file_id = job.remote_file_id or await provider.upload_training_file(content, filename=filename)
        await intents.set_intent(db, job_key, "intended", remote_file_id=file_id)
        if job.validation_file_key is not None and job.remote_validation_id is None:
            content = await store.training_file_content(db, job.validation_file_key)
            filename = filename.replace(".jsonl", "-validation.jsonl")
            aside_id = await provider.upload_training_file(content, filename=filename)
            await intents.set_intent(db, job_key, "intended", remote_validation_id=aside_id)
    except ProviderError as error:
        # Nothing but a file was sent, so giving up leaves nothing that costs.
        await intents.set_intent(db, job_key, "refused", error=error.message)
        raise LaunchError(
            f"The training file was not accepted: {error.message}", job_key=job_key, refused=True
        ) from error
    if not await intents.set_intent(db, job_key, "sent"):
        raise LaunchError(
            f"Job {job_key} was given up meanwhile; nothing was started and nothing is owed.",
            job_key=job_key, refused=True,
        )  # fmt: skip
    job = await store.get_job(db, job_key)
    try:
        remote = await provider.create_job(job_request(job, file_id))
    except ProviderError as error:
        if is_refusal(error):
            await intents.set_intent(db, job_key, "refused", error=error.message)
            raise LaunchError(error.message, job_key=job_key, refused=True) from error
        # Where it may simply be sent again, whoever follows it does so.
        found = (
            None
            if provider.capabilities.creates_once
            else await look_for_intent(provider, job.intent_id, file_id, RECONCILE_PAUSES)
        )
        if found is None:
            await store.set_follow_error(db, job_key, error.message)
            raise LaunchError(
                f"It is not known whether the job was created: {error.message}. Nothing is sent again; ftb looks for it "
                f"by its tag: ftb jobs follow {job_key}",
                job_key=job_key,
                refused=False,
            ) from error
        remote = found
    await store.update_job(db, job_key, remote)


async def follow(
    db: aiosqlite.Connection,
    provider: Provider,
    job_key: int,
    *,
    on_update: Callable[[store.JobRow], None] = lambda job: None,
    pace: Pace | None = None,
    revive: Callable[[], Awaitable[Provider]] | None = None,
    on_event: Callable[[JobEvent], None] = lambda event: None,
    on_pause: Callable[[float], None] = lambda seconds: None,
) -> store.JobRow:
    """Look at a job until it has ended for good, recording state, events, metrics and checkpoints.

    One that somebody else is launching is waited for first. `on_event` is called with each event that is new to the
    store, oldest first; `on_pause` before each pause, with its seconds. Errors are recorded with the job and looking
    goes on, ever slower. `revive` is called when the service cannot be reached; it may bring it back (the
    embedded engine) and gives the provider to use from then on.
    """
    while (await store.get_job(db, job_key)).is_being_sent:  # noqa: ASYNC110 - it may be another process
        await asyncio.sleep(_SENDING_SECONDS)
    if (await store.get_job(db, job_key)).intent == "intended":
        raise LaunchError(
            f"Job {job_key} was planned but never sent; nothing was started and nothing is owed.",
            job_key=job_key, refused=True,
        )  # fmt: skip
    pace = pace or (FREE_PACE if provider.capabilities.cost_basis == "free" else PAID_PACE)
    looks = errors = missed = 0
    while True:
        asked = 0.0
        try:
            job = await look(db, provider, job_key, on_event=on_event, errors=errors)
            errors = 0
        except ProviderError as error:
            errors += 1
            asked = error.retry_after or 0.0
            await store.set_follow_error(db, job_key, error.message)
            job = await store.get_job(db, job_key)
            if error.kind is ErrorKind.UNREACHABLE and revive is not None:
                provider = await revive()
        on_update(job)
        if job.is_final:
            return job
        looks += 1
        missed = missed + 1 if job.remote_job_id is None and not errors else 0
        if missed >= MISSES:
            raise LaunchError(
                f"Job {job_key} is not at {job.host}; it was probably never created. Nothing is sent again. "
                f"Give it up with: ftb jobs abandon {job_key}",
                job_key=job_key, refused=False,
            )  # fmt: skip
        seconds = pace.next(looks, errors, asked)
        on_pause(seconds)
        await asyncio.sleep(seconds)


async def look(
    db: aiosqlite.Connection,
    provider: Provider,
    job_key: int,
    *,
    on_event: Callable[[JobEvent], None] = lambda event: None,
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
                await read(db, provider, job_key, job_id, on_event)
        except ProviderError as error:
            # Some speak the wire without events or checkpoints at all.
            if error.status not in _NOT_OFFERED:
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


async def _read_events(
    db: aiosqlite.Connection, provider: Provider, job_key: int, job_id: str, on_event: Callable[[JobEvent], None]
) -> None:
    known = await store.known_events(db, job_key)
    listed = await provider.list_events(job_id, known=known)
    await store.add_events(db, job_key, listed)
    for event in listed:
        if event.event_id not in known:
            on_event(event)


async def _read_checkpoints(
    db: aiosqlite.Connection, provider: Provider, job_key: int, job_id: str, on_event: Callable[[JobEvent], None]
) -> None:
    checkpoints = await provider.list_checkpoints(job_id)
    await store.add_checkpoints(db, job_key, checkpoints)
    if provider.capabilities.checkpoint_metrics:
        await store.add_metrics(db, job_key, [(c.step, c.metrics) for c in checkpoints])


async def _find_sent(db: aiosqlite.Connection, provider: Provider, job: store.JobRow) -> str | None:
    """The id of the job whose answer never came, if it was created. Created again only where that cannot make two."""
    found = await find_intent(provider, job.intent_id, job.remote_file_id)
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
