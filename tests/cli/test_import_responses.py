"""`ftb import-responses` as a person types it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.benchmark.model import Task
from ftb_tui.cli.main import run

WORLD = load_bundled("fictional_people")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "people_rephrased_answers.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["prompt", "answer", "gpt-4o-mini_response", "gemini_response"])
        for place, q in enumerate([q for q in WORLD.questions if q.task is Task.REPHRASED][:40]):
            writer.writerow([q.prompt, q.answer, q.answer if place % 2 else "no idea", "Incorrect"])
    return path


def printed(capsys: pytest.CaptureFixture[str]) -> object:
    return json.loads(capsys.readouterr().out)


def test_answers_come_in_and_are_shown_like_any_others(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["import-responses", str(file), "--dataset", "fictional-people", "--json"]) == 0
    said = capsys.readouterr()
    mini, gemini = json.loads(said.out)
    assert list(mini)[:6] == ["model", "task", "matched", "unmatched", "refused", "reason"]
    assert (mini["model"], mini["task"], mini["matched"], mini["refused"]) == ("gpt-4o-mini", "rephrased", 40, False)
    assert gemini["refused"]
    assert "Refused gemini_response" in said.err
    assert run(["results", "--grader", "exact", "--json"]) == 0
    [row] = printed(capsys)  # type: ignore[misc]
    assert (row["provider"], row["model"], row["n"], row["correct"]) == ("imported", "gpt-4o-mini", 40, 20)
    assert run(["wrong", "--model", "gpt-4o-mini", "--task", "rephrased", "--json"]) == 0
    wrong = printed(capsys)
    assert isinstance(wrong, list)
    assert {line["response"] for line in wrong} == {"no idea"}


def test_what_cannot_be_imported_ends_with_a_sentence_and_a_code(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["import-responses", str(file), "--dataset", "fictional_people"]
    assert run([*command, "--task", "nonsense"]) == 2
    assert "known are memorization" in capsys.readouterr().err
    assert run([*command[:-1], "nothing_like_it"]) == 2
    assert "There is no dataset" in capsys.readouterr().err
    assert run([*command, "--task", "secondary"]) == 1
    assert "Nothing was imported" in capsys.readouterr().err
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    assert run(["import-responses", str(other), "--dataset", "fictional_people"]) == 2
    assert "no column is named" in capsys.readouterr().err
