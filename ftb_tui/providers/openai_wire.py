"""The adapter for services that speak the OpenAI wire, on the openai SDK's async client.

Two paths. The control path (files, jobs, events) is the typed client, with its own retries off: a repeated creation
would be a second paid job. The answering path posts to `/chat/completions` over the SDK's aiohttp transport and reads
the reply itself, which costs a third of the typed call's time. An adapter belongs to the event loop it is used in.
"""

from __future__ import annotations

import codecs
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from ftb_tui.providers import azure_management
from ftb_tui.providers import openai_deploying as deploying
from ftb_tui.providers import openai_reading as reading
from ftb_tui.providers.base import (
    Answer,
    AskRequest,
    Deployment,
    ErrorKind,
    JobEvent,
    JobRequest,
    ProviderError,
    RemoteCheckpoint,
    RemoteJob,
    RemoteModel,
)
from ftb_tui.providers.dialect import Dialect
from ftb_tui.providers.failures import cleaned, provider_errors
from ftb_tui.providers.hosts import is_openai_host
from ftb_tui.providers.openai_asking import Asking
from ftb_tui.providers.openai_batches import OpenAIBatches
from ftb_tui.providers.settings import secret_texts
from ftb_tui.providers.trusted import reaching

if TYPE_CHECKING:
    import openai

_T = TypeVar("_T")

CONTROL_TIMEOUT = 60.0
UPLOAD_TIMEOUT = 600.0
ANSWER_TIMEOUT = 600.0
MAX_PAGES = 200
_PAGE = 100


