"""The command palette: everything that can be done here, and the way to recent things."""

from __future__ import annotations

from textual.command import CommandPalette
from textual.pilot import Pilot

from ftb_tui.store.database import open_store
from ftb_tui.ui.commands import Commands
from ftb_tui.ui.widgets.table import Table
from tests.ui.pilot import demo_app, fill_demo, filled, shows, until


async def ask(pilot: Pilot[None], words: str) -> None:
    """Open the palette and type."""
    await pilot.press("ctrl+p")
    await until(pilot, lambda: isinstance(pilot.app.screen, CommandPalette))
    await pilot.press(*words.replace(" ", "_").replace("_", " "))
    await pilot.pause()


async def titles(pilot: Pilot[None]) -> list[str]:
    commands = Commands(pilot.app.screen)
    await commands.startup()
    return [command.title for command in commands._commands()]


async def test_every_action_of_the_screen_in_view_is_in_the_palette() -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(120, 40)) as pilot:
        for key in "12345":
            await pilot.press(key)
            await filled(pilot)
            found = await titles(pilot)
            for active in app.screen.active_bindings.values():
                binding = active.binding
                if binding.show and binding.id:
                    assert (binding.tooltip or binding.description) in found


async def test_typing_an_action_and_enter_does_it() -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        await pilot.press("2")
        await filled(pilot)
        await ask(pilot, "logarithmic")
        await until(pilot, shows(pilot, "Draw the loss on a logarithmic scale"))
        await pilot.press("enter")
        await until(pilot, shows(pilot, "training loss by step, logarithmic"))


async def test_a_recent_job_is_found_by_its_words_and_stood_upon() -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        await ask(pilot, "job 1")
        await until(pilot, shows(pilot, "Job 1: smollm2-135m on fictional_people, succeeded"))
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "jobs")
        await until(pilot, lambda: app.screen.query_one("#jobs", Table).chosen == "1")


async def test_results_and_datasets_are_there_too() -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        found = await titles(pilot)
        assert "Results of smollm2-135m (base) on fictional_people" in found
        assert "Dataset fictional_people" in found
        assert "Go to results" in found
        await app.show_row("results", "results", found and await _base_row(pilot))
        await until(pilot, lambda: app.screen.query_one("#results", Table).row_count > 0)
        row = await _base_row(pilot)
        await until(pilot, lambda: app.screen.query_one("#results", Table).chosen == row)


async def test_what_is_recent_is_called_as_in_the_table_and_found_by_that_and_by_its_whole_name() -> None:
    await fill_demo()
    db = await open_store()
    raw = "ft:smollm2-135m:ftb:demo:0a1b2c3d:ckpt-step-120"
    try:
        await db.execute("UPDATE evaluations SET model_key = (SELECT model_key FROM models WHERE name = ?)", (raw,))
        await db.commit()
    finally:
        await db.close()
    app = demo_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        title = "Results of smollm2-135m 0a1b2c3d (epoch 12) on fictional_people"
        assert title in await titles(pilot)
        for words in ("epoch 12", "epoch 12 0a1b", "ckpt-step-120"):
            await ask(pilot, words)
            await until(pilot, shows(pilot, title))
            await pilot.press("escape")
            await until(pilot, lambda: not isinstance(app.screen, CommandPalette))


async def test_recent_things_are_in_view_as_soon_as_the_palette_opens_in_a_narrow_window() -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await filled(pilot)
        await pilot.press("2")
        await filled(pilot)
        await pilot.press("ctrl+p")
        for words in (
            "smollm2-135m 0a1b2c3d (tuned) on",
            "Job 2: smollm2-135m on",
            "(base) on",
            "Cancel the chosen job",
        ):
            await until(pilot, shows(pilot, words))


async def _base_row(pilot: Pilot[None]) -> str:
    db = pilot.app.db  # type: ignore[attr-defined]
    [row] = await db.execute_fetchall(
        "SELECT e.dataset_id, e.model_key FROM evaluations e JOIN models m USING (model_key) WHERE m.kind = 'base'"
    )
    return f"{row[0]}|{row[1]}"
