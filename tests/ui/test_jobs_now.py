"""What the jobs screen tells belongs to the chosen job and to this moment, however slow the store and silent the service."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import ClassVar

import aiosqlite
import pytest
from textual.widgets import Static

from ftb_tui.store import spending
from ftb_tui.store.spending import JobCost
from ftb_tui.ui.app import FtbApp
from ftb_tui.ui.screens.jobs import JobsScreen
from ftb_tui.ui.widgets.event_log import EventLog
from ftb_tui.work.bench_plan import BenchPlan
from tests.demo import CLOCK, change_store
from tests.ui.pilot import demo_app, fill_demo, shows, text_of, until
from tests.ui.test_jobs_screen import WIDE, on_jobs, planned_job


async def test_what_was_read_of_a_job_that_is_no_longer_chosen_is_not_told_as_the_chosen_one_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await fill_demo()
    await change_store("UPDATE jobs SET estimated_cost = job_key * 100, estimated_tokens = 7, price = 1")
    app = demo_app()
    begun, go_on, read = asyncio.Event(), asyncio.Event(), asyncio.Event()
    job_cost = spending.job_cost

    async def slow(db: aiosqlite.Connection, job_key: int) -> JobCost:
        cost = await job_cost(db, job_key)
        if job_key == 2:
            begun.set()
            await go_on.wait()
            read.set()
        return cost

    async with app.run_test(size=WIDE) as pilot:
        table = await on_jobs(pilot)
        await until(pilot, shows(pilot, "estimated $200.00"))
        monkeypatch.setattr(spending, "job_cost", slow)
        app.ask_for_refresh()
        await begun.wait()
        await pilot.press("j")
        await until(pilot, shows(pilot, "estimated $100.00"))
        await until(pilot, shows(pilot, "Step 120/120"))
        before = app.screen.query_one(EventLog)._lines
        go_on.set()
        await read.wait()
        # Waits for the reading that was held up.
        async with app.looking._turn:
            pass
        assert table.chosen == "1"
        assert "estimated $200.00" not in text_of(app)
        assert app.screen.query_one(EventLog)._lines == before
        assert "$100.00" in str(app.screen.query_one("#facts", Static).render())


async def test_what_is_left_by_the_pace_counts_down_while_nobody_answers_and_then_is_not_told() -> None:
    await fill_demo()
    await change_store(
        "UPDATE jobs SET estimated_finish = NULL, follow_error = 'service unavailable', heard_at = ? WHERE job_key = 2",
        (CLOCK - 152,),
    )
    # Three seconds after the newest step, of which each took one.
    now = CLOCK - 150
    app = FtbApp(clock=lambda: now, background=False)
    async with app.run_test(size=WIDE) as pilot:
        await on_jobs(pilot)
        await until(pilot, shows(pilot, "by the pace of the last"))
        screen = app.screen
        assert isinstance(screen, JobsScreen)
        left = screen._eta(screen._jobs["2"])
        assert left is not None
        now += left.seconds - 30
        await until(pilot, shows(pilot, "about 30 s left (by the pace"))
        await until(pilot, shows(pilot, "~30 s"))
        now += 31
        await until(pilot, lambda: "by the pace" not in text_of(app) and "~" not in text_of(app))


async def test_a_benchmark_that_is_begun_while_a_job_stands_there_opens_on_its_own_job(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await fill_demo()
    app = demo_app()
    job: Future[int] = Future()

    class Background:
        """Takes the place of the background, which would train."""

        bench, asking = None, ()
        next_looks: ClassVar[dict[int, float]] = {}

        def follows(self, job_key: int) -> bool:
            return False

        def run_bench(self, plan: BenchPlan) -> Future[int]:
            return job

        def close(self) -> None:
            pass

    async def here(app: FtbApp) -> bool:
        return True

    monkeypatch.setattr(FtbApp, "weights_are_here", here)
    async with app.run_test(size=WIDE) as pilot:
        table = await on_jobs(pilot)
        assert table.chosen == "2"
        app._supervisor = Background()  # type: ignore[assignment]
        await pilot.press("B")
        await until(pilot, shows(pilot, "Whole benchmark"))
        await pilot.press("enter")
        job.set_result(await planned_job())
        await until(pilot, lambda: table.chosen == "3")


async def test_a_job_on_this_machine_that_was_never_sent_is_sent_on_enter_and_one_that_is_unclear_given_up_after_a_question() -> (
    None
):
    await fill_demo()
    await planned_job()
    app = demo_app()
    asked: list[tuple[str, int]] = []

    class Background:
        """Takes the place of the background, which would start the engine."""

        bench, asking = None, ()
        next_looks: ClassVar[dict[int, float]] = {}

        def follows(self, job_key: int) -> bool:
            return False

        def send(self, job_key: int) -> None:
            asked.append(("send", job_key))

        def abandon(self, job_key: int) -> None:
            asked.append(("abandon", job_key))

        def close(self) -> None:
            pass

    async with app.run_test(size=WIDE) as pilot:
        await on_jobs(pilot)
        app._supervisor = Background()  # type: ignore[assignment]
        await pilot.press("r")
        await until(pilot, shows(pilot, "Send job 3?"))
        assert "enter  send it" in text_of(app) and "type launch" not in text_of(app)
        await pilot.press("enter")
        await until(pilot, lambda: asked == [("send", 3)])
        await change_store("UPDATE jobs SET intent = 'sent' WHERE job_key = 3")
        await until(pilot, shows(pilot, "not known to exist: c asks its service, and gives it up if there is none"))
        await pilot.press("r")
        await until(pilot, lambda: any("Only a job that is paused" in one.message for one in app._notifications))
        await pilot.press("c")
        await until(pilot, shows(pilot, "Give up job 3? h is asked for it first"))
        await pilot.press("enter")
        await until(pilot, lambda: asked == [("send", 3), ("abandon", 3)])
