"""Making a tuned model answer at services where training alone does not: Nebius's models endpoint, Azure's management.

A deployment may cost money for as long as it exists, so none of this happens unless a person asks for it, and what was
made can be taken away again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ftb_tui.providers.base import Deployment, ErrorKind, ProviderError
from ftb_tui.providers.dialect import Dialect

if TYPE_CHECKING:
    import openai

_READY = frozenset({"active", "ready", "succeeded"})
_FAILED = frozenset({"error", "failed", "canceled", "cancelled", "deleted"})


async def deploy(client: openai.AsyncOpenAI, dialect: Dialect, model: str, *, name: str, base_model: str) -> Deployment:
    """Ask once for a deployment of `model` (`<job>:<checkpoint>` at Nebius); its name to ask it by is in the answer."""
    _needs_models_endpoint(client, dialect)
    body = {"source": model, "base_model": base_model, "name": name, "description": "deployed by ftb"}
    answer = await client.post(f"{_models(client)}", cast_to=object, body=body)
    return _deployment(answer, client, name)


async def look(client: openai.AsyncOpenAI, dialect: Dialect, name: str) -> Deployment:
    """The deployment as it is now; an unknown word is neither ready nor failed."""
    _needs_models_endpoint(client, dialect)
    return _deployment(await client.get(f"{_models(client)}/{quote(name, safe='')}", cast_to=object), client, name)


async def undeploy(client: openai.AsyncOpenAI, dialect: Dialect, name: str) -> None:
    """Take it away."""
    _needs_models_endpoint(client, dialect)
    await client.delete(f"{_models(client)}/{quote(name, safe='')}", cast_to=object)


def _models(client: openai.AsyncOpenAI) -> str:
    """The models endpoint lies beside the wire's own path: `/v0/models` where the wire is at `/v1/`."""
    return re.sub(r"/v1/?$", "", str(client.base_url)) + "/v0/models"


def _needs_models_endpoint(client: openai.AsyncOpenAI, dialect: Dialect) -> None:
    if dialect.deployment != "models":
        raise ProviderError(
            ErrorKind.INVALID_REQUEST,
            f"{dialect.title} has no deployment through the wire itself.",
            host=str(client.base_url),
        )


def _deployment(answer: object, client: openai.AsyncOpenAI, name: str) -> Deployment:
    if not isinstance(answer, Mapping):
        start = str(answer)[:200]
        raise ProviderError(
            ErrorKind.BAD_RESPONSE, f"{client.base_url.host} answered about a deployment with {start!r}",
            host=str(client.base_url),
        )  # fmt: skip
    values: Mapping[str, Any] = answer
    state = str(values.get("status") or "")
    message = values.get("status_reason") or values.get("error") or ""
    return Deployment(
        name=str(values.get("name") or name),
        ready=state.lower() in _READY,
        failed=state.lower() in _FAILED,
        raw_state=state,
        message=str(message),
    )
