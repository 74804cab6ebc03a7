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


def test_why_questions_failed_is_said_and_how_to_see_those_and_no_others(ftb: Ftb, fake_openai: FakeOpenAI) -> None:
    too_long, odd = status(400, error("max_tokens is too large: 9000.")), status(400, error("Something else."))
    fake_openai.faults["POST /chat/completions"].extend([too_long, odd, too_long, too_long])
    done = ftb(*ASK, "--model", "gpt-fake", "--concurrency", "1")
    assert (done.code, "3 of the 4 failed with: max_tokens is too large: 9000." in done.err) == (1, True)
    assert "ftb wrong --model gpt-fake --task memorization --show failed" in done.err
    assert "Look closer" not in done.err, "no answer is there to look at"
    ftb(*ASK, "--model", "gpt-fake")
    fake_openai.faults["POST /chat/completions"].extend([too_long] * 4)
    later = ftb(*ASK, "--model", "gpt-fake", "--seed", "43")
    assert "They failed with: max_tokens is too large: 9000." in later.err
    assert ("ftb evaluate --resume 3" in later.err, "ftb wrong" in later.err) == (True, False), "it lists evaluation 2"


def test_a_dry_run_does_not_vouch_for_a_model_that_nobody_looked_for(ftb: Ftb, tiny: Path) -> None:
    asked = ("evaluate", "--model", "nonexist", "--dataset", "fictional_people", "--people", "1")
    unknown = ftb(*asked, "--dry-run")
    assert (unknown.code, "not checked whether the embedded engine has a model 'nonexist'" in unknown.err) == (0, True)
    assert "not checked" not in ftb("evaluate", "--model", "smollm2-135m", *asked[3:], "--dry-run").err
    assert ftb(*asked).code == 2, "the engine runs now"
    known = ftb(*asked, "--dry-run")
    assert (known.code, known.out, "has no model 'nonexist'" in known.err) == (2, "", True)


def test_a_dry_run_at_a_service_says_that_the_model_was_not_looked_for(ftb: Ftb, fake_openai: FakeOpenAI) -> None:
    done = ftb(*ASK, "--model", "gpt-fak", "--dry-run")
    assert (done.code, "not checked whether fake has a model 'gpt-fak'" in done.err) == (0, True)
    assert not fake_openai.requests


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


@pytest.fixture
def paid(home: Path, fake_openai: FakeOpenAI) -> FakeOpenAI:
    """The fake service, with a price."""
    prices = 'prices = { input = 500.0, output = 1000.0, as_of = 2026-11-21, source = "a test" }'
    (home / "config" / "catalogue.toml").write_text(f'[[models]]\nservice = "fake"\nname = "gpt-fake"\n{prices}\n')
    return fake_openai


PAID = (*ASK, "--model", "gpt-fake")


def test_what_costs_money_is_quoted_and_not_asked_without_consent(ftb_process: Ftb, paid: FakeOpenAI) -> None:
    refused = ftb_process(*PAID)
    assert (refused.code, refused.out) == (2, "")
    for words in ("Ask gpt-fake at fake, http://127.0.0.1:", "4 questions, ", "at $500.00 a million", "of 2026-11-21",
                  "(a test)", "at most", "give --yes"):  # fmt: skip
        assert words in refused.err
    assert not paid.requests
    agreed = ftb_process(*PAID, "--yes")
    assert agreed.code == 0
    assert "It costs $" in agreed.err
    assert len(paid.asked) == 4


def test_a_cap_is_consent(ftb: Ftb, paid: FakeOpenAI) -> None:
    done = ftb(*PAID, "--max-cost", "5")
    assert (done.code, "It costs $" in done.err) == (0, True)
    assert len(paid.asked) == 4


def test_a_dry_run_quotes_and_sends_nothing(ftb: Ftb, paid: FakeOpenAI) -> None:
    told = ftb(*PAID, "--repeats", "3", "--temperature", "1", "--dry-run")
    assert told.code == 0
    assert "12 questions" in told.out
    quote = ftb(*PAID, "--dry-run", "--json").json
    assert (quote["questions"], quote["price_input"], quote["costs_money"]) == (4, 500.0, True)
    assert quote["cost"] == pytest.approx((quote["prompt_tokens"] * 500 + quote["answer_tokens"] * 1000) / 1e6)
    assert not paid.requests
    assert "There is no evaluation 1" in ftb("evaluate", "--resume", "1").err


def test_going_on_costs_what_is_missing(ftb: Ftb, ftb_process: Ftb, paid: FakeOpenAI) -> None:
    paid.faults["POST /chat/completions"].extend([status(400, error("no"))] * 3)
    assert ftb(*PAID, "--yes", "--concurrency", "1").code == 1
    n = len(paid.asked)
    refused = ftb_process("evaluate", "--resume", "1")
    assert (refused.code, "3 questions, " in refused.err, len(paid.asked)) == (2, True, n)
    assert ftb("evaluate", "--resume", "1", "--yes").code == 0
    # Where nothing is missing nothing is paid, and nobody is asked.
    assert ftb_process("evaluate", "--resume", "1").code == 0
    assert len(paid.asked) == 4


def test_a_service_that_bills_at_a_price_nobody_knows_says_so(ftb_process: Ftb, home: Path) -> None:
    refused = ftb_process(*ASK[:1], "--provider", "openai", *ASK[3:], "--model", "gpt-unheard-of")
    assert refused.code == 2
    assert "openai bills for answers, but no price is known for this model" in refused.err
    assert "Ask, at a price that is not known?" in refused.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("regrade", "--grader", "judge", "--judge-model", "fake/gpt-fake"),
        ("judge-check", "--judge-model", "fake/gpt-fake"),
        ("paraphrases", "make", "fictional_people", "--model", "fake/gpt-fake", "--limit", "2"),
    ],
    ids=["judge", "judge-check", "paraphrases"],
)
def test_models_that_work_for_the_user_are_quoted_and_agreed_to_as_well(
    ftb: Ftb, ftb_process: Ftb, demo: Path, paid: FakeOpenAI, arguments: tuple[str, ...]
) -> None:
    assert ftb("overrule", "1", "correct").code == 0
    refused = ftb_process(*arguments)
    assert (refused.code, paid.asked) == (2, []), refused.err
    assert "at $500.00 a million" in refused.err
    assert "give --yes" in refused.err
    ftb(*arguments, "--max-cost", "0.001")
    assert paid.asked == []
    ftb(*arguments, "--yes")
    assert paid.asked
