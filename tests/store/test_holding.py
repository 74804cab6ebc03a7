"""Who holds by a name lives as long as its process."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ftb_tui.store import holding


def test_names_that_threads_of_one_process_take_at_the_same_moment_all_live(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As long as the first of them is at it the others come.
    monkeypatch.setattr(holding, "_sweep", lambda folder: time.sleep(0.05))
    with ThreadPoolExecutor(8) as threads:
        owners = list(threads.map(lambda _: holding.new_owner(), range(8)))
    assert len(set(owners)) == 8
    assert len({owner.split("/")[1] for owner in owners}) == 1
    assert not any(holding.is_dead(owner) for owner in owners)
