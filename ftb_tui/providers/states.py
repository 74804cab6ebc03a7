"""The states of jobs in sentences."""

from __future__ import annotations

from ftb_tui.providers.base import JobState

_ENDS = {
    JobState.SUCCEEDED: "has succeeded",
    JobState.PARTIAL: "has succeeded in part",
    JobState.FAILED: "has failed",
    JobState.CANCELLED: "was cancelled",
    JobState.EXPIRED: "has expired",
}
_WAYS = {
    JobState.PREPARING: "is being prepared",
    JobState.CANCELLING: "is being cancelled",
    JobState.UNKNOWN: "is in a state that ftb does not know",
}


def told(state: JobState) -> str:
    """What a job does or how it has ended, as the rest of a sentence that begins with the job."""
    return _ENDS.get(state) or _WAYS.get(state) or f"is {state}"
