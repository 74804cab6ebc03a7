"""The screens that open from the results: how they look, and what every key of theirs does."""

from __future__ import annotations

import asyncio
from typing import Any

import aiosqlite
import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from ftb_tui.report.numbers import difference
from ftb_tui.store.comparing import ComparedAnswer
from ftb_tui.store.database import open_store
from ftb_tui.store.evaluations import list_evaluations
from ftb_tui.store.results import results
from ftb_tui.ui.app import FtbApp
from ftb_tui.ui.screens import compare as compare_screen
from ftb_tui.ui.widgets.table import Table
from tests.demo import CLOCK, change_store
from tests.demo_curve import fill_demo_curve
from tests.fakes.openai_server import FakeOpenAI
from tests.ui.pilot import demo_app, fill_demo, settled, shows, text_of, until
from tests.ui.results_pilot import Snap, both_sizes, filled_table, on_results, snap


async def paper(pilot: Pilot[None]) -> None:
    await pilot.press("p")
    await until(pilot, shows(pilot, "figures have ours"))


@both_sizes
@pytest.mark.parametrize("keys", [(), ("a",)], ids=["held", "all"])
def test_the_papers_figures_beside_ours_look_as_they_did(
    snap_compare: Snap, keys: tuple[str, ...], size: tuple[int, int]
) -> None:
    asyncio.run(fill_demo())

    async def steps(pilot: Pilot[None]) -> None:
        await paper(pilot)
        await pilot.press(*keys)

    assert snap(snap_compare, size, steps)


async def test_only_figures_with_ours_stand_there_first_and_a_shows_all() -> None:
    await fill_demo()
    async with demo_app().run_test(size=(120, 40), notifications=True) as pilot:
        await on_results(pilot)
        await paper(pilot)
        held = filled_table(pilot, "#paper").row_count
        assert held == 6
        assert "another model than any of the paper's" in text_of(pilot.app)
        await pilot.press("a")
        await until(pilot, lambda: filled_table(pilot, "#paper").row_count > 70)
        assert "nothing in the store" in text_of(pilot.app)
        await pilot.press("a")
        await until(pilot, lambda: filled_table(pilot, "#paper").row_count == held)
        await pilot.press("down", "y")
        await until(pilot, lambda: pilot.app.clipboard.count("\n") == held)
        assert pilot.app.clipboard.startswith("family\ttask\tmodel")
        await pilot.press("question_mark")
        await until(pilot, shows(pilot, "Every figure of the paper"))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: bool(pilot.app.screen.query("#results")))


async def compare(pilot: Pilot[None]) -> None:
    await pilot.press("c")
    await until(pilot, shows(pilot, "McNemar p"))
    await until(pilot, lambda: filled_table(pilot, "#questions").row_count > 0)


@both_sizes
@pytest.mark.parametrize("keys", [(), ("enter",), ("o",)], ids=["grid", "questions", "other"])
def test_two_models_side_by_side_look_as_they_did(
    snap_compare: Snap, keys: tuple[str, ...], size: tuple[int, int]
) -> None:
    asyncio.run(fill_demo())

    async def steps(pilot: Pilot[None]) -> None:
        await compare(pilot)
        await pilot.press(*keys)

    assert snap(snap_compare, size, steps)


