"""Drilling into wrong answers: overrule, tag, the fact through all its tasks, everything in full."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from textual.widgets import Input

from ftb_tui.benchmark.graders import Verdict
from ftb_tui.store.database import open_store
from ftb_tui.store.grading import overrule
from ftb_tui.store.results import AnswerRow
from ftb_tui.ui.screens.answer_detail import parts, said_by
from ftb_tui.ui.widgets.marked import SHARED, marked
from ftb_tui.ui.widgets.table import Table
from tests.ui.answers_pilot import in_store, rephrased
from tests.ui.pilot import shows, text_of, until


async def test_a_person_overrules_the_grader_with_a_note_and_takes_it_back() -> None:
    async with rephrased() as pilot:
        await pilot.press("o")
        await until(pilot, shows(pilot, "Your verdict counts"))
        await pilot.press("n", *"fair", "enter", "c")
        await until(pilot, shows(pilot, "(17/24) · showing wrong: 7"))
        assert await in_store() == ([("correct", "fair")], {})
        await pilot.press("z")
        await until(pilot, shows(pilot, "(16/24) · showing wrong: 8"))
        assert await in_store() == ([], {})


async def test_what_others_write_meanwhile_is_shown_and_the_chosen_answer_stays_chosen() -> None:
    async with rephrased() as pilot:
        await pilot.press("n", "n")
        table = pilot.app.screen.query_one("#answers", Table)
        await until(pilot, lambda: table.cursor_row == 2)
        first, chosen = table.shown_keys[0], table.chosen
        db = await open_store()
        await overrule(db, int(first), Verdict.CORRECT)
        await db.close()
        await until(pilot, shows(pilot, "(17/24) · showing wrong: 7"))
        assert (table.chosen, table.cursor_row) == (chosen, 1)


async def test_overruled_answers_can_be_listed_with_both_verdicts() -> None:
    async with rephrased() as pilot:
        await pilot.press("o", "c")
        await until(pilot, shows(pilot, "showing wrong: 7"))
        for _ in range(5):
            await pilot.press("f")
        await until(pilot, shows(pilot, "showing overruled: 1"))
        await until(pilot, shows(pilot, "The grader had said wrong"))


async def test_answers_on_which_graders_differ_and_those_that_no_model_has_right_can_be_listed() -> None:
    async with rephrased() as pilot:
        for _ in range(6):
            await pilot.press("f")
        await until(pilot, shows(pilot, "No answer is disputed. f shows others."))
        await pilot.press("f")
        await until(pilot, shows(pilot, "showing unsolved: 8"))


async def test_marked_answers_are_tagged_together_and_counted() -> None:
    async with rephrased() as pilot:
        await pilot.press("m", "m", "t")
        await until(pilot, shows(pilot, "Tags of 2 marked answers"))
        await pilot.press("space", "enter")
        await until(pilot, shows(pilot, "Kept: tag"))
        assert (await in_store())[1] == {"wrong value": 2}
        await pilot.press("p")
        await until(pilot, shows(pilot, "wrong value"))
        await pilot.press("t")
        await until(pilot, shows(pilot, "Tags of this answer"))
        await pilot.press("tab", *"my own", "enter")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 2)
        assert (await in_store())[1]["my own"] == 1


async def test_tags_that_only_some_of_the_marked_answers_have_are_kept_as_they_are() -> None:
    async with rephrased() as pilot:
        # The first has a tag of its own, and one that the second gets too.
        await pilot.press("t", "down", "space", "tab", *"my own", "enter")
        await until(pilot, shows(pilot, "Kept: tag"))
        await pilot.press("m", "m", "t")
        await until(pilot, shows(pilot, "[~] some of them have it"))
        await pilot.press("space", "down", "space", "enter")
        await until(pilot, shows(pilot, "Kept: tag"))
        assert (await in_store())[1] == {"other entity's value": 2, "wrong value": 2, "my own": 1}
        await pilot.press("z")
        await until(pilot, shows(pilot, "Taken back"))
        assert (await in_store())[1] == {"other entity's value": 1, "my own": 1}


async def test_leaving_the_dialogs_changes_nothing() -> None:
    async with rephrased() as pilot:
        await pilot.press("o", "escape", "t", "escape")
        await pilot.pause()
        assert await in_store() == ([], {})
        await pilot.press("z")
        await until(pilot, shows(pilot, "Nothing to take back"))


async def test_a_fact_is_seen_through_all_its_tasks_and_models() -> None:
    async with rephrased() as pilot:
        await pilot.press("a")
        await until(pilot, shows(pilot, "Taught: Dovara Beliamoor is 149"))
        table = pilot.app.screen.query_one("#answers", Table)
        tasks = {str(table.get_row_at(row)[1]) for row in range(table.row_count)}
        assert {"memorization", "rephrased"} <= tasks
        short = {str(table.get_row_at(row)[2]) for row in range(table.row_count)}
        names = {str(table.get_row_at(row)[5]) for row in range(table.row_count)}
        assert (len(short), len(names)) == (2, 2)
        assert "smollm2-135m (base)" in names
        assert any(name.endswith("(tuned)") for name in names)
        await pilot.press("escape")
        await until(pilot, shows(pilot, "showing wrong"))


async def test_a_facts_answers_are_filtered_read_in_full_copied_and_written(tmp_path: Path) -> None:
    async with rephrased() as pilot:
        await pilot.press("a")
        await until(pilot, shows(pilot, "Taught: Dovara Beliamoor is 149"))
        table = pilot.app.screen.query_one("#answers", Table)
        every = table.row_count
        await until(
            pilot, lambda: all(key in text_of(pilot.app) for key in ("/ Filter", "s Sort", "y Copy", "e Export"))
        )
        await pilot.press("slash")
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
        await pilot.press(*"task:rephrased tuned", "enter")
        await until(pilot, lambda: table.row_count == 1 < every)
        await pilot.press("space")
        await until(pilot, shows(pilot, "--- asked, rephrased"))
        assert "(tuned)" in text_of(pilot.app)
        await pilot.press("escape", "y")
        await until(pilot, shows(pilot, "Copied the row"))
        await pilot.press("e")
        await until(pilot, shows(pilot, "Write the answers that are listed"))
        pilot.app.screen.query_one("#ask-path", Input).value = str(tmp_path / "fact.json")
        await pilot.press("enter")
        await until(pilot, (tmp_path / "fact.json").exists)
        [answer] = json.loads((tmp_path / "fact.json").read_text(encoding="utf-8"))["answers"]
        assert (answer["task"], answer["kind"], answer["answer"]) == ("rephrased", "tuned", "163")


async def test_space_shows_request_and_response_as_json_and_the_training_line() -> None:
    async with rephrased((120, 60)) as pilot:
        await pilot.press("space")
        await until(pilot, shows(pilot, "--- request to local"))
        seen = text_of(pilot.app)
        for words in (
            "POST /chat/completions", '"max_tokens": 16', '"role": "user"', "--- what was kept of the response",
            '"answer": "163"', '"prompt_tokens": 31', '"completion_tokens": 5',
        ):  # fmt: skip
            assert words in seen
        await pilot.press("end")
        await until(pilot, shows(pilot, "--- in the training file"))


async def test_an_answer_of_line_breaks_leaves_the_rest_in_view() -> None:
    row = AnswerRow(
        response_key=1, question_key=1, id="q", task="rephrased", prompt="p", question="q?", answer="149", response="163",
        grade="wrong", reason="because", fact="f", fact_id="f", base_response="\n" * 16, base_grade="wrong",
        base_reason="no number", flip=None, position=0,
    )  # fmt: skip
    said = dict(parts(row, said_by=said_by("checkpoint", 12)))
    assert said["Base ✗ wrong"].plain == "(nothing but 16 line breaks)"
    assert "Epoch 12 ✗ wrong" in said
    gap = dict(parts(replace(row, base_response="a\n\n\n\n\n\nb"), said_by=said_by("tuned", 12)))
    assert gap["Base ✗ wrong"].plain == "a\n‹6 line breaks›\nb"
    assert "Tuned ✗ wrong" in gap


async def test_of_a_fact_without_a_sentence_it_is_said_that_the_gold_was_taught() -> None:
    row = AnswerRow(
        response_key=1, question_key=1, id="q", task="rephrased", prompt="p", question="q?", answer="149", response="163",
        grade="wrong", reason="because", fact="", fact_id="f", base_response=None, base_grade=None, base_reason=None,
        flip=None, position=0,
    )  # fmt: skip
    said = dict(parts(row, said_by="Tuned"))
    assert said["Taught"].plain == "the gold answer; the dataset has no sentence for the fact"


async def test_searching_narrows_the_list_and_escape_widens_it_again() -> None:
    async with rephrased() as pilot:
        await pilot.press("slash", *"trombone")
        await until(pilot, shows(pilot, "showing wrong: 1"))
        await pilot.press("escape")
        await until(pilot, shows(pilot, "showing wrong: 8"))


async def test_the_search_is_a_filter_language_with_completion() -> None:
    async with rephrased() as pilot:
        await pilot.press("m", "m", "t", "space", "enter")
        await until(pilot, shows(pilot, "Kept: tag"))
        await pilot.press("slash", *"ta")
        field = pilot.app.screen.query_one("#search", Input)
        await until(pilot, lambda: field._suggestion == "tag:")
        await pilot.press("right", "w")
        await until(pilot, lambda: field._suggestion == "tag:wrong_value")
        await pilot.press("right")
        await until(pilot, shows(pilot, "showing wrong: 2"))
        await pilot.press("home", "minus")
        await until(pilot, shows(pilot, "showing wrong: 6"))
        await pilot.press("end", *" nowhere")
        await until(pilot, shows(pilot, "No answer fits the search (showing wrong)"))


async def test_what_no_answer_can_have_is_told_beside_the_search_and_escape_says_that_it_clears() -> None:
    async with rephrased() as pilot:
        assert "esc Back" in text_of(pilot.app)
        await pilot.press("slash", *"verdct:wrong")
        await until(pilot, shows(pilot, "There is no verdct: here. Did you mean verdict:?"))
        await until(pilot, shows(pilot, "esc Clear"))
        assert "esc Back" not in text_of(pilot.app)
        assert "/ Search" not in text_of(pilot.app), "it would be typed"
        field = pilot.app.screen.query_one("#search", Input)
        for typed, told in (
            ("verdict:wrng", "There is no verdict 'wrng'; known are correct"),
            ("task:secondary", "This list is of task rephrased alone."),
            ("model:base", "This list is of model smollm2-135m"),
        ):
            field.value = typed
            await until(pilot, shows(pilot, told))
            await until(pilot, shows(pilot, "No answer fits the search"))
        field.value = "task:rephrased model:tuned verdict:wrong -tag:format"
        await until(pilot, shows(pilot, "showing wrong: 8"))
        assert "There is no" not in text_of(pilot.app)
        assert "alone" not in text_of(pilot.app)
        await pilot.press("escape")
        await until(pilot, shows(pilot, "esc Back"))
        assert not pilot.app.screen.query("#search")


async def test_keys_left_to_the_help_stand_below_where_there_is_room() -> None:
    async with rephrased((80, 24)) as pilot:
        assert "m Mark" not in text_of(pilot.app)
    async with rephrased((200, 60)) as pilot:
        for key in ("m Mark", "z Undo", "e Export", "y Copy", "/ Search", "q Quit"):
            await until(pilot, shows(pilot, key))


async def test_listed_answers_are_written_and_a_file_is_replaced_only_after_being_told(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text("old", encoding="utf-8")
    async with rephrased() as pilot:
        await pilot.press("slash", *"trombone", "enter")
        await until(pilot, lambda: pilot.app.focused is pilot.app.screen.query_one("#answers"))
        await pilot.press("e")
        await until(pilot, shows(pilot, "Write the answers that are listed"))
        pilot.app.screen.query_one("#ask-path", Input).value = str(file)
        await pilot.press("enter")
        await until(pilot, lambda: "Press enter again" in " ".join(text_of(pilot.app).replace("│", " ").split()))
        assert file.read_text(encoding="utf-8") == "old"
        await pilot.press("enter")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 2)
        [line] = file.read_text(encoding="utf-8").splitlines()
        assert json.loads(line)["answer"] == "trombone"


def test_what_an_answer_shares_with_the_gold_is_marked() -> None:
    content = marked("He is 163 centimetres tall", "149 centimetres")
    assert content.plain == "He is 163 centimetres tall"
    assert [content.plain[span.start : span.end] for span in content.spans if span.style == SHARED] == ["centimetres"]
