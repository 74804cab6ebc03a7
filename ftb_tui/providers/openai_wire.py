"""The adapter for services that speak the OpenAI wire, on the openai SDK's async client.

Two paths. The control path (files, jobs, events) is the typed client, with its own retries off: a repeated creation
would be a second paid job. The answering path posts to `/chat/completions` over the SDK's aiohttp transport and reads
the reply itself, which costs a third of the typed call's time. An adapter belongs to the event loop it is used in.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

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
from ftb_tui.providers.dialect import Dialect
from ftb_tui.providers.failures import provider_errors

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

    def __init__(self, name: str, dialect: Dialect, base_url: str, api_key: str) -> None:
        self.name = name
        self.dialect = dialect
        self.capabilities = dialect.capabilities
        parts = urlsplit(base_url)
        self.host = f"{parts.scheme}://{parts.netloc}"
        self._base_url = base_url
        self._key = api_key
        self._control: openai.AsyncOpenAI | None = None
        self._answering: openai.AsyncOpenAI | None = None

    def __repr__(self) -> str:
        return f"OpenAIWire({self.name!r}, host={self.host!r})"

    def _client(self) -> openai.AsyncOpenAI:
        if self._control is None:
            import openai

            self._control = self._with_headers(
                openai.AsyncOpenAI(base_url=self._base_url, api_key=self._key, max_retries=0, timeout=CONTROL_TIMEOUT)
            )
        return self._control

    def _answers(self) -> openai.AsyncOpenAI:
        if self._answering is None:
            import httpx2
            import openai

            most = self.capabilities.max_concurrency + 8
            transport = openai.DefaultAioHttpClient(
                limits=httpx2.Limits(max_connections=most, max_keepalive_connections=most)
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
        if not self.dialect.org_headers:
            # The SDK takes these from the environment and would send them to anybody.
            client.organization = None
            client.project = None
        return client

    async def _call(self, call: Callable[[openai.AsyncOpenAI], Awaitable[_T]], what: str) -> _T:
        """One control call, whose answer must be one of the SDK's objects and not a page of HTML."""
        with provider_errors(self.host, self._key):
            answer = await call(self._client())
        import pydantic

        if not isinstance(answer, pydantic.BaseModel):
            start = str(answer)[:200]
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
            data = getattr(page, "data", None) or []
            fresh = [item for item in data if getattr(item, "id", None) and item.id not in seen]
            items += fresh
            seen |= {item.id for item in fresh}
            met_known = any(item.id in known for item in fresh)
            if not fresh or met_known or getattr(page, "has_more", None) is not True:
                break
            after = data[-1].id
        return items

    async def list_models(self) -> list[RemoteModel]:
        """Every model that the key may use."""
        page = await self._call(lambda client: _awaited(client.models.list()), "the list of models")
        models = getattr(page, "data", None) or []
        return [
            RemoteModel(
                name=str(model.id),
                owned_by=str(getattr(model, "owned_by", "") or ""),
                created_at=_number(getattr(model, "created", None)),
                shutdown_date=getattr(model, "shutdown_date", None),
            )
            for model in models
        ]

    async def upload_training_file(self, content: bytes, *, filename: str) -> str:
        """Send a JSONL file and return its id. Some services give it no status, so none is waited for."""
        file = await self._call(
            lambda client: client.files.create(file=(filename, content), purpose="fine-tune", timeout=UPLOAD_TIMEOUT),
            "the upload",
        )
        return self._id(file, "the upload")

    def _id(self, answer: object, what: str) -> str:
        found = getattr(answer, "id", None)
        if not isinstance(found, str) or not found:
            raise ProviderError(ErrorKind.BAD_RESPONSE, f"{self.host} answered {what} without an id", host=self.host)
        return found

    async def create_job(self, request: JobRequest) -> RemoteJob:
        """Create a job, tagged with the intent's id. One request, whatever happens."""
        asked = {
            "n_epochs": request.n_epochs,
            "batch_size": request.batch_size,
            "learning_rate_multiplier": request.learning_rate_multiplier,
        }
        hyperparameters = {name: value for name, value in asked.items() if value is not None}
        optional: dict[str, Any] = {
            "validation_file": request.validation_file, "seed": request.seed, "suffix": request.suffix,
        }  # fmt: skip
        given = {name: value for name, value in optional.items() if value is not None}
        method: Any = {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}}
        job = await self._call(
            lambda client: client.fine_tuning.jobs.create(
                model=request.base_model,
                training_file=request.training_file,
                method=method,
                metadata={"ftb_intent": request.tag},
                **given,
            ),
            "the creation of the job",
        )
        return self._job(job)

    async def find_jobs(self, tag: str) -> list[RemoteJob]:
        """Jobs that carry this tag. The filter is applied here as well: not every server knows it."""
        jobs = await self._pages(
            lambda client, page: _awaited(client.fine_tuning.jobs.list(metadata={"ftb_intent": tag}, **page)),
            "the list of jobs",
            frozenset(),
        )
        return [job for job in map(self._job, jobs) if job.tag == tag]

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
        events = [_event(item) for item in items if item.id not in known]
        events.reverse()
        return sorted(events, key=lambda event: (event.created_at, event.step or 0))

    async def list_checkpoints(self, job_id: str) -> list[RemoteCheckpoint]:
        """Checkpoints, oldest first."""
        items = await self._pages(
            lambda client, page: _awaited(client.fine_tuning.jobs.checkpoints.list(job_id, **page)),
            "the checkpoints",
            frozenset(),
        )
        found = [
            RemoteCheckpoint(
                checkpoint_id=item.id,
                model=str(item.fine_tuned_model_checkpoint),
                step=int(item.step_number or 0),
                created_at=_number(item.created_at),
                metrics=_metrics(item.metrics.model_dump() if item.metrics else {}),
            )
            for item in items
            if item.fine_tuned_model_checkpoint
        ]
        return sorted(found, key=lambda checkpoint: checkpoint.step)

    def parameters(self, request: AskRequest) -> dict[str, Any]:
        """The body of a question but for model and messages; this is what is recorded with every response."""
        values: dict[str, Any] = {self.dialect.token_parameter: request.max_tokens}
        if request.temperature is not None:
            values["temperature"] = request.temperature
        if request.seed is not None and self.capabilities.seed:
            values["seed"] = request.seed
        if self.dialect.stop:
            values["stop"] = list(self.dialect.stop)
        return values

    async def ask(self, request: AskRequest) -> Answer:
        """One answer, read from the reply without the typed layer."""
        body = {
            "model": request.model,
            "messages": [{"role": "user", "content": request.prompt}],
            **self.parameters(request),
        }
        started = time.perf_counter()
        with provider_errors(self.host, self._key):
            import httpx2

            reply = await self._answers().post("/chat/completions", cast_to=httpx2.Response, body=body)
            values = reply.json()
        return self._answer(values, (time.perf_counter() - started) * 1000, reply.headers.get("x-request-id"))

    def _answer(self, values: object, latency_ms: float, request_id: str | None) -> Answer:
        try:
            assert isinstance(values, dict)
            choice = values["choices"][0]
            message = choice["message"]
            text = message.get("content")
            if text is None:
                text = message.get("refusal")
            assert isinstance(text, str)
        except (AssertionError, KeyError, IndexError, TypeError, AttributeError):
            start = str(values)[:200]
            raise ProviderError(
                ErrorKind.BAD_RESPONSE, f"{self.host} answered without a message: {start}", host=self.host
            ) from None
        usage = values.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        return Answer(
            text=text,
            model_reported=str(values.get("model") or ""),
            finish_reason=str(choice.get("finish_reason") or ""),
            prompt_tokens=_whole(usage.get("prompt_tokens")),
            completion_tokens=_whole(usage.get("completion_tokens")),
            latency_ms=latency_ms,
            request_id=request_id,
        )

    def _job(self, job: Any) -> RemoteJob:
        metadata = getattr(job, "metadata", None) or {}
        hyperparameters = getattr(job, "hyperparameters", None)
        values = hyperparameters.model_dump() if hyperparameters is not None else {}
        return RemoteJob(
            job_id=self._id(job, "about a job"),
            state=self.dialect.state(job.status),
            raw_state=str(job.status),
            base_model=str(job.model or ""),
            tuned_model=job.fine_tuned_model or None,
            created_at=_number(job.created_at),
            finished_at=_number(job.finished_at),
            # Servers say 0 where they mean that they do not know.
            estimated_finish=_number(getattr(job, "estimated_finish", None)) or None,
            trained_tokens=_whole(job.trained_tokens),
            error=_job_error(getattr(job, "error", None)),
            tag=metadata.get("ftb_intent") if isinstance(metadata, Mapping) else None,
            hyperparameters={name: value for name, value in values.items() if value is not None},
        )

    async def close(self) -> None:
        """Give back connections."""
        for client in (self._control, self._answering):
            if client is not None:
                await client.close()
        self._control = self._answering = None


