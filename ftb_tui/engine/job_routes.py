"""The wire's fine-tuning jobs: create, list, cancel, pause, resume, events, checkpoints."""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiohttp import web

from ftb_tui.engine import requests as parse
from ftb_tui.engine.records import FINAL, JobRecord
from ftb_tui.engine.serving import ENGINE, Engine, json_of, page_of
from ftb_tui.engine.validating import drop_files, keep_files
from ftb_tui.engine.wire import (
    ApiError,
    checkpoint_body,
    event_body,
    job_body,
)
from ftb_tui.weights import MODEL_NAME


async def create_job(request: web.Request) -> web.Response:
    """Queue a fine-tuning job. For the `ftb_intent` of a job that exists, this is that job: nothing is made twice."""
    engine = request.app[ENGINE]
    asked = parse.job_request(await json_of(request))
    intent = asked.metadata.get("ftb_intent")
    if intent is not None and (known := engine.records.job_of_intent(intent)) is not None:
        return web.json_response(_body(engine, known))
    if asked.model != MODEL_NAME:
        raise ApiError(
            400, f"This engine trains {MODEL_NAME}, not '{asked.model}'.", param="model", code="model_not_found"
        )
    for param, file_id in (("training_file", asked.training_file), ("validation_file", asked.validation_file)):
        if file_id is not None and engine.records.file(file_id) is None:
            raise _no_file(file_id, param)
    job = JobRecord(
        number=0,
        id=f"ftjob-{secrets.token_hex(12)}",
        created_at=time.time(),
        finished_at=None,
        model=asked.model,
        training_file=asked.training_file,
        validation_file=asked.validation_file,
        suffix=asked.suffix,
        seed=secrets.randbelow(2**31) if asked.seed is None else asked.seed,
        metadata=dict(asked.metadata),
        hyperparameters=dict(asked.hyperparameters),
        status="validating_files",
        fine_tuned_model=None,
        trained_tokens=None,
        error=None,
    )
    try:
        keep_files(engine.data, job)
        engine.records.add_job(job)
    except FileNotFoundError as error:
        drop_files(engine.data, job.id)
        raise _no_file(Path(str(error.filename)).name, "training_file") from error
    except (OSError, sqlite3.Error):
        drop_files(engine.data, job.id)
        raise
    engine.records.add_event(job.id, "created", f"Created fine-tuning job: {job.id}")
    engine.records.add_event(job.id, "validating", f"Validating training file: {job.training_file}")
    engine.queue.wake()
    return web.json_response(job_body(job, None))


def _no_file(file_id: str, param: str) -> ApiError:
    return ApiError(400, f"No such File object: {file_id}", param=param, code="invalid_file")


def _job(request: web.Request) -> JobRecord:
    job_id = request.match_info["id"]
    record = request.app[ENGINE].records.job(job_id)
    if record is None:
        raise ApiError(404, f"Could not find fine tune: {job_id}", param="fine_tune_id", code="fine_tune_not_found")
    return record


def _body(engine: Engine, job: JobRecord) -> dict[str, Any]:
    return job_body(engine.queue.seen(job), engine.queue.estimated_finish(job.id))


def _job_response(request: web.Request) -> web.Response:
    job = _job(request)
    return web.json_response(_body(request.app[ENGINE], job))


async def list_jobs(request: web.Request) -> web.Response:
    """Jobs, the newest first. `metadata[key]=value` filters, and `metadata=null` gives those that have none."""
    engine = request.app[ENGINE]
    wanted = {}
    for name, value in request.query.items():
        if name.startswith("metadata[") and name.endswith("]"):
            wanted[name[9:-1]] = value
        elif name.startswith("metadata") and (name, value) != ("metadata", "null"):
            text = "'metadata' must be 'null', or given as metadata[key]=value."
            raise ApiError(400, text, param="metadata", code="invalid_value")
    jobs = [
        _body(engine, job)
        for job in engine.records.jobs()
        if all(job.metadata.get(key) == value for key, value in wanted.items())
        and not (job.metadata and "metadata" in request.query)
    ]
    return page_of(request, jobs, most=100, default=20, filters=("metadata", "metadata[]"))


async def get_job(request: web.Request) -> web.Response:
    """One job."""
    return _job_response(request)


async def cancel_job(request: web.Request) -> web.Response:
    """End a job that has not ended."""
    return _change(request, "cancelled", ("validating_files", "queued", "running", "paused"), "The job was cancelled")


async def pause_job(request: web.Request) -> web.Response:
    """Hold a job; its progress is kept."""
    return _change(request, "paused", ("validating_files", "queued", "running"), "The job was paused")


async def resume_job(request: web.Request) -> web.Response:
    """Let a paused job go on."""
    if request.app[ENGINE].queue.release(_job(request).id):
        return _job_response(request)
    # One that was paused before its files were validated still has something left to the engine.
    validated = "auto" not in _job(request).hyperparameters.values()
    return _change(request, "queued" if validated else "validating_files", ("paused",), "The job was resumed")


def _change(request: web.Request, status: str, allowed: Sequence[str], message: str) -> web.Response:
    engine, job = request.app[ENGINE], _job(request)
    if not engine.records.change_status(job.id, status, allowed=allowed):
        verb = request.path.rsplit("/", 1)[-1]
        state = f"has already {job.status}" if job.status in FINAL else f"is {job.status}"
        raise ApiError(400, f"Job {job.id} {state} and cannot be asked to {verb}.", code="invalid_job_state")
    if status == "cancelled":
        drop_files(engine.data, job.id)
    engine.records.add_event(job.id, f"{status}-{secrets.token_hex(4)}", message)
    engine.queue.wake()
    return _job_response(request)


async def list_events(request: web.Request) -> web.Response:
    """A job's events, the newest first."""
    events = request.app[ENGINE].records.events(_job(request).id)
    return page_of(request, [event_body(event) for event in events], most=1000, default=20)


async def list_checkpoints(request: web.Request) -> web.Response:
    """A job's checkpoints, the newest first."""
    checkpoints = request.app[ENGINE].records.checkpoints(_job(request).id)
    return page_of(request, [checkpoint_body(checkpoint) for checkpoint in checkpoints], most=100, default=10)
