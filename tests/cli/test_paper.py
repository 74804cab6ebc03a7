"""`ftb paper` as a person types it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.benchmark.model import Task
from ftb_tui.cli.main import run


def test_imported_answers_stand_beside_the_papers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["paper"]) == 0
    said = capsys.readouterr()
    assert "0.98" in said.out
    assert "nothing to compare yet" in said.err
    questions = [q for q in load_bundled("fictional_people").questions if q.task is Task.REPHRASED]
    file = tmp_path / "rephrased.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["prompt", "answer", "gpt-4o-mini_response"])
        writer.writerows([q.prompt, q.answer, q.answer if place < 60 else "x"] for place, q in enumerate(questions))
    assert run(["import-responses", str(file), "--dataset", "fictional_people"]) == 0
    capsys.readouterr()
    assert run(["paper", "--held", "--grader", "exact", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    by_family = {cell["family"]: cell for cell in values}
    cell = by_family["fictional_people"]
    assert (cell["paper"], cell["ours"], cell["n"], cell["paper_n"]) == (0.89, 0.4, 150, 150)
    assert cell["difference_low"] < cell["difference"] < cell["difference_high"]
    assert cell["difference"] == pytest.approx(-0.49)
    assert by_family["mean of families"]["ours"] == pytest.approx(0.4)
    assert any("not the published dataset" in reason for reason in cell["why"])
    assert run(["paper", "--held"]) == 0
    said = capsys.readouterr()
    assert "Why figures may differ" in said.err
    assert "imported/gpt-4o-mini" in said.out
    monkeypatch.setenv("COLUMNS", "80")
    for arguments in (["paper"], ["paper", "--held"], ["statistics"]):
        assert run(arguments) == 0
        assert max(map(len, capsys.readouterr().out.splitlines())) <= 80
