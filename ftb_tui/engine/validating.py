"""Checking a job's files as soon as it is created, in a thread of its own beside the training of another."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftb_tui.engine.attempts import attempt
from ftb_tui.engine.interface import (
    LEARNING_RATE,
    Hyperparameters,
    RequestError,
    TrainingItem,
    auto_hyperparameters,
)
from ftb_tui.engine.loading import ModelLoader
from ftb_tui.engine.records import FINAL, JobRecord, Records

if TYPE_CHECKING:
    from ftb_tui.engine.model import Model

FILES = ("training_file", "validation_file")
_LAST_FILE = 5.0

Hold = Callable[[JobRecord, "OSError | sqlite3.Error"], None]


class Validation:
    """Moves new jobs of `records` to the queue, in the order of creation, or fails them. `wake()` after a new one.

    `ready` is called after a job has come into the queue, and `hold` for one that cannot be read or written.
    """

    def __init__(
        self, records: Records, loader: ModelLoader, data: Path, ready: Callable[[], None], hold: Hold
    ) -> None:
        self._records = records
        self._loader = loader
        self._data = data
        self._ready = ready
        self._hold = hold
        self._changed = threading.Event()
        self._ending = False
        self._thread = threading.Thread(target=self._loop, name="validation", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Look for new jobs."""
        self._changed.set()

    def stop(self) -> None:
        """End after the file at hand; its job is validated anew at the next start."""
        self._ending = True
        self._changed.set()
        self._thread.join(_LAST_FILE)

    def _loop(self) -> None:
        while not self._ending:
            self._changed.clear()
            job = self._records.oldest("validating_files")
            if job is None:
                self._changed.wait()
                continue
            work = partial(self._validate, job)
            try:
                attempt(self._records, job.id, work, failed_as="server_error", changed=self._changed)
            except (OSError, sqlite3.Error) as error:
                if not self._ending:
                    self._hold(job, error)
            let_go(self._records, self._data, job.id)

    def _validate(self, job: JobRecord) -> None:
        found = examples_of(self._records, self._loader.model(), self._data, job)
        if found is None:
            return
        self._records.set_hyperparameters(job.id, shown(resolve(job, len(found[0]))))
        if self._records.change_status(job.id, "queued", allowed=("validating_files",)):
            self._records.add_event(job.id, "queued", "Files validated, moving job to queued state")
            self._ready()


def keep_files(data: Path, job: JobRecord) -> None:
    """Give a new job its own hold on its files, so that it still has them when they are deleted from the list."""
    folder = data / "jobs" / job.id
    folder.mkdir(parents=True, exist_ok=True)
    for name, file_id in zip(FILES, (job.training_file, job.validation_file), strict=True):
        if file_id is not None:
            try:
                os.link(data / "files" / file_id, folder / name)
            except FileNotFoundError:
                raise
            except OSError:
                # Some file systems have no second name for a file.
                shutil.copyfile(data / "files" / file_id, folder / name)


def drop_files(data: Path, job_id: str) -> None:
    """Let go of the files of a job that has ended, or was never recorded."""
    for name in FILES:
        with suppress(OSError):
            (data / "jobs" / job_id / name).unlink(missing_ok=True)
    with suppress(OSError):
        # Only an empty one goes.
        (data / "jobs" / job_id).rmdir()


def let_go(records: Records, data: Path, job_id: str) -> None:
    """Drop a job's files if it has ended."""
    with suppress(sqlite3.Error):
        job = records.job(job_id)
        if job is None or job.status in FINAL:
            drop_files(data, job_id)


def drop_ended(records: Records, data: Path) -> None:
    """Let go of the files of all jobs that have ended or were never recorded, as a killed engine leaves them."""
    living = {job.id for job in records.jobs() if job.status not in FINAL}
    for folder in data.glob("jobs/*"):
        if folder.name not in living:
            drop_files(data, folder.name)


def examples_of(
    records: Records, model: Model, data: Path, job: JobRecord
) -> tuple[list[TrainingItem], list[TrainingItem]] | None:
    """The job's training and validation items; None after it was failed for a file that cannot be used."""
    from ftb_tui.engine.training import check_examples

    found: list[list[TrainingItem]] = []
    for name, file_id in zip(FILES, (job.training_file, job.validation_file), strict=True):
        kept = data / "jobs" / job.id / name
        try:
            # A job of an earlier version has no hold of its own.
            content = None if file_id is None else (kept if kept.exists() else data / "files" / file_id).read_bytes()
            items = [] if content is None else parse_examples(model, content)
            check_examples(model, items, name.removesuffix("_file"))
            found.append(items)
        except FileNotFoundError:
            text = f"The file {file_id} is gone. Upload it again and create a new job."
            records.fail_job(job.id, text, code="invalid_file", param=name)
            return None
        except RequestError as error:
            text = f"The job failed due to an invalid {name.replace('_', ' ')}. {error}"
            records.fail_job(job.id, text, code=f"invalid_{name}", param=name)
            return None
    return found[0], found[1]


def parse_examples(model: Model, content: bytes) -> list[TrainingItem]:
    """Training items of a JSONL file in the chat format. Raises `RequestError` naming the line."""
    items: list[TrainingItem] = []
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(f"The file is not UTF-8 (byte {error.start}).") from error
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            example = json.loads(line)
        except (ValueError, RecursionError) as error:
            # Python's limits on digits and nesting are as good as a mistake in the text.
            raise RequestError(f"Line {number} is not valid JSON: {str(error).partition(';')[0]}.") from error
        messages = example.get("messages") if isinstance(example, dict) else None
        if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
            raise RequestError(f"Line {number} has no list of messages.")
        try:
            found = model.tokenizer.training_items(messages)
        except RequestError as error:
            raise RequestError(f"Line {number}: {error}") from error
        if not found:
            raise RequestError(f"Line {number} has no message of the assistant to learn from.")
        items += found
    if not items:
        raise RequestError("The file holds no example.")
    return items


def resolve(job: JobRecord, examples: int) -> Hyperparameters:
    """What a job trains with, from what it asked for."""
    asked = {name: None if value == "auto" else value for name, value in job.hyperparameters.items()}
    return auto_hyperparameters(
        examples,
        n_epochs=asked.get("n_epochs"),
        batch_size=asked.get("batch_size"),
        learning_rate_multiplier=asked.get("learning_rate_multiplier"),
        seed=job.seed,
    )


def shown(hyper: Hyperparameters) -> dict[str, Any]:
    """Hyperparameters in the wire's own terms."""
    values = asdict(hyper)
    return {
        "n_epochs": values["n_epochs"],
        "batch_size": values["batch_size"],
        "learning_rate_multiplier": values["learning_rate"] / LEARNING_RATE,
    }
