"""What is said in the corner never hides the screen: the same of many jobs once, many faults of the file as one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.widgets._toast import Toast

from ftb_tui.ui.app import FtbApp
from ftb_tui.ui.screens.settings import SettingsScreen
from ftb_tui.ui.telling import Gathered, as_one, faults_told, unbroken
from tests.demo import CLOCK, change_store
from tests.ui.pilot import demo_app, fill_demo, filled, shows, until

NEEDS = "needs a key, which was not found: set"


async def test_jobs_that_stop_for_one_reason_are_told_in_one_notice_for_each_provider() -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await filled(pilot)
        for key, provider in enumerate(["openai", "azure", "nebius"] * 3, 31):
            app._gathered.add("error", f"Job {key}: {provider} {NEEDS} {provider.upper()}_API_KEY.")
        app._gathered.add("information", "Job 7 has succeeded.")
        await until(pilot, lambda: bool(app._notifications))
        told = [one.message for one in app._notifications]
        assert told == [
            f"3 jobs (31, 34, 37): openai {NEEDS} OPENAI_API_KEY.",
            f"3 jobs (32, 35, 38): azure {NEEDS} AZURE_API_KEY.",
            f"3 jobs (33, 36, 39): nebius {NEEDS} NEBIUS_API_KEY.",
            "Job 7 has succeeded.",
        ]


def test_sentences_about_several_jobs_are_english() -> None:
    assert as_one(["Job 3 was planned but never sent.", "Job 9 was planned but never sent."]) == (
        "2 jobs (3, 9) were planned but never sent."
    )
    assert as_one([f"Job {key} has failed." for key in range(40)]) == "40 jobs (0, 1, 2, 3, 4, 5, …) have failed."
    assert as_one(["Job 3 has failed.", "Job 3 has failed."]) == "Job 3 has failed.", "one job is one job"
    assert as_one(["Jobs go on."]) == "Jobs go on."
    assert as_one([f"Job {key} could not be looked for." for key in (3, 4)]) == "2 jobs (3, 4) could not be looked for."


def test_what_cannot_be_said_of_several_jobs_is_said_of_each() -> None:
    said: list[tuple[str, str]] = []
    later: list[Callable[[], None]] = []
    gathered = Gathered(
        lambda severity, sentence: said.append((severity, sentence)), lambda _, then: later.append(then)
    )
    for key in (3, 4):
        gathered.add("information", f"Job {key} goes on: it is running.")
    assert gathered.waits
    later[0]()
    assert said == [("information", f"Job {key} goes on: it is running.") for key in (3, 4)]
    assert not gathered.waits


async def test_a_job_s_end_that_was_not_told_before_the_app_was_closed_is_told_when_it_is_opened_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ftb_tui.ui.telling.WAIT", 3600.0)
    now = CLOCK
    await fill_demo()
    app = FtbApp(clock=lambda: now, background=False)
    async with app.run_test(size=(120, 35)) as pilot:
        await filled(pilot)
        await until(pilot, lambda: app.memory.get("seen") == CLOCK)
        now = CLOCK + 60
        app._gathered.add("information", "Job 2 has succeeded.")
        await change_store("UPDATE jobs SET state = 'succeeded', finished_at = ? WHERE job_key = 2", (CLOCK + 59,))
        await pilot.press("q")
    for told in (True, False):
        app = FtbApp(clock=lambda: now, background=False)
        async with app.run_test(size=(120, 35), notifications=True) as pilot:
            await filled(pilot)
            # It is told before the table is filled.
            heard = [one.message for one in app._notifications if "While you were away" in one.message]
            assert bool(heard) == told
            assert not told or "job 2 succeeded" in heard[0]
            await pilot.press("q")


@pytest.mark.parametrize(("given", "key"), [("nokey", ","), ("f2,f3", "f2"), ("", ",")])
async def test_the_notice_about_faults_names_a_key_that_works(home: Path, given: str, key: str) -> None:
    (home / "config").mkdir(parents=True)
    keymap = f'[keymap]\n"settings.open" = "{given}"\n"jobs.wrong" = "x"\n"jobs.false" = "x"\n'
    (home / "config" / "config.toml").write_text(keymap)
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await filled(pilot)
        await until(pilot, lambda: bool(app._notifications))
        [notice] = app._notifications
        assert f" faults in config.toml; {key} shows them." in notice.message
        await pilot.press("comma" if key == "," else key)
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))


async def test_many_faults_of_the_configuration_are_one_notice_with_the_first_and_the_key_that_shows_all(
    home: Path,
) -> None:
    (home / "config").mkdir(parents=True)
    lines = "".join(f'"jobs.wrong{number}" = "x"\n' for number in range(8))
    (home / "config" / "config.toml").write_text(f'[ui]\ntheme = "pink"\n[keymap]\n{lines}')
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await filled(pilot)
        await until(pilot, lambda: bool(app.screen.query(Toast)))
        [notice] = app._notifications
        assert notice.message.startswith("9 faults in config.toml; , shows them. The first: ui.theme:")
        assert app.screen.query_one(Toast).size.height <= 8
        app._gathered.add("error", "\n".join(app._setting_problems[1:4]))
        app._gathered.add("information", "Job 3 has succeeded.")
        await until(pilot, lambda: len(app._notifications) > 1)
        assert [one.message for one in app._notifications][1:] == ["Job 3 has succeeded."], (
            "what was told is not told again"
        )
        await pilot.press("comma")
        await until(pilot, shows(pilot, "and 6 more; ftb config check names all"))


def test_one_fault_is_told_as_it_is() -> None:
    assert faults_told(["/x/config.toml: ui.theme: no"], "/x/config.toml", ",") == "/x/config.toml: ui.theme: no"


def test_a_long_path_is_broken_between_its_names_and_loses_nothing() -> None:
    path = "/home/somebody/.local/share/ftb/exports/fictional_people-smollm2-135m.jsonl"
    text = f"Wrote 120 lines to {path}, all of them."
    for width in (37, 57):
        broken = unbroken(text, width)
        assert all(len(line) <= width for line in broken.splitlines())
        assert broken.replace("\n", "").replace(" ", "") == text.replace(" ", "")
        assert ".jsonl," in broken
    assert unbroken("short words\nand lines", 20) == "short words\nand lines"
