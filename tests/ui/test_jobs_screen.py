"""The jobs screen over hours: what it draws, how honest it is about silence, what can be done from it."""

from __future__ import annotations

from concurrent.futures import Future

import pytest
from rich.cells import cell_len
from textual.pilot import Pilot
from textual.widgets import Input

from ftb_tui.report.pace import SERVICE, eta
from ftb_tui.report.spark import spark
from ftb_tui.store import intents, jobs
from ftb_tui.store.database import open_store
from ftb_tui.store.evaluations import list_evaluations
from ftb_tui.store.following import unread
from ftb_tui.ui.app import FtbApp
from ftb_tui.ui.screens.jobs import JobsScreen
from ftb_tui.ui.widgets.curve import Curve, Drawing, Marks, thinned
from ftb_tui.ui.widgets.event_log import EventLog
from ftb_tui.ui.widgets.plot import Line, plot
from ftb_tui.ui.widgets.table import Table
from tests.demo import CLOCK, change_store
from tests.ui.pilot import demo_app, fill_demo, filled, shows, text_of, until

WIDE, NARROW = (160, 45), (80, 24)


async def on_jobs(pilot: Pilot[None]) -> Table:
    await filled(pilot)
    await pilot.press("2")
    await filled(pilot)
    return pilot.app.screen.query_one("#jobs", Table)


async def silence(seconds: float, *, estimated_finish: float | None = None) -> None:
    """The running job's service has not answered for so long."""
    db = await open_store()
    await jobs.set_follow_error(db, 2, "connection refused (127.0.0.1:8787)")
    await db.execute(
        "UPDATE jobs SET heard_at = ?, estimated_finish = ? WHERE job_key = 2", (CLOCK - seconds, estimated_finish)
    )
    await db.commit()
    await db.close()


async def test_every_row_shows_the_outline_of_its_curve_and_narrow_screens_cut_no_column() -> None:
    await fill_demo()
    for size, outline in ((WIDE, "█▆▄▃▂"), (NARROW, "█▅▃▂")):
        app = demo_app()
        async with app.run_test(size=size) as pilot:
            table = await on_jobs(pilot)
            assert "curve" in [str(column.key.value) for column in table.ordered_columns]
            assert outline in text_of(app)
            assert table.virtual_size.width <= size[0]
            await pilot.resize_terminal(*(NARROW if size == WIDE else WIDE))
            await until(pilot, shows(pilot, "█▅▃▂" if size == WIDE else "█▆▄▃▂"))


async def test_silence_is_said_with_how_long_it_lasts_and_when_it_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await fill_demo()
    await silence(240)
    monkeypatch.setattr(FtbApp, "watched", lambda self, job_key: (CLOCK + 30, True))
    app = demo_app()
    async with app.run_test(size=WIDE) as pilot:
        await on_jobs(pilot)
        await until(pilot, shows(pilot, "no answer for 4 min, retrying in 30 s: connection refused"))
        assert "! no answer 4 min" in text_of(app), "the table says it too"
        await pilot.resize_terminal(*NARROW)
        await until(pilot, shows(pilot, "! no answer   "))
        assert app.screen.query_one("#jobs", Table).virtual_size.width <= 80, "and no column is cut for it"


async def test_news_that_nobody_fetches_any_more_is_called_old() -> None:
    await fill_demo()
    await change_store("UPDATE jobs SET heard_at = ? WHERE job_key = 2", (CLOCK - 7200,))
    app = demo_app()
    async with app.run_test(size=WIDE) as pilot:
        await on_jobs(pilot)
        await until(pilot, shows(pilot, "heard 2 h 0 min ago, nobody follows it here now"))


async def test_what_is_left_is_said_with_whose_word_it_is() -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=WIDE) as pilot:
        await on_jobs(pilot)
        await until(pilot, shows(pilot, "about 65 s left (the service's estimate)"))


