"""Evaluations stop with the app: that is said at its end and at its next start, once, with what to do."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import aiosqlite
import pytest

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.store import benches, evaluations
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.datasets import save_dataset
from ftb_tui.store.models import ensure_model
from ftb_tui.ui import remembered
from ftb_tui.ui.opening import what_was_left
from ftb_tui.work import evaluate
from ftb_tui.work.checkpoints import asking_alone
from tests.demo import fill_demo_store
from tests.demo_sweep import PARAMETERS, ask, checkpoint_keys, question_keys
from tests.fakes.openai_server import FakeOpenAI
from tests.ui.pilot import demo_app, fill_demo, filled
from tests.ui.test_ending import Terminal, terminal  # noqa: F401

WORLD = load_bundled("fictional_people")


async def test_quitting_while_an_evaluation_runs_says_so_then_and_at_the_next_start(
    home: Path, fake_openai: FakeOpenAI
) -> None:
    fake_openai.delay = 0.5
    db = await open_store()
    await save_dataset(db, WORLD)
    async with transaction(db):
        model = await ensure_model(db, provider="fake", name="gpt-fake", kind="base", base_model="gpt-fake")
    key = await evaluate.create(db, model_key=model, dataset_id=WORLD.dataset_id, answer_tokens=7)
    shown = Terminal(home)
    try:
        shown.until("fictional_people")
        os.write(shown.master, b"3")
        shown.until("gpt-fake")
        os.write(shown.master, b"r")
        await until_answered(db, key, shown.read)
        os.write(shown.master, b"q")
        assert shown.ended() == 0
        shown.until("Stopped evaluation 1; every answer is kept. Go on with: ftb evaluate --resume 1, or r in")
    finally:
        shown.app.kill()
        shown.app.wait()
    row = await evaluations.get_evaluation(db, key)
    await db.close()
    assert row.state == "paused" and 0 < row.n_answered < 600
    told = []
    for _ in range(2):
        app = demo_app()
        async with app.run_test(size=(120, 35), notifications=True) as pilot:
            await filled(pilot)
            told.append([one.message for one in app._notifications if "Left unfinished" in one.message])
            await pilot.press("q")
    assert told == [
        [f"Left unfinished: evaluation 1 at {row.n_answered} of 600. What was answered is kept; 3, then r goes on with it."],
        [],
    ]  # fmt: skip


async def until_answered(db: aiosqlite.Connection, key: int, look: Callable[[], None]) -> None:
    for _ in range(600):
        look()
        if (await evaluations.get_evaluation(db, key)).n_answered:
            return
    pytest.fail("nothing was answered")


async def test_nothing_is_said_where_nothing_is_asked(home: Path, terminal: Terminal) -> None:  # noqa: F811
    terminal.until("fictional_people")
    os.write(terminal.master, b"q")
    assert terminal.ended() == 0
    assert "Stopped" not in terminal.plain() and remembered.load()["asking"] == []


async def test_what_a_crash_left_is_told_once_but_not_what_is_paused_or_goes_on(home: Path) -> None:
    await fill_demo()
    db = await open_store()
    asked = await question_keys(db)
    [[dataset_id]] = await db.execute_fetchall("SELECT DISTINCT dataset_id FROM evaluations")
    first, second, third, fourth, *_ = await checkpoint_keys(db)
    killed = await ask(db, first, asked, settled=13)
    await db.execute("UPDATE evaluations SET state = 'running' WHERE evaluation_key = ?", (killed,))
    await db.commit()
    await ask(db, second, asked, settled=7)
    waiting = [
        await evaluations.create_evaluation(
            db, model_key=model, dataset_id=dataset_id, question_keys=asked, parameters=PARAMETERS
        )
        for model in (third, fourth)
    ]
    async with asking_alone(db, 1):
        assert await what_was_left(db, {}) == "", "somebody asks them"
    memory: dict[str, object] = {"left": [[]], "asking": "1"}
    assert await what_was_left(db, memory) == (
        f"Left unfinished: evaluation {killed} at 13 of 96; evaluations {waiting[0]}, {waiting[1]} not begun."
        " What was answered is kept; 3, then r goes on with it, v on a job's learning curve with all of its models."
    )
    assert memory["left"] == [killed, *waiting]
    assert await what_was_left(db, memory) == ""
    await db.close()


async def test_a_benchmark_s_own_evaluation_goes_on_by_itself_and_is_not_told(home: Path) -> None:
    db = await open_store()
    await fill_demo_store(db)
    [[dataset_id]] = await db.execute_fetchall("SELECT DISTINCT dataset_id FROM evaluations")
    first, *_ = await checkpoint_keys(db)
    key = await evaluations.create_evaluation(
        db, model_key=first, dataset_id=dataset_id, question_keys=await question_keys(db), parameters=PARAMETERS
    )
    assert f"evaluation {key} not begun" in await what_was_left(db, {})
    bench = await benches.begin_bench(db, {}, dataset_id, "nobody", same=lambda row: False)
    assert bench is not None
    await benches.update_bench(db, bench.bench_key, tuned_evaluation_key=key)
    assert await what_was_left(db, {}) == ""
    await db.close()


async def test_news_of_models_with_long_names_keep_the_part_that_differs(home: Path) -> None:
    from ftb_tui.ui.opening import what_ended

    db = await open_store()
    await fill_demo_store(db)
    for number, model in enumerate((await checkpoint_keys(db))[:2]):
        key = await ask(db, model, (await question_keys(db))[:1])
        await db.execute(
            "UPDATE models SET name = ? WHERE model_key = ?",
            (f"ft:smollm2-135m:ftb:fictional-people:ce3f91aa:ckpt-step-{number}", model),
        )
        await db.execute("UPDATE evaluations SET finished_at = 5e9 WHERE evaluation_key = ?", (key,))
    await db.commit()
    told = await what_ended(db, 4e9)
    assert "ckpt-step-0)" in told and "ckpt-step-1)" in told
    await db.close()
