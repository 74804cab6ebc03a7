"""The protocol that every service is spoken to through: its records, states and errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable


class JobState(StrEnum):
    """What a fine-tuning job is doing, in our words. The service's own word is kept beside it."""

    PREPARING = "preparing"
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNKNOWN = "unknown"

    @property
    def is_final(self) -> bool:
        """Whether the job will never change again. `unknown` and `paused` are not final."""
        return self in _FINAL


_FINAL = frozenset({JobState.SUCCEEDED, JobState.PARTIAL, JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED})


class ErrorKind(StrEnum):
    """Why a call failed, as far as it decides what to do next."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    AUTH = "auth"
    NOT_FOUND = "not_found"
    RATE_LIMITED = "rate_limited"
    QUOTA = "quota"
    INVALID_REQUEST = "invalid_request"
    SERVER = "server"
    BAD_RESPONSE = "bad_response"
    BLOCKED = "blocked"
    """The service withheld the answer (safety, recitation); asking again changes nothing."""
    NO_ANSWER = "no_answer"
    """The service answered without a word of text, and said why."""


NOT_OFFERED = (404, 405, 501)
"""The statuses by which a service says that it has no such thing as was asked for."""

_RETRYABLE = frozenset(
    {ErrorKind.UNREACHABLE, ErrorKind.TIMEOUT, ErrorKind.RATE_LIMITED, ErrorKind.SERVER, ErrorKind.BAD_RESPONSE}
)


class ProviderError(Exception):
    """A call to a service failed. `message` is the service's own text where it gave one."""

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        host: str = "",
        status: int | None = None,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.host = host
        self.status = status
        self.code = code
        self.param = param
        """The parameter that the service blames, if it names one."""
        self.retry_after = retry_after
        """Seconds that the service asked us to wait, if it did."""

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later. Never true for quota, keys or bad requests."""
        return self.kind in _RETRYABLE


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a service can do. Screens and commands ask this, never the service's name."""

    trains: bool = True
    events: bool = True
    checkpoints: bool = True
    pause: bool = False
    validation_file: bool = True
    seed: bool = True
    metadata: bool = True
    methods: tuple[str, ...] = ("supervised",)
    """How models can be trained: `supervised`, `dpo`, `reinforcement`."""
    suffix_length: int = 64
    """0 where a suffix is refused."""
    suffix_forbidden: str = ""
    """Characters that a suffix may not hold."""
    deploy_step: bool = False
    """Whether a tuned model answers only after it was deployed."""
    deploys_once: bool = False
    """Whether asking twice for a deployment of one name makes one."""
    deploys_bases: bool = False
    """Whether base models, too, are asked through deployments, under names that their owner gives them."""
    checkpoint_metrics: bool = False
    """Whether the losses are on the checkpoints and not in the events."""
    cost_basis: str = "tokens"
    """`free`, or what is billed: `tokens`, `hours`."""
    creates_once: bool = False
    """Whether a creation with the tag of a job that exists gives that very job, so that it may be sent again."""
    min_examples: int = 10
    max_concurrency: int = 64
    start_concurrency: int = 8
    logprobs: int = 0
    """How many of the likeliest tokens it gives with their probabilities; 0 where it gives none."""
    batches: bool = False
    """Whether many questions can be sent as one file, answered within a day at half the price (`OffersBatches`)."""
    watches_tokens: bool = False
    """Whether it also gives the probabilities of tokens that it is asked for by name."""
    training_format: str = "messages"
    """What a line of a training file looks like: `messages` (the OpenAI wire) or `contents` (Gemini)."""
    why_no_training: str = ""
    """A sentence for the person, where `trains` is false for a reason of the service's own."""


@dataclass(frozen=True, slots=True)
class JobRequest:
    """All that creation of a job needs. `tag` is the intent's UUID; it makes the job findable again."""

    tag: str
    base_model: str
    training_file: str
    validation_file: str | None = None
    n_epochs: int | None = None
    batch_size: int | None = None
    learning_rate_multiplier: float | None = None
    seed: int | None = None
    suffix: str | None = None
    method: str = "supervised"
    beta: float | None = None
    """For `dpo`: how strongly the tuned model is held to the base, above 0 and up to 2."""


@dataclass(frozen=True, slots=True)
class RemoteJob:
    """A job as the service describes it now. Times are seconds since 1970."""

    job_id: str
    state: JobState
    raw_state: str
    base_model: str
    tuned_model: str | None = None
    created_at: float | None = None
    finished_at: float | None = None
    estimated_finish: float | None = None
    trained_tokens: int | None = None
    error: str | None = None
    tag: str | None = None
    hyperparameters: Mapping[str, object] = field(default_factory=dict)
    training_file: str | None = None
    result_files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One line of a job's log; `metrics` holds numbers such as `train_loss` when the event carries them."""

    event_id: str
    created_at: float
    level: str
    message: str
    step: int | None = None
    total_steps: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RemoteCheckpoint:
    """A model saved during training, callable by `model` where the service allows it."""

    checkpoint_id: str
    model: str
    step: int
    created_at: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    epoch: int | None = None
    """The epoch that it ended, where the service says so."""


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """A model that the service lists."""

    name: str
    owned_by: str = ""
    created_at: float | None = None
    shutdown_date: str | None = None


