"""A model's wordings are looked at in the app: kept, rejected, taken back, and trained on by the recipe's form."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from textual.pilot import Pilot
from textual.widgets import DataTable, Select

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.benchmark.model import Question, Task
from ftb_tui.store.database import open_store
from ftb_tui.store.paraphrases import NewWording, add_wordings, list_wordings
from ftb_tui.ui.widgets.table import Table
from tests.ui.datasets_pilot import Snap, opened, says_anywhere, sizes, snap, stored
from tests.ui.pilot import shows, text_of, until

PEOPLE = load_bundled("fictional_people")
TRAINED = [question for question in PEOPLE.questions if question.task is Task.MEMORIZATION]
REPHRASED = {question.fact_id: question for question in PEOPLE.questions if question.task is Task.REPHRASED}


async def word(made: Mapping[Question, Sequence[NewWording]]) -> None:
    """What a run of a model leaves in the store."""
    db = await open_store()
    try:
        for question, new in made.items():
            await add_wordings(
                db, PEOPLE.dataset_id, question.question_id, new, provider="fake", model="gpt", prompt_version=1, wanted=1
            )  # fmt: skip
    finally:
        await db.close()


async def proposed(questions: list[Question], *, hostile: bool = False) -> None:
    """One proposed for each question, and one that a rule rejected."""
    await stored()
    made = {
        question: [NewWording("[red]Boo[/]\x1b[31m" if hostile else f"I wonder: {question.question}", "")]
        for question in questions
    }
    test = REPHRASED[questions[0].fact_id]
    made[questions[0]].append(NewWording(test.question, f"It is the question {test.question_id} (rephrased)."))
    await word(made)


async def states() -> list[str]:
    db = await open_store()
    try:
        return [row.state for row in await list_wordings(db)]
    finally:
        await db.close()


@sizes
def test_the_wordings_look_as_they_did(snap_compare: Snap, size: tuple[int, int]) -> None:
    asyncio.run(proposed(TRAINED[:5]))

    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("p")
        await until(pilot, shows(pilot, "5 proposed"))
        await pilot.press("a")
        await until(pilot, shows(pilot, "1 kept"))

    assert snap(snap_compare, size, "fictional_people", steps)


@sizes
def test_an_empty_list_looks_as_it_did(snap_compare: Snap, size: tuple[int, int]) -> None:
    asyncio.run(stored())

    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("p")
        await until(pilot, shows(pilot, "ftb paraphrases make fictional_people --model PROVIDER/MODEL"))

    assert snap(snap_compare, size, "fictional_people", steps)


async def test_wordings_are_kept_and_rejected_one_after_another_and_taken_back() -> None:
    await proposed(TRAINED[:3])
    async with opened("fictional_people", "p") as pilot:
        await until(pilot, shows(pilot, "3 proposed, 0 kept, 1 rejected"))
        await pilot.press("a")
        await until(pilot, shows(pilot, "2 proposed, 1 kept, 1 rejected"))
        await pilot.press("down", "x")
        await until(pilot, shows(pilot, "1 proposed, 1 kept, 2 rejected"))
        assert await states() == ["kept", "rejected", "rejected", "proposed"]
        await pilot.press("u")
        await until(pilot, shows(pilot, "2 proposed, 1 kept, 1 rejected"))
        await pilot.press("u")
        await until(pilot, shows(pilot, "3 proposed, 0 kept, 1 rejected"))
        await pilot.press("u")
        await until(pilot, shows(pilot, "Nothing was decided here yet."))
        await pilot.press("A")
        await until(pilot, shows(pilot, "0 proposed, 3 kept, 1 rejected"))
        await pilot.press("u")
        await until(pilot, shows(pilot, "3 proposed, 0 kept, 1 rejected"))
        assert await states() == ["proposed", "rejected", "proposed", "proposed"]

        table = pilot.app.screen.query_one("#wordings", Table)
        await pilot.press("G", "k")
        stood = table.chosen
        await word({TRAINED[3]: [NewWording("And what else?", "")]})
        await until(pilot, shows(pilot, "4 proposed, 0 kept, 1 rejected"))
        assert stood and table.chosen == stood, "what a command finds meanwhile does not move the cursor"


async def test_what_a_test_asks_cannot_be_kept_and_the_screen_says_why() -> None:
    await proposed(TRAINED[:1])
    async with opened("fictional_people", "p") as pilot:
        await until(pilot, shows(pilot, "1 rejected"))
        await pilot.press("down", "a")
        await until(pilot, says_anywhere(pilot, "cannot be kept."))
        assert await states() == ["proposed", "rejected"]


async def test_one_state_is_shown_at_a_time_and_what_is_decided_leaves_it() -> None:
    await proposed(TRAINED[:3])
    async with opened("fictional_people", "p", "f") as pilot:
        await until(pilot, shows(pilot, "only proposed"))
        table = pilot.app.screen.query_one("#wordings", DataTable)
        assert table.row_count == 3
        await pilot.press("x", "x", "x")
        await until(pilot, shows(pilot, "None is proposed."))
        assert table.row_count == 0
        await pilot.press("f")
        await until(pilot, shows(pilot, "None is kept."))
        await pilot.press("f")
        await until(pilot, lambda: table.row_count == 4)


async def test_a_models_text_is_shown_and_never_obeyed() -> None:
    await proposed(TRAINED[:1], hostile=True)
    async with opened("fictional_people", "p") as pilot:
        await until(pilot, shows(pilot, "[red]Boo[/]"))
        await pilot.press("space")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 3)
        await until(pilot, shows(pilot, "[red]Boo[/]"))
        assert "\x1b" not in text_of(pilot.app)


async def test_the_recipes_form_takes_the_kept_wordings_and_says_where_they_are_too_few() -> None:
    await proposed(TRAINED)
    async with opened("fictional_people", "p") as pilot:
        await until(pilot, shows(pilot, "150 proposed"))
        await pilot.press("A")
        await until(pilot, shows(pilot, "150 kept"))
        await pilot.press("escape", "v")
        await until(pilot, shows(pilot, "150 taught"))
        pilot.app.screen.query_one("#recipe-paraphrases_from", Select).value = "reviewed"
        await until(pilot, shows(pilot, "How many reviewed wordings"))
        await pilot.press("o", "tab", "tab", "2")
        await until(pilot, shows(pilot, "2 reviewed wording(s) of each of 150"))
        await pilot.press("backspace", "1", "escape")
        await until(pilot, shows(pilot, "150 paraphrase"))
        await until(pilot, shows(pilot, "I wonder:"))
        await pilot.press("t")
        await until(pilot, shows(pilot, "300 examples"))
