"""In the app, too, nothing that costs money is asked before its price was shown and agreed to."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import DataTable, Input, OptionList, Static

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.providers.registry import open_provider, provider_info
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.datasets import save_dataset
from ftb_tui.store.evaluations import list_evaluations
from ftb_tui.store.models import ensure_model
from ftb_tui.ui.app import FtbApp
from ftb_tui.ui.screens.evaluate import EvaluateScreen
from ftb_tui.ui.screens.evaluations import EvaluationsScreen
from ftb_tui.work import evaluate
from ftb_tui.work import jobs as work
from ftb_tui.work.jobs import LaunchPlan, Pace
from tests.fakes.openai_server import FakeOpenAI
from tests.ui.pilot import shows, text_of, until

WORLD = load_bundled("fictional_people")
FAST = Pace(0.01, 0.01, 0.05)


@pytest.fixture
def paid(home: Path, fake_openai: FakeOpenAI) -> FakeOpenAI:
    """The fake service, with a price."""
    prices = 'prices = { input = 500.0, output = 1000.0, as_of = 2026-11-21, source = "a test" }'
    (home / "config" / "catalogue.toml").write_text(f'[[models]]\nservice = "fake"\nname = "gpt-fake"\n{prices}\n')
    return fake_openai


async def tune() -> None:
    """A finished job at the service."""
    db, provider = await open_store(), open_provider("fake")
    await save_dataset(db, WORLD)
    key = await work.launch(db, provider, LaunchPlan(dataset=WORLD, base_model="gpt-fake", n_epochs=2))
    await work.follow(db, provider, key, pace=FAST)
    await provider.close()
    await db.close()


async def plan() -> int:
    """An evaluation that nobody has begun."""
    db = await open_store()
    await save_dataset(db, WORLD)
    async with transaction(db):
        model = await ensure_model(db, provider="fake", name="gpt-fake", kind="base", base_model="gpt-fake")
    key = await evaluate.create(
        db, model_key=model, dataset_id=WORLD.dataset_id, questions=WORLD.questions[:5], answer_tokens=7
    )
    await db.close()
    return key


async def n_evaluations() -> int:
    db = await open_store()
    try:
        return len(await list_evaluations(db))
    finally:
        await db.close()


def quote_of(screen: EvaluateScreen) -> str:
    return str(screen.query_one("#evaluate-quote", Static).content)


async def test_a_job_s_model_is_asked_after_its_price_was_seen(paid: FakeOpenAI) -> None:
    await tune()
    app = FtbApp()
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, lambda: app._supervisor is not None)
        await pilot.press("2")
        await until(pilot, shows(pilot, "succeeded"))
        await pilot.press("v")
        await until(pilot, lambda: bool(app.screen.query(OptionList)))
        assert "Ask ft:" not in text_of(app), "the list below has the models"
        for words in ("600 questions, ", "at $500.00", "2026-11-21 (a test)", "enter  ask, for $"):
            await until(pilot, shows(pilot, words))
        await pilot.press("escape")
        await until(pilot, lambda: not app.screen.query(OptionList))
        assert (paid.asked, await n_evaluations()) == ([], 0)
        await pilot.press("v")
        await until(pilot, shows(pilot, "enter  ask, for $"))
        await pilot.press("enter")
        await until(pilot, lambda: len(paid.asked) > 0)


async def test_an_evaluation_goes_on_after_the_price_of_the_rest_was_seen(paid: FakeOpenAI) -> None:
    await plan()
    app = FtbApp()
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, lambda: app._supervisor is not None)
        await pilot.press("3")
        await until(pilot, lambda: app.current_mode == "evaluations" and app.screen.query_one(DataTable).row_count == 1)
        await pilot.press("r")
        await until(pilot, shows(pilot, "5 questions, "))
        await until(pilot, shows(pilot, "enter  ask, for $"))
        await pilot.press("escape")
        await until(pilot, lambda: bool(app.screen.query(DataTable)))
        assert paid.asked == []
        await pilot.press("r")
        await until(pilot, shows(pilot, "enter  ask, for $"))
        await pilot.press("enter")
        await until(pilot, lambda: len(paid.asked) == 5)


async def test_who_is_quicker_than_the_price_is_shown_it_first(
    paid: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = await open_store()
    await save_dataset(db, WORLD)
    await db.close()
    app = FtbApp()
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, lambda: app._supervisor is not None)
        screen = EvaluateScreen("fake", provider_info("fake").capabilities, names=["gpt-fake"])
        app.push_screen(screen)
        await until(pilot, shows(pilot, "600 questions"))
        await until(pilot, shows(pilot, "enter  ask, for $"))
        # Another plan, and enter before anybody has told its price.
        monkeypatch.setattr(EvaluateScreen, "_requote", lambda self: None)
        app.screen.query_one("#evaluate-limit", Input).value = "2"
        await pilot.pause()
        await pilot.press("enter")
        await until(pilot, shows(pilot, "8 questions"))
        assert (app.screen, await n_evaluations()) == (screen, 0)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is not screen)
        assert await n_evaluations() == 1


async def test_nothing_is_planned_while_its_price_cannot_be_told(paid: FakeOpenAI, home: Path) -> None:
    db = await open_store()
    await save_dataset(db, WORLD)
    await db.close()
    catalogue = home / "config" / "catalogue.toml"
    priced = catalogue.read_text()
    catalogue.write_text("[[models]\n")
    app = FtbApp()
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, lambda: app._supervisor is not None)
        screen = EvaluateScreen("fake", provider_info("fake").capabilities, names=["gpt-fake"])
        app.push_screen(screen)
        await until(pilot, lambda: screen.is_mounted and "catalogue.toml" in quote_of(screen))
        await pilot.press("enter")
        await until(pilot, lambda: not screen._busy)
        assert (app.screen, await n_evaluations()) == (screen, 0)
        catalogue.write_text(priced)
        await pilot.press("enter")
        await until(pilot, shows(pilot, "enter  ask, for $"))
        await until(pilot, lambda: not screen._busy)
        assert (app.screen, await n_evaluations()) == (screen, 0)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is not screen)
        assert await n_evaluations() == 1


async def test_an_evaluation_that_is_resumed_by_two_quick_keys_is_agreed_to_once(paid: FakeOpenAI) -> None:
    await plan()
    app = FtbApp()
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, lambda: app._supervisor is not None)
        await pilot.press("3")
        await until(pilot, lambda: app.current_mode == "evaluations" and app.screen.query_one(DataTable).row_count == 1)
        evaluations = app.screen
        assert isinstance(evaluations, EvaluationsScreen)
        evaluations.action_resume()
        evaluations.action_resume()
        await until(pilot, shows(pilot, "enter  ask, for $"))
        await pilot.pause()
        assert len(app.screen_stack) == 2
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is evaluations)
        assert paid.asked == []


async def test_a_days_budget_that_is_used_up_is_told_before_an_evaluation_is_planned_or_goes_on(
    paid: FakeOpenAI, home: Path
) -> None:
    await plan()
    config = home / "config" / "config.toml"
    config.write_text(f"{config.read_text()}\n[budget]\nper_day = 0.0\n")
    words = "The day's budget of $0.00 is used up: $0.00 was spent today."
    app = FtbApp()
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, lambda: app._supervisor is not None)
        await pilot.press("3")
        await until(pilot, lambda: app.current_mode == "evaluations" and app.screen.query_one(DataTable).row_count == 1)
        await pilot.press("r")
        await until(pilot, lambda: any(words in one.message for one in app._notifications))
        screen = EvaluateScreen("fake", provider_info("fake").capabilities, names=["gpt-fake"])
        app.push_screen(screen)
        await until(pilot, lambda: words in quote_of(screen))
        await pilot.press("enter")
        await pilot.pause()
        assert (app.screen, await n_evaluations(), paid.asked) == (screen, 1, [])


@pytest.mark.parametrize("key", ["sk-0123456789\u200b-x", ""], ids=["not usable", "missing"])
async def test_an_evaluation_is_not_planned_with_a_key_that_cannot_be_used(
    paid: FakeOpenAI, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("FAKE_KEY", key)
    db = await open_store()
    await save_dataset(db, WORLD)
    await db.close()
    app = FtbApp()
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, lambda: app._supervisor is not None)
        screen = EvaluateScreen("fake", provider_info("fake").capabilities, names=["gpt-fake"])
        app.push_screen(screen)
        await until(pilot, shows(pilot, "enter  ask, for $"))
        await pilot.press("enter")
        await until(pilot, lambda: "FAKE_KEY" in str(screen.query_one("#evaluate-said", Static).content))
        assert (app.screen, await n_evaluations(), "0123456789" in text_of(app)) == (screen, 0, False)