def test_without_an_estimate_the_pace_of_the_newest_steps_is_taken_and_named() -> None:
    steps = [(step, 1000.0 + 2 * step) for step in range(1, 51)]
    found = eta(None, steps, 100, now=1100.0)
    assert found is not None
    assert (found.seconds, found.basis, found.short) == (100.0, "by the pace of the last 39 steps", "~2 min")
    assert eta(None, steps, 100, now=1300.0) is None, "past its end the pace says nothing any more"
    assert eta(None, steps[:1], 100, now=1000.0) is None
    late = eta(1000.0, steps, 100, now=1090.0)
    assert late is not None and late.basis == SERVICE
    assert late.sentence == "should have ended 2 min ago (the service's estimate)"


async def test_validation_epochs_and_checkpoints_stand_on_the_curve() -> None:
    await fill_demo()
    db = await open_store()
    await jobs.add_metrics(db, 2, [(step, {"valid_loss": 3.0 - step / 20}) for step in (10, 20, 30, 40)])
    await db.close()
    app = demo_app()
    async with app.run_test(size=WIDE) as pilot:
        await on_jobs(pilot)
        await until(pilot, shows(pilot, "○ validation  ┴ epoch  ^ checkpoint"))
        drawn = app.screen.query_one(Curve).render().plain.splitlines()
        assert sum(line.count("○") for line in drawn[1:-2]) == 4
        ticks = drawn[-2]
        assert (ticks.count("^"), ticks.count("┴")) == (4, 8), "four epochs have a checkpoint, eight are to come"


def test_of_many_epochs_every_fifth_or_tenth_is_marked_and_the_legend_says_so() -> None:
    for epochs, columns, every in ((12, 46, ""), (50, 46, "every 5th "), (50, 160, ""), (500, 160, "every 10th ")):
        at = tuple(float(10 * number) for number in range(1, epochs + 1))
        marks = (Marks("┴", "epoch", at), Marks("^", "checkpoint", at[: epochs // 2]))
        ticks, told = thinned(marks, columns, at[-1] - 1)
        assert told == [f"┴ {every}epoch", f"^ {every}checkpoint"]
        assert at[-1] in ticks and 2 <= len(ticks) <= columns / 3
        assert "".join(ticks.values()).count("^") == len(ticks) // 2, "a checkpoint stands where its epoch ends"
    last = (Marks("^", "checkpoint", (480.0, 490.0, 500.0)),)
    assert len(thinned(last, 46, 499)[0]) == 3, "few are all there, however close"


@pytest.mark.parametrize("size", [NARROW, (120, 35), (200, 60)])
async def test_the_legend_names_every_line_and_mark_that_is_drawn(size: tuple[int, int]) -> None:
    await fill_demo()
    points = tuple((float(step), 4.0 - step / 130) for step in range(1, 501))
    epochs = tuple(float(step) for step in range(10, 501, 10))
    names = ("─ job 38", "○ validation", *(f"{letter} job {number}" for number, letter in enumerate("abcdef", 31)))
    lines = tuple(Line(points, mark=letter) for letter in "abcdef")
    drawing = Drawing("training loss by step", lines, None, False, (Marks("┴", "epoch", epochs),), names)
    app = demo_app()
    async with app.run_test(size=size) as pilot:
        await on_jobs(pilot)
        curve = app.screen.query_one(Curve)
        curve.show(drawing)
        drawn = curve.render().plain.splitlines()
        assert len(drawn) == curve.content_size.height
        assert all(cell_len(line) <= curve.content_size.width for line in drawn)
        assert all(any(name in line for line in drawn) for name in names)
        rows = [line for line in drawn if any("\u2800" <= cell <= "\u28ff" for cell in line)]
        assert len(rows) >= 3
        is_marked = any(line.count("┴") > 5 for line in drawn)
        assert is_marked is any("┴ every" in line for line in drawn)


async def test_marked_jobs_are_drawn_beside_the_chosen_one_each_with_its_letter() -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=WIDE) as pilot:
        await on_jobs(pilot)
        await pilot.press("m", "j")
        await until(pilot, shows(pilot, "a job 2"))
        curve = app.screen.query_one(Curve)
        assert sum(line.count("a") for line in curve.render().plain.splitlines()[2:]) >= 3
        assert "a 2" in text_of(app), "the table says which one a is"
        await pilot.press("k", "m", "j")
        await until(pilot, lambda: "a job 2" not in text_of(app))


def test_a_missing_point_in_a_regular_row_leaves_a_gap() -> None:
    whole = [(float(step), 1.0) for step in range(1, 41)]
    broken = [point for point in whole if not 15 <= point[0] <= 25]
    blanks = []
    for points in (whole, broken):
        rows = [line.plain[7:] for line in plot([Line(tuple(points))], width=47, height=4)[:3]]
        blanks.append(sum(all(cell == "⠀" for cell in column) for column in zip(*rows, strict=True)))
    assert blanks[0] == 0
    assert 8 <= blanks[1] <= 13, "eleven of forty steps on forty columns"


def test_a_point_that_is_no_number_leaves_a_gap_and_no_error() -> None:
    points = ((1.0, 2.0), (2.0, float("nan")), (3.0, float("inf")), (4.0, 1.0))
    assert plot([Line(points)], width=30, height=6)
    assert plot([Line(points)], width=30, height=6, log=True)
    assert [line.plain.strip() for line in plot([Line(((1.0, float("nan")),))], width=30, height=6)] == [""] * 6


def test_an_outline_has_a_dot_where_nothing_finite_was_measured() -> None:
    assert spark([4.0, float("nan"), None, 0.0]) == "█··▁"
    assert spark([1.0, 1.0]) == "▁▁"
    assert spark([], 3) == "   "


async def test_the_log_is_searched_as_one_types_and_whole_again_after_escape() -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=WIDE) as pilot:
        await on_jobs(pilot)
        log = app.screen.query_one(EventLog)
        log.focus()
        await pilot.press("slash")
        await until(pilot, lambda: isinstance(app.focused, Input))
        await pilot.press(*"created")
        await until(pilot, shows(pilot, "1 of 48"))
        assert "Created fine-tuning job" in text_of(app)
        assert "Step 47/120" not in text_of(app)
        await pilot.press("escape")
        await until(pilot, shows(pilot, "Step 47/120"))
        assert app.focused is log


async def test_whoever_reads_further_up_is_not_dragged_to_the_end_by_a_new_line() -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=WIDE) as pilot:
        await on_jobs(pilot)
        log = app.screen.query_one(EventLog)
        await until(pilot, lambda: log.scroll_offset.y == log.max_scroll_y > 0)
        log.focus()
        await pilot.press("g")
        await until(pilot, lambda: log.scroll_offset.y == 0)
        log.show([f"line {number}" for number in range(200)])
        await pilot.pause()
        assert log.scroll_offset.y == 0
        await pilot.press("G")
        await until(pilot, shows(pilot, "line 199"))
        log.show([f"line {number}" for number in range(300)])
        await until(pilot, shows(pilot, "line 299"))
        await pilot.resize_terminal(*NARROW)
        await until(pilot, lambda: log.size.width == 78 and log.scroll_offset.y == log.max_scroll_y)
        await until(pilot, shows(pilot, "Step 47/120"))