async def test_two_models_are_compared_question_by_question() -> None:
    await fill_demo()
    db = await open_store()
    [row] = [row for row in await results(db) if (row.kind, row.task) == ("tuned", "secondary")]
    await db.close()
    assert row.difference is not None
    assert row.fixed
    assert row.broken
    async with demo_app().run_test(size=(120, 40), notifications=True) as pilot:
        await on_results(pilot)
        await pilot.press("right", "right")
        await compare(pilot)
        assert f"A − B  {difference(row.difference)}" in text_of(pilot.app)
        assert f"({row.fixed} against {row.broken} of {row.n}): not sure" in text_of(pilot.app)
        assert filled_table(pilot, "#questions").row_count == row.fixed, "what tuning mended comes first"
        await pilot.press("right", "up")
        await until(pilot, lambda: filled_table(pilot, "#questions").row_count == row.broken)
        assert "broken: B right, A wrong" in text_of(pilot.app)
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen.focused is filled_table(pilot, "#questions"))
        assert "A – abstained" in text_of(pilot.app)
        assert "B ✓ correct: No." in text_of(pilot.app)
        await pilot.press("enter")
        await until(pilot, shows(pilot, "--- B said"))
        await pilot.press("escape", "y")
        await until(pilot, lambda: "broken: B right, A wrong" in pilot.app.clipboard)
        assert pilot.app.clipboard.count("\tNo.\t") == row.broken
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen.focused is filled_table(pilot, "#grid"))
        await pilot.press("x")
        await until(pilot, shows(pilot, f"A − B  {difference(-row.difference)}"))
        await pilot.press("x", "t")
        await until(pilot, shows(pilot, "comparison · by choice"))
        await pilot.press("o")
        await until(pilot, shows(pilot, "Compare A with"))
        await pilot.press("j", "k", "enter")
        await until(pilot, shows(pilot, "McNemar p"))
        await pilot.press("question_mark")
        await until(pilot, shows(pilot, "Exchange A and B"))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: bool(pilot.app.screen.query("#results")))


async def test_both_answers_are_listed_as_wide_as_there_is_room() -> None:
    await fill_demo()
    for size, listed in (((80, 24), "I am not sure about …"), ((200, 60), "I am not sure about that.  When")):
        async with demo_app().run_test(size=size) as pilot:
            await on_results(pilot)
            await pilot.press("down", "right", "c")
            await until(pilot, shows(pilot, listed))
            await pilot.resize_terminal(200, 60)
            await until(pilot, shows(pilot, "I am not sure about that.  When"))
            # Another cell's texts are shorter, and so are its columns.
            await pilot.press("t", "right")
            await until(pilot, shows(pilot, "No    – 188   – I am not sure about that."))


async def test_the_list_is_laid_out_again_only_where_its_columns_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """A drag of its edge resizes it in every cell, and a comparison may have thousands of questions."""
    await fill_demo()
    made, shown = [], []
    cells, show = compare_screen._cells, Table.show
    monkeypatch.setattr(compare_screen, "PAGE", 5)
    monkeypatch.setattr(compare_screen, "_cells", lambda row: made.append(row.question_id) or cells(row))

    def told(table: Table, *args: Any, **named: Any) -> None:
        shown.append(table.id)
        show(table, *args, **named)

    monkeypatch.setattr(Table, "show", told)
    async with demo_app().run_test(size=(120, 35)) as pilot:
        await on_results(pilot)
        await pilot.press("down", "right", "c")
        await until(pilot, lambda: bool(pilot.app.screen.query("#questions")))
        questions = filled_table(pilot, "#questions")
        await until(pilot, lambda: questions.row_count == 5)
        await pilot.press("enter")
        for count in (10, 15, 16):
            questions.move_cursor(row=questions.row_count - 1)
            await until(pilot, lambda count=count: questions.row_count == count)  # type: ignore[misc]
        assert len(made) == len(set(made)) == 16, "each is made fit for the list once"
        before = shown.count("questions")
        for height in (30, 40):
            await pilot.resize_terminal(120, height)
            await until(pilot, lambda: pilot.app.screen.size.height == height)  # noqa: B023
            await settled(pilot)
        assert shown.count("questions") == before, "it is as wide as it was"
        await pilot.resize_terminal(180, 40)
        await until(pilot, lambda: shown.count("questions") > before)
        assert len(made) == 16


