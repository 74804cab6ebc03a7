"""Asking a model: what exists is asked, what does not is refused and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Ftb
from tests.fakes.openai_server import FakeOpenAI, error, status

ASK = ("evaluate", "--provider", "fake", "--dataset", "fictional_people", "--tasks", "memorization", "--limit", "4")


def test_a_model_is_asked_and_its_score_can_be_read(ftb: Ftb, fake_openai: FakeOpenAI) -> None:
    done = ftb(*ASK, "--model", "gpt-fake", "--json")
    assert done.code == 0
    assert (done.json["n_questions"], done.json["n_answered"], done.json["state"]) == (4, 4, "finished")
    [row] = [row for row in ftb("results", "--json").json if row["grader"] == "choice"]
    assert (row["model"], row["kind"], row["n"]) == ("gpt-fake", "base", 4)


def test_narration_names_the_next_steps(ftb: Ftb, fake_openai: FakeOpenAI) -> None:
    done = ftb(*ASK, "--model", "gpt-fake")
    assert done.out == ""
    assert "4/4 asked" in done.err
    assert "ftb wrong --model gpt-fake --task memorization" in done.err


def test_failed_questions_fail_the_command_and_are_asked_again_on_resume(ftb: Ftb, fake_openai: FakeOpenAI) -> None:
    fake_openai.faults["POST /chat/completions"].append(status(400, error("content policy")))
    done = ftb(*ASK, "--model", "gpt-fake", "--concurrency", "1")
    assert done.code == 1
    assert "ftb evaluate --resume 1" in done.err
    again = ftb("evaluate", "--resume", "1", "--json")
    assert (again.code, again.json["n_answered"], again.json["n_failed"]) == (0, 4, 0)
    assert len(fake_openai.asked) == 4


def test_a_model_that_the_service_does_not_know_leaves_nothing_behind(ftb: Ftb, fake_openai: FakeOpenAI) -> None:
    missing = status(404, error("The model 'gpt-fak' does not exist.", code="model_not_found"))
    fake_openai.faults["POST /chat/completions"].extend([missing] * 20)
    done = ftb(*ASK, "--model", "gpt-fak")
    assert done.code == 1
    assert "Did you mean gpt-fake?" in done.err
    assert "The model 'gpt-fak' does not exist." in done.err
    assert ftb("results", "--json").json == []
    assert "gpt-fak" not in [line["name"] for line in ftb("models", "list", "--provider", "fake", "--json").json]


def test_an_unknown_name_is_refused_with_what_there_is(ftb: Ftb, fake_openai: FakeOpenAI) -> None:
    done = ftb("evaluate", "--model", "gpt-fake", "--provider", "fak", "--dataset", "fictional_people")
    assert done.code == 2
    assert "Did you mean fake?" in done.err
    done = ftb("evaluate", "--model", "gpt-fake", "--provider", "fake", "--dataset", "fictional_peple")
    assert done.code == 2
    assert "Did you mean fictional_people?" in done.err
    done = ftb("evaluate", "--resume", "99")
    assert done.code == 2
    assert "Nothing was evaluated yet" in done.err
    assert fake_openai.asked == []
    assert ftb("results", "--json").json == []


def test_the_embedded_engine_is_not_asked_for_a_model_that_it_does_not_have(ftb: Ftb, tiny: Path) -> None:
    done = ftb("evaluate", "--model", "smolm2-135m", "--dataset", "fictional_people", "--limit", "1")
    assert done.code == 2
    assert "Did you mean smollm2-135m?" in done.err
    assert ftb("results", "--json").json == []


def test_an_ambiguous_name_is_not_taken_for_a_new_model(ftb: Ftb, demo: Path) -> None:
    done = ftb("evaluate", "--model", "ft:smollm2", "--dataset", "fictional_people", "--limit", "1")
    assert done.code == 2
    assert "Several models go by 'ft:smollm2'" in done.err


def test_an_unreachable_service_is_retryable_and_can_be_resumed(
    ftb: Ftb, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftb_tui.work import evaluate

    monkeypatch.setattr(evaluate, "MAX_ATTEMPTS", 1)
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text('[providers.away]\nbase_url = "http://127.0.0.1:9/v1"\n')
    done = ftb("evaluate", "--model", "m", "--provider", "away", "--dataset", "fictional_people", "--limit", "1")
    assert done.code == 3
    assert "127.0.0.1:9 cannot be reached" in done.err
    assert "ftb evaluate --resume 1" in done.err


@pytest.mark.parametrize("word", ["tuned", "base"])
def test_a_word_for_models_made_here_is_no_models_name(ftb: Ftb, home: Path, word: str) -> None:
    done = ftb("evaluate", "--model", word, "--dataset", "fictional_people")
    assert (done.code, "No model was trained" in done.err) == (2, True)
    assert "fetching" not in done.err