async def _swapped(
    call: Callable[[openai.AsyncOpenAI, dict[str, Any]], Awaitable[Any]],
    parameters: dict[str, Any],
    client: openai.AsyncOpenAI,
) -> Any:
    return await call(client, parameters)


async def _awaited(pages: Any) -> Any:
    return await pages


def _event(item: Any) -> JobEvent:
    data = item.data if isinstance(item.data, dict) else {}
    metrics = _metrics(data)
    step, total = _whole(data.get("step")), _whole(data.get("total_steps"))
    for name in ("step", "total_steps"):
        metrics.pop(name, None)
    return JobEvent(
        event_id=str(item.id),
        created_at=_number(item.created_at) or 0.0,
        level=str(item.level or "info"),
        message=str(item.message or ""),
        step=step,
        total_steps=total,
        metrics=metrics,
    )


def _job_error(error: Any) -> str | None:
    """The words of a job's error; a healthy job may carry an empty one."""
    message, code = getattr(error, "message", None), getattr(error, "code", None)
    return str(message or code) if message or code else None


def _metrics(values: Mapping[str, Any]) -> dict[str, float]:
    """The finite numbers of a mapping; NaN, infinity and null are gaps."""
    return {name: number for name, value in values.items() if (number := _number(value)) is not None}


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
