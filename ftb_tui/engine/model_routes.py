"""The wire's models and the chat completions that they answer."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from typing import Any

from aiohttp import web

from ftb_tui.engine import requests as parse
from ftb_tui.engine.serving import ENGINE, Engine, json_of
from ftb_tui.engine.wire import (
    ApiError,
    chat_body,
    model_body,
    single_tokens,
)
from ftb_tui.weights import MODEL_NAME


def _models(engine: Engine) -> list[dict[str, Any]]:
    models = [model_body(MODEL_NAME, engine.started_at)]
    models += [
        model_body(job.fine_tuned_model, job.finished_at or job.created_at, "ftb")
        for job in reversed(engine.records.jobs())
        if job.fine_tuned_model and job.adapter
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
    with request.app[ENGINE].answering.asked():
        return await _answered(request)


async def _answered(request: web.Request) -> web.Response:
    engine = request.app[ENGINE]
    asked = parse.chat_request(await json_of(request))
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
    if limit > room:
        text = (
            f"This model's maximum context length is {model.config.context_length} tokens. However, {len(prompt)} are "
            f"in the messages and {limit} are asked for the answer. Reduce one of them."
        )
        raise ApiError(400, text, param="messages", code="context_length_exceeded")
    watched = single_tokens(model.tokenizer, asked.watched)
    wanted = replace(asked.generation, prompt_ids=prompt, max_tokens=limit, watched=watched)
    generation = await engine.answering.answer(adapter, wanted)
    text = model.tokenizer.decode(generation.token_ids, generation.kept)
    body = chat_body(f"chatcmpl-{secrets.token_hex(12)}", asked.model, text, generation, len(prompt), model.tokenizer)
    return web.json_response(body)
