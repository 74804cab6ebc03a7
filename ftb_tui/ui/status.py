"""The line that says where the running benchmark is."""

from __future__ import annotations

from ftb_tui.providers.base import JobState
from ftb_tui.report.numbers import duration
from ftb_tui.report.plain import one_line
from ftb_tui.work.bench import BenchProgress

_NAMES = {"prepare": "preparing", "train": "training", "base": "asking the base", "tuned": "asking the tuned model"}
_PAUSED = "paused; r on Jobs lets it go on"


def bench_status(progress: BenchProgress) -> str:
    """One line for the status bar."""
    name = _NAMES.get(progress.phase, progress.phase)
    parts = [f" Benchmark: {name}"]
    begun = bool(progress.total and progress.done)
    if begun:
        parts.append(f"{_bar(progress.done, progress.total)} {progress.done}/{progress.total}")
    is_paused = progress.detail == JobState.PAUSED
    if is_paused:
        parts.append(_PAUSED)
    elif progress.detail not in ("", name, JobState.RUNNING if begun else ""):
        parts.append(one_line(progress.detail, 40))
    if progress.loss is not None:
        parts.append(f"loss {progress.loss:.3f}")
    if progress.phase == "train" and progress.base_total:
        parts.append(f"base asked {progress.base_done}/{progress.base_total}")
    if progress.eta_seconds is not None and not is_paused:
        parts.append(f"{duration(progress.eta_seconds)} left in this phase")
    return " · ".join(parts)


def _bar(done: int, total: int, width: int = 10) -> str:
    filled = round(width * done / total)
    return "━" * filled + "─" * (width - filled)
