"""A service that speaks the OpenAI wire as OpenAI does, in this process, and misbehaves on request.

`faults` is a queue of behaviours for each route ("POST /fine_tuning/jobs"); when it is empty the service behaves.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.fakes.deployments import FakeDeployments
from tests.fakes.openai_batches import FakeBatches
from tests.fakes.services import complaint, file_part, prefix_of

KEY = "sk-fake-0123456789-WXYZ"
Fault = Callable[[web.Request], Any]
"""Answers in the service's place; None when it goes on as always."""


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


def slow(seconds: float, body: Any) -> Fault:
    """Answer with this JSON body, late."""

    async def fault(request: web.Request) -> web.Response:
        await asyncio.sleep(seconds)
        return web.json_response(body)

    return fault


async def hang(request: web.Request) -> web.Response:
    """Never answer; ends when the client gives up."""
    while request.transport is not None and not request.transport.is_closing():
        await asyncio.sleep(0.02)
    return web.Response()


def error(message: str, *, code: str | None = None, kind: str = "invalid_request_error") -> dict[str, Any]:
    """An error body."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


class FakeOpenAI:
    """Starts on a free loopback port in a thread of its own."""

    def __init__(self, service: str = "", *, key: str | None = KEY) -> None:
        """`service` makes it as strict as that one (openai, azure, nebius, bedrock); '' takes anything."""
        self.service = service
        self.key = key
        self.prefix = prefix_of(service)
        self.faults: dict[str, deque[Fault]] = defaultdict(deque)
        self.after_create: deque[Fault] = deque()
        """What the answer to a creation becomes after the job was really made."""
        self.requests: Counter[str] = Counter()
        self.headers: list[dict[str, str]] = []
        self.asked: list[str] = []
        self.uploads: list[bytes] = []
        """The multipart bodies of uploaded files."""
        self.files: dict[str, bytes] = {}
        self._numbers = itertools.count(1)
        self.file_changes: dict[str, Any] = {"status": None} if service == "nebius" else {}
        self.keeps_metadata = True
        self.not_found_at_first = 0
        """So many looks at a fresh job answer 404."""
        self.results: bytes | None = None
        """The result file of finished jobs, sent as it is."""
        self.refused_parameters: dict[str, str] = {}
        """Parameter -> message of the 400 that it brings."""
        self.names_param = True
        """Whether a refusal names the parameter apart from its message."""
        self.counts_tokens = True
        """Whether answers come with `usage`."""
        self.responses_only: set[str] = set()
        """Models that answer only over the Responses API."""
        self.model_limits: Any = None
        self.deploying = FakeDeployments()
        self.created: list[dict[str, Any]] = []
        """The bodies of all creations that were taken."""
        self.bodies: list[dict[str, Any]] = []
        """The bodies of all questions."""
        self.shutdown_dates: dict[str, str] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.looks: Counter[str] = Counter()
        self.answer: Callable[[str], str] = lambda prompt: "Yes"
        self.logprobs: Callable[[str], Any] = lambda prompt: None
        """What stands under `logprobs` when a question asks for probabilities."""
        self.refuse_logprobs = False
        self.delay = 0.0
        self.rate_limit: Callable[[], float] = lambda: 0.0
        """Seconds that a question must wait; 0 lets it pass."""
        self.active = self.most_active = 0
        self.job_changes: dict[str, Any] = {}
        self.events_page: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] = lambda events: events
        self.checkpoint_metrics: Callable[[int], dict[str, Any]] = lambda step: {"step": step}
        self.has_more: bool | None = False
        self.batching = FakeBatches(self)
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
        app = web.Application(middlewares=[self._middleware], client_max_size=1 << 30)
        at = self.prefix
        app.add_routes(
            [
                web.get(f"{at}/models", self._models),
                web.post(f"{at}/files", self._file),
                web.get(f"{at}/files/{{id}}/content", self._content),
                web.post(f"{at}/uploads", self._upload),
                web.post(f"{at}/uploads/{{id}}/parts", self._part),
                web.post(f"{at}/uploads/{{id}}/complete", self._completed),
                web.post(f"{at}/fine_tuning/jobs", self._create),
                web.get(f"{at}/fine_tuning/jobs", self._list),
                web.get(f"{at}/fine_tuning/model_limits", self._limits),
                web.get(f"{at}/fine_tuning/jobs/{{id}}", self._job),
                web.post(f"{at}/fine_tuning/jobs/{{id}}/{{verb}}", self._act),
                web.get(f"{at}/fine_tuning/jobs/{{id}}/events", self._events),
                web.get(f"{at}/fine_tuning/jobs/{{id}}/checkpoints", self._checkpoints),
                web.post(f"{at}/chat/completions", self._chat),
                web.post(f"{at}/responses", self._responses),
                *self.deploying.routes(),
                web.delete(f"{at}/files/{{id}}", self._delete),
                *self.batching.routes(at),
            ]
        )
        runner = web.AppRunner(app)
        self._loop.run_until_complete(runner.setup())
        self._loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", 0).start())
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}{self.prefix}"
        self._started.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
        route = f"{request.method} {request.path.removeprefix(self.prefix)}"
        for known in (*self.jobs, *self.batching.batches):
            route = route.replace(known, "ID")
        self.requests[route] += 1
        self.headers.append(dict(request.headers))
        if self.faults[route] and (answer := await self.faults[route].popleft()(request)) is not None:
            return answer
        if self.key is not None and request.headers.get("Authorization") != f"Bearer {self.key}":
            return web.json_response(error(f"Incorrect API key provided: {KEY}", code="invalid_api_key"), status=401)
        return await handler(request)

    async def _models(self, request: web.Request) -> web.Response:
        names = ["gpt-fake", *self.shutdown_dates]
        data = [
            {
                "id": name,
                "object": "model",
                "created": 1,
                "owned_by": "x",
                "shutdown_date": self.shutdown_dates.get(name),
            }
            for name in names
        ]
        return web.json_response({"object": "list", "data": data})

    async def _file(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.uploads.append(body)
        return web.json_response(self.keep(file_part(body)))

    def keep(self, content: bytes) -> dict[str, Any]:
        file_id = f"file-{next(self._numbers)}"
        self.files[file_id] = content
        kept = {"id": file_id, "object": "file", "bytes": len(content), "created_at": 1, "purpose": "fine-tune"}
        return {**kept, "status": "processed", **self.file_changes}

    async def _content(self, request: web.Request) -> web.Response:
        content = self.files.get(request.match_info["id"])
        if content is None:
            return web.json_response(error("No such File object"), status=404)
        return web.Response(body=content, content_type="application/octet-stream")

    async def _delete(self, request: web.Request) -> web.Response:
        if self.files.pop(request.match_info["id"], None) is None:
            return web.json_response(error("No such File object"), status=404)
        return web.json_response({"id": request.match_info["id"], "object": "file", "deleted": True})

    async def _upload(self, request: web.Request) -> web.Response:
        if self.service == "azure":
            return web.json_response(error("Not found"), status=404)
        self._parts: list[bytes] = []
        return web.json_response(self._upload_object("pending", (await request.json())["bytes"]))

    async def _part(self, request: web.Request) -> web.Response:
        self._parts.append(file_part(await request.read()))
        return web.json_response(
            {"id": f"part-{len(self._parts)}", "object": "upload.part", "created_at": 1, "upload_id": "upload-1"}
        )

    async def _completed(self, request: web.Request) -> web.Response:
        wanted = (await request.json())["part_ids"]
        content = b"".join(self._parts[int(part.removeprefix("part-")) - 1] for part in wanted)
        return web.json_response({**self._upload_object("completed", len(content)), "file": self.keep(content)})

    def _upload_object(self, state: str, size: int) -> dict[str, Any]:
        return {
            "id": "upload-1", "object": "upload", "bytes": size, "created_at": 1, "expires_at": 2, "filename": "t",
            "purpose": "fine-tune", "status": state,
        }  # fmt: skip

    async def _limits(self, request: web.Request) -> web.Response:
        if self.model_limits is None:
            return web.json_response(error("Not found"), status=404)
        return web.json_response(self.model_limits)

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.json()
        if self.service and (wrong := complaint(self.service, body, self.files)):
            refused = error(wrong[1], code="invalid_request")
            refused["error"]["param"] = wrong[0]
            return web.json_response(refused, status=400)
        self.created.append(body)
        job_id = f"ftjob-{len(self.jobs) + 1}"
        self.jobs[job_id] = {
            "object": "fine_tuning.job", "id": job_id, "model": body["model"], "created_at": int(time.time()),
            "finished_at": None, "fine_tuned_model": None, "organization_id": "o", "result_files": [],
            "status": "validating_files", "validation_file": None, "training_file": body["training_file"],
            "hyperparameters": {"n_epochs": 2}, "trained_tokens": None, "error": {}, "seed": body.get("seed") or 0,
            "estimated_finish": 0, "method": body.get("method"),
            "metadata": body.get("metadata") if self.keeps_metadata else None,
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
                "fine_tuned_model": self._tuned(job_id),
                "trained_tokens": 99,
                "finished_at": int(time.time()),
            }
            if self.results is not None and not job["result_files"]:
                job["result_files"] = [self.keep(self.results)["id"]]
        return {**job, **self.job_changes}

    def _tuned(self, job_id: str) -> str:
        base = self.jobs[job_id]["model"]
        return f"{base}.ft-{job_id}" if self.service == "azure" else f"ft:{base}:o::{job_id}"

    async def _job(self, request: web.Request) -> web.Response:
        job_id = request.match_info["id"]
        if job_id in self.jobs and self.not_found_at_first > 0:
            self.not_found_at_first -= 1
            return web.json_response(error(f"Could not find fine tune: {job_id}"), status=404)
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
                "fine_tuning_job_id": job_id, "metrics": self.checkpoint_metrics(step),
            }
            for step in (4, 2)
        ]  # fmt: skip
        return web.json_response({"object": "list", "data": data, "has_more": False})

    async def _chat(self, request: web.Request) -> web.Response:
        body = await request.json()
        if (wait := self.rate_limit()) > 0:
            return web.json_response(error("slow down"), status=429, headers={"retry-after-ms": str(wait * 1000)})
        self.bodies.append(body)
        prompt = body["messages"][0]["content"]
        if body["model"] in self.responses_only:
            return web.json_response(error("This model is only supported in v1/responses."), status=404)
        for name, text in self.refused_parameters.items():
            if name in body:
                param = name if self.names_param else None
                return web.json_response({"error": {**error(text)["error"], "param": param}}, status=400)
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
                     "message": {"role": "assistant", "content": self.answer(prompt), "refusal": None}}
                ],
                **({"usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}} if self.counts_tokens else {}),
            },
            headers={"x-request-id": "req_1"},
        )  # fmt: skip

    async def _responses(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.bodies.append(body)
        self.asked.append(body["input"])
        text = {"type": "output_text", "text": self.answer(body["input"]), "annotations": []}
        thought = {"type": "reasoning", "id": "rs_1", "summary": []}
        message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [text]}
        return web.json_response(
            {
                "id": "resp_1", "object": "response", "created_at": 1, "model": body["model"], "status": "completed",
                "output": [thought, message], "usage": {"input_tokens": 9, "output_tokens": 1, "total_tokens": 10},
            }
        )  # fmt: skip
