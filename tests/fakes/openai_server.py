"""A service that speaks the OpenAI wire as OpenAI does, in this process, and misbehaves on request.

`faults` is a queue of behaviours for each route ("POST /fine_tuning/jobs"); when it is empty the service behaves.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from typing import Any

from aiohttp import web

KEY = "sk-fake-0123456789-WXYZ"
Fault = Callable[[web.Request], Any]


def status(code: int, body: Any, **headers: str) -> Fault:
    """Answer with this status and JSON body."""

    async def fault(request: web.Request) -> web.Response:
        return web.json_response(body, status=code, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return fault


def raw(text: str, *, code: int = 200, content_type: str = "application/json") -> Fault:
    """Answer with this text."""

    async def fault(request: web.Request) -> web.Response:
        return web.Response(text=text, status=code, content_type=content_type)

    return fault


async def disconnect(request: web.Request) -> web.Response:
    """Close the connection without an answer; nothing was done."""
    assert request.transport is not None
    request.transport.close()
    await asyncio.sleep(0.01)
    return web.Response()


def error(message: str, *, code: str | None = None, kind: str = "invalid_request_error") -> dict[str, Any]:
    """An error body."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


class FakeOpenAI:
    """Starts on a free loopback port in a thread of its own."""

    def __init__(self) -> None:
        self.faults: dict[str, deque[Fault]] = defaultdict(deque)
        self.after_create: deque[Fault] = deque()
        """What the answer to a creation becomes after the job was really made."""
        self.requests: Counter[str] = Counter()
        self.headers: list[dict[str, str]] = []
        self.asked: list[str] = []
        self.uploads: list[bytes] = []
        """The multipart bodies of uploaded files."""
        self.jobs: dict[str, dict[str, Any]] = {}
        self.looks: Counter[str] = Counter()
        self.answer: Callable[[str], str] = lambda prompt: "Yes"
        self.logprobs: Callable[[str], Any] = lambda prompt: None
        """What stands under `logprobs` when a question asks for probabilities."""
        self.refuse_logprobs = False
        self.delay = 0.0
        self.active = self.most_active = 0
        self.job_changes: dict[str, Any] = {}
        self.events_page: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] = lambda events: events
        self.has_more: bool | None = False
        self.steps = 4
        self._started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.url = ""

    def __enter__(self) -> FakeOpenAI:
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        app = web.Application(middlewares=[self._middleware])
        app.add_routes(
            [
                web.get("/v1/models", self._models),
                web.post("/v1/files", self._file),
                web.post("/v1/fine_tuning/jobs", self._create),
                web.get("/v1/fine_tuning/jobs", self._list),
                web.get("/v1/fine_tuning/jobs/{id}", self._job),
                web.post("/v1/fine_tuning/jobs/{id}/{verb}", self._act),
                web.get("/v1/fine_tuning/jobs/{id}/events", self._events),
                web.get("/v1/fine_tuning/jobs/{id}/checkpoints", self._checkpoints),
                web.post("/v1/chat/completions", self._chat),
            ]
        )
        runner = web.AppRunner(app)
        self._loop.run_until_complete(runner.setup())
        self._loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", 0).start())
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        self._started.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
        route = f"{request.method} {request.path.removeprefix('/v1')}"
        for job in self.jobs:
            route = route.replace(job, "ID")
        self.requests[route] += 1
        self.headers.append(dict(request.headers))
        if self.faults[route]:
            return await self.faults[route].popleft()(request)
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return web.json_response(error(f"Incorrect API key provided: {KEY}", code="invalid_api_key"), status=401)
        return await handler(request)

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response(
            {"object": "list", "data": [{"id": "gpt-fake", "object": "model", "created": 1, "owned_by": "x"}]}
        )

    async def _file(self, request: web.Request) -> web.Response:
        self.uploads.append(await request.read())
        return web.json_response(
            {"id": "file-1", "object": "file", "bytes": 1, "created_at": 1, "purpose": "fine-tune"}
        )

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.json()
        job_id = f"ftjob-{len(self.jobs) + 1}"
        self.jobs[job_id] = {
            "object": "fine_tuning.job", "id": job_id, "model": body["model"], "created_at": int(time.time()),
            "finished_at": None, "fine_tuned_model": None, "organization_id": "o", "result_files": [],
            "status": "validating_files", "validation_file": None, "training_file": body["training_file"],
            "hyperparameters": {"n_epochs": 2}, "trained_tokens": None, "error": {}, "seed": body.get("seed") or 0,
            "estimated_finish": 0, "metadata": body.get("metadata"), "method": body.get("method"),
        }  # fmt: skip
        if self.after_create:
            return await self.after_create.popleft()(request)
        return web.json_response(self.jobs[job_id])

    async def _list(self, request: web.Request) -> web.Response:
        jobs = list(reversed(self.jobs.values()))
        body: dict[str, Any] = {"object": "list", "data": jobs}
        if self.has_more is not None:
            body["has_more"] = self.has_more
        return web.json_response(body)

    def _advanced(self, job_id: str) -> dict[str, Any]:
        """Each look finds the job one state further."""
        job = self.jobs[job_id]
        self.looks[job_id] += 1
        if job["status"] not in ("cancelled", "paused", "failed"):
            states = ["queued", "running", "running", "succeeded"]
            job["status"] = states[min(self.looks[job_id], len(states)) - 1]
        if job["status"] == "succeeded":
            job |= {
                "fine_tuned_model": f"ft:{job['model']}:o::{job_id}",
                "trained_tokens": 99,
                "finished_at": int(time.time()),
            }
        return {**job, **self.job_changes}

    async def _job(self, request: web.Request) -> web.Response:
        job_id = request.match_info["id"]
        if job_id not in self.jobs:
            return web.json_response(error(f"Could not find fine tune: {job_id}"), status=404)
        return web.json_response(self._advanced(job_id))

    async def _act(self, request: web.Request) -> web.Response:
        job = self.jobs[request.match_info["id"]]
        job["status"] = {"cancel": "cancelled", "pause": "paused", "resume": "queued"}[request.match_info["verb"]]
        return web.json_response(job)

    async def _events(self, request: web.Request) -> web.Response:
        job_id = request.match_info["id"]
        events = [
            {
                "object": "fine_tuning.job.event", "id": f"ev-{job_id}-{step}", "created_at": 1000, "level": "info",
                "message": f"Step {step}/{self.steps}: training loss={1 / step:.2f}", "type": "metrics",
                "data": {"step": step, "total_steps": self.steps, "train_loss": 1 / step, "valid_loss": None},
            }
            for step in range(self.steps, 0, -1)
        ]  # fmt: skip
        body: dict[str, Any] = {"object": "list", "data": self.events_page(events)}
        if self.has_more is not None:
            body["has_more"] = self.has_more
        return web.Response(text=json.dumps(body), content_type="application/json")

    async def _checkpoints(self, request: web.Request) -> web.Response:
        job_id = request.match_info["id"]
        model = self.jobs[job_id]["model"]
        data = [
            {
                "object": "fine_tuning.job.checkpoint", "id": f"ck-{step}", "created_at": 1, "step_number": step,
                "fine_tuned_model_checkpoint": f"ft:{model}:o::{job_id}:ckpt-step-{step}",
                "fine_tuning_job_id": job_id, "metrics": {"step": step},
            }
            for step in (4, 2)
        ]  # fmt: skip
        return web.json_response({"object": "list", "data": data, "has_more": False})

    async def _chat(self, request: web.Request) -> web.Response:
        body = await request.json()
        prompt = body["messages"][0]["content"]
        if body.get("logprobs") and self.refuse_logprobs:
            text = "Unsupported parameter: 'logprobs' is not supported with this model."
            return web.json_response({"error": {**error(text)["error"], "param": "logprobs"}}, status=400)
        if body.get("top_logprobs") and not body.get("logprobs"):
            text = "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled."
            return web.json_response({"error": {**error(text)["error"], "param": "top_logprobs"}}, status=400)
        said = self.logprobs(prompt) if body.get("logprobs") else None
        self.asked.append(prompt)
        self.active += 1
        self.most_active = max(self.most_active, self.active)
        try:
            await asyncio.sleep(self.delay)
        finally:
            self.active -= 1
        return web.json_response(
            {
                "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": body["model"],
                "choices": [
                    {"index": 0, "finish_reason": "stop", "logprobs": said,
                     "message": {"role": "assistant", "content": self.answer(prompt)}}
                ],
                "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
            },
            headers={"x-request-id": "req_1"},
        )  # fmt: skip
