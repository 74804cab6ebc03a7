"""Whoever quits while something is being sent or paid for is told what is waited for; what is cut short can be sent."""

from __future__ import annotations

import asyncio
import datetime
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from textual.pilot import Pilot
from textual.widgets import Input

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.datasets import save_dataset
from ftb_tui.store.evaluations import get_evaluation
from ftb_tui.store.jobs import JobRow, list_jobs
from ftb_tui.store.models import ensure_model
from ftb_tui.ui.app import FtbApp
from ftb_tui.ui.screens.confirm import ConfirmScreen
from ftb_tui.ui.screens.spend import SpendScreen
from ftb_tui.work import evaluate
from ftb_tui.work.jobs import Pace
from ftb_tui.work.launch_plan import LaunchPlan
from ftb_tui.work.quoting import quote_launch
from tests.fakes.openai_server import FakeOpenAI
from tests.ui.pilot import filled, shows, until
from tests.ui.test_launch import PRICED, WORLD

PLAN = LaunchPlan(dataset=WORLD, base_model="gpt-fake", n_epochs=2)
NARROW = (80, 24)


class Held:
    """An upload that is answered only once it may be."""

    def __init__(self, service: FakeOpenAI) -> None:
        self.may = threading.Event()
        service.faults["POST /files"].append(self.answer)

    async def answer(self, request: web.Request) -> None:
        while not self.may.is_set():
            await asyncio.sleep(0.02)


@pytest.fixture
async def priced(home: Path, fake_openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service with a price, jobs looked at without long pauses, and a dataset in the store."""
    monkeypatch.setattr("ftb_tui.work.jobs.PAID_PACE", Pace(0.02, 0.02, 0.05))
    (home / "config" / "catalogue.toml").write_text(PRICED)
    db = await open_store()
    await save_dataset(db, WORLD)
    await db.close()


async def the_job() -> JobRow:
    db = await open_store()
    try:
        [job] = await list_jobs(db)
        return job
    finally:
        await db.close()


async def launch(app: FtbApp, pilot: Pilot[None], service: FakeOpenAI) -> None:
    """Begin a launch for its price; it is being sent then."""
    await until(pilot, lambda: app._supervisor is not None)
    assert app.db is not None
    quote = await quote_launch(app.db, PLAN, "fake", datetime.date.today())
    app.supervisor.launch(PLAN, "fake", quote)
    await until(pilot, lambda: bool(service.requests["POST /files"]))


@pytest.fixture(autouse=True)
def last_words(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is written into the terminal when the app has ended."""
    words: list[str] = []
    exit_app = FtbApp.exit

    def record(app: FtbApp, *given: Any, message: Any = None, **named: Any) -> None:
        words.append(message or "")
        exit_app(app, *given, message=message, **named)

    monkeypatch.setattr(FtbApp, "exit", record)
    return words


def said(app: FtbApp) -> str:
    return "\n".join(one.message for one in app._notifications)


async def test_quitting_while_a_launch_is_sent_waits_until_it_is_there_and_says_so(
    priced: None, fake_openai: FakeOpenAI, last_words: list[str]
) -> None:
    held = Held(fake_openai)
    app = FtbApp()
    async with app.run_test(size=NARROW) as pilot:
        await launch(app, pilot, fake_openai)
        await pilot.press("q")
        await until(pilot, lambda: "Closing once the launch that is being sent to fake is there" in said(app))
        assert not app._exit
        held.may.set()
        await until(pilot, lambda: app._exit)
    assert last_words == ["The job was launched and goes on without the app: ftb jobs follow last"]
    assert (await the_job()).intent == "confirmed"
    assert fake_openai.requests["POST /fine_tuning/jobs"] == 1


async def leave_at_once(service: FakeOpenAI, last_words: list[str]) -> None:
    """Quit twice while a launch is sent: it is cut short."""
    held = Held(service)
    app = FtbApp()
    async with app.run_test(size=NARROW) as pilot:
        await launch(app, pilot, service)
        await pilot.press("q")
        await until(pilot, lambda: "q again leaves at once" in said(app))
        await pilot.press("q")
        await until(pilot, lambda: app._exit)
    held.may.set()
    assert last_words == ["A launch at fake was cut short. What came of it tells: ftb jobs follow last"]
    assert (await the_job()).is_never_sent


async def test_a_launch_that_was_cut_short_is_sent_from_the_app_for_its_typed_price(
    priced: None, fake_openai: FakeOpenAI, last_words: list[str]
) -> None:
    await leave_at_once(fake_openai, last_words)
    app = FtbApp()
    async with app.run_test(size=NARROW) as pilot:
        await until(pilot, lambda: "ftb jobs abandon 1" in said(app))
        assert "planned but never sent" in said(app)
        await pilot.press("2")
        await until(pilot, shows(pilot, "never sent, nothing is owed: r sends it, c gives it up"))
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, SpendScreen))
        await until(pilot, shows(pilot, "to spend $0.0543 on gpt-fake, 2"))
        await pilot.press("enter", *"yes", "enter")
        assert isinstance(app.screen, SpendScreen) and not fake_openai.requests["POST /fine_tuning/jobs"]
        app.screen.query_one(Input).value = ""
        await pilot.press(*"launch", "enter")
        await until(pilot, shows(pilot, "succeeded"))
    assert fake_openai.requests["POST /fine_tuning/jobs"] == 1
    assert (await the_job()).intent == "confirmed"


async def test_a_launch_that_was_cut_short_is_given_up_from_the_app(
    priced: None, fake_openai: FakeOpenAI, last_words: list[str]
) -> None:
    await leave_at_once(fake_openai, last_words)
    app = FtbApp()
    async with app.run_test(size=NARROW) as pilot:
        await until(pilot, lambda: "ftb jobs abandon 1" in said(app))
        await pilot.press("2")
        await until(pilot, shows(pilot, "c gives it up"))
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("enter")
        await until(pilot, lambda: "Job 1 is given up; nothing of it was ever sent." in said(app))
        await until(pilot, shows(pilot, "abandoned"))
    assert (await the_job()).intent == "abandoned"
    assert not fake_openai.requests["POST /fine_tuning/jobs"]


async def test_quitting_while_paid_answers_are_under_way_says_so_and_keeps_them(
    priced: None, fake_openai: FakeOpenAI, last_words: list[str]
) -> None:
    fake_openai.delay = 1.5
    db = await open_store()
    async with transaction(db):
        model = await ensure_model(db, provider="fake", name="gpt-fake", kind="base", base_model="gpt-fake")
    dataset = load_bundled("fictional_people")
    key = await evaluate.create(db, model_key=model, dataset_id=dataset.dataset_id, answer_tokens=7)
    app = FtbApp()
    async with app.run_test(size=NARROW) as pilot:
        await filled(pilot)
        await until(pilot, lambda: app._supervisor is not None)
        app.supervisor.run_evaluation(key)
        await until(pilot, lambda: len(fake_openai.asked) > 2)
        await pilot.press("q")
        await until(pilot, lambda: "Closing: waiting for" in said(app))
        [told] = [one.message for one in app._notifications if one.message.startswith("Closing")]
        assert re.match(r"Closing: waiting for [1-9]\d* paid answers under way. q again leaves at once.", told)
        await until(pilot, lambda: app._exit)
    assert len(last_words) == 1 and "Stopped evaluation 1; every answer is kept" in last_words[0]
    assert (await get_evaluation(db, key)).n_answered == len(fake_openai.asked)
    await db.close()
