"""The HTTP server: the OpenAI wire on loopback, with a bearer token."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
import secrets
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aiohttp import web

from ftb_tui import __version__
from ftb_tui.engine import requests as parse
from ftb_tui.engine.answering import Answering
from ftb_tui.engine.interface import AdapterError, EngineError, RequestError
from ftb_tui.engine.loading import ModelLoader, WeightsMissingError
from ftb_tui.engine.queue import TrainingQueue
from ftb_tui.engine.records import FINAL, FileRecord, JobRecord, Records
from ftb_tui.engine.uploads import MAX_UPLOAD, receive
from ftb_tui.engine.wire import (
    ApiError,
    chat_body,
    checkpoint_body,
    event_body,
    file_body,
    job_body,
    list_body,
    model_body,
    not_found,
    single_tokens,
)
from ftb_tui.weights import MODEL_NAME

log = logging.getLogger("ftb.engine")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Engine:
    """All that the handlers share."""

    data: Path
    token: str
    records: Records
    loader: ModelLoader
    queue: TrainingQueue
    answering: Answering
    started_at: float
    last_request: float


ENGINE = web.AppKey("engine", Engine)


def make_app(engine: Engine) -> web.Application:
    """The application with its routes."""
    app = web.Application(middlewares=[_errors, _authorized], client_max_size=MAX_UPLOAD + 2**20)
    app[ENGINE] = engine
    app.add_routes(
        [
            web.get("/health", health),
            web.post("/v1/files", create_file),
            web.get("/v1/files", list_files),
            web.get("/v1/files/{id}", get_file),
            web.get("/v1/files/{id}/content", get_file_content),
            web.delete("/v1/files/{id}", delete_file),
            web.post("/v1/fine_tuning/jobs", create_job),
            web.get("/v1/fine_tuning/jobs", list_jobs),
            web.get("/v1/fine_tuning/jobs/{id}", get_job),
            web.post("/v1/fine_tuning/jobs/{id}/cancel", cancel_job),
            web.post("/v1/fine_tuning/jobs/{id}/pause", pause_job),
            web.post("/v1/fine_tuning/jobs/{id}/resume", resume_job),
            web.get("/v1/fine_tuning/jobs/{id}/events", list_events),
            web.get("/v1/fine_tuning/jobs/{id}/checkpoints", list_checkpoints),
            web.get("/v1/models", list_models),
            web.get("/v1/models/{id:.+}", get_model),
            web.delete("/v1/models/{id:.+}", delete_model),
            web.post("/v1/chat/completions", chat),
        ]
    )
    return app


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every failure in the wire's own form, with an id that the log repeats."""
    request_id = f"req_{secrets.token_hex(8)}"
    request.app[ENGINE].last_request = time.time()
    try:
        response = await handler(request)
    except ApiError as error:
        response = web.json_response(error.body, status=error.status)
    except web.HTTPException as error:
        text = f"{request.method} {request.path}: {error.reason}"
        if error.status == 404:
            text = f"Unknown request URL: {request.method} {request.path}"
        response = web.json_response(ApiError(error.status, text).body, status=error.status)
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
    except WeightsMissingError as error:
        response = web.json_response(ApiError(503, str(error), kind="server_error", code="no_weights").body, status=503)
    except AdapterError as error:
        response = web.json_response(
            ApiError(500, str(error), kind="server_error", code="bad_adapter").body, status=500
        )
    except RequestError as error:
        response = web.json_response(ApiError(400, str(error)).body, status=400)
    except EngineError as error:
        response = web.json_response(ApiError(500, str(error), kind="server_error").body, status=500)
    except (OSError, sqlite3.Error) as error:
        text = f"The engine could not use {request.app[ENGINE].data}: {getattr(error, 'strerror', None) or error}"
        response = web.json_response(ApiError(507, text, kind="server_error").body, status=507)
    except Exception:
        log.exception("%s %s failed (%s)", request.method, request.path, request_id)
        text = f"The engine failed unexpectedly; its log has the reason under {request_id}."
        response = web.json_response(ApiError(500, text, kind="server_error").body, status=500)
    response.headers["x-request-id"] = request_id
    return response


@web.middleware
async def _authorized(request: web.Request, handler: Handler) -> web.StreamResponse:
    given = request.headers.get("Authorization", "")
    if request.path != "/health" or given:
        expected = f"Bearer {request.app[ENGINE].token}"
        if not hmac.compare_digest(given.encode(), expected.encode()):
            text = "Incorrect API key provided. The engine's token is in its state file; see ftb config path."
            raise ApiError(401, text, code="invalid_api_key")
    return await handler(request)


