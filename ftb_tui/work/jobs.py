"""Launching, following and reconciling fine-tuning jobs. Never two jobs for one intent."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable

import aiosqlite

from ftb_tui.benchmark.training import recipe_record
from ftb_tui.providers.base import ErrorKind, Provider, ProviderError
from ftb_tui.providers.config import load_config
from ftb_tui.store import holding, intents
from ftb_tui.store import jobs as store
from ftb_tui.store.database import transaction
from ftb_tui.store.leases import Lease
from ftb_tui.store.models import ensure_model
from ftb_tui.work.cost import Quote, fitting_suffix
from ftb_tui.work.creation import asked_with, is_at_home, is_refusal, job_request, jobs_at, look_for_intent, never_sent
from ftb_tui.work.launch_plan import LaunchPlan, require, training_parts
from ftb_tui.work.leases import keeping
from ftb_tui.work.looking import look
from ftb_tui.work.pace import FREE_PACE, PAID_PACE, Pace
from ftb_tui.work.quoting import keep_to_budget

__all__ = ["LaunchError", "LaunchPlan", "Pace", "follow", "launch", "look", "send"]

MISSES = 5
"""So many clean lists without a job whose creation was unclear end the search for it."""
RECONCILE_PAUSES = (0.5, 2.0, 5.0)
_EVENTS = 1_000_000
_SENDING_SECONDS = 0.2
"""Between two looks at whether a job is still being launched."""


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
    Also, with nothing sent, while it is unclear whether an earlier launch of the same made a job, or while the same is
    being launched. Raises `LaunchRefusedError`, with nothing sent, where it is beyond a budget, and
    `ProviderError`, with nothing kept, where the service does not train so or not at all.
    """
    require(provider, plan)
    lines, aside = training_parts(plan, provider.capabilities.training_format)
    recipe = recipe_record(plan.recipe)
    file_key = await store.save_training_file(db, plan.dataset.dataset_id, recipe, lines)
    aside_key = None
    if aside:
        aside_key = await store.save_training_file(db, plan.dataset.dataset_id, {**recipe, "part": "validation"}, aside)
    await _settle_unclear(db, provider, plan, file_key)
    kept = estimate.estimate if estimate else None
    cost = 0.0 if _is_free(provider) else kept.cost if kept else None
    budget = load_config().budget

    async def allow() -> None:
        if not provider.capabilities.creates_once:
            for job in await intents.open_intents(db, provider.name):
                if job.is_same(plan.base_model, file_key):
                    _refuse_second(job)
        await keep_to_budget(db, cost, budget)

    owner = holding.new_owner()
    job_key = await intents.insert_intent(
        db,
        intent_id=str(uuid.uuid4()),
        provider=provider.name,
        host=jobs_at(provider),
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
        estimate=kept,
        allow=allow,
    )
    async with keeping(db, Lease("jobs", job_key), owner):
        async with transaction(db):
            await ensure_model(
                db, provider=provider.name, name=plan.base_model, kind="base", base_model=plan.base_model
            )
        on_intent(job_key)
        await _send(db, provider, job_key)
    return job_key


async def _settle_unclear(db: aiosqlite.Connection, provider: Provider, plan: LaunchPlan, file_key: int) -> None:
    """Look for the jobs at this service whose creation is unclear, before another one is sent there.

    Raises `LaunchError` for one that is the same, whether it was found (then this launch would be the second one) or is
    still unclear.
    """
    if provider.capabilities.creates_once:
        return
    for key in (job.job_key for job in await intents.unclear_jobs(db, provider.name)):
        why = f"{provider.host} does not list it when {asked_with(provider.name)}; it was probably never created"
        try:
            job = await look(db, provider, key)
        except ProviderError as error:
            await store.set_follow_error(db, key, error.message)
            job = await store.get_job(db, key)
            why = f"{job.host} could not be asked for it: {error.message.rstrip('.')}"
        if job.is_same(plan.base_model, file_key):
            _refuse_second(job, why)


def _refuse_second(job: store.JobRow, why: str = "") -> None:
    """Raise `LaunchError` for a launch of the same as this job, whose intent was open and may be still."""
    key = job.job_key
    look_for_it = f"Look for it with: ftb jobs follow {key} - or give it up with: ftb jobs abandon {key}"
    if job.is_being_sent:
        said = f"job {key}, which is the same, is being launched at this moment. See what comes of it: ftb jobs follow {key}"
    elif job.intent == "sent":
        because = f" ({why})" if why else ""
        said = f"it is not known yet whether job {key}, which is the same, was created{because}. {look_for_it}"
    elif job.intent == "confirmed":
        said = (
            f"job {key}, which is the same, was created after all ({job.remote_job_id}). Follow it with: "
            f"ftb jobs follow {key} - or launch once more to have a second one."
        )
    else:
        return
    raise LaunchError(f"Nothing was sent: {said}", job_key=key, refused=False)


