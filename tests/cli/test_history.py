"""What changed since last time, for people and for scripts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ftb_tui.store.database import open_store
from tests.cli.conftest import Ftb
from tests.demo import CLOCK, TUNED
from tests.demo_history import DAY, LATER, ask_again

NAMES = [
    "evaluation_key", "finished_at", "dataset", "family", "provider", "model", "kind", "base_model", "epoch", "task",
    "grader", "n", "correct", "failed", "score", "low", "high", "before_evaluation_key", "before_finished_at",
    "before_n", "before_correct", "before_score", "paired", "fixed", "broken", "difference", "difference_low",
    "difference_high", "p_value", "test",
]  # fmt: skip


@pytest.fixture
def later(demo: Path) -> Path:
    async def ask() -> None:
        db = await open_store()
        await ask_again(db)
        await db.close()

    asyncio.run(ask())
    return demo


def test_by_default_it_is_what_changed_since_the_run_before(ftb: Ftb, later: Path) -> None:
    found = ftb("history", "--json").json
    assert found["since"] == CLOCK
    assert all(list(change) == NAMES for change in found["changes"])
    assert {(change["model"], change["finished_at"]) for change in found["changes"]} == {(TUNED, LATER)}
    [rephrased] = [change for change in found["changes"] if change["task"] == "rephrased"]
    assert rephrased["score"] * 24 - rephrased["before_score"] * 24 == pytest.approx(
        rephrased["fixed"] - rephrased["broken"]
    )
    assert rephrased["difference_low"] < rephrased["difference"] < rephrased["difference_high"]
    assert (rephrased["test"], rephrased["paired"]) == ("exact McNemar", 24)
    [overruled] = found["overruled"]
    assert (overruled["task"], overruled["answers"], overruled["fixed"]) == ("rephrased", 1, 1)


def test_the_table_fits_a_screen_and_says_what_was_judged_by_hand(
    ftb: Ftb, later: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = ftb("history")
    assert done.code == 0
    assert "judged by hand: 1 answer" in done.out
    assert "What changed since 20" in done.err
    monkeypatch.setenv("COLUMNS", "80")
    narrow = ftb("history").out.splitlines()
    assert max(map(len, narrow)) <= 80
    assert "rephrased" in "".join(narrow)
    assert "2026-09-22 14:13 smollm2-135m 0a1b2c3d (tuned) on fictional_people" in narrow
    assert "want of room" not in ftb("history").err


def test_a_verdict_that_was_taken_back_is_not_told_as_one_that_holds(
    ftb: Ftb, later: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = str(
        ftb("wrong", "--model", "tuned", "--show", "overruled", "--task", "rephrased", "--json").json[0]["response_key"]
    )
    monkeypatch.setattr("time.time", lambda: LATER + 600)
    ftb("overrule", key, "clear")
    done = ftb("history", "--since", "9m")
    assert "verdicts taken back: 1 answer of ft:smollm2" in done.out
    assert "1 no longer right" in done.out
    assert "judged by hand" not in done.out
    assert ftb("history", "--json").json["overruled"] == [], "since before it was given nothing changed"


def test_a_first_score_says_that_it_is_the_first(ftb: Ftb, demo: Path) -> None:
    done = ftb("history")
    assert done.out.count("first") == 8
    assert "from the beginning" in done.err


@pytest.mark.parametrize("since", ["all", "2000-01-01", "2000-01-01T12:00+02:00", "99999w"])
def test_how_far_back_is_said_as_a_time_or_a_span(ftb: Ftb, later: Path, since: str) -> None:
    assert len(ftb("history", "--since", since, "--json").json["changes"]) == 12


@pytest.mark.parametrize("since", ["soon", "2d ago", "", "31.12.2020", "-1d"])
def test_what_is_neither_is_refused_with_examples(ftb: Ftb, demo: Path, since: str) -> None:
    done = ftb("history", "--since", since)
    assert (done.code, done.out) == (2, "")
    assert "2026-11-20" in done.err


def test_a_time_to_come_is_refused(ftb: Ftb, demo: Path) -> None:
    done = ftb("history", "--since", "9000-01-01")
    assert done.code == 2
    assert "still to come" in done.err


def test_nothing_new_says_how_to_look_further_back(ftb: Ftb, later: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: LATER + 2 * DAY)
    done = ftb("history", "--since", "1d")
    assert (done.code, done.out) == (0, "")
    assert "No evaluation has finished since 20" in done.err
    assert "--since all" in done.err
    assert len(ftb("history", "--since", "49h", "--json").json["changes"]) == 4


def test_an_empty_store_says_what_to_do_and_gives_empty_data(ftb: Ftb) -> None:
    done = ftb("history")
    assert (done.code, done.out) == (0, "")
    assert "ftb bench --quick" in done.err
    assert ftb("history", "--json").json == {
        "since": None, "grader": "choice", "changes": [], "overruled": [], "regraded": []
    }  # fmt: skip
