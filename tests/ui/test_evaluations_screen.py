"""What mode 3 says of an evaluation is true at that moment, after pauses and crashes too."""

from __future__ import annotations

import subprocess
import sys
import time

from ftb_tui.store import evaluations, holding
from ftb_tui.store.database import open_store
from tests.demo import CLOCK
from tests.demo_sweep import ask, checkpoint_keys, question_keys
from tests.ui.pilot import demo_app, fill_demo, filled, shows, text_of, until


async def test_after_a_pause_the_rate_and_the_time_left_are_those_of_the_run_that_goes_on() -> None:
    await fill_demo()
    db = await open_store()
    first, *_ = await checkpoint_keys(db)
    key = await ask(db, first, await question_keys(db), settled=76)
    await db.execute("UPDATE responses SET created_at = ? WHERE evaluation_key = ?", (CLOCK - 1000, key))
    await db.execute(
        "UPDATE responses SET created_at = ? WHERE response_key IN (SELECT response_key FROM responses"
        " WHERE evaluation_key = ? ORDER BY response_key DESC LIMIT 20)",
        (CLOCK - 2, key),
    )
    await db.execute(
        "UPDATE evaluations SET state = 'running', owner = ?, lease_until = ?, created_at = ?, started_at = ?"
        " WHERE evaluation_key = ?",
        (holding.new_owner(), time.time() + 60, CLOCK - 1010, CLOCK - 5, key),
    )
    await db.commit()
    await db.close()
    async with demo_app().run_test(size=(120, 35)) as pilot:
        await filled(pilot)
        await pilot.press("3")
        await until(pilot, shows(pilot, "● running"))
        await until(pilot, shows(pilot, "4.0 answers a second, about 5 s left"))
        await until(pilot, shows(pilot, "gone on with"))


async def test_taking_up_an_evaluation_dates_its_run_anew() -> None:
    await fill_demo()
    db = await open_store()
    first, *_ = await checkpoint_keys(db)
    key = await ask(db, first, (await question_keys(db))[:3], settled=1)
    await db.execute("UPDATE evaluations SET started_at = 1000 WHERE evaluation_key = ?", (key,))
    await db.commit()
    began = time.time()
    assert await evaluations.claim_evaluation(db, key, "somebody")
    assert began <= (await evaluations.get_evaluation(db, key)).started_at <= time.time()  # type: ignore[operator]
    await db.close()


async def test_an_evaluation_whose_runner_was_killed_is_interrupted_at_once() -> None:
    await fill_demo()
    dead = subprocess.run(
        [sys.executable, "-c", "from ftb_tui.store.holding import new_owner; print(new_owner())"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    db = await open_store()
    await db.execute(
        "UPDATE evaluations SET state = 'running', owner = ?, lease_until = ?", (dead.stdout.strip(), time.time() + 600)
    )
    await db.commit()
    assert all(row.is_abandoned for row in await evaluations.list_evaluations(db))
    await db.execute("UPDATE evaluations SET owner = ?", (holding.new_owner(),))
    await db.commit()
    assert not any(row.is_abandoned for row in await evaluations.list_evaluations(db))
    await db.execute("UPDATE evaluations SET owner = ?", (dead.stdout.strip(),))
    await db.commit()
    await db.close()
    async with demo_app().run_test(size=(120, 35)) as pilot:
        await filled(pilot)
        await pilot.press("3")
        await until(pilot, shows(pilot, "interrupted"))
        assert "running" not in text_of(pilot.app)


async def test_what_nobody_has_asked_yet_is_planned_and_not_begun() -> None:
    await fill_demo()
    db = await open_store()
    [[dataset_id]] = await db.execute_fetchall("SELECT DISTINCT dataset_id FROM evaluations")
    first, *_ = await checkpoint_keys(db)
    await evaluations.create_evaluation(
        db, model_key=first, dataset_id=dataset_id, question_keys=await question_keys(db), parameters={"max_tokens": 16}
    )
    await db.close()
    async with demo_app().run_test(size=(120, 35)) as pilot:
        await filled(pilot)
        await pilot.press("3")
        await until(pilot, shows(pilot, "◌ pending"))
        await until(pilot, lambda: "planned 2" in text_of(pilot.app) and ", not begun" in text_of(pilot.app))
        assert "begun 2" not in text_of(pilot.app)
