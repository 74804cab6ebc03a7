"""The Batch API of the fake service: as strict about what it takes as the real one, and able to end in every way."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from tests.fakes.openai_server import FakeOpenAI, Fault

_ENDPOINTS = ("/v1/chat/completions", "/v1/responses")


class FakeBatches:
    """Batches of a fake service. Every look finds a batch one state further."""

    def __init__(self, server: FakeOpenAI) -> None:
        self._server = server
        self.batches: dict[str, dict[str, Any]] = {}
        self.after_create: deque[Fault] = deque()
        """What the answer to a creation becomes after the batch was really made."""
        self.steps = ["validating", "in_progress", "finalizing"]
        """The states before the last."""
        self.ends_as = "completed"
        """Or `expired`, `failed`."""
        self.fate: Callable[[int, dict[str, Any]], str] = lambda place, line: "answered"
        """Of each line by its place: `answered`, `refused` (400), `unasked`, `missing`, `twice`, `garbled`."""
        self.asked: list[str] = []
        """The prompts that were answered in batches."""
        self.held = False
        """Batches do not go on."""

    def routes(self, at: str) -> list[web.RouteDef]:
        """To be added to the server's own."""
        return [
            web.post(f"{at}/batches", self._create),
            web.get(f"{at}/batches", self._list),
            web.get(f"{at}/batches/{{id}}", self._get),
            web.post(f"{at}/batches/{{id}}/cancel", self._cancel),
        ]

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.json()
        if complaint := self._complaint(body):
            error = {"message": complaint, "type": "invalid_request_error", "param": None, "code": None}
            return web.json_response({"error": error}, status=400)
        batch_id = f"batch_{len(self.batches) + 1}"
        lines = self._lines(body["input_file_id"])
        self.batches[batch_id] = {
            "id": batch_id, "object": "batch", "endpoint": body["endpoint"], "errors": None,
            "input_file_id": body["input_file_id"], "completion_window": "24h", "status": self.steps[0],
            "output_file_id": None, "error_file_id": None, "created_at": int(time.time()), "in_progress_at": None,
            "expires_at": int(time.time()) + 86400, "finalizing_at": None, "completed_at": None, "failed_at": None,
            "expired_at": None, "cancelling_at": None, "cancelled_at": None, "metadata": body.get("metadata"),
            "request_counts": {"total": len(lines), "completed": 0, "failed": 0},
        }  # fmt: skip
        if self.after_create:
            return await self.after_create.popleft()(request)  # type: ignore[no-any-return]
        return web.json_response(self.batches[batch_id])

    def _complaint(self, body: dict[str, Any]) -> str | None:
        if unknown := set(body) - {
            "input_file_id",
            "endpoint",
            "completion_window",
            "metadata",
            "output_expires_after",
        }:
            return f"Unknown parameter: '{min(unknown)}'."
        if body.get("completion_window") != "24h" or body.get("endpoint") not in _ENDPOINTS:
            return "completion_window must be 24h, and the endpoint one that takes batches"
        if body.get("input_file_id") not in self._server.files:
            return f"No such File object: {body.get('input_file_id')}"
        metadata = body.get("metadata") or {}
        if len(metadata) > 16 or any(len(k) > 64 or len(str(v)) > 512 for k, v in metadata.items()):
            return "metadata is too large"
        lines = self._lines(body["input_file_id"])
        ids = [line.get("custom_id") for line in lines]
        if not lines or len(lines) > 50_000 or len(set(ids)) != len(ids):
            return "a file has 1 to 50,000 lines with custom_ids of their own"
        if len({line["body"]["model"] for line in lines}) > 1:
            return "all lines must ask one model"
        for line in lines:
            if set(line) != {"custom_id", "method", "url", "body"} or line["method"] != "POST":
                return "a line has custom_id, method, url and body"
            if line["url"] != body["endpoint"]:
                return "a line's url is not the batch's endpoint"
        return None

    def _lines(self, file_id: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._server.files[file_id].decode().split("\n") if line]

    async def _list(self, request: web.Request) -> web.Response:
        listed = list(reversed(self.batches.values()))
        if after := request.query.get("after"):
            listed = listed[[batch["id"] for batch in listed].index(after) + 1 :]
        page = listed[: int(request.query.get("limit", 20))]
        return web.json_response({"object": "list", "data": page, "has_more": len(page) < len(listed)})

    async def _get(self, request: web.Request) -> web.Response:
        batch = self.batches.get(request.match_info["id"])
        if batch is None:
            return web.json_response({"error": {"message": "No batch found", "code": None}}, status=404)
        if not self.held:
            self._advance(batch)
        return web.json_response(batch)

    async def _cancel(self, request: web.Request) -> web.Response:
        batch = self.batches[request.match_info["id"]]
        if batch["status"] not in (*self.steps, "cancelling"):
            error = {"message": f"Cannot cancel a batch with status '{batch['status']}'.", "code": None}
            return web.json_response({"error": error}, status=409)
        batch["status"] = "cancelling"
        return web.json_response(batch)

    def _advance(self, batch: dict[str, Any]) -> None:
        if batch["status"] == "cancelling":
            self._end(batch, "cancelled")
        elif batch["status"] in self.steps:
            place = self.steps.index(batch["status"]) + 1
            if place < len(self.steps):
                batch["status"] = self.steps[place]
                batch["request_counts"]["completed"] = batch["request_counts"]["total"] * place // len(self.steps)
            else:
                self._end(batch, self.ends_as)

    def _end(self, batch: dict[str, Any], status: str) -> None:
        batch["status"] = status
        if status == "failed":
            batch["errors"] = {
                "object": "list",
                "data": [{"code": "token_limit_exceeded", "message": "Enqueued token limit reached", "line": None}],
            }
            return
        out: list[str] = []
        errors: list[str] = []
        for place, line in enumerate(self._lines(batch["input_file_id"])):
            fate = self.fate(place, line)
            if fate == "unasked":
                code = "batch_cancelled" if status == "cancelled" else "batch_expired"
                said = {"code": code, "message": "This request could not be executed before the batch expired."}
                errors.append(
                    json.dumps({"id": f"br_{place}", "custom_id": line["custom_id"], "response": None, "error": said})
                )
            elif fate == "refused":
                said = {"error": {"message": "The prompt is too long.", "type": "invalid_request_error", "code": None}}
                response = {"status_code": 400, "request_id": f"req_{place}", "body": said}
                errors.append(
                    json.dumps(
                        {"id": f"br_{place}", "custom_id": line["custom_id"], "response": response, "error": None}
                    )
                )
            elif fate == "garbled":
                out.append('{"id": "br", "custom_id": "' + line["custom_id"])
            elif fate != "missing":
                out += [self._answered(place, line)] * (2 if fate == "twice" else 1)
        # The order of results is nobody's promise.
        for name, lines in (("output_file_id", out[::-1]), ("error_file_id", errors)):
            if lines:
                batch[name] = self._server.keep("\n".join(lines).encode())["id"]
        batch["request_counts"] |= {"completed": len(out), "failed": len(errors)}

    def _answered(self, place: int, line: dict[str, Any]) -> str:
        body = line["body"]
        prompt = body["messages"][0]["content"]
        self.asked.append(prompt)
        answer = {
            "id": f"chatcmpl-{place}", "object": "chat.completion", "created": 1, "model": body["model"],
            "choices": [
                {"index": 0, "finish_reason": "stop", "logprobs": None,
                 "message": {"role": "assistant", "content": self._server.answer(prompt), "refusal": None}}
            ],
            "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
        }  # fmt: skip
        response = {"status_code": 200, "request_id": f"req_{place}", "body": answer}
        return json.dumps(
            {"id": f"br_{place}", "custom_id": line["custom_id"], "response": response, "error": None},
            ensure_ascii=False,
        )
