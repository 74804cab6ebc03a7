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

    def next(self, looks: int, errors: int) -> float:
        """The pause before the next look, with jitter so that many followers do not march in step."""
        pause = self.first if looks < 12 else self.later
        if errors:
            pause = min(self.slowest, pause * 2**errors)
        return pause * random.uniform(0.9, 1.1)


FREE_PACE = Pace(first=0.5, later=1.0, slowest=10.0)
PAID_PACE = Pace(first=5.0, later=30.0, slowest=300.0)
