"""A learning curve says over which questions it is."""

from __future__ import annotations

import aiosqlite
from textual.pilot import Pilot

from ftb_tui.benchmark.model import Task
from ftb_tui.store.database import open_store
from ftb_tui.store.datasets import questions_by_key
from ftb_tui.work.checkpoints import asking_alone
from tests.demo_sweep import ask, checkpoint_keys, question_keys
from tests.ui.pilot import demo_app, fill_demo, shows, text_of, until
from tests.ui.results_pilot import filled_table, on_results


async def six_of_each_task(db: aiosqlite.Connection) -> list[int]:
    """Some of what the demo's base and tuned model were asked."""
    [[dataset_id]] = await db.execute_fetchall("SELECT DISTINCT dataset_id FROM evaluations")
    stored = await questions_by_key(db, dataset_id)
    asked = await question_keys(db)
    return [key for task in Task for key in [k for k in asked if stored[k].task is task][:6]]


async def test_a_curve_over_part_of_the_questions_says_so_and_what_is_apart_is_marked() -> None:
    await fill_demo()
    db = await open_store()
    few = await six_of_each_task(db)
    first, second, *others = await checkpoint_keys(db)
    await ask(db, first, few, settled=0)
    await ask(db, second, few, settled=3)
    for model_key in others:
        await ask(db, model_key, few, right=15)
    await db.close()
    async with demo_app().run_test(size=(160, 45)) as pilot:
        await on_results(pilot)
        await pilot.press("l")
        await until(pilot, shows(pilot, "Learning curve · job 1"))
        await until(pilot, lambda: filled_table(pilot, "#scores").row_count == 14)
        for words in (
            "1 of the job's 13 models were asked nothing yet, 1 not to the end; v asks them.",
            "Joined over the questions that all answered: 6 of each task.",
            "○: other questions, or not all of them yet; over its own, not joined.",
        ):
            await until(pilot, shows(pilot, words))
        await pilot.press("ctrl+home")
        await until(pilot, lambda: line_of(pilot, " base").count(" of 6") == 4)
        assert line_of(pilot, " epoch 2 ").count("○") == line_of(pilot, " epoch 2 ").count(" of 3") == 1
        await pilot.press("t")
        await until(pilot, lambda: len([line for line in text_of(pilot.app).splitlines() if "○" in line]) == 3)


def line_of(pilot: Pilot[None], start: str) -> str:
    return next((line for line in text_of(pilot.app).splitlines() if line.startswith(start)), "")


async def test_models_that_somebody_asks_are_not_offered_a_second_time() -> None:
    await fill_demo()
    db = await open_store()
    async with asking_alone(db, 1), demo_app().run_test(size=(120, 40), notifications=True) as pilot:
        await on_results(pilot)
        await pilot.press("l")
        await until(pilot, shows(pilot, "12 of the job's 13 models were asked nothing yet"))
        await pilot.press("v")
        await until(pilot, shows(pilot, "Models of job 1 are being asked already"))
        assert not pilot.app.screen.query("OptionList")
    await db.close()
