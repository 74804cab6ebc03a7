"""Google's wire in this process: tuning jobs, generateContent, model lists and Cloud Storage uploads.

Strict about what it takes: every body is judged by Google's own description, and by the rules that description does
not hold (tuning regions, labels, turns of a training line, where a tuned model is served). `faults` is a queue of
behaviours for each route; `changes` alters what a job looks like.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.fakes.google_schema import STORAGE, camel_case, problems
from tests.fakes.openai_server import Fault

TOKEN = "ya29.fake-0123456789-WXYZ"
GEMINI_KEY = "AIza-fake-0123456789-QRST"
BASE = "gemini-3.5-flash"
SERVED_IN = {"us-central1": "us", "europe-west4": "eu"}
"""Tuned models answer in the multi-region, and nowhere else."""

_NAME = r"projects/(?:p1|123)/locations/(?P<location>[a-z0-9-]+)"
_PHASES = (
    ("JOB_STATE_PENDING", None, 0), ("JOB_STATE_RUNNING", "TUNING_JOB_STATE_WAITING_FOR_QUOTA", 0),
    ("JOB_STATE_RUNNING", "TUNING_JOB_STATE_PROCESSING_DATASET", 0), ("JOB_STATE_RUNNING", "TUNING_JOB_STATE_TUNING", 0),
    ("JOB_STATE_RUNNING", "TUNING_JOB_STATE_TUNING", 1), ("JOB_STATE_RUNNING", "TUNING_JOB_STATE_TUNING", 2),
    ("JOB_STATE_RUNNING", "TUNING_JOB_STATE_POST_PROCESSING", 99),
)  # fmt: skip


def google_error(code: int, word: str, message: str, *details: dict[str, Any]) -> dict[str, Any]:
    """An error body."""
    return {"error": {"code": code, "message": message, "status": word, "details": list(details)}}


def retry_info(seconds: str) -> dict[str, Any]:
    """The detail that says how long to wait."""
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": seconds}


def quota_failure(quota_id: str) -> dict[str, Any]:
    """The detail that says which quota is used up."""
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": quota_id}]}


async def hang(request: web.Request) -> web.Response:
    """Never answer; give up when the client does."""
    await asyncio.sleep(60)
    return web.Response()


async def drip(request: web.Request) -> web.StreamResponse:
    """Begin an answer and send a blank now and then, for ever: no pause is long enough for a limit between bytes."""
    reply = web.StreamResponse(headers={"Content-Type": "application/json"})
    await reply.prepare(request)
    for _ in range(600):
        await reply.write(b" ")
        await asyncio.sleep(0.1)
    return reply


def generated(text: str | None, reason: str = "STOP", **more: Any) -> dict[str, Any]:
    """A GenerateContentResponse with this text, or none."""
    parts = [] if text is None else [{"text": text}]
    return {
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": reason}],
        "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 2, "totalTokenCount": 11},
        "modelVersion": BASE,
        "responseId": "resp-1",
        **more,
    }


class FakeGoogle:
    """Starts on a free loopback port in a thread of its own; one host for all of Google's."""

    def __init__(self) -> None:
        self.faults: dict[str, deque[Fault]] = defaultdict(deque)
        self.after_create: deque[Fault] = deque()
        """What the answer to a creation becomes after the job was really made."""
        self.requests: Counter[str] = Counter()
        self.headers: list[dict[str, str]] = []
        self.bodies: dict[str, list[Any]] = defaultdict(list)
        self.jobs: dict[str, dict[str, Any]] = {}
        self.objects: dict[str, bytes] = {}
        self.sessions: dict[str, tuple[str, bytearray]] = {}
        self.looks: Counter[str] = Counter()
        self.end_state = "JOB_STATE_SUCCEEDED"
        self.dropped: list[str] = []
        self.changes: dict[str, Any] = {}
        self.page_size = 100
        self.repeat_token = False
        self.refused_thinking: dict[str, str] = {}
        """Models by the field of `thinkingConfig` that they refuse, `*` for any."""
        self.answer: Callable[[str], str] = lambda prompt: "Yes"
        self.asked: list[tuple[str, str]] = []
        self._started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.url = ""

    def __enter__(self) -> FakeGoogle:
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{path:.*}", self._route)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        self._loop.run_until_complete(runner.setup())
        self._loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", 0).start())
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._started.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def _route(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/")
        rules: list[tuple[str, str, str, Callable[..., Any]]] = [
            ("create", "POST", rf"v1beta1/{_NAME}/tuningJobs", self._create),
            ("list", "GET", rf"v1beta1/{_NAME}/tuningJobs", self._list),
            ("get", "GET", rf"v1beta1/(?P<name>{_NAME}/tuningJobs/\d+)", self._get),
            ("cancel", "POST", rf"v1beta1/(?P<name>{_NAME}/tuningJobs/\d+):cancel", self._cancel),
            ("models", "GET", r"v1beta1/publishers/google/models", self._models),
            ("ask", "POST", rf"v1beta1/(?P<model>{_NAME}/endpoints/\d+):generateContent", self._ask_tuned),
            (
                "ask",
                "POST",
                rf"v1beta1/{_NAME}/publishers/google/models/(?P<model>[^/:]+):generateContent",
                self._ask_base,
            ),
            ("upload", "POST", r"upload/storage/v1/b/(?P<bucket>[^/]+)/o", self._upload),
            ("part", "PUT", r"session/(?P<session>\d+)", self._part),
            ("object", "GET", r"storage/v1/b/(?P<bucket>[^/]+)/o/(?P<name>.+)", self._object),
            ("gemini models", "GET", r"v1beta/models", self._gemini_models),
            ("gemini ask", "POST", r"v1beta/models/(?P<model>[^/:]+):generateContent", self._ask_gemini),
        ]
        for route, method, pattern, handler in rules:
            found = re.fullmatch(pattern, path)
            if method != request.method or found is None:
                continue
            self.requests[route] += 1
            self.headers.append(dict(request.headers))
            if self.faults[route]:
                return await self.faults[route].popleft()(request)  # type: ignore[no-any-return]
            if route.startswith("gemini"):
                if request.headers.get("x-goog-api-key") != GEMINI_KEY:
                    reason = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
                    return self._no(400, "INVALID_ARGUMENT", f"API key not valid: {GEMINI_KEY}", reason)
            elif route != "part" and request.headers.get("Authorization") != f"Bearer {TOKEN}":
                return self._no(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
            return await handler(request, **found.groupdict())  # type: ignore[no-any-return]
        return self._no(404, "NOT_FOUND", f"no such address: {request.method} /{path}")

    def _no(self, code: int, word: str, message: str, *details: dict[str, Any]) -> web.Response:
        return web.json_response(google_error(code, word, message, *details), status=code)

    async def _body(self, request: web.Request, schema: str) -> tuple[Any, web.Response | None]:
        body = camel_case(await request.json(), schema)
        self.bodies[schema].append(body)
        wrong = problems(body, schema, is_request=True)
        return body, self._no(400, "INVALID_ARGUMENT", "; ".join(wrong)) if wrong else None

    async def _create(self, request: web.Request, location: str) -> web.Response:
        body, refusal = await self._body(request, "TuningJob")
        if refusal:
            return refusal
        spec = body.get("supervisedTuningSpec", {})
        if location not in SERVED_IN:
            return self._no(400, "FAILED_PRECONDITION", f"tuning is not offered in {location}")
        if not spec.get("hyperParameters", {}).get("epochCount"):
            return self._no(400, "INVALID_ARGUMENT", "this fake wants epochCount: the default is 40 epochs")
        for key, value in body.get("labels", {}).items():
            if not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key) or not re.fullmatch(r"[a-z0-9_-]{0,63}", value):
                return self._no(400, "INVALID_ARGUMENT", f"bad label {key}={value}")
        if spec.get("trainingDatasetUri") not in self.objects:
            return self._no(400, "INVALID_ARGUMENT", f"cannot read {spec.get('trainingDatasetUri')}")
        number = 456 + len(self.jobs)
        name = f"projects/123/locations/{location}/tuningJobs/{number}"
        self.jobs[name] = {
            "name": name,
            "state": "JOB_STATE_PENDING",
            "createTime": "2026-11-20T10:00:00.123456Z",
            "updateTime": "2026-11-20T10:00:00.123456Z",
            **body,
        }
        if self.after_create:
            return await self.after_create.popleft()(request)  # type: ignore[no-any-return]
        return web.json_response(self._seen(name))

    def _seen(self, name: str) -> dict[str, Any]:
        job = {**self.jobs[name], **self.changes}
        if not self.changes:
            assert problems(job, "TuningJob", is_request=False) == []
        return job

    def _advance(self, name: str) -> None:
        """Each look finds the job one phase further."""
        job, look = self.jobs[name], self.looks[name]
        self.looks[name] += 1
        if "endTime" in job:
            return
        job["updateTime"] = f"2026-11-20T10:{look + 1:02d}:00Z"
        content = self.objects[job["supervisedTuningSpec"]["trainingDatasetUri"]]
        bad = _line_problem(content)
        if job["state"] == "JOB_STATE_CANCELLING":
            job |= {"state": "JOB_STATE_CANCELLED", "endTime": "2026-11-20T11:00:00Z"}
        elif look >= 2 and bad:
            job |= {
                "state": "JOB_STATE_FAILED",
                "endTime": "2026-11-20T10:05:00Z",
                "error": {"code": 3, "message": bad},
            }
        elif look < len(_PHASES):
            state, phase, epochs = _PHASES[look]
            job["state"] = state
            if phase:
                job["tuningJobState"] = phase
            if look > 2:
                job["tuningDataStats"] = {"supervisedTuningDataStats": self._statistics(content)}
                epochs = min(epochs, int(job["supervisedTuningSpec"]["hyperParameters"]["epochCount"]))
                job["tuningJobMetadata"] = {"completedEpochCount": str(epochs)}
        else:
            job |= {"state": self.end_state, "endTime": "2026-11-20T11:00:00Z", "tunedModel": self._tuned(job)}

    def _statistics(self, content: bytes) -> dict[str, Any]:
        stats: dict[str, Any] = {
            "tuningDatasetExampleCount": str(len(content.splitlines())),
            "totalBillableTokenCount": "5678",
            "tuningStepCount": "40",
        }
        if self.dropped:
            stats |= {
                "totalTruncatedExampleCount": str(len(self.dropped)),
                "truncatedExampleIndices": [str(place + 7) for place in range(len(self.dropped))],
                "droppedExampleReasons": self.dropped,
            }
        return stats

    def _tuned(self, job: dict[str, Any]) -> dict[str, Any]:
        _, number = job["name"].rsplit("/", 1)
        where = f"projects/123/locations/{SERVED_IN[job['name'].split('/')[3]]}"
        epochs = int(job["supervisedTuningSpec"]["hyperParameters"]["epochCount"])
        saved = [
            {"checkpointId": str(e), "epoch": str(e), "step": str(40 * e // epochs), "endpoint": f"{where}/endpoints/{number}{e}"}
            for e in range(1, epochs + 1)
        ]  # fmt: skip
        return {"model": f"{where}/models/{number}@1", "endpoint": saved[-1]["endpoint"], "checkpoints": saved}

    async def _list(self, request: web.Request, location: str) -> web.Response:
        names = [name for name in reversed(self.jobs) if f"/{location}/" in name]
        start = int(request.query.get("pageToken", "0"))
        body: dict[str, Any] = {"tuningJobs": [self._seen(n) for n in names[start : start + self.page_size]]}
        if start + self.page_size < len(names) or self.repeat_token:
            body["nextPageToken"] = str(start if self.repeat_token else start + self.page_size)
        return web.json_response(body if names else {})

    async def _get(self, request: web.Request, name: str, location: str) -> web.Response:
        if name not in self.jobs:
            return self._no(404, "NOT_FOUND", f"The TuningJob does not exist: {name}")
        self._advance(name)
        return web.json_response(self._seen(name))

    async def _cancel(self, request: web.Request, name: str, location: str) -> web.Response:
        self.jobs[name]["state"] = "JOB_STATE_CANCELLING"
        return web.json_response({})

    async def _models(self, request: web.Request) -> web.Response:
        names = (BASE, "gemini-3.1-flash-lite", "text-embedding-005")
        return web.json_response({"publisherModels": [{"name": f"publishers/google/models/{n}"} for n in names]})

    async def _gemini_models(self, request: web.Request) -> web.Response:
        return web.json_response({"models": [{"name": f"models/{BASE}"}, {"name": "models/gemini-3.1-pro"}]})

    async def _ask_tuned(self, request: web.Request, model: str, location: str) -> web.Response:
        served = {
            entry["endpoint"]
            for job in self.jobs.values()
            if "tunedModel" in job
            for entry in job["tunedModel"]["checkpoints"]
        }
        if model not in served:
            return self._no(404, "NOT_FOUND", f"Endpoint {model} not found")
        return await self._answered(request, model)

    async def _ask_base(self, request: web.Request, model: str, location: str) -> web.Response:
        if location != "global" or not model.startswith("gemini"):
            return self._no(404, "NOT_FOUND", f"Publisher Model {model} was not found in {location}")
        return await self._answered(request, model)

    async def _ask_gemini(self, request: web.Request, model: str) -> web.Response:
        return await self._answered(request, model)

    async def _answered(self, request: web.Request, model: str) -> web.Response:
        body, refusal = await self._body(request, "GenerateContentRequest")
        if refusal:
            return refusal
        thinking = body.get("generationConfig", {}).get("thinkingConfig")
        refused = self.refused_thinking.get(model)
        if thinking and refused in (*thinking, "*"):
            return self._no(400, "INVALID_ARGUMENT", "Budget 0 is invalid. This model only works in thinking mode.")
        prompt = body["contents"][0]["parts"][0]["text"]
        self.asked.append((model, prompt))
        return web.json_response(generated(self.answer(prompt)))

    async def _upload(self, request: web.Request, bucket: str) -> web.Response:
        name, kind = request.query["name"], request.query["uploadType"]
        if bucket != "b1":
            return self._no(404, "NOT_FOUND", "The specified bucket does not exist.")
        content = await request.read()
        if request.query.get("ifGenerationMatch") == "0" and f"gs://{bucket}/{name}" in self.objects:
            return self._no(
                412, "FAILED_PRECONDITION", "At least one of the pre-conditions you specified did not hold."
            )
        if kind == "resumable":
            wrong = problems(json.loads(content), "Object", is_request=True, document=STORAGE)
            assert not wrong, wrong
            session = str(len(self.sessions) + 1)
            self.sessions[session] = (name, bytearray())
            return web.Response(headers={"Location": f"{self.url}/session/{session}"})
        self.objects[f"gs://{bucket}/{name}"] = content
        return self._stored(bucket, name)

    async def _part(self, request: web.Request, session: str) -> web.Response:
        name, kept = self.sessions[session]
        content = await request.read()
        span, _, total = request.headers["Content-Range"].removeprefix("bytes ").partition("/")
        if span != "*":
            first = int(span.split("-")[0])
            assert first == len(kept), (first, len(kept))
            kept += content
        if len(kept) == int(total):
            self.objects[f"gs://b1/{name}"] = bytes(kept)
            return self._stored("b1", name)
        return web.Response(status=308, headers={"Range": f"bytes=0-{len(kept) - 1}"} if kept else {})

    async def _object(self, request: web.Request, bucket: str, name: str) -> web.Response:
        if f"gs://{bucket}/{name}" not in self.objects:
            return self._no(404, "NOT_FOUND", f"No such object: {bucket}/{name}")
        if request.query.get("alt") == "media":
            return web.Response(body=self.objects[f"gs://{bucket}/{name}"])
        return self._stored(bucket, name)

    def _stored(self, bucket: str, name: str) -> web.Response:
        content = self.objects[f"gs://{bucket}/{name}"]
        digest = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
        record = {
            "kind": "storage#object", "name": name, "bucket": bucket, "size": str(len(content)), "generation": "1",
            "md5Hash": digest,
        }  # fmt: skip
        assert problems(record, "Object", is_request=False, document=STORAGE) == []
        return web.json_response(record)


def _line_problem(content: bytes) -> str:
    """What the service says of a training file that it cannot use; empty if it can."""
    for number, line in enumerate(content.splitlines(), 1):
        values = json.loads(line)
        contents = values.get("contents") or []
        turns = [entry.get("role") for entry in contents]
        wrong = [problem for entry in contents for problem in problems(entry, "Content", is_request=True)]
        if wrong or set(values) - {"contents", "systemInstruction"} or turns != ["user", "model"] * (len(turns) // 2):
            return f"INVALID_ARGUMENT: dataset line {number}: contents must alternate roles {wrong}"
    return "" if content.strip() else "INVALID_ARGUMENT: the dataset is empty"
