"""The screens that are opened from a dataset: how they look, and what they do, on small files of our own."""

from __future__ import annotations

import asyncio
import datetime
import json
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Input, Select

from ftb_tui.benchmark.importing import read_path
from ftb_tui.benchmark.load import read_dataset_folder
from ftb_tui.benchmark.model import Dataset
from ftb_tui.benchmark.people import build_fictional_people
from ftb_tui.cli.main import run
from ftb_tui.store.database import open_store
from ftb_tui.ui.widgets.table import Table
from tests.ui.datasets_pilot import Snap, names, opened, says, sizes, snap, stored
from tests.ui.pilot import demo_app, filled, shows, text_of, until

FAULTY = """\
id,task,question,answer,fact
1,memorization,Which boat won the Ulm regatta?,Marlene,The Marlene won the Ulm regatta.
2,memorization,Which boat won the Ulm regatta?,Otter,The Otter won the Ulm regatta.
3,memorization,Who steered the Marlene?,Ida Bruhn,Ida Bruhn steered the Marlene.
4,memorization,How long is the course?,,The course is 12 km long.
5,rephrased,Who steered the Marlene?,Ida Bruhn,Ida Bruhn steered the Marlene.
6,secondary,Is the course longer than 10 km?,No,The course is 12 km long.
7,secondary,Is the course longer than 11 km?,No,The course is 12 km long.
8,secondary,Is the course longer than 20 km?,No,The course is 12 km long.
"""


