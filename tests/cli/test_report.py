"""`ftb report` as a person types it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Ftb


def test_a_folder_is_written_once_and_replaced_only_when_told(
    ftb: Ftb, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = ftb("report")
    assert done.code == 0
    assert done.out.splitlines()[0] == str(Path("ftb-report") / "report.html")
    assert all(Path(line).is_file() for line in done.out.splitlines())
    (tmp_path / "ftb-report" / "report.html").write_text("mine")
    refused = ftb("report")
    assert refused.code == 2
    assert "report.html" in refused.err
    assert (tmp_path / "ftb-report" / "report.html").read_text() == "mine"
    assert ftb("report", "--yes").code == 0
    assert "<svg" in (tmp_path / "ftb-report" / "report.html").read_text(encoding="utf-8")


def test_a_name_that_ends_in_html_is_the_page_alone(ftb: Ftb, demo: Path, tmp_path: Path) -> None:
    page = tmp_path / "deep" / "page.html"
    done = ftb("report", str(page), "--grader", "exact", "--json")
    assert (done.code, done.json) == (0, [str(page)])
    assert [file.name for file in page.parent.iterdir()] == ["page.html"]
    assert "graded by exact" in page.read_text(encoding="utf-8")
    assert ftb("report", str(page)).code == 2


def test_what_cannot_be_written_is_named(ftb: Ftb, demo: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = ftb("report", str(tmp_path / "file"))
    assert done.code == 2
    assert "is a file, not a folder" in done.err
    done = ftb("report", str(tmp_path / "file" / "page.html"))
    assert done.code == 1
    assert "cannot be written" in done.err


def test_an_empty_store_gives_an_empty_report_that_says_so(ftb: Ftb, tmp_path: Path) -> None:
    done = ftb("report", str(tmp_path / "page.html"))
    assert done.code == 0
    assert "Nothing was evaluated yet" in done.err
    assert "Nothing was evaluated yet" in (tmp_path / "page.html").read_text(encoding="utf-8")
