"""The HTTP server: the OpenAI wire on loopback, with a bearer token."""

from __future__ import annotations

import hmac
import logging
import os
import secrets
import sqlite3
import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from ftb_tui import __version__
from ftb_tui.disk import MAY_BE_FULL, is_full, may_be_full
from ftb_tui.engine import file_routes as files
from ftb_tui.engine import job_routes as jobs
from ftb_tui.engine import model_routes as models
from ftb_tui.engine.interface import AdapterError, EngineError, RequestError
from ftb_tui.engine.loading import WeightsMissingError
from ftb_tui.engine.serving import ENGINE, Engine
from ftb_tui.engine.uploads import MAX_UPLOAD
from ftb_tui.engine.wire import (
    ApiError,
)

log = logging.getLogger("ftb.engine")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(engine: Engine) -> web.Application:
    """The application with its routes."""
    app = web.Application(middlewares=[_errors, _authorized], client_max_size=MAX_UPLOAD + 2**20)
    app[ENGINE] = engine
    app.add_routes(
        [
            web.get("/health", health),
            web.post("/v1/files", files.create_file),
            web.get("/v1/files", files.list_files),
            web.get("/v1/files/{id}", files.get_file),
            web.get("/v1/files/{id}/content", files.get_file_content),
            web.delete("/v1/files/{id}", files.delete_file),
            web.post("/v1/fine_tuning/jobs", jobs.create_job),
            web.get("/v1/fine_tuning/jobs", jobs.list_jobs),
            web.get("/v1/fine_tuning/jobs/{id}", jobs.get_job),
            web.post("/v1/fine_tuning/jobs/{id}/cancel", jobs.cancel_job),
            web.post("/v1/fine_tuning/jobs/{id}/pause", jobs.pause_job),
            web.post("/v1/fine_tuning/jobs/{id}/resume", jobs.resume_job),
            web.get("/v1/fine_tuning/jobs/{id}/events", jobs.list_events),
            web.get("/v1/fine_tuning/jobs/{id}/checkpoints", jobs.list_checkpoints),
            web.get("/v1/models", models.list_models),
            web.get("/v1/models/{id:.+}", models.get_model),
            web.delete("/v1/models/{id:.+}", models.delete_model),
            web.post("/v1/chat/completions", models.chat),
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
        text = f"The engine could not use {request.app[ENGINE].data}: {getattr(error, 'strerror', None) or error}."
        if is_full(error, request.app[ENGINE].data):
            text += " Free some space and try again."
        elif may_be_full(error):
            text += f" {MAY_BE_FULL}."
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
        scheme, _, token = given.partition(" ")
        # A header may hold any bytes.
        same = hmac.compare_digest(token.strip().encode("utf-8", "surrogateescape"), request.app[ENGINE].token.encode())
        if not same or scheme.lower() != "bearer":
            text = "Incorrect API key provided. The engine's token is in its state file; see ftb config path."
            raise ApiError(401, text, code="invalid_api_key")
    return await handler(request)


async def health(request: web.Request) -> web.Response:
    """Whether the engine is alive; the only route that needs no token, though a wrong one is refused.

    Tells as well which weights it runs on, why they could not be read when it was last tried, and how many seconds ago
    it last answered (0 while it does, null for never).
    """
    engine = request.app[ENGINE]
    return web.json_response(
        {
            "status": "ok",
            "version": __version__,
            "model_loaded": engine.loader.loaded,
            "pid": os.getpid(),
            "weights": engine.loader.identity,
            "trouble": engine.loader.trouble,
            "idle_seconds": engine.answering.idle_seconds,
        }
    )
