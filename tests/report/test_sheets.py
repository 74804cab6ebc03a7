"""What is written from a screen opens anywhere, has everything in it, and obeys nothing that a model said."""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiosqlite
import pytest

from ftb_tui.benchmark.load import DatasetError
from ftb_tui.report.changes import history_sheet
from ftb_tui.report.compared import comparison_object, comparison_sheet
from ftb_tui.report.learned import learning_sheet
from ftb_tui.report.paper import paper_cells, paper_sheet
from ftb_tui.report.sheets import ReadTable, Sheet, sheet_bytes
from ftb_tui.store.comparing import compare, compared_answers
from ftb_tui.store.curves import learning_curves
from ftb_tui.store.database import open_store
from ftb_tui.store.history import history
from ftb_tui.store.results import results
from tests.demo import fill_demo_store
from tests.demo_history import ask_again

HOSTILE = "=1+1|`\r\n\x1b[31m\u202e\x00 \\input{x} [@click=app.quit]é\ud800"


@pytest.fixture
async def db() -> AsyncIterator[aiosqlite.Connection]:
    opened = await open_store()
    await fill_demo_store(opened)
    yield opened
    await opened.close()


def written(sheet: Sheet, ending: str) -> str:
    return sheet_bytes(Path(f"x.{ending}"), sheet).decode()


def spreadsheet(sheet: Sheet) -> list[dict[str, str]]:
    return list(csv.DictReader(written(sheet, "csv").splitlines(keepends=True)))


def test_hostile_text_is_obeyed_in_no_format_and_whole_in_json() -> None:
    sheet = Sheet(
        HOSTILE, [HOSTILE], [ReadTable(HOSTILE, ("said",), [(HOSTILE,)])], [{"said": HOSTILE}], {"said": HOSTILE}
    )
    for ending in ("csv", "json", "md", "tex"):
        text = written(sheet, ending)
        assert not any(letter in text for letter in "\x1b\u202e\x00")
    assert json.loads(written(sheet, "json")) == {"said": HOSTILE}
    [row] = spreadsheet(sheet)
    assert row["said"].startswith("'=1+1")
    markdown = written(sheet, "md").splitlines()
    assert markdown[-1].startswith(r"| =1+1\|\`") and markdown[-1].count(" |") == 1
    assert len(markdown) == 9, "no line of it is the model's own"
    latex = written(sheet, "tex")
    assert r"\textbackslash{}input\{x\}" in latex
    assert all(line.startswith(("%", "\\", "said", "=1+1")) for line in latex.splitlines() if line)


def test_rows_with_other_names_stand_in_one_table() -> None:
    sheet = Sheet("", (), (), [{"a": 1, "b": None}, {"b": ["x", "y"], "c": 0.25}], None)
    assert spreadsheet(sheet) == [{"a": "1", "b": "", "c": ""}, {"a": "", "b": "x, y", "c": "0.25"}]


def test_another_ending_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(DatasetError, match=r"\.csv, \.json, \.md, \.tex"):
        sheet_bytes(Path("x.xlsx"), Sheet("", (), (), [], None))


async def test_a_comparison_has_its_figures_and_every_question_of_the_cell(db: aiosqlite.Connection) -> None:
    rows = {row.kind: row for row in await results(db) if row.task == "rephrased"}
    a, b = rows["tuned"], rows["base"]
    which = {"after": a.evaluation_key, "before": b.evaluation_key, "task": "rephrased", "grader": "choice"}
    found = await compare(db, **which)  # type: ignore[arg-type]
    questions = await compared_answers(db, **which, cell="after", limit=-1)  # type: ignore[arg-type]
    sheet = comparison_sheet(a, b, found, "after", questions)
    table = spreadsheet(sheet)
    assert len(table) == found.after == 16
    assert {(row["a"], row["fixed"], row["cell"]) for row in table} == {(a.model, "16", "fixed")}
    assert [row["a_said"] for row in table] == [one.after for one in questions]
    assert [row["b_said"] for row in table] == [one.before for one in questions]
    whole = json.loads(written(sheet, "json"))
    assert whole.items() >= comparison_object(a, b, found).items()
    assert [row["id"] for row in whole["questions"]] == [row["question_id"] for row in table]
    markdown = written(sheet, "md")
    assert "| B wrong | 16 | 8 |" in markdown
    assert "exact McNemar p <.001 (16 against 0 of 24): A is better" in markdown
    assert markdown.count("I am not sure about that.") + markdown.count("| No. |") == 16
    # The figures are there where the cell has no question, too.
    [figures] = spreadsheet(comparison_sheet(a, b, found, "before", []))
    assert figures["neither"] == "8"


async def test_changes_have_what_people_said_beside_them(db: aiosqlite.Connection) -> None:
    await ask_again(db)
    sheet = history_sheet(await history(db, since=None))
    table = spreadsheet(sheet)
    assert [row["change"] for row in table] == ["score"] * 12 + ["people's verdicts"]
    assert (table[-1]["answers"], table[-1]["fixed"], table[-1]["taken_back"]) == ("1", "1", "0")
    assert len(json.loads(written(sheet, "json"))["changes"]) == 12
    assert "judged by hand: 1 answer" in written(sheet, "md")
    assert written(sheet, "tex").count(r"fictional\_people") == 12


async def test_curves_and_the_papers_figures_have_a_line_for_each(db: aiosqlite.Connection) -> None:
    curves = await learning_curves(db, 1, (await results(db))[0].dataset_id)
    sheet = learning_sheet(curves, "people", "choice")
    assert {(row["kind"], row["task"], row["n"]) for row in spreadsheet(sheet)} == {
        (kind, task, "24")
        for kind in ("base", "tuned")
        for task in ("memorization", "rephrased", "secondary", "comparison")
    }
    assert "What no knowledge would score on secondary" in written(sheet, "md")
    cells = paper_cells(await results(db), {}, grader="choice")
    sheet = paper_sheet(cells, "choice")
    assert len(spreadsheet(sheet)) == len(json.loads(written(sheet, "json"))) == len(cells)
    assert "another model than any of the paper's" in written(sheet, "md")
