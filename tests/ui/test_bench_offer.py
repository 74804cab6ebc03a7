"""What is offered to be benchmarked is what one stands on, and what is bundled is there in its newest version."""

from __future__ import annotations

import dataclasses

from ftb_tui.benchmark.load import bundled_names, load_bundled
from ftb_tui.store.database import open_store
from ftb_tui.store.datasets import list_datasets, save_dataset
from ftb_tui.ui.app import FtbApp
from ftb_tui.ui.bench_offer import offer
from ftb_tui.ui.status import bench_status
from ftb_tui.work.bench import BenchProgress
from tests.ui.datasets_pilot import choose
from tests.ui.pilot import demo_app, fill_demo, filled, shows, until


async def test_the_offer_says_what_is_taught_asked_and_how_much() -> None:
    db = await open_store()
    try:
        plan, text = await offer(db, quick=True)
        assert (plan.dataset, plan.people) == ("fictional_people", 8)
        assert "8 people, 48 facts, 96 questions" in text
        assert "the training goes on without the app, the questions when you start it again." in text
        medical = load_bundled("medical")
        plan, text = await offer(db, medical.dataset_id, quick=False)
        assert plan.dataset == "medical", "as the command names it, so that both go on with the same run"
        assert f"{len(medical.facts)} facts, {len(medical.questions)} questions" in text
        assert medical.title in text
    finally:
        await db.close()


async def test_another_version_of_a_bundled_name_is_benchmarked_as_that_version() -> None:
    other = dataclasses.replace(load_bundled("medical"), title="Mine", questions=load_bundled("medical").questions[:20])
    db = await open_store()
    try:
        await save_dataset(db, other)
        plan, text = await offer(db, other.dataset_id, quick=False)
        assert plan.dataset == other.dataset_id
        assert "Mine" in text
        assert "20 questions" in text
    finally:
        await db.close()


def test_a_paused_benchmark_does_not_look_like_one_that_is_stuck() -> None:
    running = BenchProgress("train", 64, 120, "running", 5.823, 9.0, 600, 600)
    bar = " Benchmark: training · ━━━━━───── 64/120"
    assert bench_status(running) == f"{bar} · loss 5.823 · base asked 600/600 · 9 s left in this phase"
    paused = bench_status(dataclasses.replace(running, detail="paused"))
    assert paused == f"{bar} · paused; r on Jobs lets it go on · loss 5.823 · base asked 600/600"
    silent = bench_status(dataclasses.replace(running, detail="no answer: it is away"))
    assert silent.startswith(f"{bar} · no answer: it is away · ")
    before = BenchProgress("train", 0, 120, "paused")
    assert bench_status(before) == " Benchmark: training · paused; r on Jobs lets it go on"


async def test_b_offers_the_dataset_one_stands_on() -> None:
    await fill_demo()
    app = FtbApp(background=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        await until(pilot, lambda: app._supervisor is not None)
        await choose(pilot, "medical")
        await pilot.press("b")
        await until(pilot, shows(pilot, load_bundled("medical").title))
        await until(pilot, shows(pilot, "48 facts"))
        await pilot.press("escape")
        # When a benchmark ends, nobody is taken away from what they read; whoever watches its job sees the table.
        app.notify("The benchmark is finished: ft:x")
        await pilot.pause()
        assert app.current_mode == "datasets"
        [told] = [one.message for one in app._notifications if one.message.startswith("The benchmark is finished")]
        assert "4 shows the table" in told
        await pilot.press("2")
        await until(pilot, lambda: app.current_mode == "jobs")
        app.notify("The benchmark is finished: ft:x")
        await until(pilot, lambda: app.current_mode == "results")


async def test_a_bundled_dataset_that_became_newer_comes_in_beside_the_old_one() -> None:
    now = load_bundled("coding")
    old = dataclasses.replace(now, questions=now.questions[:-1])
    db = await open_store()
    for name in bundled_names():
        await save_dataset(db, old if name == "coding" else load_bundled(name))
    await db.close()
    app = demo_app()
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await filled(pilot)
        await until(pilot, shows(pilot, "newer version of a bundled dataset"))
    db = await open_store()
    ids = {row.dataset_id for row in await list_datasets(db)}
    await db.close()
    assert {old.dataset_id, load_bundled("coding").dataset_id} <= ids
