"""The whole benchmark in one go: train, ask the base and the tuned model, and what came of it.

A run that was interrupted goes on when the same is asked for again: its job is followed, its evaluations ask what is
missing. The base is asked while the training runs, since the engine does the two on different cores.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import aiosqlite

from ftb_tui.benchmark.model import Dataset, Question
from ftb_tui.providers.base import ErrorKind, JobState, Provider, ProviderError
from ftb_tui.store import benches, evaluations, holding, jobs
from ftb_tui.store.database import transaction
from ftb_tui.store.failures import failures, failures_sentence
from ftb_tui.store.following import is_answering
from ftb_tui.store.leases import Lease
from ftb_tui.store.models import ensure_model
from ftb_tui.store.paraphrases import wordings_for
from ftb_tui.store.results import ResultRow, results
from ftb_tui.work import evaluate
from ftb_tui.work import jobs as work
from ftb_tui.work.bench_plan import BenchPlan, bench_dataset, facts_of, questions_of
from ftb_tui.work.job_control import resume
from ftb_tui.work.leases import keeping
from ftb_tui.work.local_engine import ensure_engine
from ftb_tui.work.quoting import quote_launch, refuse
from ftb_tui.work.service import Opener, Revive, in_service


class BenchError(Exception):
    """The benchmark could not be finished; what was done is kept and the same call goes on from there."""


@dataclass(frozen=True, slots=True)
class BenchProgress:
    """Where a run is. While it trains, `base_done` of `base_total` questions to the base are answered as well."""

    phase: str
    """`prepare`, `train`, `base`, `tuned` or `done`."""
    done: int = 0
    total: int = 0
    detail: str = ""
    loss: float | None = None
    eta_seconds: float | None = None
    base_done: int = 0
    base_total: int = 0


@dataclass(frozen=True, slots=True)
class BenchResult:
    """A finished run: its rows of the result table, base model first."""

    bench_key: int
    job_key: int
    dataset_id: str
    base_model: str
    tuned_model: str
    rows: tuple[ResultRow, ...]
    seconds: float


Report = Callable[[BenchProgress], None]


async def run_bench(
    db: aiosqlite.Connection,
    plan: BenchPlan,
    open_provider: Opener,
    *,
    on_progress: Report = lambda progress: None,
    on_job: Callable[[int], None] = lambda job_key: None,
    fresh: bool = False,
) -> BenchResult:
    """Run or continue the benchmark. `fresh` leaves an unfinished equal run alone and starts another.

    `on_job` is called with the key of its job as soon as it has one, and again where that had to be sent anew.

    Raises `BenchError` when the job fails, and what launching, evaluating and the store raise.
    """
    started = time.monotonic()
    on_progress(BenchProgress("prepare", detail="reading the dataset"))
    dataset = await bench_dataset(db, plan.dataset)
    questions = questions_of(dataset, plan)
    on_progress(BenchProgress("prepare", detail="opening the provider"))
    owner = holding.new_owner()
    async with in_service(plan.provider, open_provider) as (provider, revive):
        run = _Bench(db, plan, dataset, questions, provider, revive, on_progress, on_job)
        row = await run.begin(owner, fresh=fresh)
        async with keeping(db, Lease("benches", row.bench_key), owner):
            base_key, tuned_key, job = await run.go(row)
    await benches.update_bench(db, row.bench_key, finished=True)
    assert job.tuned_model is not None
    rows = await results(db, dataset_id=dataset.dataset_id, grader=None, only={base_key, tuned_key})
    on_progress(BenchProgress("done", done=1, total=1))
    return BenchResult(
        bench_key=row.bench_key,
        job_key=job.job_key,
        dataset_id=dataset.dataset_id,
        base_model=plan.base_model,
        tuned_model=job.tuned_model,
        rows=tuple(rows),
        seconds=time.monotonic() - started,
    )


async def open_local_or_remote(name: str, *, on_status: Callable[[str], None] = lambda text: None) -> Provider:
    """Open a provider, starting the embedded engine first when it is that one."""
    from ftb_tui.providers.registry import open_provider

    if name == "local":
        await ensure_engine(on_status=on_status)
    return await asyncio.to_thread(open_provider, name)


async def launch_plan(db: aiosqlite.Connection, dataset: Dataset, plan: BenchPlan) -> work.LaunchPlan:
    """The job that a benchmark of this plan launches."""
    return work.LaunchPlan(
        dataset=dataset,
        base_model=plan.base_model,
        n_epochs=plan.epochs,
        seed=plan.seed,
        suffix=dataset.name.replace("_", "-"),
        fact_ids=facts_of(dataset, plan),
        recipe=plan.taught,
        wordings=await wordings_for(db, dataset.dataset_id, plan.taught),
    )


class _Bench:
    """The parts of one run, each of which finds what an earlier attempt has done."""

    def __init__(
        self,
        db: aiosqlite.Connection,
        plan: BenchPlan,
        dataset: Dataset,
        questions: tuple[Question, ...],
        provider: Provider,
        revive: Revive | None,
        on_progress: Report,
        on_job: Callable[[int], None],
    ) -> None:
        self._db, self._plan, self._dataset, self._questions = db, plan, dataset, questions
        self._provider, self._revive, self._on_progress = provider, revive, on_progress
        self._on_job = on_job
        self._intended = asyncio.Event()
        """Set once the run has its job, and so its money: only what is left is for the questions to the base."""
        self._base = (0, 0)
        self._training = BenchProgress("train", detail="waiting")

    async def begin(self, owner: str, *, fresh: bool) -> benches.BenchRow:
        """The run to go on with, held by `owner`."""
        plan = asdict(self._plan)
        plan["tasks"] = None if self._plan.tasks is None else [str(task) for task in self._plan.tasks]
        dataset_id = self._dataset.dataset_id

        def same(row: benches.BenchRow) -> bool:
            # An option that is younger than the stored plan had its default then.
            return not fresh and row.dataset_id == dataset_id and asdict(BenchPlan()) | row.plan == plan

        row = await benches.begin_bench(self._db, plan, dataset_id, owner, same=same)
        if row is None:
            raise BenchError(
                "The same benchmark is being run by another ftb now; watch it there (ftb bench --new begins one more)."
            )
        return row

    async def go(self, row: benches.BenchRow) -> tuple[int, int, jobs.JobRow]:
        """Every part in turn; the keys of the two evaluations and the job."""
        base_key = await self.base_evaluation(row)
        asking = asyncio.create_task(self.ask_base(base_key))
        training = asyncio.create_task(self.train(row))
        try:
            await asyncio.wait({asking, training}, return_when=asyncio.FIRST_EXCEPTION)
            if asking.done() and isinstance(asking.exception(), evaluate.EvaluationStoppedError):
                # The provider cannot answer at all, so a trained model could not be asked either.
                await asking
            job = await training
            await asking
        finally:
            asking.cancel()
            training.cancel()
            await asyncio.gather(asking, training, return_exceptions=True)
        tuned_key = await self.tuned_evaluation(row, job)
        await self.evaluate(tuned_key, "tuned")
        return base_key, tuned_key, job

    async def ask_base(self, base_key: int) -> None:
        await self._intended.wait()
        await self.evaluate(base_key, "base")

    async def train(self, row: benches.BenchRow) -> jobs.JobRow:
        try:
            job_key = await self._sent(row, row.job_key)
        except work.LaunchError as error:
            cause = error.__cause__
            if not (isinstance(cause, ProviderError) and cause.kind is ErrorKind.UNREACHABLE):
                raise
            if self._revive is None or not self._provider.capabilities.creates_once:
                raise
            # An engine that died over it comes back when it is followed, and the job with it; what was certainly not
            # created is sent as a new intent.
            self._provider = await self._revive()
            job_key = await self._sent(row, None) if error.refused else error.job_key
        self._has_job(job_key)
        await self._resume_held(job_key)
        job = await work.follow(self._db, self._provider, job_key, on_update=self._trained, revive=self._revive)
        if not job.tuned_model:
            # Nothing of it is left to go on with; whoever wants it trained again says so.
            await benches.update_bench(self._db, row.bench_key, finished=True)
            why = job.error or f"it ended as {job.state}"
            raise BenchError(f"Job {job_key} made no model: {why}")
        return job

    async def _sent(self, row: benches.BenchRow, job_key: int | None) -> int:
        """The key of the run's job, which is at its service now if it was not yet."""
        if job_key is None:
            return await self._launch(row)
        if (await jobs.get_job(self._db, job_key)).intent == "intended":
            await work.send(self._db, self._provider, job_key)
        return job_key

    async def _launch(self, row: benches.BenchRow) -> int:
        plan = await launch_plan(self._db, self._dataset, self._plan)
        estimate = None
        if self._provider.capabilities.cost_basis != "free":
            estimate = await quote_launch(self._db, plan, self._plan.provider, datetime.date.today())
            refuse(estimate, force=False)
        return await work.launch(
            self._db, self._provider, plan, estimate=estimate, bench_key=row.bench_key,
            on_intent=self._has_job,
        )  # fmt: skip

    def _has_job(self, job_key: int) -> None:
        self._intended.set()
        self._on_job(job_key)

    async def _resume_held(self, job_key: int) -> None:
        """Let a job go on that its service had to pause, say for want of space; not one that a person has paused."""
        job = await jobs.get_job(self._db, job_key)
        if job.state is JobState.PAUSED and job.error and self._provider.capabilities.pause:
            with contextlib.suppress(ProviderError):
                await resume(self._db, self._provider, job_key)

    def _trained(self, job: jobs.JobRow) -> None:
        if job.state is JobState.PAUSED and job.error:
            raise BenchError(f"Job {job.job_key} is paused: {job.error}. The same command goes on from there.")
        detail = str(job.state) if is_answering(job) else f"no answer: {job.follow_error}"
        eta = max(0.0, job.estimated_finish - time.time()) if job.estimated_finish else None
        self._training = BenchProgress(
            "train", job.step or 0, job.total_steps or 0, detail, job.last_loss, eta, *self._base
        )
        self._on_progress(self._training)

    async def base_evaluation(self, row: benches.BenchRow) -> int:
        if row.base_evaluation_key is not None:
            return row.base_evaluation_key
        model_key = await self._model(self._plan.base_model, "base")
        key = await self._evaluation(model_key)
        await benches.update_bench(self._db, row.bench_key, base_evaluation_key=key)
        return key

    async def tuned_evaluation(self, row: benches.BenchRow, job: jobs.JobRow) -> int:
        if row.tuned_evaluation_key is not None:
            return row.tuned_evaluation_key
        assert job.tuned_model is not None
        model_key = await self._model(job.tuned_model, "tuned")
        key = await self._evaluation(model_key)
        await benches.update_bench(self._db, row.bench_key, tuned_evaluation_key=key)
        return key

    async def _model(self, name: str, kind: str) -> int:
        async with transaction(self._db):
            return await ensure_model(
                self._db, provider=self._plan.provider, name=name, kind=kind, base_model=self._plan.base_model
            )

    async def _evaluation(self, model_key: int) -> int:
        return await evaluate.create(
            self._db,
            model_key=model_key,
            dataset_id=self._dataset.dataset_id,
            questions=self._questions,
            answer_tokens=self._plan.answer_tokens or self._dataset.answer_tokens,
            reuse=True,
        )

    async def evaluate(self, evaluation_key: int, phase: str) -> None:
        """Ask what is missing. While another process asks it, wait for that one, and then for what it left."""

        def report(progress: evaluate.EvaluationProgress) -> None:
            self._asked(phase, progress.total - progress.missing + progress.asked, progress.total, progress.eta_seconds)

        while await evaluations.missing_questions(self._db, evaluation_key):
            try:
                await evaluate.run(self._db, self._provider, evaluation_key, on_progress=report, revive=self._revive)
                break
            except evaluate.EvaluationBusyError:
                row = await evaluations.get_evaluation(self._db, evaluation_key)
                self._asked(phase, row.n_answered, row.n_questions)
                await asyncio.sleep(0.5)
        row = await evaluations.get_evaluation(self._db, evaluation_key)
        self._asked(phase, row.n_answered + row.n_failed, row.n_questions)
        if row.n_failed + row.n_answered < row.n_questions:
            raise BenchError(f"Evaluation {evaluation_key} was paused; the same command goes on from there.")
        if row.n_failed:
            why = failures_sentence(await failures(self._db, evaluation_key))
            raise BenchError(
                f"{row.n_failed} of {row.n_questions} questions to {row.model} failed. {why} The same command asks them "
                "again, in the same way."
            )

    def _asked(self, phase: str, done: int, total: int, eta: float | None = None) -> None:
        """Tell how far the asking is; that of the base is told beside the training."""
        if phase == "base":
            self._base = (done, total)
            self._on_progress(replace(self._training, base_done=done, base_total=total))
        else:
            self._on_progress(BenchProgress("tuned", done, total, "asking the tuned model", None, eta, *self._base))
