"""How often a job is looked at."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to look, in seconds: at first, later, and at most after errors."""

    first: float
    later: float
    slowest: float

    def next(self, looks: int, errors: int, asked: float = 0.0) -> float:
        """The pause before the next look, with jitter so that many followers do not march in step.

        `asked` is what the service wants to be left alone for, which counts up to the slowest pace.
        """
        pause = self.first if looks < 12 else self.later
        if errors:
            pause = min(self.slowest, pause * 2**errors)
        return max(pause * random.uniform(0.9, 1.1), min(asked, self.slowest))


FREE_PACE = Pace(first=0.5, later=1.0, slowest=10.0)
PAID_PACE = Pace(first=5.0, later=30.0, slowest=300.0)
