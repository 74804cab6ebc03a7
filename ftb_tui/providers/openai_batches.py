"""The Batch API of the OpenAI wire: a JSONL file of requests in, one or two JSONL files of results out."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ftb_tui.providers.base import AskRequest, ErrorKind, ProviderError
from ftb_tui.providers.batches import BatchLine, BatchState, RemoteBatch
from ftb_tui.providers.failures import cleaned, error_text, failure_kind
from ftb_tui.providers.openai_asking import Asking, answer_of
from ftb_tui.providers.openai_reading import id_of, whole

if TYPE_CHECKING:
    import openai

UPLOAD_TIMEOUT = 600.0
_STATES = {
    "completed": BatchState.COMPLETED, "failed": BatchState.FAILED, "expired": BatchState.EXPIRED,
    "cancelled": BatchState.CANCELLED,
}  # fmt: skip
# The service's words for questions that it never came to; they cost nothing and are simply still missing.
_NOT_ASKED = frozenset({"batch_expired", "batch_cancelled"})

ControlCall = Callable[["openai.AsyncOpenAI"], Awaitable[Any]]
PageCall = Callable[["openai.AsyncOpenAI", dict[str, Any]], Awaitable[Any]]


class OpenAIBatches:
    """Batches over an adapter's control path. Implements `Batching`."""

    def __init__(
        self,
        host: str,
        key: str,
        asking: Asking,
        *,
        call: Callable[[ControlCall, str], Awaitable[Any]],
        pages: Callable[[PageCall, str, frozenset[str]], Awaitable[list[Any]]],
        read: Callable[[str], Awaitable[bytes]],
    ) -> None:
        self._host, self._key, self._asking = host, key, asking
        self._call, self._pages, self._read = call, pages, read

    def line(self, custom_id: str, request: AskRequest) -> str:
        """One question as a line of a batch's file."""
        path, body = self._asking.posting(request)
        return json.dumps(
            {"custom_id": custom_id, "method": "POST", "url": f"/v1{path}", "body": body}, ensure_ascii=False
        )

    async def upload(self, content: bytes, *, filename: str) -> str:
        """Send a batch's file and return its id."""
        file = await self._call(
            lambda client: client.files.create(file=(filename, content), purpose="batch", timeout=UPLOAD_TIMEOUT),
            "the upload",
        )
        return id_of(file, self._host, "the upload")

    async def create(self, tag: str, file_id: str, *, model: str) -> RemoteBatch:
        """Create a batch, tagged with the intent's id. One request, whatever happens."""
        endpoint: Any = f"/v1{self._asking.path(model)}"
        batch = await self._call(
            lambda client: client.batches.create(
                input_file_id=file_id, endpoint=endpoint, completion_window="24h", metadata={"ftb_intent": tag}
            ),
            "the creation of the batch",
        )
        return self._batch(batch)

    async def find(self, tag: str) -> list[RemoteBatch]:
        """Batches that carry this tag. The service has no filter, so all are looked through."""
        listed = await self._pages(
            lambda client, page: _awaited(client.batches.list(**page)), "the list of batches", frozenset()
        )
        return [batch for batch in map(self._batch, listed) if batch.tag == tag]

    async def get(self, batch_id: str) -> RemoteBatch:
        """The batch as it is now."""
        return self._batch(await self._call(lambda client: client.batches.retrieve(batch_id), "the batch"))

    async def cancel(self, batch_id: str) -> RemoteBatch:
        """Ask for its end."""
        return self._batch(await self._call(lambda client: client.batches.cancel(batch_id), "the cancellation"))

    async def results(self, batch: RemoteBatch) -> list[BatchLine]:
        """The lines of the output file and of the error file. A line that cannot be read is left out: it is missing."""
        lines: list[BatchLine] = []
        for file_id in (batch.output_file, batch.error_file):
            if file_id is not None:
                content = (await self._read(file_id)).decode("utf-8", "replace")
                # Not `splitlines`: it would break at characters that stand unescaped within JSON's texts.
                lines += [line for text in content.split("\n") if (line := self._line(text)) is not None]
        return lines

    async def delete_file(self, file_id: str) -> None:
        """Take an uploaded file away; that it is gone already is well."""
        try:
            await self._call(lambda client: client.files.delete(file_id), "the deletion of a file")
        except ProviderError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise

    def _batch(self, batch: Any) -> RemoteBatch:
        metadata = getattr(batch, "metadata", None)
        counts = getattr(batch, "request_counts", None)
        return RemoteBatch(
            batch_id=id_of(batch, self._host, "about a batch"),
            state=_STATES.get(str(batch.status), BatchState.WAITING),
            raw_state=str(batch.status),
            tag=metadata.get("ftb_intent") if isinstance(metadata, dict) else None,
            input_file=_text(getattr(batch, "input_file_id", None)),
            answered=whole(getattr(counts, "completed", None)) or 0,
            failed=whole(getattr(counts, "failed", None)) or 0,
            total=whole(getattr(counts, "total", None)) or 0,
            output_file=_text(getattr(batch, "output_file_id", None)),
            error_file=_text(getattr(batch, "error_file_id", None)),
            error=_errors(getattr(batch, "errors", None), self._key),
        )

    def _line(self, text: str) -> BatchLine | None:
        try:
            values = json.loads(text)
            custom_id = values["custom_id"]
            assert isinstance(custom_id, str)
        except (ValueError, KeyError, TypeError, AssertionError):
            return None
        response, error = values.get("response"), values.get("error")
        status = response.get("status_code") if isinstance(response, dict) else None
        if not isinstance(response, dict) or not isinstance(status, int):
            code = error.get("code") if isinstance(error, dict) else None
            if code in _NOT_ASKED:
                return BatchLine(custom_id)
            said = cleaned(error_text(error, "the service gave no answer and no reason", 0), self._key)
            return BatchLine(custom_id, error=ProviderError(ErrorKind.SERVER, said, host=self._host, code=_text(code)))
        body = response.get("body")
        if status != 200:
            said = cleaned(error_text(body, f"status {status}", status), self._key)
            return BatchLine(custom_id, error=ProviderError(failure_kind(status), said, host=self._host, status=status))
        try:
            return BatchLine(custom_id, answer_of(body, self._host, 0.0, _text(response.get("request_id"))))
        except ProviderError as broken:
            return BatchLine(custom_id, error=broken)


def _errors(errors: Any, key: str) -> str | None:
    """Why a batch failed as a whole: at most three reasons, each with its line."""
    said = []
    for entry in (getattr(errors, "data", None) or [])[:3]:
        line = getattr(entry, "line", None)
        where = f"line {line}: " if line is not None else ""
        said.append(f"{where}{getattr(entry, 'message', None) or getattr(entry, 'code', None) or 'no reason given'}")
    return cleaned("; ".join(said), key) or None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


async def _awaited(pages: Any) -> Any:
    return await pages