async def planned_job() -> int:
    db = await open_store()
    key = await intents.insert_intent(
        db, intent_id="new-one", provider="local", host="h", base_model="b",
        dataset_id=(await jobs.get_job(db, 1)).dataset_id, training_file_key=1, n_epochs=1, batch_size=1,
        learning_rate_multiplier=None, seed=1, suffix=None,
    )  # fmt: skip
    await db.close()
    return key


@pytest.mark.parametrize(("moves", "stands_on"), [(False, "3"), (True, "1")])
async def test_the_cursor_goes_to_the_job_that_was_launched_unless_somebody_moved_it(
    moves: bool, stands_on: str
) -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=WIDE) as pilot:
        table = await on_jobs(pilot)
        assert isinstance(app.screen, JobsScreen)
        assert table.chosen == "2"
        job: Future[int] = Future()
        app.screen.await_job(job)
        await pilot.pause()
        if moves:
            await pilot.press("j")
        job.set_result(await planned_job())
        await until(pilot, lambda: table.row_count == 3)
        await until(pilot, lambda: table.chosen == stands_on)
        if not moves:
            await until(pilot, shows(pilot, "never sent, nothing is owed"))


async def test_after_a_launch_that_failed_the_cursor_stays_when_somebody_else_launches() -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=WIDE) as pilot:
        table = await on_jobs(pilot)
        assert isinstance(app.screen, JobsScreen)
        job: Future[int] = Future()
        app.screen.await_job(job)
        job.set_exception(ConnectionError("refused"))
        await planned_job()
        await until(pilot, lambda: table.row_count == 3)
        await pilot.pause()
        assert table.chosen == "2"


