"""The adapter for Gemini by plain API key: base models answer; there is nothing to tune."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING, NoReturn

from ftb_tui.providers.base import (
    Answer,
    AskRequest,
    ErrorKind,
    JobEvent,
    JobRequest,
    ProviderError,
    RemoteCheckpoint,
    RemoteJob,
    RemoteModel,
)
from ftb_tui.providers.google_access import ANSWER_TIMEOUT, hush
from ftb_tui.providers.google_answering import ThinkingSwitches, ask_gemini, generation_config
from ftb_tui.providers.google_failures import google_errors
from ftb_tui.providers.google_settings import GEMINI_ABLE, GEMINI_HOST, NO_TUNING_BY_KEY
from ftb_tui.providers.trusted import google_session, reaching

if TYPE_CHECKING:
    import aiohttp
    from google import genai

_MAX_PAGES = 20


class GeminiKey:
    """Google's Gemini API with a key. Implements `Provider`; everything about training is refused with the reason."""

    def __init__(self, name: str, key: str, endpoint: str = "") -> None:
        self.name = name
        self.host = endpoint.rstrip("/") or GEMINI_HOST
        self.capabilities = GEMINI_ABLE
        self._key = key
        self._genai: genai.Client | None = None
        self._session: aiohttp.ClientSession | None = None
        self._opening = asyncio.Lock()
        self._switches = ThinkingSwitches()

    def __repr__(self) -> str:
        return f"GeminiKey({self.name!r}, host={self.host!r})"

    def _secrets(self) -> tuple[str, ...]:
        return (self._key,)

    async def _client(self) -> genai.Client:
        async with self._opening:
            if self._genai is None:
                await asyncio.to_thread(importlib.import_module, "google.genai")
                from google import genai
                from google.genai import types

                hush()
                way = reaching(self.host)
                self._session = google_session()
                options = types.HttpOptions(
                    base_url=self.host,
                    api_version="v1beta",
                    timeout=int(ANSWER_TIMEOUT * 1000),
                    retry_options=types.HttpRetryOptions(attempts=1),
                    aiohttp_client=self._session,
                    client_args=way,
                    async_client_args={**way, "ssl": way["verify"]},
                )
                # `enterprise` is said, or a variable in the environment would send the key elsewhere.
                self._genai = genai.Client(enterprise=False, api_key=self._key, http_options=options)
        return self._genai

    async def list_models(self) -> list[RemoteModel]:
        """The models that the key may ask."""
        client = await self._client()
        names: list[str] = []
        token: str | None = None
        for _ in range(_MAX_PAGES):
            with google_errors(self.host, self._secrets):
                page = await client.aio.models.list(config={"page_size": 1000, "page_token": token})
                names += [str(model.name or "").removeprefix("models/") for model in page.page]
                following = page.config.get("page_token")
            if not following or following == token:
                break
            token = following
        return [RemoteModel(name=name, owned_by="google") for name in names if name]

    def _no_training(self) -> NoReturn:
        raise ProviderError(ErrorKind.INVALID_REQUEST, NO_TUNING_BY_KEY, host=self.host)

    async def upload_training_file(self, content: bytes, *, filename: str) -> str:
        """Refused: there is no tuning by key."""
        self._no_training()

    async def create_job(self, request: JobRequest) -> RemoteJob:
        """Refused: there is no tuning by key."""
        self._no_training()

    async def find_jobs(self, tag: str) -> list[RemoteJob]:
        """None: there is no tuning by key."""
        return []

    async def get_job(self, job_id: str) -> RemoteJob:
        """Refused: there is no tuning by key."""
        self._no_training()

    async def cancel_job(self, job_id: str) -> RemoteJob:
        """Refused: there is no tuning by key."""
        self._no_training()

    async def pause_job(self, job_id: str) -> RemoteJob:
        """Refused: there is no tuning by key."""
        self._no_training()

    async def resume_job(self, job_id: str) -> RemoteJob:
        """Refused: there is no tuning by key."""
        self._no_training()

    async def list_events(self, job_id: str, *, known: frozenset[str] = frozenset()) -> list[JobEvent]:
        """Refused: there is no tuning by key."""
        self._no_training()

    async def list_checkpoints(self, job_id: str) -> list[RemoteCheckpoint]:
        """Refused: there is no tuning by key."""
        self._no_training()

    def parameters(self, request: AskRequest) -> dict[str, object]:
        """The generation config that a question is sent with."""
        return generation_config(request, self._switches.of(request.model))

    async def ask(self, request: AskRequest) -> Answer:
        """One answer of a base model."""
        return await ask_gemini(await self._client(), request, self._switches, host=self.host, secrets=self._secrets)

    async def close(self) -> None:
        """Give back connections."""
        if self._genai is not None:
            await self._genai.aio.aclose()
            self._genai = None
            await asyncio.sleep(0)
        if self._session is not None:
            await self._session.close()
            self._session = None
