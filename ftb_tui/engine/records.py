"""What the engine remembers: files, jobs, events and checkpoints in a small SQLite file of its own."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftb_tui.engine.interface import EngineError

_SCHEMAS = (
    """
CREATE TABLE files (
  id TEXT PRIMARY KEY, filename TEXT NOT NULL, purpose TEXT NOT NULL, bytes INTEGER NOT NULL, created_at REAL NOT NULL
) STRICT;
CREATE TABLE jobs (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, created_at REAL NOT NULL, finished_at REAL, model TEXT NOT NULL,
  training_file TEXT NOT NULL, validation_file TEXT, suffix TEXT, seed INTEGER NOT NULL, metadata TEXT NOT NULL,
  hyperparameters TEXT NOT NULL, status TEXT NOT NULL, fine_tuned_model TEXT, trained_tokens INTEGER, error TEXT
) STRICT;
CREATE TABLE events (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, job_id TEXT NOT NULL REFERENCES jobs (id), created_at REAL NOT NULL,
  level TEXT NOT NULL, message TEXT NOT NULL, type TEXT NOT NULL, data TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_job ON events (job_id, number);
CREATE TABLE checkpoints (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, job_id TEXT NOT NULL REFERENCES jobs (id), created_at REAL NOT NULL,
  model TEXT NOT NULL UNIQUE, step INTEGER NOT NULL, metrics TEXT NOT NULL, file TEXT NOT NULL
) STRICT;
""",
    """
ALTER TABLE jobs ADD COLUMN adapter TEXT;
UPDATE jobs SET adapter = (SELECT file FROM checkpoints WHERE job_id = jobs.id ORDER BY step DESC LIMIT 1)
WHERE fine_tuned_model IS NOT NULL;
""",
)
"""What leads from one version of the file to the next."""


@dataclass(frozen=True, slots=True)
class FileRecord:
    """An uploaded file."""

    id: str
    filename: str
    purpose: str
    bytes: int
    created_at: float


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A fine-tuning job."""

    number: int
    id: str
    created_at: float
    finished_at: float | None
    model: str
    training_file: str
    validation_file: str | None
    suffix: str | None
    seed: int
    metadata: dict[str, str]
    hyperparameters: dict[str, Any]
    status: str
    fine_tuned_model: str | None
    trained_tokens: int | None
    error: dict[str, Any] | None
    adapter: str | None = None
    """The tuned model's own file, relative to the data directory."""


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One line of a job's log."""

    id: str
    job_id: str
    created_at: float
    level: str
    message: str
    type: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CheckpointRecord:
    """A model saved during a job. `file` is its adapter, relative to the data directory."""

    id: str
    job_id: str
    created_at: float
    model: str
    step: int
    metrics: dict[str, float]
    file: str


FINAL = ("succeeded", "failed", "cancelled")


class Records:
    """The open file. Every method is one transaction, and any thread may call it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(_SCHEMAS):
            raise EngineError(f"{path} was written by a newer version of ftb; install that one or set FTB_HOME.")
        if version < len(_SCHEMAS):
            steps = "".join(_SCHEMAS[version:])
            self._db.executescript(f"BEGIN IMMEDIATE; {steps} PRAGMA user_version = {len(_SCHEMAS)}; COMMIT;")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _write(self, sql: str, values: Sequence[object]) -> int:
        with self._lock:
            return self._db.execute(sql, values).rowcount

    def _read(self, sql: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    @contextmanager
    def _together(self) -> Iterator[None]:
        """All of the block's writes or none."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise

    def add_file(self, record: FileRecord) -> None:
        """Record an upload whose content is on disk already."""
        values = (record.id, record.filename, record.purpose, record.bytes, record.created_at)
        self._write("INSERT INTO files VALUES (?, ?, ?, ?, ?)", values)

    def file(self, file_id: str) -> FileRecord | None:
        """One file."""
        rows = self._read("SELECT * FROM files WHERE id = ?", (file_id,))
        return FileRecord(*rows[0]) if rows else None

    def files(self) -> list[FileRecord]:
        """All files, the newest first."""
        return [FileRecord(*row) for row in self._read("SELECT * FROM files ORDER BY created_at DESC, id")]

    def delete_file(self, file_id: str) -> None:
        """Forget a file."""
        self._write("DELETE FROM files WHERE id = ?", (file_id,))

    def add_job(self, record: JobRecord) -> None:
        """Record a new job; `number` is given by the table."""
        self._write(
            "INSERT INTO jobs (id, created_at, model, training_file, validation_file, suffix, seed, metadata,"
            " hyperparameters, status) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                record.id, record.created_at, record.model, record.training_file, record.validation_file, record.suffix,
                record.seed, json.dumps(record.metadata), json.dumps(record.hyperparameters), record.status,
            ),
        )  # fmt: skip

    def job(self, job_id: str) -> JobRecord | None:
        """One job."""
        rows = self._read("SELECT * FROM jobs WHERE id = ?", (job_id,))
        return _job(rows[0]) if rows else None

    def job_of_intent(self, intent: str) -> JobRecord | None:
        """The job that was created for an intent of ftb's."""
        rows = self._read("SELECT * FROM jobs WHERE metadata ->> 'ftb_intent' = ?", (intent,))
        return _job(rows[0]) if rows else None

    def jobs(self) -> list[JobRecord]:
        """All jobs, the newest first."""
        return [_job(row) for row in self._read("SELECT * FROM jobs ORDER BY number DESC")]

    def oldest(self, status: str) -> JobRecord | None:
        """The oldest job of this status."""
        rows = self._read("SELECT * FROM jobs WHERE status = ? ORDER BY number LIMIT 1", (status,))
        return _job(rows[0]) if rows else None

    def change_status(self, job_id: str, status: str, *, allowed: Sequence[str]) -> bool:
        """Set the status if it is one of `allowed` now; whether it was."""
        marks = ", ".join("?" * len(allowed))
        finished = time.time() if status in FINAL else None
        # A job that goes on has left its trouble behind.
        sql = f"UPDATE jobs SET status = ?, finished_at = ?, error = NULL WHERE id = ? AND status IN ({marks})"
        return self._write(sql, (status, finished, job_id, *allowed)) == 1

    def set_hyperparameters(self, job_id: str, values: Mapping[str, Any]) -> None:
        """Replace what was asked for by what is used."""
        self._write("UPDATE jobs SET hyperparameters = ? WHERE id = ?", (json.dumps(values), job_id))

    def fail_job(self, job_id: str, message: str, *, code: str, param: str | None = None) -> None:
        """End a job with an error, unless it has ended already."""
        self._stop_job(job_id, "failed", message, code=code, param=param, event="failed")

    def hold_job(self, job_id: str, message: str, *, code: str) -> None:
        """Pause a job that cannot go on until a person has done something; the error says what."""
        self._stop_job(job_id, "paused", message, code=code, param=None, event=f"held-{time.time():.3f}")

    def _stop_job(self, job_id: str, status: str, message: str, *, code: str, param: str | None, event: str) -> None:
        error = json.dumps({"code": code, "message": message, "param": param})
        unfinished = tuple({"validating_files", "queued", "running", "paused"} - {status})
        with self._together():
            if self.change_status(job_id, status, allowed=unfinished):
                self._write("UPDATE jobs SET error = ? WHERE id = ?", (error, job_id))
                self.add_event(job_id, event, message, level="error")

    def finish_job(self, job_id: str, model: str, trained_tokens: int, *, adapter: str) -> None:
        """End a job with its model, whose file is on disk already, in one step with the events that say so."""
        with self._together():
            self._write(
                "UPDATE jobs SET fine_tuned_model = ?, trained_tokens = ?, adapter = ? WHERE id = ? AND status = 'running'",
                (model, trained_tokens, adapter, job_id),
            )
            if self.change_status(job_id, "succeeded", allowed=("running",)):
                self.add_event(job_id, "model", f"New fine-tuned model created: {model}")
                self.add_event(job_id, "succeeded", "The job has successfully completed")

    def add_event(
        self, job_id: str, name: str, message: str, *, level: str = "info", data: Mapping[str, Any] | None = None
    ) -> None:
        """Log an event. Its id follows from job and name, so that what is done again is not logged again."""
        kind = "metrics" if data else "message"
        event_id = f"ftevent-{job_id.removeprefix('ftjob-')}-{name}"
        self._write(
            "INSERT OR IGNORE INTO events (id, job_id, created_at, level, message, type, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (event_id, job_id, time.time(), level, message, kind, json.dumps(data or {})),
        )

    def events(self, job_id: str) -> list[EventRecord]:
        """A job's log, the newest first."""
        rows = self._read(
            "SELECT id, job_id, created_at, level, message, type, data FROM events WHERE job_id = ? ORDER BY number DESC",
            (job_id,),
        )
        return [EventRecord(row[0], row[1], row[2], row[3], row[4], row[5], json.loads(row[6])) for row in rows]

    def add_checkpoint(self, record: CheckpointRecord) -> None:
        """Record a checkpoint whose adapter is on disk already; a known one is left as it is."""
        self._write(
            "INSERT OR IGNORE INTO checkpoints (id, job_id, created_at, model, step, metrics, file)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                record.id, record.job_id, record.created_at, record.model, record.step, json.dumps(record.metrics),
                record.file,
            ),
        )  # fmt: skip

    def checkpoints(self, job_id: str | None = None) -> list[CheckpointRecord]:
        """Checkpoints of a job or of all, the newest first."""
        rows = self._read(
            "SELECT id, job_id, created_at, model, step, metrics, file FROM checkpoints"
            " WHERE ? IS NULL OR job_id = ? ORDER BY number DESC",
            (job_id, job_id),
        )
        return [_checkpoint(row) for row in rows]

    def adapter_file(self, model: str) -> str | None:
        """The adapter of a tuned model or checkpoint, relative to the data directory."""
        rows = self._read(
            "SELECT file FROM checkpoints WHERE model = ?"
            " UNION ALL SELECT adapter FROM jobs WHERE fine_tuned_model = ? AND adapter IS NOT NULL",
            (model, model),
        )
        return str(rows[0][0]) if rows else None

    def delete_model(self, model: str) -> bool:
        """Forget a tuned model or checkpoint; whether there was one."""
        with self._lock:
            dropped = self._write("DELETE FROM checkpoints WHERE model = ?", (model,))
            return (
                dropped + self._write("UPDATE jobs SET fine_tuned_model = NULL WHERE fine_tuned_model = ?", (model,))
                > 0
            )

    def interrupted(self) -> list[JobRecord]:
        """Put jobs that a dead engine was training back into the queue, and return them."""
        with self._lock:
            rows = self._read("SELECT * FROM jobs WHERE status = 'running'")
            self._write("UPDATE jobs SET status = 'queued' WHERE status = 'running'", ())
        return [_job(row) for row in rows]


def _checkpoint(row: sqlite3.Row) -> CheckpointRecord:
    return CheckpointRecord(row[0], row[1], row[2], row[3], row[4], json.loads(row[5]), row[6])


def _job(row: sqlite3.Row) -> JobRecord:
    values = {name: row[name] for name in row.keys()}  # noqa: SIM118 - a Row iterates over values
    for name in ("metadata", "hyperparameters"):
        values[name] = json.loads(values[name])
    values["error"] = json.loads(values["error"]) if values["error"] else None
    return JobRecord(**values)