async def health(request: web.Request) -> web.Response:
    """Whether the engine is alive; the only route that needs no token, though a wrong one is refused."""
    engine = request.app[ENGINE]
    return web.json_response(
        {"status": "ok", "version": __version__, "model_loaded": engine.loader.loaded, "pid": os.getpid()}
    )


async def create_file(request: web.Request) -> web.Response:
    """Upload: multipart with `purpose` and `file`."""
    engine = request.app[ENGINE]
    if not request.content_type.startswith("multipart/"):
        raise ApiError(400, "Expected a multipart form with the fields purpose and file.")
    file_id = f"file-{secrets.token_hex(12)}"
    folder = engine.data / "files"
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{file_id}.part"
    try:
        upload = await receive(await request.multipart(), part)
        part.replace(folder / file_id)
    except ValueError as error:
        raise ApiError(400, f"The multipart form cannot be read: {error}") from error
    finally:
        part.unlink(missing_ok=True)
    record = FileRecord(file_id, upload.filename, upload.purpose, upload.size, time.time())
    engine.records.add_file(record)
    return web.json_response(file_body(record))


async def list_files(request: web.Request) -> web.Response:
    """All files, the newest first."""
    files = [file_body(record) for record in request.app[ENGINE].records.files()]
    purpose = request.query.get("purpose")
    return _page(request, [file for file in files if purpose in (None, file["purpose"])], most=10_000, default=10_000)


def _file(request: web.Request) -> FileRecord:
    file_id = request.match_info["id"]
    record = request.app[ENGINE].records.file(file_id)
    if record is None:
        raise not_found("File object", file_id, "id")
    return record


async def get_file(request: web.Request) -> web.Response:
    """One file."""
    return web.json_response(file_body(_file(request)))


async def get_file_content(request: web.Request) -> web.StreamResponse:
    """A file's bytes."""
    return web.FileResponse(
        request.app[ENGINE].data / "files" / _file(request).id, headers={"Content-Type": "application/octet-stream"}
    )


async def delete_file(request: web.Request) -> web.Response:
    """Delete a file."""
    record = _file(request)
    engine = request.app[ENGINE]
    engine.records.delete_file(record.id)
    (engine.data / "files" / record.id).unlink(missing_ok=True)
    return web.json_response({"id": record.id, "object": "file", "deleted": True})


async def create_job(request: web.Request) -> web.Response:
    """Queue a fine-tuning job. For the `ftb_intent` of a job that exists, this is that job: nothing is made twice."""
    engine = request.app[ENGINE]
    asked = parse.job_request(await _json(request))
    intent = asked.metadata.get("ftb_intent")
    if intent is not None and (known := engine.records.job_of_intent(intent)) is not None:
        return web.json_response(_body(engine, known))
    if asked.model != MODEL_NAME:
        raise ApiError(
            400, f"This engine trains {MODEL_NAME}, not '{asked.model}'.", param="model", code="model_not_found"
        )
    for param, file_id in (("training_file", asked.training_file), ("validation_file", asked.validation_file)):
        if file_id is not None and engine.records.file(file_id) is None:
            raise ApiError(400, f"No such File object: {file_id}", param=param, code="invalid_file")
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
    engine.records.add_job(job)
    engine.records.add_event(job.id, "created", f"Created fine-tuning job: {job.id}")
    engine.records.add_event(job.id, "validating", f"Validating training file: {job.training_file}")
    engine.queue.wake()
    return web.json_response(job_body(job, None))


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
    """Jobs, the newest first; `metadata[key]=value` filters."""
    engine = request.app[ENGINE]
    wanted = {
        key[9:-1]: value for key, value in request.query.items() if key.startswith("metadata[") and key.endswith("]")
    }
    jobs = [
        _body(engine, job)
        for job in engine.records.jobs()
        if all(job.metadata.get(key) == value for key, value in wanted.items())
    ]
    return _page(request, jobs, most=100, default=20)


async def get_job(request: web.Request) -> web.Response:
    """One job."""
    return _job_response(request)


async def cancel_job(request: web.Request) -> web.Response:
    """End a job that has not ended."""
    return _change(request, "cancelled", ("validating_files", "queued", "running", "paused"), "The job was cancelled")


async def pause_job(request: web.Request) -> web.Response:
    """Hold a job; its progress is kept."""
    return _change(request, "paused", ("queued", "running"), "The job was paused")


async def resume_job(request: web.Request) -> web.Response:
    """Let a paused job go on."""
    if request.app[ENGINE].queue.release(_job(request).id):
        return _job_response(request)
    return _change(request, "queued", ("paused",), "The job was resumed")