async def test_a_checkpoint_is_chosen_and_asked_what_the_tuned_model_was(monkeypatch: pytest.MonkeyPatch) -> None:
    await fill_demo()
    app = demo_app()
    begun: list[int] = []

    class Background:
        """Takes the place of the background, which would ask a real server."""

        bench = None
        next_looks: dict[int, float] = {}

        def follows(self, job_key: int) -> bool:
            return False

        def run_evaluation(self, key: int) -> None:
            begun.append(key)

        def close(self) -> None:
            pass

    async with app.run_test(size=WIDE) as pilot:
        await on_jobs(pilot)
        app._supervisor = Background()  # type: ignore[assignment]
        await pilot.press("j", "v")
        await until(pilot, shows(pilot, "Ask which model of job 1"))
        assert "checkpoint at step 110, epoch 11" in text_of(app)
        assert "the 96 questions that its tuned model was asked before" in text_of(app)
        await pilot.press("j", "j", "enter")
        await until(pilot, lambda: app.current_mode == "evaluations")
        await until(pilot, lambda: bool(begun))
        await until(pilot, lambda: app.screen.query_one(Table).chosen == str(begun[0]))
    db = await open_store()
    planned = [row for row in await list_evaluations(db) if row.evaluation_key == begun[0]]
    await db.close()
    assert planned[0].model.endswith(":ckpt-step-110")
    assert planned[0].n_questions == 96


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ("state = 'running'", "The loss curve appears with the first loss that is told."),
        ("state = 'partial'", "No loss curve: the service has told no losses of this job."),
        ("state = 'failed', intent = 'refused'", "No loss curve: nothing was trained."),
        ("state = 'preparing', intent = 'intended'", "No loss curve: this job was never sent."),
        (
            "state = 'preparing', intent = 'sent'",
            "No loss curve: it is not known whether the service has made this job.",
        ),
    ],
)
async def test_where_there_is_no_curve_it_is_said_whether_one_will_come(changes: str, words: str) -> None:
    await fill_demo()
    db = await open_store()
    await db.execute("DELETE FROM job_metrics WHERE job_key = 2")
    await db.execute(f"UPDATE jobs SET {changes} WHERE job_key = 2")
    await db.commit()
    await db.close()
    app = demo_app()
    async with app.run_test(size=WIDE) as pilot:
        await on_jobs(pilot)
        await until(pilot, shows(pilot, words))


async def test_of_a_cancelled_job_the_steps_are_told_that_it_made() -> None:
    """What it took cannot be told: services date its start and its end, and what lay between may have been a pause."""
    await fill_demo()
    await change_store(
        "UPDATE jobs SET state = 'cancelled', step = 115, total_steps = 120, trained_tokens = 0, price = 0,"
        " started_at = 1000, finished_at = 1007 WHERE job_key = 2"
    )
    app = demo_app()
    async with app.run_test(size=WIDE) as pilot:
        await on_jobs(pilot)
        await until(pilot, shows(pilot, "7 s from start to end, 115 of 120 steps"))


async def test_a_running_local_job_is_not_spoken_of_as_trained_already() -> None:
    await fill_demo()
    await change_store("UPDATE jobs SET price = 0, estimated_cost = 0 WHERE job_key = 2")
    app = demo_app()
    async with app.run_test(size=WIDE) as pilot:
        await on_jobs(pilot)
        await until(pilot, shows(pilot, "Cost: nothing; it is trained on this machine."))


async def test_a_job_that_answers_without_its_events_keeps_its_state_in_the_table() -> None:
    await fill_demo()
    db = await open_store()
    await db.execute("UPDATE jobs SET heard_at = ? WHERE job_key = 2", (CLOCK - 2,))
    await jobs.set_follow_error(db, 2, unread(["events"], "no events today"))
    await db.commit()
    await db.close()
    app = demo_app()
    async with app.run_test(size=WIDE) as pilot:
        await on_jobs(pilot)
        await until(pilot, shows(pilot, "● running"))
        await until(pilot, shows(pilot, "heard 2 s ago; its events"))
