"""How long a job still takes, and on what ground that is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ftb_tui.report.numbers import duration

NEWEST = 40
"""So many steps say how fast a job is now; older ones were perhaps slower, while something else ran."""


@dataclass(frozen=True, slots=True)
class Eta:
    """Seconds that are left, negative when they are over, and whose word that is."""

    seconds: float
    basis: str

    @property
    def short(self) -> str:
        """For a table's cell; a tilde where we reckoned ourselves."""
        if self.seconds < 0:
            return f"{duration(-self.seconds)} over"
        return f"{'~' if self.basis != SERVICE else ''}{duration(self.seconds)}"

    @property
    def sentence(self) -> str:
        """For the lines about a job."""
        if self.seconds < 0:
            return f"should have ended {duration(-self.seconds)} ago ({self.basis})"
        return f"about {duration(self.seconds)} left ({self.basis})"


SERVICE = "the service's estimate"


def eta(
    estimated_finish: float | None,
    steps: Sequence[tuple[int, float]],
    total_steps: int | None,
    now: float,
) -> Eta | None:
    """What is left of a running job: the service's own estimate, else by the pace of its newest steps.

    `steps` are (step, when it was done in seconds since 1970), by step; None where neither says anything.
    """
    if estimated_finish is not None:
        return Eta(estimated_finish - now, SERVICE)
    newest = steps[-NEWEST:]
    if not total_steps or len(newest) < 2 or newest[-1][0] >= total_steps:
        return None
    done, took = newest[-1][0] - newest[0][0], newest[-1][1] - newest[0][1]
    if done <= 0 or took <= 0:
        return None
    end = newest[-1][1] + (total_steps - newest[-1][0]) * took / done
    # Past that moment the pace has changed, and nothing is known of the new one.
    return None if end < now else Eta(end - now, f"by the pace of the last {done} steps")