def _change(request: web.Request, status: str, allowed: Sequence[str], message: str) -> web.Response:
    engine, job = request.app[ENGINE], _job(request)
    if not engine.records.change_status(job.id, status, allowed=allowed):
        verb = request.path.rsplit("/", 1)[-1]
        state = f"has already {job.status}" if job.status in FINAL else f"is {job.status}"
        raise ApiError(400, f"Job {job.id} {state} and cannot be asked to {verb}.", code="invalid_job_state")
    engine.records.add_event(job.id, f"{status}-{secrets.token_hex(4)}", message)
    engine.queue.wake()
    return _job_response(request)


async def list_events(request: web.Request) -> web.Response:
    """A job's events, the newest first."""
    events = request.app[ENGINE].records.events(_job(request).id)
    return _page(request, [event_body(event) for event in events], most=1000, default=20)


async def list_checkpoints(request: web.Request) -> web.Response:
    """A job's checkpoints, the newest first."""
    checkpoints = request.app[ENGINE].records.checkpoints(_job(request).id)
    return _page(request, [checkpoint_body(checkpoint) for checkpoint in checkpoints], most=100, default=10)


def _models(engine: Engine) -> list[dict[str, Any]]:
    models = [model_body(MODEL_NAME, engine.started_at)]
    models += [
        model_body(job.fine_tuned_model, job.finished_at or job.created_at, "ftb")
        for job in reversed(engine.records.jobs())
        if job.fine_tuned_model
    ]
    models += [model_body(c.model, c.created_at, "ftb") for c in reversed(engine.records.checkpoints())]
    return models


async def list_models(request: web.Request) -> web.Response:
    """The base model, tuned models and checkpoints."""
    return web.json_response({"object": "list", "data": _models(request.app[ENGINE])})


def _model(request: web.Request) -> dict[str, Any]:
    name = request.match_info["id"]
    for model in _models(request.app[ENGINE]):
        if model["id"] == name:
            return model
    raise _no_model(name)


def _no_model(name: str) -> ApiError:
    return ApiError(404, f"The model '{name}' does not exist.", param="model", code="model_not_found")


async def get_model(request: web.Request) -> web.Response:
    """One model."""
    return web.json_response(_model(request))


async def delete_model(request: web.Request) -> web.Response:
    """Forget a tuned model or checkpoint."""
    name = str(_model(request)["id"])
    if not request.app[ENGINE].records.delete_model(name):
        raise ApiError(403, f"The base model '{name}' cannot be deleted.", param="model")
    return web.json_response({"id": name, "object": "model", "deleted": True})


async def chat(request: web.Request) -> web.Response:
    """One chat completion."""
    engine = request.app[ENGINE]
    asked = parse.chat_request(await _json(request))
    adapter = None
    if asked.model != MODEL_NAME:
        file = engine.records.adapter_file(asked.model)
        if file is None:
            raise _no_model(asked.model)
        adapter = engine.data / file

    model = await asyncio.to_thread(engine.loader.model)
    prompt = tuple(model.tokenizer.chat_prompt(asked.messages))
    room = model.config.context_length - len(prompt)
    limit = asked.generation.max_tokens if asked.max_tokens_given else max(1, min(asked.generation.max_tokens, room))
    watched = single_tokens(model.tokenizer, asked.watched)
    wanted = replace(asked.generation, prompt_ids=prompt, max_tokens=limit, watched=watched)
    generation = await engine.answering.answer(adapter, wanted)
    text = model.tokenizer.decode(generation.token_ids)
    cuts = [text.find(stop) for stop in asked.stop if stop.strip() and stop in text]
    if cuts:
        text, generation = text[: min(cuts)], replace(generation, finish_reason="stop")
    body = chat_body(f"chatcmpl-{secrets.token_hex(12)}", asked.model, text, generation, len(prompt), model.tokenizer)
    return web.json_response(body)


async def _json(request: web.Request) -> Mapping[str, Any]:
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise ApiError(400, f"We could not parse the JSON body of your request: {error}") from error
    if not isinstance(body, dict):
        raise ApiError(400, "The body must be a JSON object.")
    return body


def _page(request: web.Request, items: list[dict[str, Any]], *, most: int, default: int) -> web.Response:
    try:
        limit = int(request.query.get("limit", default))
    except ValueError as error:
        raise ApiError(400, "'limit' must be a whole number.", param="limit") from error
    if not 1 <= limit <= most:
        raise ApiError(400, f"'limit' must be between 1 and {most}.", param="limit")
    start = 0
    after = request.query.get("after")
    if after is not None:
        places = [place for place, item in enumerate(items) if item["id"] == after]
        if not places:
            raise ApiError(400, f"'after' names {after}, which is not in this list.", param="after")
        start = places[0] + 1
    page = items[start : start + limit]
    return web.json_response(list_body(page, has_more=start + limit < len(items)))
