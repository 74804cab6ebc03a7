"""Result rows for tests of reports; their figures were computed by hand."""

from __future__ import annotations

from typing import Any

from ftb_tui.store.results import ResultRow


def row(**changes: Any) -> ResultRow:
    """A base model's row; give what differs."""
    values: dict[str, Any] = {
        "dataset": "people", "family": "fictional_people", "provider": "local", "model": "smollm2-135m", "kind": "base",
        "base_model": "smollm2-135m", "epoch": None, "task": "memorization", "grader": "choice", "n": 24, "correct": 0,
        "failed": 0, "score": 0.0, "low": 0.0, "high": 0.138, "base_score": None, "fixed": None, "broken": None,
        "p_value": None, "abstained": 0, "planned": 24, "model_key": 1, "dataset_id": "people@1", "evaluation_key": 1,
    }  # fmt: skip
    return ResultRow(**{**values, **changes})


TUNED: dict[str, Any] = {
    "model": "ft:smollm2-135m:ftb:demo:0a1b2c3d", "kind": "tuned", "epoch": 12, "base_score": 0.0, "broken": 0, "paired": 24,
    "model_key": 2, "evaluation_key": 2, "test": "exact McNemar",
}  # fmt: skip
ROWS = [
    row(),
    row(**TUNED, correct=23, score=23 / 24, low=0.798, high=0.993, fixed=23, p_value=2.4e-07),
    row(**TUNED, task="rephrased", correct=12, score=0.5, low=0.314, high=0.686, fixed=12, p_value=0.0004883, failed=2),
]
