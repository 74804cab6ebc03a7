"""The table of results: what it shows in the room there is, how it is narrowed down, and what its places say."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import aiosqlite
import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from ftb_tui.benchmark.model import Task
from ftb_tui.benchmark.statistics import TrivialBaselines
from ftb_tui.report.matrix import adjusted_p, blocks
from ftb_tui.report.tables import short_label
from ftb_tui.store.baselines import asked_baselines
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.evaluations import create_evaluation
from ftb_tui.store.models import ensure_model
from ftb_tui.ui.screens.result_cells import drawn_cell
from ftb_tui.ui.screens.result_filter import fault, how_many, narrowed
from ftb_tui.ui.screens.result_layout import EDGES, Layout, layout
from ftb_tui.ui.screens.result_told import figures_say, nothing_sentence, score_lines
from ftb_tui.ui.widgets.table import Table
from tests.demo import change_store
from tests.demo_curve import fill_demo_curve
from tests.report.rows import TUNED, row
from tests.ui.pilot import demo_app, fill_demo, settled, shows, text_of, until
from tests.ui.results_pilot import filled_table, on_results

FOUR = ("memorization", "rephrased", "secondary", "comparison")
TASKS = tuple(str(task) for task in Task)


def of_tasks(tasks: tuple[str, ...], **changes: object) -> list:  # type: ignore[type-arg]
    scored = {"correct": 12, "score": 0.5, "low": 0.314, "high": 0.686, "fixed": 12, "p_value": 0.0005, **changes}
    return [each for task in tasks for each in (row(task=task), row(**TUNED, task=task, **scored))]


def laid_out(tasks: tuple[str, ...], width: int, grader: str = "choice", **changes: object) -> Layout:
    found = blocks(of_tasks(tasks, **changes))
    return layout(found, tasks, sort=None, grader=grader, width=width, shades=None)


def has(found: Layout) -> tuple[bool, bool, bool]:
    return (found.look.change > 0, found.look.interval, found.long_names)


@pytest.mark.parametrize(
    ("tasks", "width", "what"),
    [
        (FOUR, 79, (True, False, False)),
        (FOUR, 119, (True, True, False)),
        (FOUR, 199, (True, True, True)),
        (FOUR[:2], 79, (True, True, False)),
        (FOUR[:1], 79, (True, True, True)),
        ((*FOUR, "date_changed"), 84, (False, False, False)),
        ((*FOUR, "date_changed"), 119, (True, False, False)),
    ],
)
def test_every_width_shows_bars_then_changes_then_intervals_then_whole_names(
    tasks: tuple[str, ...], width: int, what: tuple[bool, bool, bool]
) -> None:
    found = laid_out(tasks, width)
    assert has(found) == what
    assert found.step == 0, "all tasks are in view"


@pytest.mark.parametrize("n", range(1, len(TASKS) + 1))
def test_columns_are_as_wide_as_the_window_and_never_cut(n: int) -> None:
    tasks, answered = TASKS[:n], {"n": 12, "planned": 24}
    for width, grader, changes in itertools.product(range(59, 200), ("choice", "yes_no_preference"), ({}, answered)):
        found = blocks(of_tasks(tasks, **changes))
        room = laid_out(tasks, width, grader, **changes)
        cells = [
            [drawn_cell({}, ("", 0, task), found[0].cells[model.model_key, task], 1.0, room.look) for task in tasks]
            for model in found[0].models
        ]
        widths = [
            max(len(head), *(line[place].cell_len for line in cells)) + EDGES
            for place, head in enumerate(room.headings[1:])
        ]
        names = (
            max(len(room.headings[0]), *(len(room.name(f"  {short_label(one)}")) for one in found[0].models)) + EDGES
        )
        if room.step == 0:
            assert names + sum(widths) <= width
        else:
            assert set(widths) == {room.step}
            assert (width - names) % room.step == 0, "as many whole columns as there is room for"
            assert width - names >= room.step


@pytest.mark.parametrize(("size", "graders"), [((60, 20), 7), ((80, 24), 2), ((120, 35), 2)])
async def test_no_heading_and_no_score_is_cut_wherever_the_cursor_is(size: tuple[int, int], graders: int) -> None:
    await fill_demo()
    async with demo_app().run_test(size=size) as pilot:
        await on_results(pilot)
        for _ in range(graders):
            for key in ("right", "right", "right", "right", "left", "left", "left"):
                await pilot.press(key)
                await settled(pilot)
                head, tuned = text_of(pilot.app).splitlines()[1], shown_line(pilot, "tuned 0a1b2c3d")
                shown = head.partition("by ")[2].split()[1:]
                assert shown
                assert set(shown) <= set(FOUR)
                cells = tuned.partition("0a1b2c3d")[2]
                assert len(cells.split("0.")) - 1 == len(shown), "every column in view has its score"
                for task in shown:
                    assert tuned[head.index(task) :].strip()[0] in "▁▂▃▄▅▆▇█", "from its bar on"
            await pilot.press("r")
            await settled(pilot)


def shown_line(pilot: Pilot[None], name: str) -> str:
    return next(line for line in text_of(pilot.app).splitlines() if name in line)


async def test_a_score_has_its_bar_and_its_change_in_a_narrow_window_and_its_interval_in_a_usual_one() -> None:
    await fill_demo()
    async with demo_app().run_test(size=(80, 24)) as pilot:
        await on_results(pilot)
        assert "█ 0.96 +.96*" in text_of(pilot.app)
        assert "▂ 0.12 −.17" in text_of(pilot.app), "of the last task too"
        await pilot.resize_terminal(120, 35)
        await until(pilot, shows(pilot, "tuned 0a1b2c3d   █ 0.96  .80–.99  +.96*"))
        assert "▂ 0.12  .04–.31  −.17" in text_of(pilot.app)
        await pilot.resize_terminal(200, 60)
        await until(pilot, shows(pilot, "smollm2-135m 0a1b2c3d (tuned)   █ 0.96  .80–.99  +.96*"))


async def test_words_choose_models_and_task_chooses_columns() -> None:
    await fill_demo_curve()
    app = demo_app()
    async with app.run_test(size=(120, 35)) as pilot:
        await on_results(pilot)
        every = filled_table(pilot, "#results").row_count
        await pilot.press("slash")
        await until(pilot, lambda: isinstance(app.focused, Input))
        await pilot.press(*"kind", "colon", *"tuned", "space", *"task", "colon", *"re")
        await until(pilot, shows(pilot, "1 of 14 models, 1 of 4 tasks"))
        assert "rephrased" in text_of(app).splitlines()[1]
        assert "memorization" not in text_of(app).splitlines()[1]
        assert filled_table(pilot, "#results").row_count == 2, "the dataset's line and the model's"
        await until(pilot, shows(pilot, "(tuned), rephrased: 16 of 24 right"))
        assert "The facts are in" not in text_of(app), "what is said goes by what is shown"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.focused, Table))
        await pilot.press("y")
        await until(pilot, lambda: app.clipboard.count("\n") == 3)
        await pilot.press("escape")
        await until(pilot, lambda: filled_table(pilot, "#results").row_count == every)
        assert not app.screen.query("FilterBar")
        assert "memorization" in text_of(app).splitlines()[1]


async def test_the_key_of_the_filter_stands_below_as_soon_as_there_is_something_to_narrow_down() -> None:
    await fill_demo()
    async with demo_app().run_test(size=(160, 45)) as pilot:
        await on_results(pilot)
        await until(pilot, shows(pilot, "/ Filter"), 5)


async def test_the_filter_of_results_is_completed_and_there_again_the_next_time(home: Path) -> None:
    await fill_demo_curve()
    app = demo_app()
    async with app.run_test(size=(120, 35)) as pilot:
        await on_results(pilot)
        await pilot.press("slash")
        await until(pilot, lambda: isinstance(app.focused, Input))
        await pilot.press(*"task", "colon", *"se")
        await until(pilot, lambda: app.screen.query_one("#filter-text", Input)._suggestion == "task:secondary")
        await pilot.press("right", "space", *"tuned", "enter")
        await until(pilot, shows(pilot, "1 of 14 models, 1 of 4 tasks"))
        await pilot.press("q")
    again = demo_app()
    async with again.run_test(size=(120, 35)) as pilot:
        await until(pilot, shows(pilot, "/ task:secondary tuned"))
        await until(pilot, shows(pilot, "1 of 14 models, 1 of 4 tasks"))
        await pilot.press("escape")
        await until(pilot, lambda: filled_table(pilot, "#results").row_count == 15)


@pytest.mark.parametrize(
    ("text", "models", "tasks"),
    [
        ("", 3, 4),
        ("tuned", 1, 4),
        ("kind:base", 2, 4),
        ("dataset:news", 1, 1),
        ("-dataset:news", 2, 4),
        ("provider:local smollm2", 3, 4),
        ("task:re task:mem", 3, 2),
        ("-task:comp", 3, 3),
        ("task:re -model:tuned", 1, 1),
        ("0a1b2c3d task:second", 1, 1),
    ],
)
def test_a_filter_of_results(text: str, models: int, tasks: int) -> None:
    every = [*of_tasks(FOUR), row(dataset="news", dataset_id="news@1")]
    left = narrowed(every, text)
    assert len({(one.dataset_id, one.model_key) for one in left}) == models
    assert len({one.task for one in left}) == tasks
    assert how_many(left, every).startswith(f"{models} of 3 models")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tsk:mem", "There is no tsk: here. Did you mean task:? There are model:, dataset:, kind:, provider:, task:."),
        ("task:memori", ""),
        ("ft:", ""),
        ("ft:smollm2-135m", ""),
        ("task:zzz", "There is no task zzz. There are memorization, rephrased, secondary, comparison."),
        ("rephrased", "No model has rephrased in its name. For the task, type task:rephrased."),
        ("nothing", ""),
    ],
)
def test_a_mistake_in_a_filter_of_results_is_told(text: str, said: str) -> None:
    assert fault(of_tasks(FOUR), text) == said


def test_what_is_said_of_a_score_names_the_test_and_the_questions_it_is_over() -> None:
    repeated = {**TUNED, "n": 40, "paired": 20, "base_score": 0.6, "test": "sign test over facts"}
    rows = of_tasks(("rephrased",))
    rows.append(row(**{**repeated, "model_key": 3}, task="rephrased", correct=20, score=0.5, fixed=4, p_value=0.125))
    adjusted = adjusted_p(rows)
    whole, part = (score_lines(one, rows, adjusted)[1] for one in rows[1:])
    assert whole == (
        "Against its base (0.00 on the same questions): 12 fixed, 0 broken, exact McNemar p <.001, Holm over the table .001"
    )
    assert part.startswith(
        "Against its base (0.80 to 0.60 on the 20 that both answered): 4 fixed, 0 broken, sign test over"
    )
    _, legend = figures_say(rows[:2], rows, adjusted, "choice", changes=True)
    assert "(exact McNemar, Holm over the table: p < .05)" in legend.plain
    _, legend = figures_say(rows, rows, adjusted, "choice", changes=True)
    assert "(exact McNemar or sign test over facts, Holm over" in legend.plain


def test_answers_of_an_imported_model_that_are_missing_cannot_be_asked_for() -> None:
    for kind in ("base", "tuned"):
        said = nothing_sentence(row(provider="imported", model="gpt-4o ft", kind=kind), "vignette")
        assert said.startswith("gpt-4o ft (imported) has no answer to vignette of people: ftb import-responses")
        assert "then v" not in said


async def test_what_the_figures_say_goes_by_the_grader_that_is_shown() -> None:
    await fill_demo()
    await change_store(
        "UPDATE grades SET verdict = 'wrong' WHERE grader = 'exact' AND response_key IN (SELECT response_key FROM grades"
        " WHERE grader = 'exact' AND verdict = 'correct' ORDER BY response_key LIMIT 20)"
    )
    async with demo_app().run_test(size=(120, 35)) as pilot:
        await on_results(pilot)
        assert "of the trained questions 0.96 are right" in text_of(pilot.app)
        assert "As exact grades" not in text_of(pilot.app)
        await pilot.press("r")
        await until(pilot, shows(pilot, "graded by exact"))
        await until(pilot, shows(pilot, "As exact grades; r shows the next way."))
        shown = shown_line(pilot, "tuned 0a1b2c3d").partition("0a1b2c3d")[2].split()[1]
        assert f"of the trained questions {shown} are right" in text_of(pilot.app)
        assert shown != "0.96"


async def test_checkpoints_that_were_not_asked_are_told_of_until_they_are() -> None:
    await fill_demo()
    async with demo_app().run_test(size=(80, 24)) as pilot:
        await on_results(pilot)
        await until(pilot, shows(pilot, "12 checkpoints of its job were not asked: l, then v."))
        await pilot.press("up")
        await until(pilot, shows(pilot, "(base), memorization"))
        assert "12 checkpoints of its job" in text_of(pilot.app), "the base belongs to the job as well"


async def test_nothing_is_said_of_checkpoints_that_all_have_answers() -> None:
    await fill_demo_curve()
    async with demo_app().run_test(size=(120, 35)) as pilot:
        await on_results(pilot)
        await until(pilot, shows(pilot, "of 24 right"))
        assert "were not asked" not in text_of(pilot.app)


async def test_a_place_without_a_score_says_that_nothing_was_asked_and_how_to_ask() -> None:
    await fill_demo()
    db = await open_store()
    async with transaction(db):
        other = await ensure_model(db, provider="local", name="another", kind="base", base_model="another")
    [dataset] = await db.execute_fetchall("SELECT dataset_id FROM evaluations LIMIT 1")
    keys = [
        key
        for (key,) in await db.execute_fetchall(
            "SELECT question_key FROM questions WHERE dataset_id = ? AND task = 'memorization' LIMIT 3", tuple(dataset)
        )
    ]
    await create_evaluation(db, model_key=other, dataset_id=dataset[0], question_keys=keys, parameters={})
    await db.close()
    async with demo_app().run_test(size=(120, 35), notifications=True) as pilot:
        await on_results(pilot)
        filled_table(pilot, "#results").move_cursor(row=1, column=2)
        said = "another (base) was not asked rephrased of fictional_people: 5, then v, asks a model."
        await until(pilot, shows(pilot, said))
        await pilot.press("enter")
        await until(pilot, lambda: text_of(pilot.app).count("was not asked rephrased") == 2)
        assert any(said in one.message for one in pilot.app._notifications)


async def test_what_is_read_of_one_score_is_not_told_under_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a run goes on the store is read for the score under the cursor again and again, and the cursor moves on."""
    await fill_demo()
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def late(db: aiosqlite.Connection, evaluation_key: int, task: str) -> TrivialBaselines | None:
        asked.set()
        await go_on.wait()
        return await asked_baselines(db, evaluation_key, task)

    app = demo_app()
    async with app.run_test(size=(120, 35)) as pilot:
        await on_results(pilot)
        await pilot.press("right", "right")
        await until(pilot, shows(pilot, "Without any knowledge"))
        app.screen._baselines.clear()  # type: ignore[attr-defined]
        monkeypatch.setattr("ftb_tui.ui.screens.results.asked_baselines", late)
        app.ask_for_refresh()
        await until(pilot, asked.is_set)
        await pilot.press("left")
        await until(pilot, shows(pilot, "(tuned), rephrased:"))
        go_on.set()
        await app.looking.look()
        await pilot.pause()
        assert "(tuned), rephrased:" in text_of(app)
        assert "Without any knowledge" not in text_of(app)
