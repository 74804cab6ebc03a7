"""Credentials and clients for one Google Cloud project: one HTTP client for control, one SDK client a location."""

from __future__ import annotations

import asyncio
import importlib
import logging
import warnings
from typing import TYPE_CHECKING, Any

from ftb_tui.providers.base import ErrorKind, ProviderError
from ftb_tui.providers.google_failures import google_errors
from ftb_tui.providers.google_settings import LOGIN, GoogleSettings, platform_host, ready_token, token_problem
from ftb_tui.providers.trusted import google_session, reaching

if TYPE_CHECKING:
    import aiohttp
    import httpx2
    from google import genai

CONTROL_TIMEOUT = 60.0
ANSWER_TIMEOUT = 600.0
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class GoogleAccess:
    """Who we are at Google. Belongs to the event loop it is used in."""

    def __init__(self, settings: GoogleSettings) -> None:
        self.settings = settings
        self._credentials: Any = None
        self._loading = asyncio.Lock()
        self._http: httpx2.AsyncClient | None = None
        self._session: aiohttp.ClientSession | None = None
        self._clients: dict[tuple[str, bool], genai.Client] = {}

    def secrets(self) -> tuple[str, ...]:
        """What must never be shown: the access token of this moment."""
        token = getattr(self._credentials, "token", None)
        return (token,) if isinstance(token, str) else ()

    def http(self) -> httpx2.AsyncClient:
        """The HTTP client of the control path. It repeats nothing."""
        if self._http is None:
            import httpx2

            host = platform_host(self.settings.region, self.settings.endpoint)
            self._http = httpx2.AsyncClient(timeout=CONTROL_TIMEOUT, **reaching(host))
        return self._http

    def _answers(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = google_session()
        return self._session

    async def control(self, location: str) -> genai.Client:
        """The SDK over our HTTP client, for jobs and lists in a location."""
        return await self._client(location, answering=False)

    async def answering(self, location: str) -> genai.Client:
        """The SDK over its aiohttp transport, which keeps more questions under way at once."""
        return await self._client(location, answering=True)

    async def headers(self) -> dict[str, str]:
        """Authorization (and the quota project) for a call that the SDK does not make. Renews the token if it is due."""
        credentials = await self.credentials()
        host = platform_host(self.settings.region, self.settings.endpoint)
        with google_errors(host, self.secrets):
            if not credentials.valid:
                from google.auth.transport.requests import Request

                await asyncio.to_thread(credentials.refresh, Request())
        headers: dict[str, str] = {}
        credentials.apply(headers)
        return headers

    async def credentials(self) -> Any:
        """The credentials, looked for once, off the event loop. Raises `ProviderError` where there are none."""
        async with self._loading:
            if self._credentials is None:
                # Seconds of import, which must not hold up other answers.
                await asyncio.to_thread(importlib.import_module, "google.genai")
                self._credentials = await asyncio.to_thread(_load, self.settings)
        return self._credentials

    async def _client(self, location: str, *, answering: bool) -> genai.Client:
        credentials = await self.credentials()
        key = (location, answering)
        if key not in self._clients:
            from google import genai
            from google.genai import types

            hush()
            host = platform_host(location, self.settings.endpoint)
            way = reaching(host)
            timeout = ANSWER_TIMEOUT if answering else CONTROL_TIMEOUT
            options = types.HttpOptions(
                # Always given: a stray GOOGLE_VERTEX_BASE_URL must not send a token to another host.
                base_url=host,
                api_version="v1beta1",
                timeout=int(timeout * 1000),
                # Even one attempt must be said, or the aiohttp path repeats a lost request by itself.
                retry_options=types.HttpRetryOptions(attempts=1),
                httpx_async_client=None if answering else self.http(),
                aiohttp_client=self._answers() if answering else None,
                client_args=way,
                async_client_args={**way, "ssl": way["verify"]},
            )
            self._clients[key] = genai.Client(
                enterprise=True,
                project=self.settings.project,
                location=location,
                credentials=credentials,
                http_options=options,
            )
        return self._clients[key]

    async def close(self) -> None:
        """Give back connections."""
        for client in self._clients.values():
            await client.aio.aclose()
        self._clients.clear()
        if self._session is not None:
            await self._session.close()
            self._session = None
        if self._http is not None:
            await self._http.aclose()
            self._http = None


def _load(settings: GoogleSettings) -> Any:
    """A ready token from the variable that the configuration names, else application default credentials."""
    import google.auth
    import google.auth.exceptions
    import google.oauth2.credentials

    hush()
    host = platform_host(settings.region, settings.endpoint)
    if settings.token_env:
        if problem := token_problem(settings):
            raise ProviderError(ErrorKind.AUTH, f"{problem}.", host=host)
        return google.oauth2.credentials.Credentials(token=ready_token(settings))  # type: ignore[no-untyped-call]
    try:
        credentials, _ = google.auth.default(scopes=[_SCOPE])
    except google.auth.exceptions.GoogleAuthError as error:
        text = f"No Google credentials were found: {LOGIN}. ({error})"
        raise ProviderError(ErrorKind.AUTH, text, host=host) from None
    return credentials


def hush() -> None:
    """Keep what the SDK and google-auth warn and log of off the screen that the app draws on."""
    from google.genai.errors import ExperimentalWarning

    warnings.filterwarnings("ignore", module=r"google\.(genai|auth)")
    # This one is laid at our own door.
    warnings.filterwarnings("ignore", category=ExperimentalWarning)
    for name in ("google_genai", "google.auth"):
        logger = logging.getLogger(name)
        if not logger.handlers:
            # Python prints what nobody handles.
            logger.addHandler(logging.NullHandler())
