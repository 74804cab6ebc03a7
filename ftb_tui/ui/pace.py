"""When the visible screen is read from the store again, so that answers pouring in never hold up a key.

Filling a screen holds the event loop for moments, and a key that comes in such a moment waits. So the share of the time
that goes into filling is bounded, and while somebody presses keys it is smaller still.
"""

from __future__ import annotations

import time
from collections.abc import Callable

AT_REST = 4.0
IN_USE = 24.0
"""How many times as long as the last filling took the next one is put off: a key meets a filling once in so many."""
IN_USE_SECONDS = 1.0
SHORTEST, LONGEST = 0.4, 10.0


class Pace:
    """Decides for one app. Times are seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._filled_at = -LONGEST
        self._took = 0.0
        self._pressed_at = -LONGEST

    def pressed(self) -> None:
        """A key came."""
        self._pressed_at = self._clock()

    @property
    def idle(self) -> float:
        """Seconds since the last key."""
        return self._clock() - self._pressed_at

    def is_due(self) -> bool:
        """Whether what changed in the store may be shown now."""
        factor = IN_USE if self.idle < IN_USE_SECONDS else AT_REST
        return self._clock() - self._filled_at >= min(LONGEST, max(SHORTEST, factor * self._took))

    def filled(self, began_at: float) -> None:
        """A filling that began then has ended now."""
        self._filled_at = self._clock()
        self._took = self._filled_at - began_at

    def now(self) -> float:
        """The time, for `filled`."""
        return self._clock()
