"""Many questions sent as one file and answered within a day, for half the price, where a service offers that."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from ftb_tui.providers.base import Answer, AskRequest, ProviderError

MOST_LINES = 50_000
MOST_BYTES = 190_000_000
"""Below the 200 MB that a batch's file may have."""


class BatchState(StrEnum):
    """What a batch is doing, in our words. What is not known is `waiting`, which ends nothing."""

    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    """The file was refused as a whole; nothing was answered and nothing is billed."""
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the batch will never change again."""
        return self is not BatchState.WAITING


@dataclass(frozen=True, slots=True)
class RemoteBatch:
    """A batch as the service describes it now. `tag` is the intent's UUID."""

    batch_id: str
    state: BatchState
    raw_state: str
    tag: str | None = None
    input_file: str | None = None
    answered: int = 0
    failed: int = 0
    total: int = 0
    output_file: str | None = None
    error_file: str | None = None
    error: str | None = None
    """Why it failed as a whole, in the service's words."""


@dataclass(frozen=True, slots=True)
class BatchLine:
    """What came of one question: an answer, an error of its own, or neither if the batch ended before it was asked."""

    custom_id: str
    answer: Answer | None = None
    error: ProviderError | None = None


class Batching(Protocol):
    """The batches of one service. Every method raises `ProviderError` and nothing else."""

    def line(self, custom_id: str, request: AskRequest) -> str:
        """One question as a line of a batch's file, asked as the model wants to be asked, as far as that is known."""
        ...

    async def upload(self, content: bytes, *, filename: str) -> str:
        """Send a batch's file and return its id at the service."""
        ...

    async def create(self, tag: str, file_id: str, *, model: str) -> RemoteBatch:
        """Create a batch. Sent exactly once, never repeated by any layer below."""
        ...

    async def find(self, tag: str) -> list[RemoteBatch]:
        """Batches that carry this tag, to reconcile after an unclear answer."""
        ...

    async def get(self, batch_id: str) -> RemoteBatch:
        """The batch as it is now."""
        ...

    async def cancel(self, batch_id: str) -> RemoteBatch:
        """Ask for its end; what was answered by then can still be read."""
        ...

    async def results(self, batch: RemoteBatch) -> list[BatchLine]:
        """Everything that came of an ended batch, in no sure order."""
        ...

    async def delete_file(self, file_id: str) -> None:
        """Take an uploaded file away, so that no batch can be made of it any more."""
        ...


@runtime_checkable
class OffersBatches(Protocol):
    """A service that answers in batches (see `Capabilities.batches`)."""

    def batching(self) -> Batching:
        """Its batches."""
        ...
