"""Everything that runs while the app is open: follows jobs, runs evaluations and the benchmark, all in the background.

What it does is visible in the store alone; screens read it there. `on_message` is called from its thread with things
that a person should hear about.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any

import aiosqlite

from ftb_tui.providers.base import JobState, Provider, ProviderError
from ftb_tui.providers.states import told
from ftb_tui.store import benches, evaluations, jobs
from ftb_tui.store.database import StoreError, open_store
from ftb_tui.store.datasets import find_dataset
from ftb_tui.store.following import unfinished_jobs
from ftb_tui.work import evaluate, job_control
from ftb_tui.work import jobs as work
from ftb_tui.work.asking import EvaluationProgress
from ftb_tui.work.background import BackgroundLoop
from ftb_tui.work.bench import BenchProgress, open_local_or_remote, run_bench
from ftb_tui.work.bench_plan import BenchPlan, plan_of
from ftb_tui.work.cost import Quote
from ftb_tui.work.reconciling import abandon, reconcile
from ftb_tui.work.regrade import regrade_apart
from ftb_tui.work.sending import Sending
from ftb_tui.work.service import in_service

if TYPE_CHECKING:
    from ftb_tui.store.curves import JobModel
    from ftb_tui.work.checkpoints import CheckpointPlan

Message = Callable[[str, str], None]
"""Called with a severity (`information`, `warning`, `error`) and a sentence."""


TAKE_UP_SECONDS = 3.0
"""Between two looks in the store for jobs that nobody follows here."""

_LAST_ANSWERS_SECONDS = 0.05
"""Between two looks at whether a paused evaluation has its last answers."""


class Supervisor:
    """The background of one running app."""

    def __init__(self, on_message: Message) -> None:
        self._on_message = on_message
        self._loop = BackgroundLoop()
        self._db: aiosqlite.Connection | None = None
        self._opening = asyncio.Lock()
        self._followed: set[int] = set()
        self._taken: set[int] = set()
        """Jobs that were followed here once. What ended that with an error would do so again."""
        self._settled: set[int] = set()
        """Jobs of which it was told here what came of their launch, where that was unclear."""
        self._ends_told: set[int] = set()
        self._asked: dict[int, int] = {}
        """Evaluations that are run here, and how many answers are under way in each."""
        self.sending = Sending()
        self.next_looks: dict[int, float] = {}
        """When the followed jobs are looked at next, in seconds since 1970, by their keys."""
        self.bench: BenchProgress | None = None
        """Where the running benchmark is; None when none runs."""

    def start(self) -> None:
        """Open the store, settle what a crash left open, and go on with everything unfinished."""
        self._submit(self._begin())

    def close(self) -> None:
        """Stop watching. Jobs go on at their services; evaluations can be resumed."""
        self._loop.close(self._end())

    def finish(self) -> Future[None]:
        """End what runs here in its own time: paid answers under way are waited for. Nothing is begun after it."""
        return self._loop.finish()

    async def _end(self) -> None:
        if self._db is not None:
            await self._db.close()

    def run_bench(self, plan: BenchPlan) -> Future[int]:
        """Begin or continue the benchmark; gives the key of its job as soon as it has one."""
        return self._with_job(partial(self._bench, plan))

    def follows(self, job_key: int) -> bool:
        """Whether a job is followed here."""
        return job_key in self._followed

    @property
    def asking(self) -> list[int]:
        """The evaluations that are run here, but for a benchmark's."""
        return sorted(self._asked.copy())

    @property
    def under_way(self) -> int:
        """How many answers these wait for at this moment."""
        return sum(self._asked.copy().values())

    def launch(self, plan: work.LaunchPlan, provider: str, quote: Quote | None = None) -> Future[int]:
        """Launch a job, for the price that a person has agreed to, and follow it; gives its key as soon as it is kept."""
        return self._with_job(partial(self._launch, plan, provider, quote))

    def send(self, job_key: int) -> Future[None]:
        """Send a job that was planned and never sent, and follow it."""
        return self._submit(self._send(job_key))

    def abandon(self, job_key: int) -> Future[None]:
        """Give up a job that was never sent, or that its service does not have."""
        return self._submit(self._abandon(job_key))

    def act_on_job(self, job_key: int, verb: str) -> Future[None]:
        """`cancel`, `pause` or `resume` a job at its service."""
        return self._submit(self._act(job_key, verb))

    def run_evaluation(self, evaluation_key: int) -> Future[None]:
        """Ask what is missing in an evaluation."""
        return self._submit(self._evaluate(evaluation_key))

    def ask_models(
        self, job_key: int, dataset_id: str, models: Sequence[JobModel], plan: CheckpointPlan
    ) -> Future[None]:
        """Ask models of a job, one after the other, unless somebody does so; one that fails or is paused ends it."""
        return self._submit(self._ask_models(job_key, dataset_id, models, plan))

    def regrade(self) -> Future[None]:
        """Grade every stored answer by the graders of today, and say what changed."""
        return self._submit(self._regrade())

    def judge(self, provider: str, model: str, *, dataset: str | None, max_cost: float | None) -> Future[None]:
        """Have a model judge stored answers (of one dataset, by its name or id), and say what came of it."""
        return self._submit(self._judge(provider, model, dataset, max_cost))

    def pause_evaluation(self, evaluation_key: int) -> Future[None]:
        """Stop asking; what was answered stays."""
        return self._submit(self._pause(evaluation_key))

    def _with_job(self, begin: Callable[[Callable[[int], None]], Coroutine[Any, Any, None]]) -> Future[int]:
        """Begin something that tells the key of its job; the future has the error, or is cancelled, where none came."""
        job: Future[int] = Future()

        def tell(job_key: int) -> None:
            if not job.done():
                job.set_result(job_key)

        def end(running: Future[None]) -> None:
            if not job.done() and not running.cancelled() and (error := running.exception()) is not None:
                job.set_exception(error)
            job.cancel()

        self._submit(begin(tell)).add_done_callback(end)
        return job

    def _submit(self, coroutine: Coroutine[Any, Any, None]) -> Future[None]:
        return self._loop.submit(self._told(coroutine))

    async def _told(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run, and turn an error into a sentence for the person; the future has it, too."""
        try:
            await coroutine
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self._on_message("error", str(error) or type(error).__name__)
            raise

    async def _store(self) -> aiosqlite.Connection:
        async with self._opening:
            if self._db is None:
                self._db = await open_store()
            return self._db

    async def _begin(self) -> None:
        db = await self._store()
        going = None
        for row in await benches.unfinished_benches(db):
            if not row.is_held and self.bench is None and await self._may_go_on(db, row):
                going = row
                break
        if going is not None and going.job_key is not None:
            # The benchmark itself sends or finds it.
            self._settled.add(going.job_key)
        self._submit(self._reconcile())
        self._submit(self._take_up())
        if going is not None:
            self.run_bench(plan_of(going))

    async def _reconcile(self) -> None:
        """Settle, once each, what a launch has left open, also one that ends so meanwhile."""
        db = await self._store()
        while True:
            with contextlib.suppress(StoreError):
                for sentence in await reconcile(db, self._opened, self._settled):
                    self._on_message("warning", sentence)
            await asyncio.sleep(TAKE_UP_SECONDS)

    async def _may_go_on(self, db: aiosqlite.Connection, row: benches.BenchRow) -> bool:
        """Whether a benchmark that was left is gone on with unasked. One that never will be is closed."""
        if not await benches.can_be_finished(db, row):
            await benches.update_bench(db, row.bench_key, finished=True)
            return False
        plan = plan_of(row)
        if plan.provider == "local" or await benches.is_sent(db, row):
            return True
        await benches.update_bench(db, row.bench_key, finished=True)
        self._on_message(
            "warning",
            f"A benchmark at {plan.provider} was left before its job was sent. Nothing is sent unasked: begin it again "
            f"when you want it (ftb bench --provider {plan.provider} ...).",
        )
        return False

    async def _take_up(self) -> None:
        """Follow every unfinished job, also one that a command launches meanwhile; not those of a benchmark that runs."""
        db = await self._store()
        while True:
            # What keeps the store from being read is told by whatever a person does next.
            with contextlib.suppress(StoreError):
                held = {row.job_key for row in await benches.unfinished_benches(db) if row.is_held}
                for job_key in await unfinished_jobs(db):
                    if job_key not in held and job_key not in self._taken:
                        self._submit(self._follow(job_key))
            await asyncio.sleep(TAKE_UP_SECONDS)

    async def _opened(self, name: str) -> Provider:
        return await open_local_or_remote(name)

    async def _bench(self, plan: BenchPlan, on_job: Callable[[int], None]) -> None:
        if self.bench is not None:
            self._on_message("warning", "The benchmark is running already.")
            return
        self.bench = BenchProgress("prepare")

        def report(progress: BenchProgress) -> None:
            self.bench = progress

        try:
            result = await run_bench(await self._store(), plan, self._opened, on_progress=report, on_job=on_job)
            self._on_message("information", f"The benchmark is finished: {result.tuned_model}")
        finally:
            self.bench = None

    async def _launch(
        self, plan: work.LaunchPlan, name: str, quote: Quote | None, on_job: Callable[[int], None]
    ) -> None:
        db = await self._store()
        with self.sending.to(name):
            async with in_service(name, self._opened) as (provider, _):
                job_key = await work.launch(db, provider, plan, estimate=quote, on_intent=on_job)
        self._on_message("information", f"Job {job_key} was launched.")
        await self._follow(job_key)

    async def _send(self, job_key: int) -> None:
        db = await self._store()
        name = (await jobs.get_job(db, job_key)).provider
        with self.sending.to(name):
            async with in_service(name, self._opened) as (provider, _):
                await work.send(db, provider, job_key)
        self._on_message("information", f"Job {job_key} was launched.")
        await self._follow(job_key)

    async def _abandon(self, job_key: int) -> None:
        _, sentence = await abandon(await self._store(), self._opened, job_key)
        self._on_message("information", sentence)

    async def _follow(self, job_key: int) -> None:
        if job_key in self._followed:
            return
        self._followed.add(job_key)
        self._taken.add(job_key)
        try:
            db = await self._store()
            name = (await jobs.get_job(db, job_key)).provider
            async with in_service(name, self._opened) as (provider, revive):
                job = await work.follow(
                    db, provider, job_key, revive=revive, on_pause=lambda pause: self._pauses(job_key, pause)
                )
            self._tell_state(job)
        except ProviderError as error:
            await jobs.set_follow_error(await self._store(), job_key, error.message)
            # By their numbers those of the same reason can be told together.
            self._on_message("error", f"Job {job_key}: {error}")
        finally:
            self._followed.discard(job_key)
            self.next_looks.pop(job_key, None)

    def _pauses(self, job_key: int, seconds: float) -> None:
        self.next_looks[job_key] = time.time() + seconds

    async def _act(self, job_key: int, verb: str) -> None:
        db = await self._store()
        job = await jobs.get_job(db, job_key)
        call = {"cancel": job_control.cancel, "pause": job_control.pause, "resume": job_control.resume}[verb]
        async with in_service(job.provider, self._opened) as (provider, _):
            job = await call(db, provider, job_key)
        goes_on = verb == "resume" and job.state is not JobState.PAUSED and not job.is_final
        self._tell_state(job, "goes on: it " if goes_on else "")
        if not job.is_final:
            self._submit(self._follow(job_key))

    def _tell_state(self, job: jobs.JobRow, before: str = "") -> None:
        """Tell a job's state; its end once, for who follows it and who asked for it both learn of it."""
        if job.is_final:
            if job.job_key in self._ends_told:
                return
            self._ends_told.add(job.job_key)
        self._on_message("information", f"Job {job.job_key} {before}{told(job.state)}.")

    async def _evaluate(self, evaluation_key: int) -> None:
        if (row := await self._asked_all_of(evaluation_key)) is not None:
            self._on_message("information", f"Evaluation {evaluation_key}: {row.n_correct} of {row.n_answered} right.")

    async def _ask_models(
        self, job_key: int, dataset_id: str, models: Sequence[JobModel], plan: CheckpointPlan
    ) -> None:
        from ftb_tui.work.checkpoints import asking_alone, plan_checkpoints

        db = await self._store()
        async with asking_alone(db, job_key):
            keys = await plan_checkpoints(db, dataset_id, models, plan)
            waiting = f"{len(keys)} evaluations are" if len(keys) != 1 else "1 evaluation is"
            self._on_message("information", f"{waiting} waiting; 3 shows how far.")
            await self._evaluate_all(keys)

    async def _evaluate_all(self, evaluation_keys: Sequence[int]) -> None:
        for place, key in enumerate(evaluation_keys):
            row = await self._asked_all_of(key)
            if row is not None and row.state == "paused":
                left = len(evaluation_keys) - place - 1
                self._on_message("warning", f"Evaluation {key} is paused; the {left} after it were not begun.")
                return
        many = f"{len(evaluation_keys)} evaluations are" if len(evaluation_keys) != 1 else "The evaluation is"
        self._on_message("information", f"{many} finished.")

    async def _asked_all_of(self, evaluation_key: int) -> evaluations.EvaluationRow | None:
        """The evaluation after it was run; None when it is being run already.

        One that is paused but waits for its last answers goes on when it has them.
        """
        while evaluation_key in self._asked:
            if await evaluations.evaluation_state(await self._store(), evaluation_key) != "paused":
                return None
            await asyncio.sleep(_LAST_ANSWERS_SECONDS)
        self._asked[evaluation_key] = 0
        try:
            db = await self._store()
            name = (await evaluations.get_evaluation(db, evaluation_key)).provider
            async with in_service(name, self._opened) as (provider, revive):
                return await evaluate.run(db, provider, evaluation_key, revive=revive, on_progress=self._hear_of)
        finally:
            self._asked.pop(evaluation_key, None)

    def _hear_of(self, progress: EvaluationProgress) -> None:
        self._asked[progress.evaluation_key] = progress.under_way

    async def _regrade(self) -> None:
        # Grading is arithmetic: in a thread of its own it holds up no job and no evaluation.
        reports = await asyncio.to_thread(lambda: asyncio.run(regrade_apart()))
        done = [
            f"{report.grader}: {report.added} new, {report.renewed} renewed, {report.changed} of them changed"
            for report in reports
            if report.added or report.renewed
        ]
        kept = sum(report.kept for report in reports)
        self._on_message(
            "information",
            f"Graded again. {'; '.join(done)}." if done else f"Nothing to grade again: {kept:,} grades are up to date.",
        )

    async def _judge(self, provider: str, model: str, dataset: str | None, max_cost: float | None) -> None:
        from ftb_tui.work.judging import judge_stored

        db = await self._store()
        dataset_id = (await find_dataset(db, dataset)).dataset_id if dataset else None
        async with in_service(provider, self._opened) as (service, _):
            report = await judge_stored(db, service, model, dataset_id=dataset_id, max_cost=max_cost)
        without = report.unreadable + report.failed
        more = f" {without} have no judgement{f': {report.error}' if report.error else ''}." if without else ""
        self._on_message(
            "warning" if without else "information",
            f"{report.judge} judged {report.judged} answers, {report.cached} were judged before; "
            f"{report.correct} of {report.answers} are right.{more}",
        )

    async def _pause(self, evaluation_key: int) -> None:
        with contextlib.suppress(StoreError):
            await evaluations.pause_request(await self._store(), evaluation_key)
