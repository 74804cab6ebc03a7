"""A key that was copied with something that is in no key is refused by its place, shown nowhere, and nothing is kept."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import Ftb
from tests.fakes.google_server import BASE, FakeGoogle
from tests.fakes.openai_server import FakeOpenAI

SECRET = "sk-0123456789abcdefghij"
ASKED = ("--dataset", "fictional_people", "--tasks", "memorization", "--limit", "2", "--yes")
ODD = pytest.mark.parametrize(
    "odd", ["\u200b", "\nX-Other: 1", "ü", "\x7f"], ids=["unseen", "line break", "letter", "control"]
)


def kept(home: Path) -> int:
    """Jobs and evaluations in the store."""
    with sqlite3.connect(home / "data" / "ftb.db") as db:
        return sum(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("jobs", "evaluations"))


@ODD
def test_a_key_with_a_stray_character_is_refused_by_its_place_and_nothing_is_kept(
    ftb: Ftb, fake_openai: FakeOpenAI, home: Path, monkeypatch: pytest.MonkeyPatch, odd: str
) -> None:
    monkeypatch.setenv("FAKE_KEY", SECRET + odd + "x")
    said = f"the key in FAKE_KEY holds a character that no key has (position {len(SECRET) + 1})"
    train = ("train", "--dataset", "fictional_people", "--provider", "fake", "--base", "gpt-fake", "--yes")
    ask = ("evaluate", "--model", "gpt-fake", "--provider", "fake", *ASKED)
    for command, code in ((train, 2), (ask, 2), (("providers", "check", "fake"), 3), (("providers", "list"), 0)):
        done = ftb(*command)
        assert (done.code, said in done.said) == (code, True), done
        assert SECRET not in done.said
        assert "unexpectedly" not in done.said
    assert kept(home) == 0
    assert fake_openai.requests.total() == 0


def test_a_check_of_all_providers_tells_of_a_bad_key_and_goes_on_to_the_others(
    ftb: Ftb, fake_openai: FakeOpenAI, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET + "\u200b1")
    done = ftb("providers", "check", "--json")
    checked = {entry["name"]: entry for entry in done.json}
    assert "(position 24)" in checked["openai"]["message"]
    assert checked["fake"]["reachable"] is True
    assert SECRET not in done.said
    [line] = [check for check in ftb("doctor", "--json").json if check["what"] == "openai"]
    assert (line["state"], "(position 24)" in line["found"]) == ("warn", True)


@ODD
@pytest.mark.parametrize("name", ["google", "gemini"])
def test_googles_keys_and_tokens_are_looked_at_alike(
    ftb: Ftb, fake_google: FakeGoogle, home: Path, monkeypatch: pytest.MonkeyPatch, odd: str, name: str
) -> None:
    variable = "FAKE_TOKEN" if name == "google" else "GEMINI_API_KEY"
    monkeypatch.setenv(variable, SECRET + odd + "x")
    said = f"the key in {variable} holds a character that no key has (position {len(SECRET) + 1})"
    train = ("train", "--dataset", "fictional_people", "--provider", name, "--base", BASE, "--epochs", "1", "--yes")
    ask = ("evaluate", "--model", BASE, "--provider", name, *ASKED)
    for command, code in ((ask, 2), (("providers", "check", name), 3), (train, 2)):
        done = ftb(*command)
        assert SECRET not in done.said
        assert done.code == code
        if command is not train or name == "google":
            assert said in done.said
    assert kept(home) == 0
    assert not fake_google.jobs
