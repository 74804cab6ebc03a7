"""Averages over families, the generalization gap, new knowledge beside updating knowledge."""

from __future__ import annotations

import asyncio

from textual.pilot import Pilot

from ftb_tui.benchmark.graders import grade_all
from ftb_tui.benchmark.model import Task
from ftb_tui.store import evaluations
from ftb_tui.store.database import open_store
from ftb_tui.store.datasets import list_datasets, questions_by_key
from tests.demo import TUNED
from tests.ui.pilot import demo_app, fill_demo, shows, text_of, until
from tests.ui.results_pilot import Snap, both_sizes, filled_table, on_results, snap


async def averages(pilot: Pilot[None]) -> None:
    await pilot.press("a")
    await until(pilot, shows(pilot, "generalization gap"))


@both_sizes
def test_averages_look_as_they_did(snap_compare: Snap, size: tuple[int, int]) -> None:
    asyncio.run(fill_demo())

    async def steps(pilot: Pilot[None]) -> None:
        await averages(pilot)
        await pilot.press("down")

    assert snap(snap_compare, size, steps)


async def test_averages_are_shown_both_ways_with_the_gap_and_copied_whole() -> None:
    await fill_demo()
    async with demo_app().run_test(size=(80, 24), notifications=True) as pilot:
        await on_results(pilot)
        await averages(pilot)
        await pilot.press("down")
        await until(pilot, shows(pilot, "generalization gap +.29"))
        assert "more is known in the taught words" in " ".join(text_of(pilot.app).split())
        assert "mean of families" in text_of(pilot.app)
        await pilot.press("m")
        await until(pilot, shows(pilot, "memorization, mean of all questions"))
        await pilot.press("m", "y")
        await until(pilot, lambda: pilot.app.clipboard.count("\tgap\t") == 8)
        assert pilot.app.clipboard.startswith("model\twhat\thow\tvalue")
        await pilot.press("question_mark")
        await until(pilot, shows(pilot, "words were learnt, not facts"))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: bool(pilot.app.screen.query("#results")))


async def ask_about_updates() -> None:
    """The demo's tuned model answers the renames too: every other rephrased question right."""
    db = await open_store()
    try:
        [coding] = [row.dataset_id for row in await list_datasets(db) if row.name == "coding"]
        [[tuned]] = await db.execute_fetchall("SELECT model_key FROM models WHERE name = ?", (TUNED,))
        asked = {
            key: question
            for key, question in list((await questions_by_key(db, coding)).items())
            if question.task in (Task.MEMORIZATION, Task.REPHRASED)
        }
        evaluation = await evaluations.create_evaluation(
            db, model_key=tuned, dataset_id=coding, question_keys=list(asked), parameters={}
        )
        records = []
        for place, (key, question) in enumerate(asked.items()):
            text = question.answer if question.task is Task.MEMORIZATION or place % 2 else "something else"
            records.append(evaluations.ResponseRecord(key, {}, answer=text, grades=grade_all(question, text)))
        await evaluations.write_responses(db, evaluation, records)
    finally:
        await db.close()


@both_sizes
def test_new_beside_updating_knowledge_looks_as_it_did(snap_compare: Snap, size: tuple[int, int]) -> None:
    asyncio.run(fill_demo())
    asyncio.run(ask_about_updates())

    async def steps(pilot: Pilot[None]) -> None:
        await averages(pilot)
        await pilot.press("down")
        await until(pilot, shows(pilot, "memorization: new knowledge 0.96"))

    assert snap(snap_compare, size, steps)


async def test_each_kind_of_knowledge_is_shown_by_itself() -> None:
    await fill_demo()
    await ask_about_updates()
    async with demo_app().run_test(size=(120, 40), notifications=True) as pilot:
        await on_results(pilot)
        await averages(pilot)
        await pilot.press("down")
        await until(pilot, shows(pilot, "memorization: new knowledge 0.96"))
        assert "updating 1.00" in text_of(pilot.app)
        assert "2 families" in text_of(pilot.app)
        table = filled_table(pilot, "#averages")
        over = [str(table.get_row_at(row)[-1]) for row in range(table.row_count)]
        assert over == ["1", "2"], "means over other families stand apart in the list, too"
        await pilot.press("n")
        await until(pilot, shows(pilot, "new knowledge (fictional_people, latest_news)"))
        assert "1 family" in text_of(pilot.app)
        await pilot.press("n")
        await until(pilot, shows(pilot, "updating knowledge (coding, medical)"))
        assert "memorization, mean of families: 1.00" in text_of(pilot.app)
        await pilot.press("up")
        await until(pilot, shows(pilot, "ftb bench --dataset coding"))
        await pilot.press("n")
        await until(pilot, shows(pilot, "all families"))
