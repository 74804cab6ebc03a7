"""How many questions are asked at once: grows until the service says stop, then gives way a little."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

COOL_DOWN = 15.0
LONGEST_WAIT = 120.0
"""Seconds that a service may have us wait before we ask again."""

SPACING = 0.001
"""Seconds between the starts of two questions. Those that start together are answered together, and then each waits
for the processor behind the others, round after round; `benchmarks/evaluate.py` measures what that costs."""


class AdaptiveLimit:
    """Concurrency for one provider and model.

    Doubles for every clean round until the first 429; each episode of 429s multiplies it by 0.8 and opens a
    cool-down (or the service's Retry-After), after which it grows by 5% a round. 5xx answers hold growth.
    """

    def __init__(self, *, start: int, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._most = most
        self._limit = float(min(start, most))
        self._slow_start = True
        self._active = 0
        self._clean = 0
        self._quiet_until = 0.0
        self._wait_until = 0.0
        self._next_start = 0.0
        self._freed = asyncio.Event()

    @property
    def limit(self) -> int:
        """Questions that may be under way now."""
        return max(1, int(self._limit))

    async def __aenter__(self) -> None:
        while True:
            now = self._clock()
            if now < self._wait_until:
                await asyncio.sleep(self._wait_until - now)
            elif self._active < self.limit:
                self._active += 1
                start = max(now, self._next_start)
                self._next_start = start + SPACING
                if start > now:
                    try:
                        await asyncio.sleep(start - now)
                    except asyncio.CancelledError:
                        await self.__aexit__()
                        raise
                return
            else:
                self._freed.clear()
                await self._freed.wait()

    async def __aexit__(self, *error: object) -> None:
        self._active -= 1
        self._freed.set()

    def answered(self) -> None:
        """A clean answer came."""
        self._clean += 1
        if self._clean < self.limit or self._clock() < self._quiet_until:
            return
        self._clean = 0
        self._limit = min(self._most, self._limit * (2.0 if self._slow_start else 1.05))
        self._freed.set()

    def limited(self, retry_after: float | None) -> None:
        """The service answered 429. Several within one cool-down are one episode."""
        now = self._clock()
        self._clean = 0
        pause = COOL_DOWN if retry_after is None else min(retry_after, LONGEST_WAIT)
        if retry_after is not None:
            self._wait_until = max(self._wait_until, now + pause)
        if now >= self._quiet_until:
            self._limit = max(1.0, self._limit * 0.8)
            self._slow_start = False
        self._quiet_until = max(self._quiet_until, now + pause)

    def troubled(self) -> None:
        """The service answered 5xx or not at all: no growth for a while."""
        self._clean = 0
        self._quiet_until = max(self._quiet_until, self._clock() + COOL_DOWN)