async def send(db: aiosqlite.Connection, provider: Provider, job_key: int) -> None:
    """Send an intent that a crash has left, of which nothing was sent yet. Raises as `launch` does."""
    owner = holding.new_owner()
    job = await store.get_job(db, job_key)
    cost = 0.0 if _is_free(provider) else job.estimated_cost
    budget = load_config().budget

    async def allow() -> None:
        await keep_to_budget(db, cost, budget, without=job_key)

    if not await intents.take_up(db, job_key, owner, allow=allow):
        raise LaunchError(f"Job {job_key} is being sent by another ftb.", job_key=job_key, refused=False)
    async with keeping(db, Lease("jobs", job_key), owner):
        if not is_at_home(provider, job):
            raise LaunchError(
                f"Job {job_key} was planned for {job.host}, and {job.provider} is at {jobs_at(provider)} now. Nothing was sent. "
                f"Give it up with: ftb jobs abandon {job_key}",
                job_key=job_key, refused=False,
            )  # fmt: skip
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
        found = None if provider.capabilities.creates_once else await look_for_intent(provider, job, RECONCILE_PAUSES)
        if found is None:
            await store.set_follow_error(db, job_key, error.message)
            raise LaunchError(
                f"It is not known whether the job was created: {error.message.rstrip('.')}. Nothing is sent again; ftb "
                f"looks for it by its tag: ftb jobs follow {job_key}",
                job_key=job_key,
                refused=False,
            ) from error
        remote = found
    await store.update_job(db, job_key, remote)


def _is_free(provider: Provider) -> bool:
    return provider.capabilities.cost_basis == "free"


async def follow(
    db: aiosqlite.Connection,
    provider: Provider,
    job_key: int,
    *,
    on_update: Callable[[store.JobRow], None] = lambda job: None,
    pace: Pace | None = None,
    revive: Callable[[], Awaitable[Provider]] | None = None,
    on_event: Callable[[store.EventRow], None] = lambda event: None,
    on_pause: Callable[[float], None] = lambda seconds: None,
) -> store.JobRow:
    """Look at a job until it has ended for good, recording state, events, metrics and checkpoints.

    One that somebody else is launching is waited for first. `on_event` is called with each event that comes to the store
    meanwhile, whoever brings it, oldest first; `on_pause` before each pause, with its seconds. Errors are recorded with
    the job and looking goes on, ever slower. `revive` is called when the service cannot be reached; it may bring it back
    (the embedded engine) and gives the provider to use from then on.
    """
    while (await store.get_job(db, job_key)).is_being_sent:  # noqa: ASYNC110 - it may be another process
        await asyncio.sleep(_SENDING_SECONDS)
    if (await store.get_job(db, job_key)).intent == "intended":
        raise LaunchError(never_sent(job_key), job_key=job_key, refused=True)
    pace = pace or (FREE_PACE if _is_free(provider) else PAID_PACE)
    looks = errors = missed = 0
    heard = await store.last_event_key(db, job_key)
    while True:
        asked = 0.0
        try:
            job = await look(db, provider, job_key, errors=errors)
            errors = 0
        except ProviderError as error:
            errors += 1
            asked = error.retry_after or 0.0
            await store.set_follow_error(db, job_key, error.message)
            job = await store.get_job(db, job_key)
            if error.kind is ErrorKind.UNREACHABLE and revive is not None:
                provider = await revive()
        for event in await store.job_events(db, job_key, after_key=heard, limit=_EVENTS):
            heard = max(heard, event.job_event_key)
            on_event(event)
        on_update(job)
        if job.is_final:
            return job
        looks += 1
        missed = missed + 1 if job.remote_job_id is None and not errors else 0
        if missed >= MISSES:
            raise LaunchError(
                f"Job {job_key} is not at {job.host}; it was probably never created. Nothing is sent again. "
                f"It was {asked_with(job.provider)}. Give it up with: ftb jobs abandon {job_key}",
                job_key=job_key, refused=False,
            )  # fmt: skip
        seconds = pace.next(looks, errors, asked)
        on_pause(seconds)
        await asyncio.sleep(seconds)
