"""A job that waits for weights says why, once for each reason."""

from __future__ import annotations

import threading
from pathlib import Path

from ftb_tui.engine.attempts import attempt
from ftb_tui.engine.loading import WeightsMissingError
from ftb_tui.engine.records import JobRecord, Records


def test_a_job_that_waits_for_weights_says_why_once_for_each_reason(tmp_path: Path) -> None:
    records = Records(tmp_path / "engine.db")
    records.add_job(
        JobRecord(0, "ftjob-1", 1.0, None, "smollm2-135m", "file-1", None, None, 1, {}, {}, "queued", None, None, None)
    )
    changed = threading.Event()
    changed.set()
    for reason in ("cut off", "cut off", "missing", "cut off"):

        def work(reason: str = reason) -> None:
            raise WeightsMissingError(f"The weights are {reason}.")

        attempt(records, "ftjob-1", work, failed_as="server_error", changed=changed)
    assert [event.message for event in records.events("ftjob-1")] == [
        "The weights are missing.",
        "The weights are cut off.",
    ]
    records.close()
