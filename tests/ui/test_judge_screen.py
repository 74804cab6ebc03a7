"""A judge is set to work from the results, and measured against people, with its money kept to a cap."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input, Static

from ftb_tui.store.database import open_store
from ftb_tui.store.grading import overrule
from ftb_tui.ui.app import FtbApp
from tests.fakes.openai_server import FakeOpenAI
from tests.ui.pilot import demo_app, fill_demo, filled, shows, until
from tests.work.test_judging import judged

CHAT = "POST /chat/completions"


@pytest.fixture
def judge(fake_openai: FakeOpenAI, home: Path) -> FakeOpenAI:
    """A service whose model judges, at a known price."""
    fake_openai.answer = judged
    (home / "config" / "catalogue.toml").write_text(
        '[[models]]\nservice = "fake"\nname = "gpt-judge"\n'
        'prices = { input = 1.0, output = 2.0, as_of = 2026-11-01, source = "a test" }\n'
    )
    return fake_openai


async def one_verdict() -> None:
    db = await open_store()
    [row] = await db.execute_fetchall("SELECT max(response_key) FROM responses WHERE answer <> ''")
    await overrule(db, row[0], "correct")
    await db.close()


async def test_a_judge_works_behind_the_results_and_its_grades_stand_beside_the_others(judge: FakeOpenAI) -> None:
    await fill_demo()
    app = FtbApp()
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: app._supervisor is not None)
        await pilot.press("4")
        await filled(pilot)
        await pilot.press("J")
        await until(pilot, lambda: bool(app.screen.query("#ask-judge")))
        await pilot.press("enter")
        await until(pilot, shows(pilot, "Judge: PROVIDER/MODEL, for example"))
        app.screen.query_one("#ask-judge", Input).value = "fake/gpt-judge"
        app.screen.query_one("#ask-cap", Input).value = "a lot"
        await pilot.press("enter")
        await until(pilot, shows(pilot, "no sum of US dollars"))
        app.screen.query_one("#ask-cap", Input).value = ""
        await pilot.press("enter")
        await until(pilot, shows(pilot, "Give a cap to agree"))
        await until(pilot, shows(pilot, "questions, "))
        assert judge.requests[CHAT] == 0
        app.screen.query_one("#ask-cap", Input).value = "5"
        await pilot.press("enter")
        await until(pilot, shows(pilot, "judged"), seconds=40)
        await until(pilot, shows(pilot, "are right"), seconds=40)
    db = await open_store()
    [row] = await db.execute_fetchall("SELECT count(*) FROM grades WHERE grader = 'judge'")
    await db.close()
    assert row[0] == 192
    assert 0 < judge.requests[CHAT] <= 192


async def test_a_judge_is_measured_against_people_without_touching_grades(judge: FakeOpenAI) -> None:
    await fill_demo()
    app = FtbApp()
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: app._supervisor is not None)
        await pilot.press("4")
        await filled(pilot)
        await pilot.press("J")
        await until(pilot, lambda: bool(app.screen.query("#ask-judge")))
        app.screen.query_one("#ask-judge", Input).value = "fake/gpt-judge"
        app.screen.query_one("#ask-check", Input).value = "yes"
        await pilot.press("enter")
        await until(pilot, shows(pilot, "no person's verdict"))
        await one_verdict()
        await pilot.press("enter")
        await until(pilot, shows(pilot, "people agree on"))
        await until(pilot, shows(pilot, "of 1 answer:"))
    assert judge.requests[CHAT] == 1


async def test_a_judge_is_not_measured_while_its_price_cannot_be_read(judge: FakeOpenAI, home: Path) -> None:
    await fill_demo()
    await one_verdict()
    app = demo_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        await pilot.press("4")
        await filled(pilot)
        await pilot.press("J")
        await until(pilot, lambda: bool(app.screen.query("#ask-judge")))
        # Without a cap only a judge is asked that costs nothing, whether the day has a budget or not.
        assert app.screen.query_one("#ask-cap", Input).placeholder == "nothing, where the judge costs nothing"
        (home / "config" / "catalogue.toml").write_text("[[models]\n")
        app.screen.query_one("#ask-judge", Input).value = "fake/gpt-judge"
        app.screen.query_one("#ask-check", Input).value = "yes"
        await pilot.press("enter")
        await until(pilot, lambda: "catalogue.toml" in str(app.screen.query_one("#ask-said", Static).content))
        assert bool(app.screen.query("#ask-judge"))
    assert judge.requests[CHAT] == 0