class OpenAIWire:
    """One service, spoken to in its dialect. Implements `Provider`."""

    def __init__(
        self,
        name: str,
        dialect: Dialect,
        base_url: str,
        api_key: str,
        *,
        job_body: Mapping[str, object] | None = None,
        deploy: Mapping[str, object] | None = None,
    ) -> None:
        self.name = name
        self.dialect = dialect
        self.capabilities = dialect.capabilities
        parts = urlsplit(base_url)
        self.host = f"{parts.scheme}://{parts.netloc}"
        self._is_openai = dialect.org_headers and is_openai_host(parts.hostname)
        self._job_body = dict(job_body or {})
        self._deploy = dict(deploy or {})
        self._base_url = base_url
        self._key = api_key
        self._secrets = (api_key, *secret_texts(self._job_body))
        self._asking = Asking(dialect, self.host, api_key, self._answers)
        self._control: openai.AsyncOpenAI | None = None
        self._answering: openai.AsyncOpenAI | None = None

    def __repr__(self) -> str:
        return f"OpenAIWire({self.name!r}, host={self.host!r})"

    def _client(self) -> openai.AsyncOpenAI:
        if self._control is None:
            import openai

            self._control = self._with_headers(
                openai.AsyncOpenAI(
                    base_url=self._base_url,
                    api_key=self._key,
                    max_retries=0,
                    timeout=CONTROL_TIMEOUT,
                    http_client=openai.DefaultAsyncHttpxClient(**reaching(self._base_url)),
                )
            )
        return self._control

    def _answers(self) -> openai.AsyncOpenAI:
        if self._answering is None:
            import httpx2
            import openai

            most = self.capabilities.max_concurrency + 8
            transport = openai.DefaultAioHttpClient(
                limits=httpx2.Limits(max_connections=most, max_keepalive_connections=most), **reaching(self._base_url)
            )
            self._answering = self._with_headers(
                openai.AsyncOpenAI(
                    base_url=self._base_url,
                    api_key=self._key,
                    max_retries=0,
                    timeout=ANSWER_TIMEOUT,
                    http_client=transport,
                )
            )
        return self._answering

    def _with_headers(self, client: openai.AsyncOpenAI) -> openai.AsyncOpenAI:
        if not self._is_openai:
            # The SDK takes all of these from the environment and would send them to anybody.
            client.organization = None
            client.project = None
            client._custom_headers = {}
        return client

    async def _call(self, call: Callable[[openai.AsyncOpenAI], Awaitable[_T]], what: str) -> _T:
        """One control call, whose answer must be one of the SDK's objects and not a page of HTML."""
        with provider_errors(self.host, *self._secrets):
            answer = await call(self._client())
        import pydantic

        if not isinstance(answer, pydantic.BaseModel):
            start = cleaned(str(answer), *self._secrets)[:200]
            raise ProviderError(ErrorKind.BAD_RESPONSE, f"{self.host} answered {what} with {start!r}", host=self.host)
        return answer

    async def _pages(
        self, call: Callable[[openai.AsyncOpenAI, dict[str, Any]], Awaitable[Any]], what: str, known: frozenset[str]
    ) -> list[Any]:
        """Items of a list in the service's order, up to a page that holds a known one.

        Pages by hand: the SDK's own paging never ends on a server that leaves out `has_more` and ignores `after`.
        """
        items: list[Any] = []
        seen: set[str] = set()
        after: str | None = None
        for _ in range(MAX_PAGES):
            parameters: dict[str, Any] = {"limit": _PAGE, **({"after": after} if after else {})}
            page = await self._call(partial(_swapped, call, parameters), what)
            data = getattr(page, "data", None)
            listed = data if isinstance(data, list) else []
            fresh = [item for item in listed if reading.text(getattr(item, "id", None)) and item.id not in seen]
            items += fresh
            seen |= {item.id for item in fresh}
            met_known = any(item.id in known for item in fresh)
            if not fresh or met_known or getattr(page, "has_more", None) is not True:
                break
            after = fresh[-1].id
        return items

    async def list_models(self) -> list[RemoteModel]:
        """Every model that the key may use."""
        page = await self._call(lambda client: _awaited(client.models.list()), "the list of models")
        data = getattr(page, "data", None)
        models = [
            model for model in (data if isinstance(data, list) else []) if reading.text(getattr(model, "id", None))
        ]
        return [
            RemoteModel(
                name=model.id,
                owned_by=str(getattr(model, "owned_by", "") or ""),
                created_at=reading.number(getattr(model, "created", None)),
                shutdown_date=getattr(model, "shutdown_date", None),
            )
            for model in models
        ]

    async def upload_training_file(self, content: bytes, *, filename: str) -> str:
        """Send a JSONL file and return its id. Some services give it no status, so none is waited for."""
        if self.dialect.byte_order_mark:
            content = codecs.BOM_UTF8 + content
        parts_above = self.dialect.upload_in_parts_above
        if parts_above is not None and len(content) > parts_above:
            return await self._upload_in_parts(content, filename)
        file = await self._call(
            lambda client: client.files.create(file=(filename, content), purpose="fine-tune", timeout=UPLOAD_TIMEOUT),
            "the upload",
        )
        if getattr(file, "status", None) == "error":
            why = getattr(file, "status_details", None) or "without saying why"
            raise ProviderError(ErrorKind.INVALID_REQUEST, f"{self.host} refused the file: {why}", host=self.host)
        return reading.id_of(file, self.host, "the upload")

    async def _upload_in_parts(self, content: bytes, filename: str) -> str:
        upload = await self._call(
            lambda client: client.uploads.upload_file_chunked(
                file=content, filename=filename, bytes=len(content), mime_type="application/jsonl", purpose="fine-tune"
            ),
            "the upload in parts",
        )
        file = getattr(upload, "file", None)
        if getattr(upload, "status", None) != "completed" or file is None:
            raise ProviderError(
                ErrorKind.BAD_RESPONSE, f"{self.host} did not complete the upload: {upload.status}", host=self.host
            )
        return reading.id_of(file, self.host, "the upload in parts")

    async def read_file(self, file_id: str) -> bytes:
        """A file's bytes as the service keeps them."""
        with provider_errors(self.host, *self._secrets):
            content = await self._client().files.content(file_id)
            return content.content

    async def create_job(self, request: JobRequest) -> RemoteJob:
        """Create a job, tagged with the intent's id. One request, whatever happens."""
        body = creation_body(self.dialect, request)
        extra = {**self.dialect.additions(request.base_model), **self._job_body}
        job = await self._call(
            lambda client: client.fine_tuning.jobs.create(**body, extra_body=extra or None), "the creation of the job"
        )
        return self._job(job)

    async def find_jobs(self, tag: str) -> list[RemoteJob]:
        """Jobs that carry this tag. The filter is applied here as well: not every server knows it."""
        return [job for job in await self._jobs(metadata={"ftb_intent": tag}) if job.tag == tag]

    async def jobs_of_file(self, file_id: str) -> list[RemoteJob]:
        """Jobs that train on this file: for services that do not keep the tag."""
        return [job for job in await self._jobs() if job.training_file == file_id]

    async def _jobs(self, **filters: Any) -> list[RemoteJob]:
        jobs = await self._pages(
            lambda client, page: _awaited(client.fine_tuning.jobs.list(**filters, **page)),
            "the list of jobs",
            frozenset(),
        )
        return [self._job(job) for job in jobs]

    async def newest_jobs(self, limit: int) -> list[RemoteJob]:
        """The newest jobs that the key may see, one page."""
        page = await self._call(lambda client: _awaited(client.fine_tuning.jobs.list(limit=limit)), "the list of jobs")
        return [self._job(job) for job in getattr(page, "data", None) or []]

    async def job_quota(self) -> str:
        """How many jobs may run, in the service's own figures; '' where it does not say."""
        if not self.dialect.quota_path:
            return ""
        try:
            with provider_errors(self.host, *self._secrets):
                answer = await self._client().get(self.dialect.quota_path, cast_to=object)
        except ProviderError:
            return ""
        return reading.quota_words(answer)

    async def get_job(self, job_id: str) -> RemoteJob:
        """The job as it is now."""
        return self._job(await self._call(lambda client: client.fine_tuning.jobs.retrieve(job_id), "the job"))

    async def cancel_job(self, job_id: str) -> RemoteJob:
        """Ask for cancellation."""
        return self._job(await self._call(lambda client: client.fine_tuning.jobs.cancel(job_id), "the cancellation"))

    async def pause_job(self, job_id: str) -> RemoteJob:
        """Ask for a pause."""
        return self._job(await self._call(lambda client: client.fine_tuning.jobs.pause(job_id), "the pause"))

    async def resume_job(self, job_id: str) -> RemoteJob:
        """Let a paused job go on."""
        return self._job(await self._call(lambda client: client.fine_tuning.jobs.resume(job_id), "the resumption"))

    async def list_events(self, job_id: str, *, known: frozenset[str] = frozenset()) -> list[JobEvent]:
        """Events that are not known yet, oldest first (the wire has them newest first, in no sure order)."""
        items = await self._pages(
            lambda client, page: _awaited(client.fine_tuning.jobs.list_events(job_id, **page)), "the events", known
        )
        events = [reading.event_of(item, self._secrets) for item in items if item.id not in known]
        events.reverse()
        return reading.in_order(events)

    async def list_checkpoints(self, job_id: str) -> list[RemoteCheckpoint]:
        """Checkpoints, oldest first."""
        items = await self._pages(
            lambda client, page: _awaited(client.fine_tuning.jobs.checkpoints.list(job_id, **page)),
            "the checkpoints",
            frozenset(),
        )
        found = [reading.checkpoint_of(item, self.dialect, job_id) for item in items]
        return sorted((c for c in found if c is not None), key=lambda checkpoint: checkpoint.step)

    def _job(self, job: Any) -> RemoteJob:
        return reading.job_of(job, self.dialect, self.host, self._secrets)

    def parameters(self, request: AskRequest) -> dict[str, Any]:
        """The body of a question but for model and messages; this is what is recorded with every response."""
        return self._asking.parameters(request)

    async def ask(self, request: AskRequest) -> Answer:
        """One answer, read from the reply without the typed layer."""
        return await self._asking.ask(request)

    def batching(self) -> OpenAIBatches:
        """The service's batches, over the control path."""
        return OpenAIBatches(
            self.host, self._key, self._asking, call=self._call, pages=self._pages, read=self.read_file
        )

    async def deploy(self, model: str, *, name: str, base_model: str) -> Deployment:
        """Have a tuned model or checkpoint deployed."""
        if self.dialect.deployment == "arm":
            return await azure_management.deploy(self._azure(), model, name)
        with provider_errors(self.host, *self._secrets):
            return await deploying.deploy(self._client(), self.dialect, model, name=name, base_model=base_model)

    async def deployment(self, name: str) -> Deployment:
        """The deployment as it is now."""
        if self.dialect.deployment == "arm":
            return await azure_management.look(self._azure(), name)
        with provider_errors(self.host, *self._secrets):
            return await deploying.look(self._client(), self.dialect, name)

    async def find_deployments(self, model: str, *, name: str) -> list[Deployment]:
        """What there is by that name (Azure), or of that model, too (Nebius)."""
        if self.dialect.deployment == "arm":
            return await azure_management.find(self._azure(), name)
        with provider_errors(self.host, *self._secrets):
            return await deploying.find(self._client(), self.dialect, model, name=name)

    def deploys_at(self) -> str:
        """Its host; at Azure the account."""
        return self._azure().place if self.dialect.deployment == "arm" else self.host

    async def undeploy(self, name: str) -> None:
        """Take the deployment away."""
        if self.dialect.deployment == "arm":
            await azure_management.undeploy(self._azure(), name)
            return
        with provider_errors(self.host, *self._secrets):
            await deploying.undeploy(self._client(), self.dialect, name)

    def _azure(self) -> azure_management.AzureAccount:
        return azure_management.azure_account(self._deploy, self.name)

    async def close(self) -> None:
        """Give back connections."""
        for client in (self._control, self._answering):
            if client is not None:
                await client.close()
        self._control = self._answering = None


