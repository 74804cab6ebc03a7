"""How the screens look that are opened from others, and the five modes in windows of other sizes than the usual two."""

from __future__ import annotations

from syrupy.assertion import SnapshotAssertion

from ftb_tui.benchmark.graders import Verdict
from ftb_tui.store.database import open_store
from ftb_tui.store.grading import overrule
from ftb_tui.ui.screens.small import LEAST, SmallScreen
from ftb_tui.ui.widgets.table import Table
from tests.demo import CLOCK, change_store
from tests.ui.answers_pilot import rephrased
from tests.ui.pictures import pictured
from tests.ui.pilot import SIZES, demo_app, fill_demo, filled, shows, until

SMALLEST = (LEAST.width, LEAST.height)


async def test_the_fact_and_the_dialogs_of_answers_look_as_they_did(snapshot: SnapshotAssertion) -> None:
    async with rephrased() as pilot:
        first = int(pilot.app.screen.query_one("#answers", Table).shown_keys[0])
        db = await open_store()
        await overrule(db, first, Verdict.WRONG, "no synonym")
        await db.close()
        await change_store("UPDATE person_verdicts SET created_at = ?", [CLOCK])
        await until(pilot, shows(pilot, "✗ o"))
        await pilot.press("o")
        await until(pilot, shows(pilot, "Overruled already"))
        await pictured(pilot, snapshot, "overrule", (*SIZES, SMALLEST))
        await pilot.press("escape", "m", "m", "f")
        await until(pilot, shows(pilot, "2 marked, 2 elsewhere"))
        await pilot.press("t")
        await until(pilot, shows(pilot, "Tags of 2 marked answers"))
        await pictured(pilot, snapshot, "tag", (*SIZES, SMALLEST))
        await pilot.press("escape")
        await until(pilot, shows(pilot, "showing fixed"))
        await pictured(pilot, snapshot, "answers-marked", (*SIZES, SMALLEST))
        await pilot.press("a")
        await until(pilot, shows(pilot, "Taught: "))
        await filled(pilot)
        await pictured(pilot, snapshot, "fact", (*SIZES, SMALLEST))


async def test_judge_palette_and_a_window_that_is_too_small_look_as_they_did(snapshot: SnapshotAssertion) -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        await pilot.press("4")
        await filled(pilot)
        await pilot.press("J")
        await until(pilot, lambda: bool(app.screen.query("#ask-judge")))
        await pictured(pilot, snapshot, "judge", (*SIZES, SMALLEST))
        await pilot.press("escape")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        await pilot.press("ctrl+p")
        await until(pilot, shows(pilot, "Search for commands"))
        await pilot.press(*"quick")
        await until(pilot, shows(pilot, "Run the quick benchmark"))
        await pictured(pilot, snapshot, "palette", (*SIZES, SMALLEST))
        await pilot.press("escape")
        await pilot.resize_terminal(50, 12)
        await until(pilot, lambda: isinstance(app.screen, SmallScreen))
        await pictured(pilot, snapshot, "too-small", ((50, 12), (20, 4)))


async def test_the_modes_look_as_they_did_in_windows_of_other_sizes(snapshot: SnapshotAssertion) -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(120, 35)) as pilot:
        await filled(pilot)
        for key, mode in enumerate(("datasets", "jobs", "evaluations", "results", "providers"), 1):
            await pilot.press(str(key))
            await until(pilot, lambda wanted=mode: app.current_mode == wanted)  # type: ignore[misc]
            await filled(pilot)
            await pictured(pilot, snapshot, mode, ((120, 35), (200, 60), SMALLEST))