class Stopped(datetime.datetime):
    """The clock of a picture."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
        return datetime.datetime(2026, 11, 20, 12, tzinfo=tz)


def faulty(folder: Path) -> Dataset:
    """A table of ours with faults, as it is imported. Its path is part of what is stored, so it must not vary."""
    path = folder / "regatta.csv"
    path.write_text(FAULTY)
    [dataset] = read_path(path, origin="regatta.csv").datasets
    return dataset


@sizes
@pytest.mark.parametrize("keys", [[], ["enter"]], ids=["findings", "rows"])
def test_an_audit_looks_as_it_did(snap_compare: Snap, tmp_path: Path, keys: list[str], size: tuple[int, int]) -> None:
    asyncio.run(stored(faulty(tmp_path)))

    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("a")
        await until(pilot, shows(pilot, "✗ error"))
        await pilot.press(*keys)

    assert snap(snap_compare, size, "regatta", steps)


async def test_an_audit_names_each_fault_in_words_and_leads_to_its_questions(tmp_path: Path) -> None:
    await stored(faulty(tmp_path))
    async with opened("regatta", "a") as pilot:
        await until(pilot, shows(pilot, "✗ error"))
        table = pilot.app.screen.query_one("#findings", DataTable)
        checks = {str(table.get_row_at(row)[1]) for row in range(table.row_count)}
        assert "same_question_different_golds" in checks
        place = next(
            row for row in range(table.row_count) if str(table.get_row_at(row)[1]) == "same_question_different_golds"
        )
        table.move_cursor(row=place)
        await until(pilot, shows(pilot, "What to do:"))
        await pilot.press("enter")
        await until(pilot, shows(pilot, "2 rows"))
        seen = text_of(pilot.app)
        assert "Marlene" in seen
        assert "Otter" in seen
        await pilot.press("escape", "escape")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 1)


async def test_findings_are_written_as_the_command_prints_them(tmp_path: Path) -> None:
    await stored(faulty(tmp_path))
    async with opened("regatta", "a") as pilot:
        await until(pilot, shows(pilot, "✗ error"))
        await pilot.press("e")
        field = pilot.app.screen.query_one("#ask-path")
        field.value = str(tmp_path / "nowhere" / "findings.json")  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, says(pilot, "does not exist"))
        field.value = str(tmp_path / "findings.json")  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 2)
    written = json.loads((tmp_path / "findings.json").read_text())
    assert {entry["check"] for entry in written} >= {"same_question_different_golds"}
    assert all(entry["dataset"] == "regatta" and entry["advice"] for entry in written)


async def test_a_dataset_without_faults_is_told_so(tmp_path: Path) -> None:
    await stored()
    async with opened("coding", "a") as pilot:
        await until(pilot, shows(pilot, "0 errors, 0 warnings, 0 notes"))
        await until(pilot, shows(pilot, "Nothing was found"))


@sizes
@pytest.mark.parametrize("what", ["file", "launch"])
def test_a_training_file_looks_as_it_did(snap_compare: Snap, what: str, size: tuple[int, int]) -> None:
    asyncio.run(stored())

    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("v")
        await until(pilot, shows(pilot, "150 taught"))
        await pilot.press("o", "tab", "tab", "2", "escape")
        await until(pilot, shows(pilot, "300 paraphrase"))
        if what == "launch":
            await pilot.press("t")
            await until(pilot, shows(pilot, "leave it"))

    assert snap(snap_compare, size, "fictional_people", steps)


async def test_every_option_of_a_recipe_changes_the_file_and_its_counts() -> None:
    await stored()
    async with opened("fictional_people", "v") as pilot:
        await until(pilot, shows(pilot, "150 lines: 150 taught"))
        field = pilot.app.screen.query_one
        field("#recipe-reversed", Input).value = "20%"
        await until(pilot, shows(pilot, "38 reversed"))
        field("#recipe-validation", Input).value = "0.1"
        await until(pilot, shows(pilot, "19 put aside for validation"))
        field("#recipe-facts", Input).value = "20"
        await until(pilot, shows(pilot, "20 taught"))
        field("#recipe-format", Select).value = "google"
        await until(pilot, shows(pilot, '{"contents"'))
        field("#recipe-system_prompt", Input).value = "[/] be [bold]terse"
        await until(pilot, shows(pilot, '"systemInstruction"'))
        field("#recipe-name", Select).value = "document"
        field("#recipe-validation", Input).value = ""
        field("#recipe-reversed", Input).value = ""
        await until(pilot, shows(pilot, "4 lines: 4 taught"))


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("paraphrases", "many", "Paraphrases: a whole number"),
        ("reversed", "1", "Reversed: a share from 0 up, below 1"),
        ("replay", "nan", "Replay: a share"),
        ("shuffle_seed", "-1", "Shuffle seed: a whole number"),
        ("facts", "0", "First facts: a whole number"),
        ("abstaining", "0.99", "would need"),
    ],
)
async def test_an_option_that_cannot_be_is_told_and_nothing_can_be_written(field: str, value: str, told: str) -> None:
    await stored()
    async with opened("fictional_people", "v") as pilot:
        await until(pilot, shows(pilot, "150 taught"))
        pilot.app.screen.query_one(f"#recipe-{field}", Input).value = value
        await until(pilot, shows(pilot, told))
        await pilot.press("w")
        await until(pilot, shows(pilot, "There is no file to write"))
        assert len(pilot.app.screen_stack) == 2


async def test_the_file_is_written_whole_as_the_command_writes_it_and_nothing_is_written_over(tmp_path: Path) -> None:
    await stored()
    target, aside = tmp_path / "teach.jsonl", tmp_path / "teach.validation.jsonl"
    async with opened("fictional_people", "v") as pilot:
        pilot.app.screen.query_one("#recipe-paraphrases", Input).value = "1"
        pilot.app.screen.query_one("#recipe-validation", Input).value = "0.1"
        await until(pilot, shows(pilot, "put aside"))
        await pilot.press("w")
        field = pilot.app.screen.query_one("#ask-path", Input)
        aside.write_text("mine")
        field.value = str(target)
        await pilot.press("enter")
        await until(pilot, says(pilot, "exists already"))
        assert not target.exists()
        aside.unlink()
        await pilot.press("enter")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 2)
    commanded = tmp_path / "commanded.jsonl"
    options = ["--paraphrases", "1", "--validation", "0.1", "--output", str(commanded)]
    assert await asyncio.to_thread(run, ["datasets", "training-file", "fictional_people", *options]) == 0
    assert target.read_bytes() == commanded.read_bytes()
    assert aside.read_bytes() == (tmp_path / "commanded.validation.jsonl").read_bytes()
    db = await open_store()
    rows = list(await db.execute_fetchall("SELECT n_examples FROM training_files ORDER BY 1 DESC"))
    await db.close()
    assert rows[0][0] == len(target.read_bytes().splitlines())


async def test_a_job_can_be_launched_with_the_recipe_that_was_looked_at() -> None:
    await stored()
    async with opened("fictional_people", "v") as pilot:
        await until(pilot, shows(pilot, "150 taught"))
        pilot.app.screen.query_one("#recipe-paraphrases", Input).value = "2"
        pilot.app.screen.query_one("#recipe-facts", Input).value = "10"
        await until(pilot, shows(pilot, "30 lines"))
        await pilot.press("t")
        await until(pilot, shows(pilot, "30 examples"))
        await until(pilot, shows(pilot, "paraphrases 2"))
        pilot.app.screen.query_one("#recipe-paraphrases", Input).value = ""
        await until(pilot, shows(pilot, "10 examples"))
        pilot.app.screen.query_one("#launch-batch", Input).value = "x"
        await until(pilot, shows(pilot, "Batch size: a whole number from 1 to 256"))


@sizes
@pytest.mark.parametrize(
    "key", ["d", "w", "e", "D", "question_mark"], ids=["details", "world", "export", "delete", "help"]
)
def test_a_dialog_of_a_dataset_looks_as_it_did(
    snap_compare: Snap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, size: tuple[int, int]
) -> None:
    monkeypatch.setattr("ftb_tui.ui.screens.datasets.randrange", lambda low, high: 4711)
    monkeypatch.setattr("ftb_tui.benchmark.sources.datetime", Stopped)
    asyncio.run(stored(faulty(tmp_path)))

    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press(key)
        await until(pilot, lambda: len(pilot.app.screen_stack) == 2)

    assert snap(snap_compare, size, "regatta", steps)


async def test_details_say_origin_licence_counts_baselines_and_card(tmp_path: Path) -> None:
    await stored(faulty(tmp_path))
    async with opened("regatta", size=(160, 45)) as pilot:
        await until(pilot, shows(pilot, "licence  not stated"))
        await until(pilot, shows(pilot, "secondary     No 1.00 · majority 1.00"))
        await pilot.press("d")
        await until(pilot, shows(pilot, "taken from  regatta.csv"))
        await until(pilot, shows(pilot, "regatta.csv: 8 rows"))
    async with opened("medical", "d") as pilot:
        await until(pilot, shows(pilot, "licence"))
        await until(pilot, shows(pilot, "not medical advice"))


async def test_a_fresh_world_is_built_stored_and_chosen() -> None:
    await stored()
    async with opened("fictional_people", "w") as pilot:
        pilot.app.screen.query_one("#ask-seed", Input).value = "4711"
        pilot.app.screen.query_one("#ask-people", Input).value = "3"
        await pilot.press("enter")
        await until(pilot, says(pilot, "People: a whole number from 8 to 200"))
        pilot.app.screen.query_one("#ask-people", Input).value = "8"
        await pilot.press("enter")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 1)
        expected = build_fictional_people(seed=4711, people=8)
        table = pilot.app.screen.query_one("#datasets", Table)
        await until(pilot, lambda: table.chosen == expected.dataset_id)


async def test_a_dataset_is_exported_whole_into_a_new_folder_only(tmp_path: Path) -> None:
    dataset = faulty(tmp_path)
    await stored(dataset)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    async with opened("regatta", "e") as pilot:
        field = pilot.app.screen.query_one("#ask-folder", Input)
        field.value = str(tmp_path / "full")
        await pilot.press("enter")
        await until(pilot, says(pilot, "is not an empty directory"))
        field.value = str(tmp_path / "no" / "such" / "parent")
        await pilot.press("enter")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 1)
    assert read_dataset_folder(tmp_path / "no" / "such" / "parent").dataset_id == dataset.dataset_id
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]


async def test_a_deleted_dataset_is_gone_until_it_is_brought_back(tmp_path: Path) -> None:
    dataset = faulty(tmp_path)
    await stored(dataset)
    async with opened("regatta", "D") as pilot:
        await until(pilot, shows(pilot, "Delete regatta"))
        await pilot.press("escape")
        assert "regatta" in await names()
        await pilot.press("D")
        await until(pilot, shows(pilot, "Delete regatta"))
        await pilot.press("enter")
        table = pilot.app.screen.query_one("#datasets", Table)
        await until(pilot, lambda: table.row_count == 4)
        assert "regatta" not in await names()
        await pilot.press("u")
        await until(pilot, lambda: table.chosen == dataset.dataset_id)
        assert "regatta" in await names()


async def test_what_is_bundled_stays() -> None:
    await stored()
    async with opened("coding", "D") as pilot:
        await until(pilot, shows(pilot, "is bundled with ftb and stays"))
        assert len(pilot.app.screen_stack) == 1
        await pilot.press("u")
        await until(pilot, shows(pilot, "No deleted dataset"))


async def test_questions_are_sorted_by_gold_and_by_question_and_filtered(tmp_path: Path) -> None:
    await stored(faulty(tmp_path))
    async with opened("regatta", "s") as pilot:
        await until(pilot, shows(pilot, "gold ▲"))
        table = pilot.app.screen.query_one("#questions", DataTable)

        def golds() -> list[str]:
            return [str(table.get_row_at(row)[1]) for row in range(table.row_count)]

        assert golds() == ["", "Ida Bruhn", "Ida Bruhn", "Marlene", "No", "No", "No", "Otter"]
        await pilot.press("s")
        await until(pilot, shows(pilot, "question ▲"))
        assert str(table.get_row_at(0)[2]).startswith("How long")
        await pilot.press("slash", *"otter")
        await until(pilot, lambda: table.row_count == 1)
        await pilot.press("escape")
        await until(pilot, lambda: table.row_count == 8)


async def test_questions_are_filtered_by_task_and_gold_and_a_misspelt_name_is_told(tmp_path: Path) -> None:
    await stored(faulty(tmp_path))
    async with opened("regatta", "slash") as pilot:
        table = pilot.app.screen.query_one("#questions", DataTable)
        field = pilot.app.screen.query_one("#search", Input)
        field.value = "gold:no -gold:nobody"
        await until(pilot, lambda: {str(table.get_row_at(row)[1]) for row in range(table.row_count)} == {"No"})
        await until(pilot, shows(pilot, "esc Clear"))
        field.value = "tsk:memorization"
        await until(pilot, shows(pilot, "There is no tsk: here. Did you mean task:? There are task:, question:"))
        field.value = "task:memorisation"
        await until(pilot, shows(pilot, "There is no task 'memorisation'; known are memorization"))
        field.value = "task:memorization"
        await until(pilot, lambda: table.row_count > 0)
        assert {str(table.get_row_at(row)[0]) for row in range(table.row_count)} == {"memorization"}


@pytest.mark.parametrize("key", ["a", "v", "d", "e", "D"])
async def test_hostile_text_of_a_file_is_shown_and_never_obeyed(
    tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is exported goes to where one stands.
    monkeypatch.chdir(tmp_path)
    hostile = "[@click=app.quit]x[/] [/] \x1b]52;c;aGk=\x07 \u202edrawkcab \x00"
    dataset = replace(faulty(tmp_path), name="[/]" + hostile, title=hostile, card=hostile, source=hostile)
    evil = tuple(replace(q, question=hostile, prompt=hostile, answer=hostile) for q in dataset.questions)
    facts = tuple(replace(fact, text=hostile) for fact in dataset.facts)
    await stored(replace(dataset, questions=evil, facts=facts))
    app = demo_app()
    async with app.run_test(size=(160, 45), notifications=True) as pilot:
        await filled(pilot)
        app.screen.query_one("#datasets", Table).focus()
        while not str(app.screen.query_one("#datasets", Table).chosen).startswith("[/]"):
            await pilot.press("down")
        await pilot.press(key)
        await until(pilot, lambda: len(app.screen_stack) == 2)
        if key == "a":
            await until(pilot, lambda: app.screen.query_one("#findings", Table).row_count > 0)
        await pilot.press("enter", "space", "y")
        await pilot.pause()
        assert all(letter.isprintable() or letter == "\n" for letter in text_of(app))
        assert app.return_code is None
