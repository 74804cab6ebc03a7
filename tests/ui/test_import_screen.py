"""Taking in datasets and answers from the app: looked at, corrected, stored whole or not at all."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, DataTable, Input, OptionList, Select

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.benchmark.model import Task
from ftb_tui.store.database import open_store
from ftb_tui.store.datasets import find_dataset, load_dataset
from ftb_tui.ui.screens.import_told import FIELD_WORDS
from ftb_tui.ui.widgets.path_suggester import completed
from tests.benchmark.published import all_files, write
from tests.cli.test_datasets_import import serve  # noqa: F401
from tests.ui.datasets_pilot import Snap, names, opened, says_anywhere, sizes, snap, stored
from tests.ui.pilot import shows, until

TABLE = "Frage;Gold;Notiz;Bereich\nWer singt?;Ida;x;Oper\nWer schweigt?;Jörg;y;Oper\nWer malt?;[bold]Ute;z;Haus\n"


async def give(pilot: Pilot[None], path: object) -> None:
    """Type a path into the import and press enter."""
    field = pilot.app.screen.query_one("#path", Input)
    field.focus()
    field.value = str(path)
    await pilot.pause()
    await pilot.press("enter")


async def correct(pilot: Pilot[None], column: int, field: str) -> None:
    """Say what a column is."""
    table = pilot.app.screen.query_one("#found", DataTable)
    table.focus()
    table.move_cursor(row=column)
    await pilot.press("enter")
    await until(pilot, shows(pilot, "What is the column"))
    options = pilot.app.screen.query_one(OptionList)
    options.highlighted = list(FIELD_WORDS).index(field)
    await pilot.press("enter")


def answers_file(path: Path) -> Path:
    """Answers of two models to rephrased questions, and a third column that holds verdicts."""
    asked = [question for question in load_bundled("fictional_people").questions if question.task is Task.REPHRASED]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["prompt", "answer", "small_response", "large_response", "judge_response"])
        for place, question in enumerate(asked[:20]):
            said = question.answer if place % 2 else "no idea"
            writer.writerow([question.prompt, question.answer, said, question.answer, "Incorrect"])
        writer.writerow(["Who asked this?", "nobody", "I", "we", "Correct"])
    return path


@sizes
@pytest.mark.parametrize("what", ["empty", "table", "published", "answers", "reports"])
def test_an_import_looks_as_it_did(
    snap_compare: Snap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, size: tuple[int, int]
) -> None:
    monkeypatch.chdir(tmp_path)
    asyncio.run(stored())
    (tmp_path / "lieder.csv").write_text(TABLE)
    write(tmp_path / "published", all_files())
    answers_file(tmp_path / "people_answers.csv")
    files = {"table": "lieder.csv", "published": "published"}

    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("i")
        await pilot.pause()
        if what != "empty":
            await give(pilot, files.get(what, "people_answers.csv"))
            await until(pilot, shows(pilot, "Answers of 3" if what in ("answers", "reports") else "The audit finds"))
        if what == "reports":
            await pilot.press("enter")
            await until(pilot, shows(pilot, "✗ refused"))

    assert snap(snap_compare, size, "fictional_people", steps)


async def test_a_table_is_looked_at_corrected_stored_and_chosen(tmp_path: Path) -> None:
    await stored()
    (tmp_path / "lieder.csv").write_text(TABLE)
    async with opened("fictional_people", "i") as pilot:
        await give(pilot, tmp_path / "lieder.csv")
        await until(pilot, shows(pilot, "question (guessed)"))
        await until(pilot, shows(pilot, "Wer malt?  → [bold]Ute"))
        assert "lieder" not in await names()
        await correct(pilot, 2, "question")
        await until(pilot, shows(pilot, "memorization: z  → [bold]Ute"))
        await correct(pilot, 0, "question")
        await until(pilot, shows(pilot, "Wer singt?  → Ida"))
        await correct(pilot, 3, "subject")
        await until(pilot, shows(pilot, "subject"))
        said = pilot.app.screen.query_one("#said-scroll")
        height = said.size.height
        await pilot.press("minus", "minus")
        await until(pilot, lambda: said.size.height < height)
        pilot.app.screen.query_one("#option-task", Select).value = "rephrased"
        pilot.app.screen.query_one("#option-name", Input).value = "songs"
        pilot.app.screen.query_one("#option-name", Input).focus()
        await until(pilot, shows(pilot, "3 rephrased"))
        await pilot.press("enter")
        await until(pilot, shows(pilot, "taken as songs: 3 rephrased"))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 1)
        await until(pilot, shows(pilot, "Wer schweigt?"))
    db = await open_store()
    dataset = await load_dataset(db, (await find_dataset(db, "songs")).dataset_id)
    await db.close()
    first = dataset.questions[0]
    assert (first.question, first.answer, first.task) == ("Wer singt?", "Ida", "rephrased")
    assert {fact.subject for fact in dataset.facts} == {"Oper", "Haus"}
    assert dataset.provenance is not None


async def test_a_table_without_a_known_gold_can_be_told_which_column_it_is(tmp_path: Path) -> None:
    await stored()
    (tmp_path / "own.csv").write_text("question,x1,x2\nWho sings?,low,Ida\nWho paints?,high,Ute\n")
    async with opened("fictional_people", "i") as pilot:
        await give(pilot, tmp_path / "own.csv")
        await until(pilot, says_anywhere(pilot, "is known as the answer"))
        assert pilot.app.screen.query_one("#keep", Button).disabled
        await pilot.press("ctrl+s")
        await until(pilot, shows(pilot, "There is nothing to take in yet"))
        await correct(pilot, 2, "answer")
        await until(pilot, shows(pilot, "Who sings?  → Ida"))
        await correct(pilot, 2, "")
        await until(pilot, says_anywhere(pilot, "is known as the answer"))


async def test_the_published_benchmark_is_taken_in_whole(tmp_path: Path) -> None:
    await stored()
    write(tmp_path / "published", all_files())
    async with opened("fictional_people", "i") as pilot:
        await give(pilot, tmp_path / "published")
        await until(pilot, shows(pilot, "5 datasets"))
        await until(pilot, lambda: pilot.app.screen.query_one("#keep").has_focus)
        await pilot.press("enter")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 1)
        await until(pilot, shows(pilot, "finetunebench_coding"))
    assert sum(name.startswith("finetunebench_") for name in await names()) == 5


async def test_an_archive_is_fetched_with_its_hash_and_a_broken_address_is_told(
    tmp_path: Path,
    serve: Callable[..., str],  # noqa: F811
) -> None:
    await stored()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as out:
        for name, text in all_files().items():
            out.writestr(f"Repo/datasets/{name}", text)
    whole, broken = serve(content.getvalue()), serve(b"", 404)
    async with opened("fictional_people", "i") as pilot:
        await give(pilot, broken)
        await until(pilot, says_anywhere(pilot, "answered 404"))
        await give(pilot, whole)
        await until(pilot, shows(pilot, "5 datasets"))
        await until(pilot, shows(pilot, hashlib.sha256(content.getvalue()).hexdigest()[:20]))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 1)
    db = await open_store()
    dataset = await load_dataset(db, (await find_dataset(db, "finetunebench_medical")).dataset_id)
    await db.close()
    assert dataset.provenance is not None
    assert dataset.provenance.origin == whole


async def test_answers_of_others_are_recognised_matched_and_told_by_model(tmp_path: Path) -> None:
    await stored()
    file = answers_file(tmp_path / "people_answers.csv")
    async with opened("fictional_people", "i") as pilot:
        await give(pilot, file)
        await until(pilot, shows(pilot, "Answers of 3 models, 21 rows each: small, large, judge"))
        pilot.app.screen.query_one("#option-dataset", Input).value = "nobody_has_this"
        await pilot.press("ctrl+s")
        await until(pilot, says_anywhere(pilot, "Nothing was stored. There is no dataset 'nobody_has_this'"))
        pilot.app.screen.query_one("#option-dataset", Input).value = "fictional_people"
        pilot.app.screen.query_one("#option-base", Input).value = "small"
        await pilot.press("ctrl+s")
        await until(pilot, shows(pilot, "✗ refused"))
        table = pilot.app.screen.query_one("#found", DataTable)
        rows = [[str(cell) for cell in table.get_row_at(row)] for row in range(table.row_count)]
        assert rows[0][:4] == ["small", "rephrased", "20", "1"]
        assert rows[2][0] == "judge"
        await until(pilot, says_anywhere(pilot, "Refused judge_response: the column holds verdicts"))
        await pilot.press("escape", "4")
        await until(pilot, shows(pilot, "large"))


async def test_a_path_that_is_nothing_is_told_and_nothing_is_stored(tmp_path: Path) -> None:
    await stored()
    (tmp_path / "torn.csv").write_text('question,answer\n"who,Ida\n')
    async with opened("fictional_people", "i") as pilot:
        before = await names()
        await give(pilot, tmp_path / "no-such-file.csv")
        await until(pilot, says_anywhere(pilot, "There is no file or directory"))
        await give(pilot, tmp_path / "torn.csv")
        await until(pilot, says_anywhere(pilot, "unclosed or stray quote"))
        await give(pilot, "\0")
        await until(pilot, says_anywhere(pilot, "There is no file or directory ␀"))
        await pilot.press("escape")
    assert await names() == before


def test_a_path_is_completed_by_the_first_name_that_fits(tmp_path: Path) -> None:
    (tmp_path / "lieder").mkdir()
    (tmp_path / "lunge.csv").write_text("")
    assert completed(f"{tmp_path}/li") == f"{tmp_path}/lieder/"
    assert completed(f"{tmp_path}/lu") == f"{tmp_path}/lunge.csv"
    assert completed(f"{tmp_path}/") is None
    assert completed(f"{tmp_path}/zzz") is None
    assert completed("/nowhere/at/all") is None
