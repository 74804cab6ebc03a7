"""The training thread: one job at a time, in the order of creation; others wait.

Whatever ends a job's training early (pause, shutdown, a crash) leaves a state to resume from. After a crash it is
that of the last finished epoch, after a pause or an orderly shutdown that of the last finished step. Either way the
job ends with the adapter that an uninterrupted training gives.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftb_tui.engine.attempts import attempt
from ftb_tui.engine.container import write_atomically
from ftb_tui.engine.interface import (
    AdapterError,
    Hyperparameters,
    OtherWeightsError,
    StepReport,
    TrainingItem,
    TrainingStopped,
)
from ftb_tui.engine.loading import ModelLoader
from ftb_tui.engine.memory import give_back
from ftb_tui.engine.records import FINAL, CheckpointRecord, JobRecord, Records
from ftb_tui.engine.validating import Validation, drop_ended, examples_of, let_go, resolve

if TYPE_CHECKING:
    from ftb_tui.engine.adapter import Adapter
    from ftb_tui.engine.model import Model

log = logging.getLogger("ftb.engine")

_WAIT_FOR_SPACE = 1.0
_RESUME = "resume.safetensors"
_TUNED = "model.safetensors"


class TrainingQueue:
    """Runs the jobs of `records`. `wake()` after anything that could give it work or take it away."""

    def __init__(self, records: Records, loader: ModelLoader, data: Path) -> None:
        self._records = records
        self._loader = loader
        self._data = data
        self._changed = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="training", daemon=True)
        self._validation = Validation(records, loader, data, self._changed.set, self._hold)
        self._finish: dict[str, float] = {}
        self._held: dict[str, dict[str, Any]] = {}

    def start(self) -> None:
        """Take up interrupted jobs and begin."""
        self._tidy()
        for job in self._records.interrupted():
            log.info("job %s was interrupted; it goes on from its last checkpoint", job.id)
        self._thread.start()
        self._validation.start()

    def wake(self) -> None:
        """Look at the queue again."""
        self._changed.set()
        self._validation.wake()

    def stop(self) -> None:
        """End within a step; the running job keeps its state and stays resumable."""
        self._ending.set()
        self._changed.set()
        self._validation.stop()
        self._thread.join()

    @property
    def busy(self) -> bool:
        """Whether any job is running or waits."""
        return any(job.status in ("validating_files", "queued", "running") for job in self._records.jobs())

    def estimated_finish(self, job_id: str) -> float | None:
        """When the running job will end, from the time its steps took so far."""
        return self._finish.get(job_id)

    def seen(self, job: JobRecord) -> JobRecord:
        """The job as it is, which is paused while not even that can be written down."""
        error = self._held.get(job.id)
        return job if error is None else replace(job, status="paused", error=error)

    def release(self, job_id: str) -> bool:
        """Let a job go on that is paused in memory alone; whether it was. Raises `sqlite3.Error` if it still must be."""
        if job_id not in self._held:
            return False
        self._records.change_status(job_id, "queued", allowed=("running",))
        self._held.pop(job_id, None)
        return True

    def job_folder(self, job_id: str) -> Path:
        """Where a job's adapters and its resume state are."""
        return self._data / "jobs" / job_id

    def _loop(self) -> None:
        while not self._ending.is_set():
            self._changed.clear()
            job = self._records.oldest("queued")
            if job is None:
                self._changed.wait()
                continue
            work = partial(self._run, job)
            try:
                attempt(self._records, job.id, work, failed_as="training_failed", changed=self._changed)
            except (OSError, sqlite3.Error) as error:
                self._hold(job, error)
            finally:
                self._finish.pop(job.id, None)
                let_go(self._records, self._data, job.id)
                give_back()

    def _hold(self, job: JobRecord, error: OSError | sqlite3.Error) -> None:
        """Pause a job that cannot be written, most often for want of space; it goes on from its last checkpoint.

        When not even that can be written, it is paused in memory until it can: then there is space again.
        """
        why = getattr(error, "strerror", None) or error
        text = f"The engine cannot write to {self._data}: {why}. Free some space and resume the job"
        log.error("job %s: %s", job.id, text)
        code = "storage_failed"
        try:
            self._records.hold_job(job.id, text, code=code)
        except sqlite3.Error:
            self._held[job.id] = {"code": code, "message": text, "param": None}
            while job.id in self._held and not self._ending.wait(_WAIT_FOR_SPACE):
                with suppress(sqlite3.Error):
                    self.release(job.id)

    def _tidy(self) -> None:
        """Remove what a killed engine left half-written, and what its ended jobs would have resumed from."""
        leftovers = [*self._data.glob("files/*.part"), *self._data.glob("jobs/*/*.part")]
        leftovers += [self.job_folder(job.id) / _RESUME for job in self._records.jobs() if job.status in FINAL]
        for file in leftovers:
            with suppress(OSError):
                file.unlink(missing_ok=True)
        drop_ended(self._records, self._data)

    def _run(self, job: JobRecord) -> None:
        model = self._loader.model()
        found = examples_of(self._records, model, self._data, job)
        if found is None:
            return
        hyper = resolve(job, len(found[0]))
        if not self._records.change_status(job.id, "running", allowed=("queued",)):
            return
        self._records.add_event(job.id, "started", "Fine-tuning job started")
        self._train(model, job, *found, hyper)

    def _train(
        self,
        model: Model,
        job: JobRecord,
        items: list[TrainingItem],
        validation: list[TrainingItem],
        hyper: Hyperparameters,
    ) -> None:
        from ftb_tui.engine.adapter import save_adapter
        from ftb_tui.engine.training import train

        folder = self.job_folder(job.id)
        folder.mkdir(parents=True, exist_ok=True)
        resume_file = folder / _RESUME
        pace = _Pace()
        latest: list[StepReport] = []

        def should_stop() -> bool:
            current = self._records.job(job.id)
            return self._ending.is_set() or current is None or current.status != "running"

        def on_step(report: StepReport) -> None:
            latest[:] = [report]
            self._finish[job.id] = pace.finish(report)
            self._log_step(job.id, report)

        def on_epoch(epoch: int, adapter: Adapter, state: bytes) -> None:
            self._keep_checkpoint(job, latest[0], adapter, model.weights)
            # After the checkpoint: a crash in between repeats the epoch and finds its checkpoint known.
            write_atomically(resume_file, state)

        def run(resume: bytes | None) -> Adapter:
            return train(
                model, items, hyper, validation=validation, resume=resume, on_step=on_step, on_epoch=on_epoch,
                should_stop=should_stop,
            )  # fmt: skip

        try:
            adapter = self._with_resume(job, resume_file, run)
        except OtherWeightsError as error:
            # What was trained so far is kept for who has the weights that it was begun on.
            self._records.hold_job(job.id, str(error), code="other_weights")
            return
        except TrainingStopped as stopped:
            current = self._records.job(job.id)
            if current is not None and current.status != "cancelled":
                write_atomically(resume_file, stopped.resume_state)
            return
        tokens = sum(len(item.prompt_ids) + len(item.completion_ids) for item in items) * hyper.n_epochs
        # Its own, whatever becomes of the checkpoints.
        file = folder / _TUNED
        save_adapter(file, adapter, weights=model.weights)
        self._records.finish_job(job.id, tuned_model_name(job), tokens, adapter=str(file.relative_to(self._data)))
        resume_file.unlink(missing_ok=True)

    def _with_resume(self, job: JobRecord, resume_file: Path, run: Callable[[bytes | None], Adapter]) -> Adapter:
        resume = resume_file.read_bytes() if resume_file.exists() else None
        try:
            return run(resume)
        except OtherWeightsError:
            raise
        except AdapterError as error:
            if resume is None:
                raise
            text = f"The saved state is unusable ({error}); training starts from the beginning."
            self._records.add_event(job.id, "restarted", text, level="warn")
            return run(None)

    def _log_step(self, job_id: str, report: StepReport) -> None:
        data: dict[str, Any] = {
            "step": report.step,
            "total_steps": report.total_steps,
            "train_loss": report.train_loss,
            "train_mean_token_accuracy": report.train_mean_token_accuracy,
        }
        message = f"Step {report.step}/{report.total_steps}: training loss={report.train_loss:.2f}"
        if report.valid_loss is not None:
            data["valid_loss"] = report.valid_loss
            data["valid_mean_token_accuracy"] = report.valid_mean_token_accuracy
            message += f", validation loss={report.valid_loss:.2f}"
        self._records.add_event(job_id, f"step-{report.step}", message, data=data)

    def _keep_checkpoint(self, job: JobRecord, report: StepReport, adapter: Adapter, weights: str) -> None:
        from ftb_tui.engine.adapter import save_adapter

        file = self.job_folder(job.id) / f"step-{report.step}.safetensors"
        save_adapter(file, adapter, weights=weights)
        metrics = {
            "step": float(report.step),
            "train_loss": report.train_loss,
            "train_mean_token_accuracy": report.train_mean_token_accuracy,
        }
        if report.valid_loss is not None and report.valid_mean_token_accuracy is not None:
            metrics["full_valid_loss"] = report.valid_loss
            metrics["full_valid_mean_token_accuracy"] = report.valid_mean_token_accuracy
        name = f"{tuned_model_name(job)}:ckpt-step-{report.step}"
        short = job.id.removeprefix("ftjob-")
        self._records.add_checkpoint(
            CheckpointRecord(
                id=f"ftckpt_{short}_{report.step}",
                job_id=job.id,
                created_at=time.time(),
                model=name,
                step=report.step,
                metrics=metrics,
                file=str(file.relative_to(self._data)),
            )
        )
        message = f"Checkpoint created at step {report.step} with Snapshot ID: {name}"
        self._records.add_event(job.id, f"checkpoint-{report.step}", message)


class _Pace:
    """When training will end, from its own steps alone."""

    def __init__(self) -> None:
        self._first: tuple[int, float] | None = None
        self._begun = time.time()

    def finish(self, report: StepReport) -> float:
        now = time.time()
        if self._first is None:
            self._first = (report.step, now)
            each = now - self._begun
        else:
            each = (now - self._first[1]) / (report.step - self._first[0])
        return now + each * (report.total_steps - report.step)


def tuned_model_name(job: JobRecord) -> str:
    """The name of the model that a job makes."""
    return f"ft:{job.model}:ftb:{job.suffix or ''}:{job.id.removeprefix('ftjob-')[:8]}"
