"""A program that is killed in the middle of a batch."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.fakes.openai_server import FakeOpenAI, disconnect
from tests.work.batching.plans import CREATE


@pytest.mark.parametrize("moment", ["upload", "before", "after", "results"])
def test_a_program_killed_at_any_moment_of_a_batch_asks_nothing_twice(
    service: FakeOpenAI, home: Path, moment: str
) -> None:
    command = [sys.executable, "-m", "ftb_tui", "evaluate"]
    first = [
        "--yes",
        "--model",
        "gpt-fake",
        "--provider",
        "fake",
        "--dataset",
        "fictional_people",
        "--limit",
        "5",
        "--batch",
    ]
    running = subprocess.Popen([*command, *first], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    async def kill(request: object) -> object:
        os.kill(running.pid, signal.SIGKILL)
        return await disconnect(request)  # type: ignore[arg-type]

    if moment == "after":
        service.batching.after_create.append(kill)
    elif moment == "results":
        # The content of the output file: the batch's own file is the first, this one the second.
        service.faults["GET /files/file-2/content"].append(kill)
    else:
        service.faults["POST /files" if moment == "upload" else CREATE].append(kill)
    service.batching.steps = ["validating"]
    assert running.wait(60) == -signal.SIGKILL
    with sqlite3.connect(home / "data" / "ftb.db") as db:
        [(intent,)] = db.execute("SELECT intent FROM batches").fetchall()
        assert intent == {"upload": "intended", "before": "sent", "after": "sent", "results": "confirmed"}[moment]
        # Long ago, so that nobody needs to wait until a late creation would be listed.
        db.execute("UPDATE batches SET sent_at = sent_at - 3600")
        db.execute("UPDATE evaluations SET lease_until = 0")
    assert len(service.batching.batches) == (moment in ("after", "results"))
    until = time.monotonic() + 60
    done = subprocess.run([*command, "--resume", "1", "--yes"], capture_output=True, text=True, timeout=90)
    assert (done.returncode, time.monotonic() < until) == (0, True), done.stderr
    assert len(service.batching.batches) == 1
    asked = Counter(service.asked + service.batching.asked)
    assert len(asked) == 20
    assert set(asked.values()) == {1}, "not even the first one"
    with sqlite3.connect(home / "data" / "ftb.db") as db:
        assert db.execute("SELECT count(*), count(answer) FROM responses").fetchone() == (20, 20)
