"""The answering thread: concurrent questions to the same model become one batch."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ftb_tui.engine.interface import Generation, GenerationCancelled, GenerationRequest
from ftb_tui.engine.loading import ModelLoader
from ftb_tui.engine.memory import give_back

log = logging.getLogger("ftb.engine")

_COLLECT_SECONDS = 0.01
MAX_BATCH = 64


@dataclass(slots=True, eq=False)
class _Pending:
    adapter: Path | None
    request: GenerationRequest
    future: asyncio.Future[Generation]
    loop: asyncio.AbstractEventLoop
    cancelled: bool = field(default=False)


class Answering:
    """Collects requests from the server's loop and answers them in its own thread."""

    def __init__(self, loader: ModelLoader) -> None:
        self._loader = loader
        self._waiting: list[_Pending] = []
        self._condition = threading.Condition()
        self._ending = False
        self._under_way = 0
        self._ended_at: float | None = None
        self._thread = threading.Thread(target=self._loop, name="answering", daemon=True)

    def start(self) -> None:
        """Begin answering."""
        self._thread.start()

    def stop(self) -> None:
        """End within a step; what still waits is dropped."""
        with self._condition:
            self._ending = True
            for pending in self._waiting:
                pending.cancelled = True
            self._condition.notify()
        self._thread.join()

    @property
    def busy(self) -> bool:
        """Whether anything is asked and not answered."""
        return self._under_way > 0

    @property
    def idle_seconds(self) -> float | None:
        """How long ago the last answer was given, 0 while one is under way; None where nothing was asked yet."""
        if self.busy:
            return 0.0
        return None if self._ended_at is None else time.monotonic() - self._ended_at

    @contextmanager
    def asked(self) -> Iterator[None]:
        """For as long as a question is being seen to, from the moment that it came. Called in the server's loop."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            self._ended_at = time.monotonic()

    async def answer(self, adapter: Path | None, request: GenerationRequest) -> Generation:
        """The answer of the base (no adapter) or a tuned model. Cancelling the caller drops the request."""
        loop = asyncio.get_running_loop()
        pending = _Pending(adapter, request, loop.create_future(), loop)
        with self._condition:
            self._waiting.append(pending)
            self._condition.notify()
        try:
            return await pending.future
        finally:
            pending.cancelled = True

    def _loop(self) -> None:
        while True:
            with self._condition:
                while not self._waiting and not self._ending:
                    self._condition.wait()
                if self._ending:
                    return
            if len(self._waiting) < MAX_BATCH:
                time.sleep(_COLLECT_SECONDS)
            batch = self._take()
            if batch:
                self._answer(batch)
                give_back()

    def _take(self) -> list[_Pending]:
        """The oldest request and those for the same model, up to a batch."""
        with self._condition:
            waiting = [pending for pending in self._waiting if not pending.cancelled]
            batch = [pending for pending in waiting if pending.adapter == waiting[0].adapter][:MAX_BATCH]
            taken = set(map(id, batch))
            self._waiting = [pending for pending in waiting if id(pending) not in taken]
        return batch

    def _answer(self, batch: list[_Pending]) -> None:
        from ftb_tui.engine.generation import generate

        def cancelled() -> bool:
            return self._ending or all(pending.cancelled for pending in batch)

        try:
            model = self._loader.model()
            adapter = None if batch[0].adapter is None else self._loader.adapter(batch[0].adapter)
            answers = generate(model, adapter, [pending.request for pending in batch], cancelled)
        except GenerationCancelled:
            return
        except Exception as error:
            for pending in batch:
                pending.loop.call_soon_threadsafe(_fail, pending.future, error)
            return
        for pending, answer in zip(batch, answers, strict=True):
            pending.loop.call_soon_threadsafe(_succeed, pending.future, answer)


def _succeed(future: asyncio.Future[Generation], answer: Generation) -> None:
    if not future.done():
        future.set_result(answer)


def _fail(future: asyncio.Future[Generation], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