async def test_questions_that_come_late_are_not_listed_under_another_comparison(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await fill_demo()
    go_on = asyncio.Event()
    read = compare_screen.compared_answers

    async def late(db: aiosqlite.Connection, **which: Any) -> list[ComparedAnswer]:
        page = await read(db, **which)
        if which["task"] == "rephrased":
            await go_on.wait()
        return page

    async with demo_app().run_test(size=(120, 35)) as pilot:
        await on_results(pilot)
        await pilot.press("down", "right", "c")
        await until(pilot, lambda: bool(pilot.app.screen.query("#questions")))
        await until(pilot, lambda: filled_table(pilot, "#questions").row_count == 16)
        screen = pilot.app.screen
        assert isinstance(screen, compare_screen.CompareScreen)
        monkeypatch.setattr(compare_screen, "compared_answers", late)
        # Beside the screen's own messages, as a key's action is.
        reading = asyncio.create_task(screen._list())
        await pilot.press("t")
        await until(pilot, shows(pilot, "secondary · by choice"))
        await until(pilot, lambda: filled_table(pilot, "#questions").row_count not in (0, 16))
        listed = filled_table(pilot, "#questions").row_count
        go_on.set()
        await asyncio.wait_for(reading, 20)
        await settled(pilot)
        assert filled_table(pilot, "#questions").row_count == listed


async def test_a_base_is_compared_with_its_tuned_model() -> None:
    await fill_demo()
    async with demo_app().run_test(size=(120, 40)) as pilot:
        await on_results(pilot)
        await pilot.press("up")
        await compare(pilot)
        assert "A  smollm2-135m 0a1b2c3d (tuned)" in text_of(pilot.app)


async def curve(pilot: Pilot[None]) -> None:
    await pilot.press("l")
    await until(pilot, shows(pilot, "Learning curve · job 1"))
    await until(pilot, lambda: filled_table(pilot, "#scores").row_count > 0)


@both_sizes
@pytest.mark.parametrize("keys", [(), ("t",), ("v",)], ids=["curve", "task", "evaluate"])
def test_a_learning_curve_looks_as_it_did(snap_compare: Snap, keys: tuple[str, ...], size: tuple[int, int]) -> None:
    asyncio.run(fill_demo() if keys == ("v",) else fill_demo_curve())

    async def steps(pilot: Pilot[None]) -> None:
        await curve(pilot)
        await pilot.press(*keys)

    assert snap(snap_compare, size, steps)


async def test_a_curve_goes_from_the_base_to_the_tuned_model_and_opens_its_answers() -> None:
    await fill_demo_curve()
    async with demo_app().run_test(size=(80, 24), notifications=True) as pilot:
        await on_results(pilot)
        await curve(pilot)
        assert filled_table(pilot, "#scores").row_count == 14, "the base, twelve checkpoints and the tuned model"
        assert "memorization, by epoch (0: the base, ◆: the tuned model)" in text_of(pilot.app)
        await pilot.press("t", "t")
        await until(pilot, shows(pilot, "always No = majority 0.50"))
        await pilot.press("y")
        await until(pilot, lambda: pilot.app.clipboard.count("\n") == 14 * 4)
        assert "\t0\t0\tmemorization\t0.0\t" in pilot.app.clipboard
        await pilot.press("v")
        await until(pilot, shows(pilot, "Every model of this job was"))
        await pilot.press("question_mark")
        await until(pilot, shows(pilot, "are what no knowledge would"))
        await pilot.press("escape", "enter")
        await until(pilot, shows(pilot, "showing wrong"))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: bool(pilot.app.screen.query("#results")))


async def test_a_model_that_was_not_trained_here_has_no_curve_and_says_so() -> None:
    await fill_demo()
    await change_store("UPDATE jobs SET base_model = 'another'")
    async with demo_app().run_test(size=(120, 40), notifications=True) as pilot:
        await on_results(pilot)
        await pilot.press("up", "l")
        await until(pilot, shows(pilot, "was not trained here"))


