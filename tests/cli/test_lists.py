"""Lists and details of datasets, jobs, models and providers."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Ftb
from tests.demo import TUNED, change_store
from tests.fakes.openai_server import KEY, FakeOpenAI, error, status


def test_bundled_datasets_are_listed_before_anything_was_done(ftb: Ftb) -> None:
    listed = {entry["dataset"]: entry for entry in ftb("datasets", "list", "--json").json}
    people = listed["fictional_people"]
    assert people["stored"] is False
    assert people["tasks"] == {"memorization": 150, "rephrased": 150, "secondary": 150, "comparison": 150}
    assert "fictional_people" in ftb("datasets", "list").out


@pytest.mark.parametrize("columns", ["80", "20"])
def test_lists_leave_columns_out_rather_than_break_lines(
    ftb: Ftb, demo: Path, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    done = ftb("datasets", "list")
    if columns == "80":
        assert max(map(len, done.out.splitlines())) <= 80
    assert "Not shown for want of room" in done.err
    assert "fictional_people" in done.out


def test_a_dataset_is_shown_by_its_card_and_whole_as_json(ftb: Ftb) -> None:
    assert ftb("datasets", "show", "fictional-people").out.startswith("# Fictional People")
    whole = ftb("datasets", "show", "fictional_people", "--json").json
    assert (len(whole["facts"]), len(whole["questions"])) == (150, 600)
    questions = ftb("datasets", "show", "fictional_people", "--questions").out
    assert questions.count("-comparison ") == 150


def test_a_fresh_world_is_built_stored_and_told_how_to_use(ftb: Ftb) -> None:
    built = ftb("datasets", "build", "fictional-people", "--seed", "7", "--people", "8", "--json").json
    listed = {entry["dataset"]: entry for entry in ftb("datasets", "list", "--json").json}
    assert listed[built["dataset"]]["facts"] == 48
    again = ftb("datasets", "build", "fictional-people", "--seed", "7", "--people", "8")
    assert f"ftb bench --dataset {built['dataset']}" in again.err
    assert len(ftb("datasets", "list", "--json").json) == len(listed)


def test_a_dataset_is_exported_into_a_new_folder_and_never_over_anything(ftb: Ftb, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    assert ftb("datasets", "export", "fictional_people", str(folder)).code == 0
    assert len((folder / "questions.jsonl").read_text().splitlines()) == 600
    for again in (
        ("datasets", "export", "fictional_people", str(folder)),
        ("datasets", "build", "fictional-people", "--seed", "1", "--output", str(folder)),
        ("datasets", "export", "fictional_people", str(folder / "facts.jsonl")),
    ):
        done = ftb(*again)
        assert done.code == 2
        assert "not an empty directory" in done.err


def test_a_place_that_cannot_be_written_is_named(ftb: Ftb, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = ftb("datasets", "export", "fictional_people", str(tmp_path / "file" / "out"))
    assert done.code == 1
    assert str(tmp_path / "file") in done.err
    assert "Traceback" not in done.err


def test_empty_lists_say_what_to_do(ftb: Ftb) -> None:
    assert "ftb bench --quick" in ftb("jobs", "list").err
    assert ftb("jobs", "list", "--json").json == []
    for verb in ("show", "follow", "cancel", "pause", "resume"):
        done = ftb("jobs", verb, "last")
        assert done.code == 2, verb
        assert "No job was launched here yet" in done.err


def test_jobs_are_listed_and_shown_with_times_for_people(ftb: Ftb, demo: Path) -> None:
    listed = ftb("jobs", "list", "--json").json
    assert [(job["job_key"], job["state"]) for job in listed] == [(2, "running"), (1, "succeeded")]
    assert "47/120" in ftb("jobs", "list").out
    shown = ftb("jobs", "show", "1")
    assert TUNED in shown.out
    assert "created_at" in shown.out
    assert "1790000" not in shown.out
    assert "Step 120/120" in shown.out
    assert "The last 20 of 121 events" in shown.err
    whole = ftb("jobs", "show", "ftjob-demo1", "--json").json
    assert len(whole["metrics"]["train_loss"]) == 120
    assert len(whole["checkpoints"]) == 12


def test_an_unknown_job_is_answered_with_what_there_is(ftb: Ftb, demo: Path) -> None:
    done = ftb("jobs", "show", "9")
    assert done.code == 2
    assert "The newest are 2, 1" in done.err


def test_a_job_that_has_ended_is_not_asked_about_again(ftb: Ftb, demo: Path) -> None:
    for verb in ("cancel", "pause", "resume"):
        done = ftb("jobs", verb, "1")
        assert done.code == 1
        assert "has succeeded already" in done.err
    assert ftb("jobs", "follow", "1").code == 0


def test_after_a_job_comes_what_was_not_done_yet(ftb: Ftb, demo: Path) -> None:
    assert "Its model was asked already. Next: ftb results" in ftb("jobs", "follow", "1").err
    asyncio.run(change_store("DELETE FROM responses WHERE evaluation_key = 2 AND question_key % 2 = 0"))
    left = ftb("jobs", "follow", "1").err
    assert re.search(r"Next: ftb evaluate --resume 2 \(\d\d of 96 answers are there\)", left), left
    asyncio.run(change_store("DELETE FROM responses WHERE evaluation_key = 2"))
    assert f"Next: ftb evaluate --model {TUNED} --dataset fictional_people" in ftb("jobs", "follow", "1").err


def test_what_cannot_be_taken_back_needs_yes_without_a_terminal(ftb: Ftb, fake_openai: FakeOpenAI) -> None:
    launch = ("train", "--dataset", "fictional_people", "--provider", "fake", "--base", "gpt-fake")
    refused = ftb(*launch)
    assert refused.code == 2
    assert "--yes" in refused.err
    assert fake_openai.jobs == {}
    job = ftb(*launch, "--yes", "--json").json
    assert (job["remote_job_id"], job["intent"]) == ("ftjob-1", "confirmed")
    assert ftb("jobs", "cancel", "last").code == 2
    assert fake_openai.jobs["ftjob-1"]["status"] != "cancelled"
    assert (ftb("jobs", "pause", "last").code, fake_openai.jobs["ftjob-1"]["status"]) == (2, "validating_files")
    assert ftb("jobs", "cancel", "last", "--yes", "--json").json["state"] == "cancelled"


def test_a_dry_run_sends_and_stores_nothing_that_could_cost(ftb: Ftb, fake_openai: FakeOpenAI) -> None:
    launch = ("train", "--dataset", "fictional_people", "--provider", "fake", "--base", "gpt-fake", "--dry-run")
    plan = ftb(*launch, "--json").json
    assert (plan["examples"], plan["epochs"], plan["base_model"]) == (150, 12, "gpt-fake")
    assert plan["host"] == fake_openai.url
    assert "150 examples" in ftb(*launch).out
    assert fake_openai.requests == {}
    assert ftb("jobs", "list", "--json").json == []


def test_a_base_is_asked_for_where_there_is_no_only_one(ftb: Ftb, fake_openai: FakeOpenAI) -> None:
    for name in ("train", "bench"):
        done = ftb(name, "--dataset", "fictional_people", "--provider", "fake")
        assert done.code == 2
        assert "Give --base" in done.err
        done = ftb(name, "--dataset", "fictional_people", "--base", "gpt-5")
        assert done.code == 2
        assert "trains smollm2-135m" in done.err
    assert fake_openai.requests == {}


def test_providers_show_where_a_key_is_and_never_the_key(ftb: Ftb, fake_openai: FakeOpenAI) -> None:
    for arguments in (
        ("providers", "list"),
        ("providers", "list", "--json"),
        ("providers", "check", "fake"),
        ("doctor",),
    ):
        said = ftb(*arguments).said
        assert KEY not in said
        assert KEY[:-4] not in said
    listed = {entry["name"]: entry for entry in ftb("providers", "list", "--json").json}
    assert listed["fake"]["key"] == "FAKE_KEY, …WXYZ"
    assert listed["fake"]["host"] == fake_openai.url


def test_an_unknown_provider_is_answered_with_what_there_is(ftb: Ftb, fake_openai: FakeOpenAI) -> None:
    for arguments in (
        ("providers", "check", "fke"),
        ("bench", "--provider", "fke"),
        ("train", "--dataset", "fictional_people", "--provider", "fke", "--dry-run"),
    ):
        done = ftb(*arguments)
        assert done.code == 2, arguments
        assert "Did you mean fake?" in done.err


def test_an_unknown_dataset_is_found_out_before_anything_is_fetched(ftb: Ftb, home: Path) -> None:
    done = ftb("bench", "--dataset", "fictionl_people")
    assert done.code == 2
    assert "Did you mean fictional_people?" in done.err
    assert "fetching" not in done.err
    assert not (home / "cache").exists()


def test_text_of_a_service_reaches_the_terminal_as_text(ftb: Ftb, fake_openai: FakeOpenAI) -> None:
    fake_openai.events_page = lambda events: [{**events[0], "message": "\x1b[2Jgone\u202e"}]
    ftb("train", "--dataset", "fictional_people", "--provider", "fake", "--base", "gpt-fake", "--yes")
    from ftb_tui.work import jobs as work

    work.PAID_PACE, kept = work.Pace(0.01, 0.01, 0.01), work.PAID_PACE
    try:
        assert ftb("jobs", "follow", "last").code == 0
    finally:
        work.PAID_PACE = kept
    shown = ftb("jobs", "show", "last")
    assert "␛[2Jgone‹U+202E›" in shown.out
    whole = ftb("jobs", "show", "last", "--json")
    assert "\x1b" not in whole.out
    assert json.loads(whole.out)["events"][0]["message"] == "\x1b[2Jgone\u202e"


@pytest.mark.parametrize("service", ["openai"], indirect=True)
def test_a_job_is_held_and_goes_on_where_the_service_can(ftb: Ftb, service: FakeOpenAI) -> None:
    base = ("--provider", "mine", "--base", "gpt-4.1-mini-2025-04-14", "--yes")
    assert ftb("train", "--dataset", "fictional_people", *base).code == 0
    assert ftb("jobs", "pause", "last", "--json").json["state"] == "paused"
    assert "is queued, says" in ftb("jobs", "resume", "last").err


def test_a_service_that_refuses_to_cancel_makes_a_command_that_failed_not_one_that_was_wrong(
    ftb: Ftb, fake_openai: FakeOpenAI
) -> None:
    launch = ("train", "--dataset", "fictional_people", "--provider", "fake", "--base", "gpt-fake", "--yes")
    assert ftb(*launch).code == 0
    refusal = status(400, error("Job has already completed: ftjob-1"))
    fake_openai.faults["POST /fine_tuning/jobs/ID/cancel"].append(refusal)
    done = ftb("jobs", "cancel", "last", "--yes")
    assert done.code == 1
    assert "refused to cancel job 1: Job has already completed: ftjob-1" in done.err


def test_a_server_on_this_machine_is_told_with_how_many_models_it_has(
    ftb: Ftb, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftb_tui.providers import discovery

    with FakeOpenAI(key=None) as server:
        ports = {"ollama": int(server.url.split(":")[2].split("/")[0])}
        monkeypatch.setattr(discovery, "LOCAL_SERVERS", ports)
        monkeypatch.setattr("ftb_tui.providers.registry.LOCAL_SERVERS", ports)
        assert "Found Ollama with 1 model. Ask one: ftb evaluate --provider ollama" in ftb("providers", "list").err
