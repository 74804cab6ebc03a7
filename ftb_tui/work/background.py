"""An event loop in a thread of its own, so that work never slows a screen."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

_T = TypeVar("_T")


class BackgroundLoop:
    """Runs coroutines away from the caller's loop. Close it to cancel what is left."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._submitted: set[asyncio.Task[Any]] = set()
        self._thread = threading.Thread(target=self._run, name="work", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    def submit(self, work: Coroutine[Any, Any, _T]) -> Future[_T]:
        """Start a coroutine; its result or error is in the future."""
        return asyncio.run_coroutine_threadsafe(self._known(work), self._loop)

    async def _known(self, work: Coroutine[Any, Any, _T]) -> _T:
        task = asyncio.current_task()
        assert task is not None
        self._submitted.add(task)
        try:
            return await work
        finally:
            self._submitted.discard(task)

    def close(self, last: Coroutine[Any, Any, None] | None = None, timeout: float = 5.0) -> None:
        """Cancel what was submitted, wait for it, run `last`, and end the thread. Nothing is submitted afterwards."""
        with contextlib.suppress(TimeoutError):
            self.finish().exception(timeout)
            if last is not None:
                self.submit(last).exception(timeout)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout)

    def finish(self) -> Future[None]:
        """Cancel what was submitted; done when all of it has ended. Asked again, whatever still waits is told again."""
        return self.submit(self._cancel_all())

    async def _cancel_all(self) -> None:
        """Cancel what was submitted, which ends its own parts in its own way, and then what it left."""
        for tasks in (self._submitted.copy, asyncio.all_tasks):
            others = tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
