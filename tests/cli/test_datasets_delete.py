"""`ftb datasets delete` and `restore`: nothing is lost, nothing goes without a yes."""

from __future__ import annotations

import json

import pytest

from ftb_tui.cli.main import run


def listed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    assert run(["datasets", "list", "--json"]) == 0
    return [entry["dataset"] for entry in json.loads(capsys.readouterr().out)]


def test_a_deleted_dataset_is_found_no_more_until_it_is_restored(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["datasets", "build", "fictional-people", "--seed", "7", "--people", "8", "--json"]) == 0
    built = json.loads(capsys.readouterr().out)
    assert run(["datasets", "delete", built["dataset_id"]]) == 2, "nobody is there to say yes"
    assert built["dataset"] in listed(capsys)
    assert run(["datasets", "delete", built["dataset_id"], "--yes"]) == 0
    assert "datasets restore" in capsys.readouterr().err
    assert run(["datasets", "restore", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [built["dataset_id"]]
    assert run(["datasets", "export", built["dataset_id"], "nowhere"]) == 2
    assert run(["datasets", "restore", built["dataset_id"]]) == 0
    assert built["dataset"] in listed(capsys)
    assert run(["datasets", "restore", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_what_is_bundled_or_unknown_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["datasets", "show", "medical"]) == 0
    assert run(["datasets", "delete", "medical", "--yes"]) == 2
    assert "bundled with ftb and stays" in capsys.readouterr().err
    assert run(["datasets", "restore", "nobody"]) == 2
    assert "deleted are: none" in capsys.readouterr().err
