"""Marks are of all lists of a score, are said, and dialogs name what they change; also in the least of windows."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from ftb_tui.benchmark.graders import Verdict
from ftb_tui.store.database import open_store
from ftb_tui.store.grading import overrule
from ftb_tui.ui.screens.small import LEAST
from ftb_tui.ui.widgets.table import Table
from tests.ui.answers_pilot import in_store, rephrased, rephrased_with, told
from tests.ui.pilot import shows, text_of, until


def _table(pilot: Pilot[None]) -> Table:
    return pilot.app.screen.query_one("#answers", Table)


async def test_marks_are_kept_over_lists_are_counted_and_all_of_them_acted_on() -> None:
    async with rephrased() as pilot:
        first = _table(pilot).shown_keys[0]
        await pilot.press("m", "m")
        await until(pilot, shows(pilot, "2 marked · "))
        await pilot.press("f")
        await until(pilot, shows(pilot, "showing fixed"))
        await until(pilot, shows(pilot, "2 marked, 2 elsewhere · "))
        await pilot.press("m")
        await until(pilot, shows(pilot, "3 marked, 2 elsewhere · "))
        fixed = _table(pilot).shown_keys[0]
        await pilot.press("o")
        await until(pilot, shows(pilot, "On 3 marked answers:"))
        await until(pilot, shows(pilot, "and 1 other"))
        await pilot.press("escape")
        await pilot.press("t", "space", "enter")
        await until(pilot, told(pilot, "Kept: tag wrong value on 3 answers."))
        assert (await in_store())[1] == {"wrong value": 3}
        await until(pilot, lambda: "marked" not in text_of(pilot.app).splitlines()[0])
        assert first != fixed


async def test_all_marks_are_taken_off_with_one_key() -> None:
    async with rephrased() as pilot:
        await pilot.press("m", "f")
        await until(pilot, shows(pilot, "1 marked, 1 elsewhere · "))
        await pilot.press("M")
        await until(pilot, lambda: "marked" not in text_of(pilot.app).splitlines()[0])
        await pilot.press("t")
        await until(pilot, shows(pilot, "Tags of this answer"))


async def test_a_dialog_about_the_one_marked_answer_names_it_while_another_is_chosen() -> None:
    async with rephrased() as pilot:
        await pilot.press("n", "m")
        await until(pilot, lambda: _table(pilot).cursor_row == 2)
        for key, title in (("o", "On the marked answer:"), ("t", "Tags of the marked answer")):
            await pilot.press(key)
            await until(pilot, shows(pilot, title))
            dialog = " ".join(str(static.render()) for static in pilot.app.screen.query(".acted-on"))
            assert "carpenter" in dialog
            assert "Tell me what Dovara Beliamoor does" in dialog
            await pilot.press("escape")


async def test_an_answer_that_is_overruled_and_tagged_has_both_signs() -> None:
    async with rephrased() as pilot:
        await pilot.press("t", "space", "enter")
        await until(pilot, told(pilot, "Kept: tag"))
        assert str(_table(pilot).get_row_at(0)[0]) == " ✗ t"
        await pilot.press("o", "w")
        await until(pilot, told(pilot, "Kept: verdict wrong"))
        await until(pilot, lambda: str(_table(pilot).get_row_at(0)[0]) == " ✗ ot")


async def test_what_a_person_said_already_is_told_and_the_note_can_be_read_and_changed() -> None:
    async with rephrased() as pilot:
        db = await open_store()
        first = int(_table(pilot).shown_keys[0])
        await overrule(db, first, Verdict.WRONG, "bad [b]indeed[/b]")
        await pilot.press("o")
        await until(pilot, shows(pilot, "Overruled already: wrong, 20"))
        field = pilot.app.screen.query_one("#note", Input)
        assert field.value == "bad [b]indeed[/b]"
        await pilot.press("w")
        await until(pilot, told(pilot, "Kept: verdict wrong"))
        assert (await in_store())[0] == [("wrong", "bad [b]indeed[/b]")], "nobody took the note away"
        await pilot.press("o", "n", "end", *", yes", "enter", "w")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 2)
        assert (await in_store())[0] == [("wrong", "bad [b]indeed[/b], yes")]
        await pilot.press("o", "n", "ctrl+u", "enter", "w")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 2)
        assert (await in_store())[0] == [("wrong", "")], "who empties the field means it"
        await db.close()


async def test_of_several_answers_each_keeps_its_note_unless_one_is_written() -> None:
    async with rephrased() as pilot:
        db = await open_store()
        first, second = map(int, _table(pilot).shown_keys[:2])
        await overrule(db, first, Verdict.WRONG, "one")
        await overrule(db, second, Verdict.WRONG, "two")
        await pilot.press("m", "m", "m", "o")
        await until(pilot, shows(pilot, "2 of them are overruled already, last 20"))
        await pilot.press("c")
        await until(pilot, told(pilot, "Kept: verdict correct on 3 answers"))
        assert (await in_store())[0] == [("correct", "one"), ("correct", "two"), ("correct", "")]
        await db.close()


async def test_undoing_leaves_what_somebody_else_has_said_since() -> None:
    async with rephrased() as pilot:
        first = int(_table(pilot).shown_keys[0])
        await pilot.press("m", "m", "o", "c")
        await until(pilot, told(pilot, "Kept: verdict correct on 2 answers"))
        db = await open_store()
        await overrule(db, first, Verdict.WRONG, "second opinion")
        await pilot.press("z")
        await until(pilot, told(pilot, "1 answer has a newer verdict, which stays."))
        assert (await in_store())[0] == [("wrong", "second opinion")]
        await pilot.press("o", "c")
        await until(pilot, told(pilot, "Kept: verdict correct on 1 answer."))
        [(key,)] = await db.execute_fetchall(
            "SELECT response_key FROM person_verdicts ORDER BY person_verdict_key DESC LIMIT 1"
        )
        await overrule(db, key, None)
        await pilot.press("z")
        await until(pilot, told(pilot, "Could not be taken back: verdict correct on 1 answer of"))
        assert (key, "correct") not in [
            (row[0], row[1])
            for row in await db.execute_fetchall("SELECT response_key, verdict FROM grades WHERE grader = 'choice'")
        ], "what somebody took back stays so"
        await db.close()


@pytest.mark.parametrize("marked", [1, 3])
async def test_in_the_least_window_answers_can_be_overruled_with_a_note_and_tagged(marked: int) -> None:
    async with rephrased_with("showing wrong: 8", (LEAST.width, LEAST.height)) as pilot:
        await pilot.press(*"m" * marked, "o")
        for words in ("c  correct", "n  write a note", "escape  leave it", "why (n to write"):
            await until(pilot, shows(pilot, words))
        await pilot.press("n", *"why not", "enter")
        await until(pilot, shows(pilot, "why not"))
        await pilot.press("w")
        await until(pilot, told(pilot, "Kept: verdict wrong"))
        pilot.app.clear_notifications()
        await pilot.press(*"p" * marked, *"m" * marked, "t")
        for words in ("[ ]  wrong value", "[ ]  old value", "a tag of your own", "enter  keep    escape  leave"):
            await until(pilot, shows(pilot, words))
        await pilot.press(*["down"] * 5, "space")
        await until(pilot, shows(pilot, "[x]  hallucinated detail"))
        await pilot.press("enter")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 2)
        assert (await in_store())[1] == {"hallucinated detail": marked}