def creation_body(dialect: Dialect, request: JobRequest) -> dict[str, Any]:
    """The body that creates a job, hyperparameters where this service reads them."""
    asked = {
        "n_epochs": request.n_epochs,
        "batch_size": request.batch_size,
        "learning_rate_multiplier": request.learning_rate_multiplier,
        "beta": request.beta if request.method == "dpo" else None,
    }
    chosen = {name: value for name, value in asked.items() if value is not None}
    hyperparameters = {**dialect.hyperparameter_defaults, **chosen}
    optional: dict[str, Any] = {
        "validation_file": request.validation_file,
        "seed": request.seed,
        "suffix": request.suffix,
    }
    body: dict[str, Any] = {
        "model": request.base_model,
        "training_file": request.training_file,
        "metadata": {"ftb_intent": request.tag},
        **{name: value for name, value in optional.items() if value is not None},
    }
    if dialect.hyperparameters == "top":
        return {**body, "hyperparameters": hyperparameters}
    return {**body, "method": {"type": request.method, request.method: {"hyperparameters": hyperparameters}}}


async def _swapped(
    call: Callable[[openai.AsyncOpenAI, dict[str, Any]], Awaitable[Any]],
    parameters: dict[str, Any],
    client: openai.AsyncOpenAI,
) -> Any:
    return await call(client, parameters)


async def _awaited(pages: Any) -> Any:
    return await pages