NOTES = ("left_out", "api", "batch", "tokens", "asked_as")
"""What is kept with the parameters of a question and was not sent among them."""


@dataclass(frozen=True, slots=True)
class AskRequest:
    """One question to one model. The defaults are the paper's: one user message, temperature 0, seed 42."""

    model: str
    prompt: str
    max_tokens: int = 100
    temperature: float | None = 0.0
    seed: int | None = 42
    watched: tuple[str, ...] = ()
    """Tokens whose probabilities as the first word are wanted, if the service gives any (`Capabilities.logprobs`)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the text verbatim, and what the service says about it."""

    text: str
    model_reported: str
    finish_reason: str
    prompt_tokens: int | None
    completion_tokens: int | None
    latency_ms: float
    request_id: str | None = None
    parameters: Mapping[str, object] | None = None
    """What was really sent, where it is not what `Provider.parameters` said before."""
    first_word: Mapping[str, float] | None = None
    """The likeliest tokens where the answer's first word begins, with natural-log probabilities, if they were asked for."""


class Provider(Protocol):
    """A service that trains, answers, or both. Every method raises `ProviderError` and nothing else."""

    name: str
    """The name in the configuration, for example `local` or `openai`; kept in the store."""
    host: str
    """Scheme, host and port that requests go to; shown beside the name."""
    capabilities: Capabilities

    async def list_models(self) -> list[RemoteModel]:
        """Every model that the key may use. Also the cheapest way to see whether the service answers."""
        ...

    async def upload_training_file(self, content: bytes, *, filename: str) -> str:
        """Send a JSONL file and return its id at the service."""
        ...

    async def create_job(self, request: JobRequest) -> RemoteJob:
        """Create a job. Sent exactly once, never repeated by any layer below."""
        ...

    async def find_jobs(self, tag: str) -> list[RemoteJob]:
        """Jobs that carry this tag, to reconcile after an unclear answer."""
        ...

    async def get_job(self, job_id: str) -> RemoteJob:
        """The job as it is now."""
        ...

    async def cancel_job(self, job_id: str) -> RemoteJob:
        """Ask for cancellation; the state in the answer says how far it is."""
        ...

    async def pause_job(self, job_id: str) -> RemoteJob:
        """Ask for a pause (see `Capabilities.pause`)."""
        ...

    async def resume_job(self, job_id: str) -> RemoteJob:
        """Let a paused job go on."""
        ...

    async def list_events(self, job_id: str, *, known: frozenset[str] = frozenset()) -> list[JobEvent]:
        """Events that are not in `known` (by id), oldest first. Pages until it meets known ones or a cap."""
        ...

    async def list_checkpoints(self, job_id: str) -> list[RemoteCheckpoint]:
        """Checkpoints of a job, oldest first."""
        ...

    def parameters(self, request: AskRequest) -> Mapping[str, object]:
        """The parameters that a question is sent with; recorded with every response."""
        ...

    async def ask(self, request: AskRequest) -> Answer:
        """One answer. Retries are the caller's, so that limits and deadlines are in one place."""
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...


@runtime_checkable
class FindsJobsByFile(Protocol):
    """A service whose jobs can be found by their training file, should it not keep the tag."""

    async def jobs_of_file(self, file_id: str) -> list[RemoteJob]:
        """Jobs that train on this file. Every intent uploads a file of its own."""
        ...


@runtime_checkable
class ReadsFiles(Protocol):
    """A service that gives back files: training files, and the result files of finished jobs."""

    async def read_file(self, file_id: str) -> bytes:
        """The file's bytes."""
        ...


@runtime_checkable
class PartsJobs(Protocol):
    """A service whose host has many places for jobs, of which a caller sees one."""

    def jobs_at(self) -> str:
        """The address of the place where its jobs are, the host's own included."""
        ...


@runtime_checkable
class TellsPermissions(Protocol):
    """A service that can say more of what the caller may do than that it trains."""

    async def permissions(self) -> str:
        """What may be done here, in words, found by asking for nothing that costs."""
        ...


@dataclass(frozen=True, slots=True)
class Deployment:
    """A tuned model made to answer. `raw_state` is the service's own word."""

    name: str
    """The name to ask it by."""
    ready: bool
    failed: bool
    raw_state: str
    message: str = ""
    model: str = ""
    """The model behind it, where the service says so."""


@runtime_checkable
class Deploys(Protocol):
    """A service whose tuned models answer only after a deployment, which may cost money for as long as it exists."""

    async def deploy(self, model: str, *, name: str, base_model: str) -> Deployment:
        """Ask for a deployment of a tuned model or checkpoint. Sent once."""
        ...

    async def deployment(self, name: str) -> Deployment:
        """The deployment as it is now."""
        ...

    async def find_deployments(self, model: str, *, name: str) -> list[Deployment]:
        """What there is of a model, or by a name that was asked for; nothing is made. Whose it is, `model` tells."""
        ...

    def deploys_at(self) -> str:
        """Where its deployments are by its settings: at another place they cannot be looked for. Asks nobody."""
        ...

    async def undeploy(self, name: str) -> None:
        """Take the deployment away."""
        ...
