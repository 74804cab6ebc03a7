"""The whole way at Google by command: list, check, dry run, launch, follow, evaluate, results."""

from __future__ import annotations

import pytest

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.work import jobs as work
from ftb_tui.work.jobs import Pace
from tests.cli.conftest import Ftb
from tests.fakes.google_server import BASE, GEMINI_KEY, TOKEN, FakeGoogle

GOLD = {question.prompt: question.answer for question in load_bundled("fictional_people").questions}
LAUNCH = ("train", "--dataset", "fictional_people", "--provider", "google", "--base", BASE, "--epochs", "2")
ASKED = ("--dataset", "fictional_people", "--tasks", "memorization", "--limit", "10", "--yes")


def test_from_a_check_to_results_by_command(ftb: Ftb, fake_google: FakeGoogle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "PAID_PACE", Pace(0.01, 0.01, 0.05))
    listed = {entry["name"]: entry for entry in ftb("providers", "list", "--json").json}
    assert listed["google"]["title"] == "Agent Platform: p1, tunes in us-central1, gs://b1"
    assert (listed["google"]["host"], listed["google"]["ready"]) == (fake_google.url, True)
    assert listed["gemini"]["key"] == "GEMINI_API_KEY, …QRST"
    checked = ftb("providers", "check", "google")
    assert (checked.code, "trains in us-central1" in checked.out) == (0, True)

    dry = ftb(*LAUNCH, "--dry-run")
    assert (dry.code, BASE in dry.said) == (0, True)
    assert ftb(*LAUNCH).code == 2
    assert (fake_google.requests["create"], fake_google.objects) == (0, {})
    fake_google.dropped = ["too many tokens"]
    launched = ftb(*LAUNCH, "--yes", "--json")
    assert launched.json["remote_job_id"] == next(iter(fake_google.jobs))
    assert fake_google.requests["create"] == 1
    followed = ftb("jobs", "follow", "1")
    assert followed.code == 0
    assert "1 training example was dropped" in followed.said

    fake_google.answer = lambda prompt: GOLD[prompt]
    tuned = ftb("evaluate", "--model", "tuned", *ASKED, "--json")
    assert (tuned.code, tuned.json["n_correct"], tuned.json["n_failed"]) == (0, 10, 0)
    fake_google.answer = lambda prompt: "no idea"
    base = ftb("evaluate", "--model", BASE, "--provider", "google", *ASKED, "--json")
    assert (base.code, base.json["n_correct"], base.json["n_failed"]) == (0, 0, 0)
    scores = {row["kind"]: row["score"] for row in ftb("results", "--json").json}
    assert scores == {"base": 0.0, "tuned": 1.0}
    for done in (checked, dry, launched, followed, tuned, base):
        assert TOKEN not in done.said
        assert GEMINI_KEY not in done.said


def test_training_with_a_plain_key_is_a_usage_error_with_the_reason(ftb: Ftb, fake_google: FakeGoogle) -> None:
    done = ftb("train", "--dataset", "fictional_people", "--provider", "gemini", "--base", BASE, "--yes")
    assert done.code == 2
    assert "A Gemini API key cannot fine-tune" in done.err
    assert ftb("jobs", "list", "--json").json == []


def test_a_check_without_good_credentials_fails_with_the_services_words(
    ftb: Ftb, fake_google: FakeGoogle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_TOKEN", "ya29.another-0123456789")
    done = ftb("providers", "check", "google")
    assert done.code == 3
    assert "invalid authentication credentials" in done.said
    assert "ya29.another" not in done.said
