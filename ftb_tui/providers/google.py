"""The adapter for Google's Agent Platform (Vertex AI): jobs, tuned models and base models of one project.

Jobs live in the tuning region, tuned models often in a multi-region, base models at `global`: three hosts, and the
name of every resource says which. Nothing here repeats a request; the SDK's own repeats are off.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from ftb_tui.providers import google_access
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
from ftb_tui.providers.google_access import GoogleAccess
from ftb_tui.providers.google_answering import ThinkingSwitches, ask_gemini, generation_config
from ftb_tui.providers.google_failures import google_errors
from ftb_tui.providers.google_settings import (
    AGENT_PLATFORM_ABLE,
    STORAGE_HOST,
    GoogleSettings,
    location_of,
    platform_host,
    training_problems,
)
from ftb_tui.providers.google_storage import download, upload
from ftb_tui.providers.google_tuning import TAG, job_events, remote_checkpoints, remote_job

if TYPE_CHECKING:
    from google import genai
    from google.genai import types

_T = TypeVar("_T")

MAX_PAGES = 200
_PAGE = 100


class AgentPlatform:
    """One Google Cloud project. Implements `Provider`."""

    def __init__(self, name: str, settings: GoogleSettings) -> None:
        self.name = name
        self.settings = settings
        self.capabilities = AGENT_PLATFORM_ABLE
        self.host = platform_host(settings.region or settings.base_location, settings.endpoint)
        self._access = GoogleAccess(settings)
        self._switches = ThinkingSwitches()

    def __repr__(self) -> str:
        return f"AgentPlatform({self.name!r}, host={self.host!r})"

    async def _call(self, location: str, call: Callable[[genai.Client], Awaitable[_T]]) -> _T:
        """One control call in a location."""
        client = await self._access.control(location)
        host = platform_host(location, self.settings.endpoint)
        # The transport's own limit begins anew with every byte that comes.
        with google_errors(host, self._access.secrets):
            async with asyncio.timeout(google_access.CONTROL_TIMEOUT):
                return await call(client)

    def jobs_at(self) -> str:
        """The project's region: a host may serve them all."""
        return f"{self.host}/projects/{self.settings.project}/locations/{self.settings.region}"

    def _require_training(self) -> None:
        missing = training_problems(self.settings, f"providers.{self.name}")
        if missing:
            text = f"{self.name} cannot tune yet. It needs {'; '.join(missing)}."
            raise ProviderError(ErrorKind.INVALID_REQUEST, text, host=self.host)

    async def list_models(self) -> list[RemoteModel]:
        """Google's own models, and the tuned models of this project's jobs in the tuning region."""
        pages = await self._pages(
            self.settings.base_location,
            lambda client, page: client.aio.models.list(config=_base_models(page)),
        )
        names = [str(model.name or "").rpartition("/")[2] for model in pages]
        models = [RemoteModel(name=name, owned_by="google") for name in names if name.startswith("gemini")]
        if not training_problems(self.settings, ""):
            # An account may be allowed to ask models and not to see jobs.
            with contextlib.suppress(ProviderError):
                tuned = [job.tuned_model for job in await self._jobs() if job.tuned_model]
                models += [RemoteModel(name=name, owned_by=self.settings.project) for name in tuned]
        return models

    async def permissions(self) -> str:
        """Where base models are asked, and whether this account sees the jobs of the tuning region."""
        place = f"project {self.settings.project}, base models at {self.settings.base_location}"
        missing = training_problems(self.settings, f"providers.{self.name}")
        if missing:
            return f"answers ({place}); to tune it needs {'; '.join(missing)}"
        try:
            await self._call(self.settings.region, lambda client: client.aio.tunings.list(config={"page_size": 1}))
        except ProviderError as error:
            return f"answers ({place}); it does not tune in {self.settings.region}: {error.message}"
        return f"trains in {self.settings.region} with files in gs://{self.settings.bucket}, and answers ({place})"

    async def upload_training_file(self, content: bytes, *, filename: str) -> str:
        """Put a JSONL file into the bucket and return its `gs://` address."""
        self._require_training()
        return await upload(
            self._access.http(),
            content,
            host=self.settings.endpoint or STORAGE_HOST,
            bucket=self.settings.bucket,
            name=f"ftb/{filename}",
            headers=await self._access.headers(),
            secrets=self._access.secrets,
        )

    async def create_job(self, request: JobRequest) -> RemoteJob:
        """Create a supervised tuning job, labelled with the intent's id. One request, whatever happens."""
        self._require_training()
        if request.n_epochs is None:
            text = (
                "The number of epochs must be given: Google's default can be many times what was meant, and is billed."
            )
            raise ProviderError(ErrorKind.INVALID_REQUEST, text, host=self.host)
        if request.batch_size is not None:
            text = "Gemini models are tuned with a batch size of Google's choice; leave --batch-size out."
            raise ProviderError(ErrorKind.INVALID_REQUEST, text, host=self.host)
        # First, so that a slow import or a missing credential fails before anything is sent.
        await self._access.control(self.settings.region)
        from google.genai import types

        # An object and not a dict: of a dict the SDK silently drops some settings.
        config = types.CreateTuningJobConfig(
            epoch_count=request.n_epochs,
            learning_rate_multiplier=request.learning_rate_multiplier,
            tuned_model_display_name=request.suffix or f"ftb-{request.tag[:8]}",
            validation_dataset=types.TuningValidationDataset(gcs_uri=request.validation_file)
            if request.validation_file
            else None,
            labels={TAG: request.tag},
        )
        job = await self._call(
            self.settings.region,
            lambda client: client.aio.tunings.tune(
                base_model=request.base_model,
                training_dataset=types.TuningDataset(gcs_uri=request.training_file),
                config=config,
            ),
        )
        return remote_job(self._checked(job))

    def _checked(self, job: types.TuningJob) -> types.TuningJob:
        """The job, if it really is one: the SDK makes one of any JSON object."""
        if not job.name or "/tuningJobs/" not in job.name:
            text = f"{self.host} answered with something that is not a tuning job (its name is {job.name!r})"
            raise ProviderError(ErrorKind.BAD_RESPONSE, text, host=self.host)
        return job

    async def find_jobs(self, tag: str) -> list[RemoteJob]:
        """Jobs whose label carries this tag. All are listed and told apart here: the service's filter is not relied on."""
        return [job for job in await self._jobs() if job.tag == tag]

    async def jobs_of_file(self, file_id: str) -> list[RemoteJob]:
        """Jobs that train on this `gs://` file."""
        return [job for job in await self._jobs() if job.training_file == file_id]

    async def read_file(self, file_id: str) -> bytes:
        """The bytes of a `gs://` file, in whichever bucket."""
        return await download(
            self._access.http(),
            file_id,
            host=self.settings.endpoint or STORAGE_HOST,
            headers=await self._access.headers(),
            secrets=self._access.secrets,
        )

    async def _jobs(self) -> list[RemoteJob]:
        found = await self._pages(
            self.settings.region,
            lambda client, page: client.aio.tunings.list(config=page),
        )
        return [remote_job(job) for job in found if job.name]

    async def _pages(self, location: str, call: Callable[[genai.Client, Any], Awaitable[Any]]) -> list[Any]:
        """All items of a list. Pages by hand: the SDK's own paging never ends where a token repeats."""
        items: list[Any] = []
        tokens: set[str] = set()
        token: str | None = None
        for _ in range(MAX_PAGES):
            asked: dict[str, object] = {"page_size": _PAGE, **({"page_token": token} if token else {})}
            page = await self._call(location, lambda client, asked=asked: call(client, asked))  # type: ignore[misc]
            items += page.page
            token = page.config.get("page_token")
            if not token or token in tokens:
                break
            tokens.add(token)
        return items

    async def _job(self, job_id: str) -> types.TuningJob:
        location = location_of(job_id)
        if location is None or "/tuningJobs/" not in job_id:
            text = f"{job_id!r} is no job of Google's; one looks like projects/P/locations/L/tuningJobs/N."
            raise ProviderError(ErrorKind.NOT_FOUND, text, host=self.host)
        return self._checked(await self._call(location, lambda client: client.aio.tunings.get(name=job_id)))

    async def get_job(self, job_id: str) -> RemoteJob:
        """The job as it is now. `job_id` is its full name, which says its region."""
        return remote_job(await self._job(job_id))

    async def cancel_job(self, job_id: str) -> RemoteJob:
        """Ask for cancellation, then ask for the job: the answer to a cancellation is empty."""
        await self._job(job_id)
        location = location_of(job_id) or self.settings.region
        await self._call(location, lambda client: client.aio.tunings.cancel(name=job_id))
        return await self.get_job(job_id)

    async def pause_job(self, job_id: str) -> RemoteJob:
        """Not offered by this service."""
        raise self._unpausable()

    async def resume_job(self, job_id: str) -> RemoteJob:
        """Not offered by this service."""
        raise self._unpausable()

    def _unpausable(self) -> ProviderError:
        return ProviderError(ErrorKind.INVALID_REQUEST, "Google's tuning jobs cannot be paused.", host=self.host)

    async def list_events(self, job_id: str, *, known: frozenset[str] = frozenset()) -> list[JobEvent]:
        """What the job says of itself that is not known yet (see `google_tuning`)."""
        return [event for event in job_events(await self._job(job_id)) if event.event_id not in known]

    async def list_checkpoints(self, job_id: str) -> list[RemoteCheckpoint]:
        """The model after each epoch; known when the job is through."""
        return remote_checkpoints(await self._job(job_id))

    def parameters(self, request: AskRequest) -> dict[str, object]:
        """The generation config that a question is sent with."""
        return generation_config(request, self._switches.of(request.model))

    async def ask(self, request: AskRequest) -> Answer:
        """One answer, from where the model is served: its name says so, base models are at the base location."""
        location = location_of(request.model) or self.settings.base_location
        client = await self._access.answering(location)
        host = platform_host(location, self.settings.endpoint)
        return await ask_gemini(client, request, self._switches, host=host, secrets=self._access.secrets)

    async def close(self) -> None:
        """Give back connections."""
        await self._access.close()
        # aiohttp closes its sockets in the next turn of the loop.
        await asyncio.sleep(0)


def _base_models(page: dict[str, Any]) -> types.ListModelsConfig:
    from google.genai import types

    return types.ListModelsConfig(query_base=True, **page)
