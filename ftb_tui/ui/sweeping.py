"""When Python looks through all of its objects for cycles that nobody needs any more.

By itself it does so whenever enough new ones have come together, and stands still for a tenth of a second: a key that
comes then is seen late. So the app chooses the moment: while nobody presses keys, and only if that never comes, anyway.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

NEVER = 1_000_000_000
IDLE_SECONDS = 1.5
"""So long without a key, and nobody is taken to be about to press the next."""
SHARE = 100.0
"""At least so many times as long as the last sweep took lies between two."""
SHORTEST, LONGEST = 10.0, 30.0
"""Seconds between two sweeps: at least, and at most where keys never pause."""


class Sweeper:
    """Takes over from Python in this process. Young objects are looked through as always, in a few milliseconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._swept_at = clock()
        self._took = 0.0
        self._first = True
        young, middle, *_ = gc.get_threshold()
        gc.set_threshold(young, middle, NEVER)

    def is_due(self, idle: float) -> bool:
        """Whether to sweep now, after so many seconds without a key."""
        waited = self._clock() - self._swept_at
        return waited >= LONGEST or (idle >= IDLE_SECONDS and waited >= max(SHORTEST, SHARE * self._took))

    def sweep(self) -> None:
        """Look through all objects. What is there at the first time stays, and is never looked through again."""
        began_at = self._clock()
        gc.collect()
        if self._first:
            gc.freeze()
            self._first = False
        self._swept_at = self._clock()
        self._took = self._swept_at - began_at
