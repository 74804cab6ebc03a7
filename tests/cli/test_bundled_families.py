"""Every bundled family is listed, shown and run through the whole benchmark on the embedded engine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftb_tui.benchmark.load import bundled_names, load_bundled
from ftb_tui.engine.tiny import write_tiny_model
from ftb_tui.work.local_engine import stop_engine
from tests.cli.conftest import Ftb


@pytest.fixture
def tiny_engine(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The command starts the engine itself, with a tiny model that learns next to nothing."""
    monkeypatch.setenv("FTB_WEIGHTS", str(write_tiny_model(tmp_path / "tiny.gguf")))
    yield
    stop_engine()


def test_every_bundled_family_is_listed_with_its_tasks(ftb: Ftb) -> None:
    listed = {entry["dataset"]: entry for entry in ftb("datasets", "list", "--json").json}
    assert {"fictional_people", "latest_news", "medical"} <= set(listed) == set(bundled_names())
    assert listed["latest_news"]["tasks"] == {"memorization": 64, "rephrased": 64, "date_changed": 64}
    assert listed["medical"]["tasks"] == {"memorization": 82, "vignette": 82}


def test_medical_is_shown_with_its_warning_first(ftb: Ftb) -> None:
    lines = ftb("datasets", "show", "medical").out.splitlines()
    assert "not medical advice" in next(line for line in lines[1:] if line.strip())


@pytest.mark.parametrize("dataset", ["latest_news", "medical"])
def test_a_quick_benchmark_asks_24_questions_of_each_task(ftb_process: Ftb, tiny_engine: None, dataset: str) -> None:
    tasks = [str(task) for task in load_bundled(dataset).tasks]
    done = ftb_process("bench", "--dataset", dataset, "--quick", "--epochs", "1")
    assert done.code == 0, done.said
    for kind in ("base", "tuned"):
        asked = re.findall(rf"\({kind}\) +(\w+) +(\d+) ", done.out)
        assert asked == [(task, "24") for task in tasks]
    # What it tells to look at next is a task that was asked.
    [hinted] = re.findall(r"--task (\w+)", done.err)
    assert hinted in tasks
