"""What all requests of a running engine share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from ftb_tui.engine.answering import Answering
from ftb_tui.engine.loading import ModelLoader
from ftb_tui.engine.queue import TrainingQueue
from ftb_tui.engine.records import Records
from ftb_tui.engine.wire import ApiError, list_body, unknown


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


def page_of(
    request: web.Request, items: list[dict[str, Any]], *, most: int, default: int, filters: Sequence[str] = ()
) -> web.Response:
    """The page of a list, newest first, that the request's `limit`, `after` and `order` ask for.

    `filters` are the other parameters that this list has taken into account; `key[]` stands for all `key[...]`.
    Raises `ApiError` 400 for any that it does not know.
    """
    for name in request.query:
        if name not in ("limit", "after", "order", *filters) and f"{name.split('[')[0]}[]" not in filters:
            raise unknown(name)
    try:
        limit = int(request.query.get("limit", default))
    except ValueError as error:
        raise ApiError(400, "'limit' must be a whole number.", param="limit", code="invalid_value") from error
    if not 1 <= limit <= most:
        raise ApiError(400, f"'limit' must be between 1 and {most}.", param="limit", code="invalid_value")
    order = request.query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise ApiError(400, f"'order' must be 'asc' or 'desc', not {order!r}.", param="order", code="invalid_value")
    ordered = items if order == "desc" else items[::-1]
    start = 0
    after = request.query.get("after")
    if after is not None:
        places = [place for place, item in enumerate(ordered) if item["id"] == after]
        if not places:
            raise ApiError(400, f"'after' names {after}, which is not in this list.", param="after")
        start = places[0] + 1
    page = ordered[start : start + limit]
    return web.json_response(list_body(page, has_more=start + limit < len(ordered)))