async def test_checkpoints_are_asked_from_the_curve_and_appear_in_it(fake_openai: FakeOpenAI) -> None:
    await fill_demo()
    db = await open_store()
    for statement in (
        "UPDATE jobs SET provider = 'fake'", "UPDATE models SET provider = 'fake'",
        "UPDATE jobs SET state = 'cancelled' WHERE state = 'running'",
    ):  # fmt: skip
        await db.execute(statement)
    await db.commit()
    await db.close()
    app = FtbApp(clock=lambda: CLOCK)
    async with app.run_test(size=(160, 45), notifications=True) as pilot:
        await on_results(pilot)
        await until(pilot, lambda: app._supervisor is not None)
        await curve(pilot)
        await until(pilot, shows(pilot, "12 of the job's 13 models were asked nothing yet"))
        await pilot.press("v")
        await until(pilot, shows(pilot, "6 questions a task: 24 questions, 288 answers in all"))
        await pilot.press("down", "down", "enter")
        await until(pilot, shows(pilot, "All 13 models of the job were asked."), seconds=60)
        assert len(fake_openai.asked) == 288
        await until(pilot, shows(pilot, "12 evaluations are finished."))
    db = await open_store()
    rows = [row for row in await list_evaluations(db) if row.kind == "checkpoint"]
    await db.close()
    assert [row.n_questions for row in rows] == [24] * 12


async def test_answers_are_graded_again_from_the_app() -> None:
    await fill_demo()
    db = await open_store()
    await db.execute("UPDATE jobs SET state = 'cancelled' WHERE state = 'running'")
    await db.execute("UPDATE grades SET version = 0, verdict = 'wrong' WHERE grader = 'choice'")
    await db.commit()
    await db.close()
    app = FtbApp(clock=lambda: CLOCK)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await on_results(pilot)
        await until(pilot, lambda: app._supervisor is not None)
        assert "0.96" not in text_of(app)
        await pilot.press("u")
        await until(pilot, shows(pilot, "Graded again. choice: 0 new, 192 renewed"))
        await until(pilot, shows(pilot, "0.96"))


async def test_every_grader_that_graded_comes_round() -> None:
    await fill_demo()
    await change_store(
        "INSERT INTO grades (response_key, grader, version, verdict, reason, created_at)"
        " SELECT response_key, g, 1, 'correct', '', 0 FROM responses, (SELECT 'judge' AS g UNION SELECT 'yes_no_preference')"
    )
    async with demo_app().run_test(size=(80, 24)) as pilot:
        await on_results(pilot)

        def grader() -> str:
            return text_of(pilot.app).splitlines()[1].partition("by ")[2].split()[0]

        seen = []
        for _ in range(9):
            seen.append(grader())
            before = seen[-1]
            await pilot.press("r")
            await until(pilot, lambda before=before: grader() != before)  # type: ignore[misc]
        assert seen[0] == seen[8] == "choice"
        assert {"judge", "yes_no_preference", "exact", "yes_no"} <= set(seen[:8])


async def test_a_yes_no_score_says_what_no_knowledge_would_score_and_space_shows_all_of_it() -> None:
    await fill_demo()
    async with demo_app().run_test(size=(80, 24)) as pilot:
        await on_results(pilot)
        await pilot.press("right", "right")
        await until(pilot, shows(pilot, "Without any knowledge: always No 0.50"))
        await pilot.press("space")
        await until(pilot, shows(pilot, "What the figures say"))
        assert "The facts are in" in text_of(pilot.app)


@both_sizes
def test_the_question_where_to_export_looks_as_it_did(snap_compare: Snap, size: tuple[int, int]) -> None:
    asyncio.run(fill_demo())

    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("e")
        await until(pilot, shows(pilot, "Export the results"))
        pilot.app.screen.query_one("#where", Input).cursor_blink = False

    assert snap(snap_compare, size, steps)


async def test_the_table_is_sorted_by_a_task_and_copied() -> None:
    await fill_demo_curve()
    async with demo_app().run_test(size=(160, 45), notifications=True) as pilot:
        await on_results(pilot)
        lines = [line for line in text_of(pilot.app).splitlines() if "smollm2-135m" in line]
        assert "(base)" in lines[0]
        await pilot.press("s")
        await until(pilot, shows(pilot, "memorization ↓"))
        lines = [line for line in text_of(pilot.app).splitlines() if "smollm2-135m" in line and "│" not in line]
        assert "0.96" in lines[0]
        await pilot.press("s")
        await until(pilot, lambda: "memorization ↓" not in text_of(pilot.app))
        await pilot.press("y")
        await until(pilot, lambda: pilot.app.clipboard.startswith("| dataset | model |"))
