"""Money is spent only on a person's word, within their budget, and every figure can be seen before and after."""

from __future__ import annotations

import datetime
import sqlite3
from pathlib import Path

import pytest

from ftb_tui.work.jobs import Pace
from tests.cli.conftest import Ftb
from tests.fakes.billing import that_bills
from tests.fakes.openai_server import KEY, FakeOpenAI, disconnect, error, status

TRAIN = ("train", "--dataset", "fictional_people", "--provider", "fake", "--base", "gpt-fake", "--epochs", "2")
PRICED = """
[[models]]
service = "fake"
name = "gpt-fake"
methods = ["supervised"]
shutdown = 2027-01-14
prices = { training = 5.0, input = 1.0, output = 2.0, as_of = 2026-11-01, source = "a test" }
"""


@pytest.fixture
def priced(home: Path, fake_openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> FakeOpenAI:
    (home / "config" / "catalogue.toml").write_text(PRICED)
    on(monkeypatch, datetime.date(2026, 11, 21))
    monkeypatch.setattr("ftb_tui.work.jobs.PAID_PACE", Pace(0.01, 0.01, 0.05))
    return fake_openai


def on(monkeypatch: pytest.MonkeyPatch, day: datetime.date) -> None:
    """Let it be that day for whatever the commands judge by a date."""
    for module in ("common", "train", "bench", "models"):
        monkeypatch.setattr(f"ftb_tui.cli.{module}.today", lambda: day)


def configure(home: Path, text: str) -> None:
    file = home / "config" / "config.toml"
    file.write_text(f"{file.read_text()}\n{text}\n")


def test_a_dry_run_tells_everything_and_sends_nothing(ftb: Ftb, priced: FakeOpenAI) -> None:
    told = ftb(*TRAIN, "--dry-run").out
    for needle in (
        "150 examples",
        "tokens of what is said in them (estimated at 4",
        "2 epochs",
        "$5.00 a million",
        "2026-11-01",
        "54 days left",
    ):
        assert needle in told
    quote = ftb(*TRAIN, "--dry-run", "--json").json
    assert quote["training_cost"] == pytest.approx(quote["tokens"] * 2 * 5 / 1e6)
    assert (quote["shutdown"], quote["days_left"], quote["stops"]) == ("2027-01-14", 54, [])
    assert not priced.requests


def test_a_dry_run_of_what_would_be_refused_tells_everything_and_is_refused(
    ftb: Ftb, priced: FakeOpenAI, home: Path
) -> None:
    configure(home, "[budget]\nper_launch = 0.000001")
    told = ftb(*TRAIN, "--dry-run")
    assert (told.code, "For example:" in told.out, "beyond the budget" in told.err) == (2, True, True)
    quote = ftb(*TRAIN, "--dry-run", "--json")
    assert (quote.code, len(quote.json["stops"]), len(quote.json["samples"]) > 0) == (2, 1, True)


def test_a_job_whose_creation_is_unclear_is_neither_repeated_nor_forgotten(
    ftb: Ftb, priced: FakeOpenAI, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ftb_tui.work.jobs.RECONCILE_PAUSES", (0.01,))
    listing = "GET /fine_tuning/jobs"
    priced.after_create.append(disconnect)
    priced.faults[listing].extend([status(500, error("down"))] * 2)
    unclear = ftb(*TRAIN, "--yes")
    assert (unclear.code, "It is not known whether the job was created" in unclear.err) == (1, True)
    assert "it is not known yet whether the job was created" in ftb("jobs", "show", "1").out
    priced.faults[listing].append(status(500, error("down")))
    again = ftb(*TRAIN, "--yes")
    assert (again.code, "ftb jobs abandon 1" in again.err, len(priced.jobs)) == (1, True, 1)
    priced.faults[listing].extend([status(500, error("down"))] * 9)
    kept = ftb("jobs", "abandon", "1", "--yes")
    assert (kept.code, "Job 1 is not given up" in kept.err) == (3, True)
    priced.faults[listing].clear()
    found = ftb("jobs", "abandon", "1", "--yes")
    assert (found.code, "it was created (ftjob-1)" in found.err) == (1, True)
    assert ftb("jobs", "show", "1", "--json").json["intent"] == "confirmed"


def test_a_job_that_was_refused_at_its_upload_is_said_to_cost_nothing(ftb: Ftb, priced: FakeOpenAI) -> None:
    priced.faults["POST /files"].append(status(400, error("too large")))
    assert ftb(*TRAIN, "--yes").code == 1
    assert "Cost: nothing; no job was created." in ftb("jobs", "show", "1").out


def test_a_paid_job_is_launched_only_with_yes(ftb: Ftb, priced: FakeOpenAI) -> None:
    refused = ftb(*TRAIN)
    assert (refused.code, "--yes" in refused.err) == (2, True)
    assert not priced.requests
    assert ftb(*TRAIN, "--yes").code == 0
    assert len(priced.jobs) == 1
    bench = ("bench", "--dataset", "fictional_people", "--provider", "fake", "--base", "gpt-fake")
    assert ftb(*bench).code == 2
    assert len(priced.jobs) == 1


def test_a_budget_refuses_a_launch_and_sums_up_the_day(ftb: Ftb, priced: FakeOpenAI, home: Path) -> None:
    cost = ftb(*TRAIN, "--dry-run", "--json").json["training_cost"]
    configure(home, f"[budget]\nper_launch = {cost * 1.1:.8f}\nper_day = {cost * 1.5:.8f}")
    assert ftb(*TRAIN, "--yes").code == 0
    over = ftb(
        "train", "--dataset", "fictional_people", "--provider", "fake", "--base", "gpt-fake", "--epochs", "3", "--yes"
    )
    assert (over.code, "budget" in over.err, len(priced.jobs)) == (2, True, 1)
    with sqlite3.connect(home / "data" / "ftb.db") as db:
        day = datetime.datetime(2026, 11, 21, 12).timestamp()
        db.execute("UPDATE jobs SET created_at = ?", (day,))
    second = ftb(*TRAIN, "--yes", "--force")
    assert (second.code, "for a day" in second.err, len(priced.jobs)) == (2, True, 1)


def test_the_doctor_says_what_the_budget_is_and_what_it_does_not_count(
    ftb: Ftb, home: Path, priced: FakeOpenAI
) -> None:
    assert "budget" not in ftb("doctor").out
    configure(home, "[budget]\nper_day = 20")
    [line] = [check for check in ftb("doctor", "--json").json if check["what"] == "budget"]
    assert line["found"] == "$20.00 for a day; the hours of deployments are not counted in it"


def test_billed_is_held_against_estimated(ftb: Ftb, priced: FakeOpenAI) -> None:
    assert ftb(*TRAIN, "--yes").code == 0
    assert "has not said yet" in ftb("jobs", "show", "last").out
    for _ in range(2):
        ftb("jobs", "follow", "last")
    shown = ftb("jobs", "show", "last", "--json").json
    assert shown["cost"]["billed_tokens"] == 99
    assert shown["cost"]["billed_cost"] == pytest.approx(99 * 5 / 1e6)
    assert shown["cost"]["estimated_cost"] == pytest.approx(shown["estimated_tokens"] * 5 / 1e6)
    assert "Cost: billed 99 tokens" in ftb("jobs", "show", "last").out


def test_openai_is_refused_after_its_last_day_and_force_tries(
    ftb: Ftb, monkeypatch: pytest.MonkeyPatch, fake_openai: FakeOpenAI, home: Path
) -> None:
    configure(home, f'[providers.old]\ndialect = "openai"\nbase_url = "{fake_openai.url}"\napi_key_env = "FAKE_KEY"')
    arguments = ("train", "--dataset", "fictional_people", "--provider", "old", "--base", "gpt-4.1-mini-2025-04-14")
    on(monkeypatch, datetime.date(2027, 1, 6))
    sent = ftb(*arguments, "--yes")
    assert (sent.code, "Today, 2027-01-06, OpenAI ends the creation of jobs" in sent.err) == (0, True)
    on(monkeypatch, datetime.date(2027, 1, 7))
    fake_openai.requests.clear()
    refused = ftb(*arguments, "--yes")
    assert (refused.code, "2027-01-06" in refused.err, "--force" in refused.err) == (2, True, True)
    assert not fake_openai.requests
    assert ftb(*arguments, "--yes", "--force").code == 0
    assert len(fake_openai.jobs) == 2


def test_models_list_shows_methods_dated_prices_and_the_dying(
    ftb: Ftb, priced: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = ftb("models", "list", "--provider", "openai", "--json").json
    mini = next(line for line in listed if line["name"] == "gpt-4.1-mini-2025-04-14")
    assert (mini["methods"], mini["prices"]["training"], mini["days_left"]) == (["supervised", "dpo"], 5.0, 54)
    assert mini["prices"]["as_of"] == "2026-11-21"
    assert "! openai: gpt-4.1-mini-2025-04-14 and what is tuned from it stop" in ftb("models", "list").err
    on(monkeypatch, datetime.date(2026, 10, 1))
    assert "gpt-4.1-mini" not in ftb("models", "list").err


def test_an_entry_of_the_catalogue_that_holds_for_nobody_is_told(ftb: Ftb, priced: FakeOpenAI, home: Path) -> None:
    (home / "config" / "catalogue.toml").write_text(PRICED.replace('"fake"', '"custom"'))
    assert "'custom' holds for nobody" in ftb("models", "list").err
    [line] = [check for check in ftb("doctor", "--json").json if check["what"] == "catalogue"]
    assert (line["state"], "'custom' holds for nobody" in line["found"]) == ("warn", True)


def test_the_services_own_shutdown_date_counts(ftb: Ftb, priced: FakeOpenAI) -> None:
    priced.shutdown_dates = {"gpt-new": "2026-12-01"}
    asked = ftb("models", "list", "--provider", "fake", "--ask")
    assert "gpt-new" in asked.out
    assert "10 days left" in asked.err


def test_a_cap_needs_a_price_and_stops_in_time(ftb: Ftb, priced: FakeOpenAI, home: Path) -> None:
    evaluate = (
        "evaluate",
        "--provider",
        "fake",
        "--model",
        "gpt-fake",
        "--dataset",
        "fictional_people",
        "--limit",
        "20",
    )
    stopped = ftb(*evaluate, "--max-cost", "0.0005")
    assert stopped.code == 1
    assert "cap is reached" in stopped.err
    assert 0 < len(priced.asked) < 80
    assert ftb("evaluate", "--resume", "1", "--max-cost", "1").code == 0
    (home / "config" / "catalogue.toml").write_text("")
    with that_bills(home):
        assert "No price is known" in ftb(*evaluate, "--max-cost", "1").err


def test_a_days_budget_that_is_used_up_is_told_before_anything_is_planned_or_asked(
    ftb: Ftb, priced: FakeOpenAI, home: Path
) -> None:
    ask = ("evaluate", "--provider", "fake", "--model", "gpt-fake", "--dataset", "fictional_people", "--limit", "5")
    configure(home, "[budget]\nper_day = 0.0004")
    before = ftb(*ask, "--dry-run")
    assert (
        before.code,
        "Of the day's budget of $0.0004, $0.0004 is left, and asking stops there." in " ".join(before.out.split()),
    ) == (0, True)
    assert ftb(*ask, "--yes").code == 0
    with sqlite3.connect(home / "data" / "ftb.db") as db:
        db.execute("UPDATE evaluations SET price_output = price_output * 10")
    asked = len(priced.asked)
    for more in (("--yes",), ("--dry-run",), ("--max-cost", "1")):
        refused = ftb(*ask, *more)
        assert refused.code == 2
        assert "Not asked, and nothing was sent. The day's budget of $0.0004 is used up: $" in refused.err
        assert "was spent today" in refused.err
    with sqlite3.connect(home / "data" / "ftb.db") as db:
        assert db.execute("SELECT count(*) FROM evaluations").fetchone() == (1,)
    assert len(priced.asked) == asked


def test_under_a_budget_what_has_no_price_is_refused_before_it_is_planned(
    ftb: Ftb, priced: FakeOpenAI, home: Path
) -> None:
    configure(home, "[budget]\nper_day = 5")
    (home / "config" / "catalogue.toml").write_text("")
    with that_bills(home):
        refused = ftb("evaluate", "--provider", "fake", "--model", "gpt-x", "--dataset", "fictional_people", "--yes")
    assert (refused.code, "no price is known for gpt-x at fake" in refused.err) == (2, True)
    assert not priced.requests


def test_a_job_made_elsewhere_is_adopted_by_command(ftb: Ftb, priced: FakeOpenAI) -> None:
    assert ftb(*TRAIN, "--yes").code == 0
    job = ftb("jobs", "adopt", "ftjob-1", "--provider", "fake", "--json").json
    assert job["job_key"] == 1
    other = ftb("jobs", "adopt", "ftjob-1", "--provider", "fake", "--dataset", "coding")
    assert (other.code, "Job 1 was launched here, on fictional_people: leave --dataset out" in other.err) == (2, True)
    missing = ftb("jobs", "adopt", "ftjob-7", "--provider", "fake")
    assert (missing.code, "Could not find" in missing.err) == (2, True)


def test_what_an_adopted_job_was_trained_on_can_be_said_later(ftb: Ftb, priced: FakeOpenAI, home: Path) -> None:
    assert ftb(*TRAIN, "--yes").code == 0
    (home / "data" / "ftb.db").unlink()
    adopt = ("jobs", "adopt", "ftjob-1", "--provider", "fake", "--json")
    assert ftb(*adopt).json["dataset"] == "elsewhere"
    assert ftb(*adopt, "--dataset", "fictional_people").json["dataset"] == "fictional_people"
    assert ftb(*adopt).json["dataset"] == "fictional_people"


def test_an_adopted_job_tells_what_it_cost_and_no_dataset_that_is_not_there(
    ftb: Ftb, priced: FakeOpenAI, home: Path
) -> None:
    assert ftb(*TRAIN, "--yes").code == 0
    (home / "data" / "ftb.db").unlink()
    assert ftb("jobs", "adopt", "ftjob-1", "--provider", "fake").code == 0
    followed = ftb("jobs", "follow", "ftjob-1")
    assert (
        "Job 1 (ftjob-1) has succeeded. Look at it: ftb jobs show 1"
        in ftb("jobs", "adopt", "ftjob-1", "--provider", "fake").err
    )
    assert (followed.code, "--dataset NAME" in followed.err, "elsewhere" in followed.err) == (0, True, False)
    told = ftb("jobs", "show", "ftjob-1").out
    assert "at $5.00 a million, price of 2026-11-01; no estimate was made." in told


def test_a_stray_base_url_is_told_before_anything_is_sent(ftb: Ftb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/stray")
    told = ftb(
        "train",
        "--dataset",
        "fictional_people",
        "--provider",
        "openai",
        "--base",
        "gpt-4o-mini-2024-07-18",
        "--dry-run",
    )
    assert "OPENAI_BASE_URL is set to http://127.0.0.1:9/stray" in told.out
    assert "OPENAI_BASE_URL" in ftb("providers", "list").err


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate", "--provider", "openai", "--model", "m", "--dataset", "fictional_people", "--limit", "1", "--max-cost", "1"),
        ("jobs", "adopt", "ftjob-1", "--provider", "openai"),
        ("models", "list", "--provider", "openai", "--ask"),
        ("regrade", "--grader", "judge", "--judge-model", "openai/m", "--max-cost", "1"),
        ("paraphrases", "make", "fictional_people", "--model", "openai/m", "--max-cost", "1"),
    ],
    ids=lambda arguments: arguments[0],
)  # fmt: skip
def test_every_command_that_speaks_to_openai_tells_of_a_stray_base_url_before_it_does(
    ftb: Ftb, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    # Without a key nothing can be sent at all, so whatever is told is told before.
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/stray")
    told = ftb(*arguments)
    assert told.code != 0
    assert "! OPENAI_BASE_URL is set to http://127.0.0.1:9/stray, which ftb does not use" in told.err
    assert told.err.index("OPENAI_BASE_URL") < told.err.index("needs a key")


def test_a_key_is_in_nothing_that_a_full_run_leaves_behind(
    ftb: Ftb, ftb_process: Ftb, priced: FakeOpenAI, home: Path, tmp_path: Path
) -> None:
    marker = KEY
    # The service itself quotes the key in its errors, as OpenAI does.
    quoting = error(f"Incorrect API key provided: {marker}. {marker!r}")
    priced.faults["GET /models"].append(status(401, quoting))
    priced.faults["POST /chat/completions"].extend([status(400, quoting)] * 3)
    priced.faults["GET /fine_tuning/jobs/ID"].append(status(500, quoting))
    evaluate = ("evaluate", "--provider", "fake", "--dataset", "fictional_people", "--limit", "5", "--yes")
    runs = [
        ("providers", "list", "--json"), ("providers", "check", "fake"), ("providers", "check", "fake", "--json"),
        (*TRAIN, "--dry-run", "--json"), (*TRAIN, "--yes"), ("jobs", "follow", "last"),
        ("jobs", "show", "last", "--json"), (*evaluate, "--model", "gpt-fake"), (*evaluate, "--model", "tuned"),
        ("results",), ("results", "--format", "html"), ("config", "show", "--json"), ("doctor",), ("models", "list"),
        ("wrong", "--model", "gpt-fake", "--task", "memorization", "--json"),
    ]  # fmt: skip
    for arguments in runs:
        # Following is done here, where the pace of looking is the test's.
        following = arguments[:2] == ("jobs", "follow")
        done = ftb(*arguments) if following else ftb_process(*arguments, OPENAI_LOG="debug")
        assert done.code in (0, 1, 3), (arguments, done.err)
        assert marker not in done.said, arguments
    assert priced.requests["POST /fine_tuning/jobs"] == 1
    left = [file for place in (home, tmp_path) for file in place.rglob("*") if file.is_file()]
    assert any(file.name == "ftb.db" for file in left)
    for file in left:
        assert marker.encode() not in file.read_bytes(), file
    assert KEY[-4:] in ftb_process("providers", "list").out
