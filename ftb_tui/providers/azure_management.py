"""Azure's management interface, as far as deployments go. A deployment bills by the hour while it exists.

It takes another token than the models do (`az account get-access-token --resource https://management.azure.com`),
which is read from the environment variable that `token_env` names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ftb_tui.providers.base import Deployment, ErrorKind, ProviderError
from ftb_tui.providers.failures import cleaned, error_text, provider_errors
from ftb_tui.providers.keys import key_problem
from ftb_tui.providers.trusted import reaching

API_VERSION = "2024-10-01"
_KEYS = ("subscription", "resource_group", "account")
_NO_ACCOUNT = frozenset({"SubscriptionNotFound", "InvalidSubscriptionId", "ResourceGroupNotFound"})
_KINDS = {401: ErrorKind.AUTH, 403: ErrorKind.AUTH, 404: ErrorKind.NOT_FOUND, 429: ErrorKind.RATE_LIMITED}


@dataclass(frozen=True, slots=True)
class AzureAccount:
    """Where deployments are made: the `deploy` table of a provider."""

    subscription: str
    resource_group: str
    account: str
    sku: str = "GlobalStandard"
    capacity: int = 1
    token_env: str = "AZURE_MANAGEMENT_TOKEN"  # noqa: S105 - a variable's name
    management_url: str = "https://management.azure.com"

    @property
    def place(self) -> str:
        """The account's own address, under which its deployments are."""
        return (
            f"{self.management_url}/subscriptions/{quote(self.subscription)}/resourceGroups/{quote(self.resource_group)}"
            f"/providers/Microsoft.CognitiveServices/accounts/{quote(self.account)}"
        )

    def url(self, name: str) -> str:
        """The address of a deployment."""
        return f"{self.place}/deployments/{quote(name, safe='')}?api-version={API_VERSION}"


def azure_account(values: Mapping[str, object], provider: str) -> AzureAccount:
    """The account of a `deploy` table. Raises `ProviderError` that names what is missing."""
    missing = [key for key in _KEYS if not values.get(key)]
    if missing:
        raise ProviderError(
            ErrorKind.INVALID_REQUEST,
            f"To deploy at Azure, set {', '.join(missing)} in [providers.{provider}.deploy]; "
            "or deploy in the portal and give the name: ftb models deploy MODEL --as NAME (--forget: take it back).",
        )
    try:
        return AzureAccount(**dict(values))  # type: ignore[arg-type]
    except TypeError as error:
        raise ProviderError(ErrorKind.INVALID_REQUEST, f"[providers.{provider}.deploy]: {error}") from None


async def deploy(account: AzureAccount, model: str, name: str) -> Deployment:
    """Make or update a deployment of a model. It answers only once it is `Succeeded`, and then a little later."""
    body = {
        "sku": {"name": account.sku, "capacity": account.capacity},
        "properties": {"model": {"format": "OpenAI", **_name_and_version(model)}},
    }
    return _deployment(await _send(account, "PUT", name, body), name)


async def look(account: AzureAccount, name: str) -> Deployment:
    """The deployment as it is now."""
    return _deployment(await _send(account, "GET", name), name)


async def find(account: AzureAccount, name: str) -> list[Deployment]:
    """The deployment of that name, if there is one; it may be of another model."""
    try:
        return [await look(account, name)]
    except ProviderError as error:
        if error.kind is not ErrorKind.NOT_FOUND:
            raise
        return []


async def undeploy(account: AzureAccount, name: str) -> None:
    """Take it away, which ends its bill."""
    await _send(account, "DELETE", name)


async def _send(account: AzureAccount, verb: str, name: str, body: Mapping[str, object] | None = None) -> Any:
    import httpx2

    token = os.environ.get(account.token_env, "").strip()
    host = account.management_url
    if not token:
        raise ProviderError(ErrorKind.AUTH, f"Deploying at Azure needs a token: set {account.token_env}.", host=host)
    if problem := key_problem(token, account.token_env):
        raise ProviderError(ErrorKind.AUTH, f"Nothing was sent to {host}: {problem}.", host=host)
    with provider_errors(host, token):
        async with httpx2.AsyncClient(timeout=60.0, **reaching(host)) as client:
            reply = await client.request(
                verb, account.url(name), json=body, headers={"Authorization": f"Bearer {token}"}
            )
        if reply.status_code >= 400:
            said = _json(reply.text)
            text = cleaned(error_text(said, "", reply.status_code), token)
            kind = ErrorKind.SERVER if reply.status_code >= 500 else ErrorKind.INVALID_REQUEST
            kind = _KINDS.get(reply.status_code, kind)
            if kind is ErrorKind.NOT_FOUND and _account_is_missing(said, account):
                # That the place is not there does not say that the deployment is gone.
                kind = ErrorKind.INVALID_REQUEST
            raise ProviderError(kind, text, host=host, status=reply.status_code)
        return reply.json() if reply.content else {}


def _json(text: str) -> object:
    import json

    try:
        return json.loads(text)
    except ValueError:
        return text


def _account_is_missing(body: object, account: AzureAccount) -> bool:
    """Whether a 404 is about the subscription, the group or the account, and not about a deployment in it."""
    error = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return False
    ends_with_account = re.search(rf"accounts/{re.escape(account.account)}'", str(error.get("message")), re.IGNORECASE)
    return error.get("code") in _NO_ACCOUNT or ends_with_account is not None


def _name_and_version(model: str) -> dict[str, str]:
    """A tuned model is its own first version; a base model's version is the date behind its name."""
    base = re.fullmatch(r"(.+)-(\d{4}-\d{2}-\d{2})", model)
    return {"name": base[1], "version": base[2]} if base else {"name": model, "version": "1"}


def _model_of(properties: Mapping[str, object]) -> str:
    model = properties.get("model")
    if not isinstance(model, Mapping) or not model.get("name"):
        return ""
    name, version = str(model["name"]), str(model.get("version") or "")
    return f"{name}-{version}" if re.fullmatch(r"\d{4}-\d{2}-\d{2}", version) else name


def _deployment(values: object, name: str) -> Deployment:
    found = values.get("properties") if isinstance(values, Mapping) else None
    properties: Mapping[str, object] = found if isinstance(found, Mapping) else {}
    state = str(properties.get("provisioningState") or "")
    return Deployment(
        name=name,
        ready=state.lower() == "succeeded",
        failed=state.lower() in ("failed", "canceled", "disabled"),
        raw_state=state,
        model=_model_of(properties),
    )
