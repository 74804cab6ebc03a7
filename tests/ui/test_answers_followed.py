"""What others write is seen in an open list of answers; a list is never of two evaluations, nor read by two at once."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import aiosqlite
import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from ftb_tui.benchmark.graders import Verdict
from ftb_tui.store.database import open_store
from ftb_tui.store.grading import overrule
from ftb_tui.store.tags import change_tags
from ftb_tui.ui.screens.answer_list import AnswerList
from ftb_tui.ui.screens.answers import AnswersScreen
from ftb_tui.ui.widgets.table import Table
from tests.demo import change_store
from tests.ui.answers_pilot import asked_again, rephrased, rephrased_with, told
from tests.ui.pilot import shows, text_of, until


def _table(pilot: Pilot[None]) -> Table:
    return pilot.app.screen.query_one("#answers", Table)


async def test_a_tag_that_was_put_on_elsewhere_is_seen() -> None:
    async with rephrased() as pilot:
        db = await open_store()
        await change_tags(db, [int(_table(pilot).shown_keys[0])], on=["by command"], off=[])
        await db.close()
        await until(pilot, shows(pilot, "by command"))
        assert str(_table(pilot).get_row_at(0)[0]).endswith("t")


async def test_a_change_of_the_bases_answers_is_seen_in_what_was_fixed_and_broken() -> None:
    async with rephrased() as pilot:
        first = int(_table(pilot).shown_keys[0])
        db = await open_store()
        [row] = await db.execute_fetchall(
            "SELECT b.response_key FROM responses r JOIN responses b ON b.question_key = r.question_key"
            " AND b.response_key <> r.response_key WHERE r.response_key = ?",
            (first,),
        )
        await overrule(db, row[0], Verdict.CORRECT)
        await db.close()
        await until(pilot, shows(pilot, "Tuning broke this one."))
        assert "↓" in str(_table(pilot).get_row_at(0)[0])


async def test_another_models_answers_are_seen_beside_and_the_list_is_not_read_again_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reads: list[AnswerList] = []
    read = AnswerList.read

    async def counted(listed: AnswerList, db: aiosqlite.Connection, limit: int) -> bool:
        reads.append(listed)
        return await read(listed, db, limit)

    monkeypatch.setattr(AnswerList, "read", counted)
    async with rephrased() as pilot:
        before = len(reads)
        await asked_again("no idea", "ft:smollm2-135m:ftb:other:9z8y")
        await until(pilot, shows(pilot, "Other models"))
        assert "no idea" in text_of(pilot.app)
        assert len(reads) == before


async def test_an_evaluation_that_counts_instead_takes_the_whole_lists_place_and_that_is_told() -> None:
    async with rephrased() as pilot:
        await pilot.press("m")
        key = await asked_again("777")
        await until(pilot, shows(pilot, "0.00 (0/24) · showing wrong: 24"))
        assert told(pilot, "Another evaluation of this model counts now")()
        assert await _evaluations_of(pilot) == {key}
        assert "*" not in "".join(str(_table(pilot).get_row_at(row)[0]) for row in range(24))


async def test_pages_and_files_are_of_the_evaluation_that_is_listed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("ftb_tui.ui.screens.answers.PAGE", 5)
    # Nobody looks for news: what is listed is older than what is stored.
    monkeypatch.setattr("ftb_tui.ui.screens.answers.LOOK_SECONDS", 3600.0)
    async with rephrased_with("showing wrong: 5+") as pilot:
        await asked_again("777")
        await pilot.press("G")
        await until(pilot, shows(pilot, "showing wrong: 8"))
        assert len(await _evaluations_of(pilot)) == 1
        await pilot.press("e")
        await until(pilot, shows(pilot, "Write the answers that are listed"))
        pilot.app.screen.query_one("#ask-path", Input).value = str(tmp_path / "listed.jsonl")
        await pilot.press("enter")
        await until(pilot, (tmp_path / "listed.jsonl").exists)
        lines = (tmp_path / "listed.jsonl").read_text(encoding="utf-8").splitlines()
        assert {json.loads(line)["response"] for line in lines} == {"163"}


async def test_reading_on_while_the_list_is_read_again_shows_each_answer_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ftb_tui.ui.screens.answers.PAGE", 5)
    monkeypatch.setattr("ftb_tui.ui.screens.answers.LOOK_SECONDS", 3600.0)
    async with rephrased_with("showing wrong: 5+") as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, AnswersScreen)
        db = await open_store()
        await overrule(db, int(_table(pilot).shown_keys[1]), Verdict.CORRECT)
        await db.close()
        await asyncio.gather(screen._refresh(), screen._read_more())
        await until(pilot, shows(pilot, "showing wrong: 7"))
        assert len(set(_table(pilot).shown_keys)) == _table(pilot).row_count == 7


async def test_answers_whose_evaluation_is_deleted_are_no_longer_listed() -> None:
    async with rephrased() as pilot:
        await change_store("UPDATE evaluations SET deleted_at = 1")
        await until(pilot, shows(pilot, "showing wrong: 0"))
        await until(pilot, shows(pilot, "No answer is wrong. f shows others."))


async def test_marking_touches_no_other_line(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[object] = []
    line = AnswersScreen._line
    async with rephrased() as pilot:
        monkeypatch.setattr(AnswersScreen, "_line", lambda screen, row: (lines.append(row), line(screen, row))[1])
        await pilot.press("m")
        await until(pilot, lambda: "*" in str(_table(pilot).get_row_at(0)[0]))
        assert len(lines) == 1


async def test_a_row_that_is_there_is_put_in_its_place_and_a_new_one_behind() -> None:
    async with rephrased() as pilot:
        table = _table(pilot)
        keys = list(table.shown_keys)
        table.put([(keys[2], ("x", "gold", "said", "asked")), ("new", ("y", "gold", "said", "asked"))])
        assert table.shown_keys == [*keys, "new"]
        assert [str(cell) for cell in table.get_row_at(2)] == ["x", "gold", "said", "asked"]
        assert str(table.get_row_at(len(keys))[0]) == "y"


async def _evaluations_of(pilot: Pilot[None]) -> set[int]:
    db = await open_store()
    try:
        rows = await db.execute_fetchall("SELECT response_key, evaluation_key FROM responses")
        of = {row[0]: row[1] for row in rows}
        return {of[int(key)] for key in _table(pilot).shown_keys}
    finally:
        await db.close()
