"""Making a tuned model answer at services where training alone does not: Nebius's models endpoint, Azure's management.

A deployment may cost money for as long as it exists, so none of this happens unless a person asks for it, and what was
made can be taken away again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ftb_tui.providers.base import NOT_OFFERED, Deployment, ErrorKind, ProviderError
from ftb_tui.providers.dialect import Dialect

if TYPE_CHECKING:
    import openai

_READY = frozenset({"active", "ready", "succeeded"})
_GONE = "deleted"
_FAILED = frozenset({"error", "failed", "canceled", "cancelled", _GONE})


async def deploy(client: openai.AsyncOpenAI, dialect: Dialect, model: str, *, name: str, base_model: str) -> Deployment:
    """Ask once for a deployment of `model` (`<job>:<checkpoint>` at Nebius); its name to ask it by is in the answer."""
    _needs_models_endpoint(client, dialect)
    body = {"source": model, "base_model": base_model, "name": name, "description": "deployed by ftb"}
    answer = await client.post(_models(client), cast_to=object, body=body)
    return _deployment(answer, client, name)


async def look(client: openai.AsyncOpenAI, dialect: Dialect, name: str) -> Deployment:
    """The deployment as it is now; an unknown word is neither ready nor failed."""
    _needs_models_endpoint(client, dialect)
    return _deployment(await client.get(f"{_models(client)}/{quote(name, safe='')}", cast_to=object), client, name)


async def find(client: openai.AsyncOpenAI, dialect: Dialect, model: str, *, name: str) -> list[Deployment]:
    """The deployments of `model` that the service lists, and those by `name`: it puts letters of its own behind a name.

    Raises `ProviderError` where it does not list them, since then nobody can tell that there is none.
    """
    import openai

    _needs_models_endpoint(client, dialect)
    try:
        answer = await client.get(_models(client), cast_to=object)
    except openai.APIStatusError as error:
        if error.status_code not in NOT_OFFERED:
            raise
        host = client.base_url.host
        text = (
            f"{host} does not list its deployments (status {error.status_code}), so it cannot be told what is there. "
            "Look at the service's own pages; to have it forgotten here: ftb models deploy MODEL --forget"
        )
        raise ProviderError(ErrorKind.BAD_RESPONSE, text, host=str(client.base_url), status=error.status_code) from None
    listed = answer.get("data") if isinstance(answer, Mapping) else answer
    if not isinstance(listed, list):
        listed = [listed]
    found = [_deployment(item, client, "") for item in listed]
    return [one for one in found if one.raw_state.lower() != _GONE and _is_of(one, model, name)]


def _is_of(found: Deployment, model: str, name: str) -> bool:
    if found.model:
        return found.model == model
    short = found.name.rpartition(":")[2]
    return name in (found.name, short) or short.startswith(f"{name}-")


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
        model=_source(values),
    )


def _source(values: Mapping[str, Any]) -> str:
    """What it was made of: the answer to a creation says `source`, a list says job and checkpoint."""
    if values.get("source"):
        return str(values["source"])
    job, checkpoint = values.get("job_id"), values.get("checkpoint_id")
    return f"{job}:{checkpoint}" if job and checkpoint else ""
