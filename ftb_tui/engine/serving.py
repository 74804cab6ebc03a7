"""What all requests of a running engine share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from ftb_tui.engine.answering import Answering
from ftb_tui.engine.loading import ModelLoader
from ftb_tui.engine.queue import TrainingQueue
from ftb_tui.engine.records import Records
from ftb_tui.engine.wire import ApiError, list_body


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


async def json_of(request: web.Request) -> Mapping[str, Any]:
    """The request's body, which must be a JSON object."""
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise ApiError(400, f"We could not parse the JSON body of your request: {error}") from error
    if not isinstance(body, dict):
        raise ApiError(400, "The body must be a JSON object.")
    return body


def page_of(request: web.Request, items: list[dict[str, Any]], *, most: int, default: int) -> web.Response:
    """The page of a list that the request's `limit` and `after` ask for."""
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
