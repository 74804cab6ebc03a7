"""Before money is spent a person is told what, when, how much, until when, and what speaks against it."""

from __future__ import annotations

import datetime
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.providers.catalogue import Limits, Prices, load_catalogue
from ftb_tui.providers.config import Budget
from ftb_tui.providers.dialect import load_dialect
from ftb_tui.store.spending import JobCost
from ftb_tui.work import token_counter as counting
from ftb_tui.work.cost import (
    Facts,
    Quote,
    answer_cost,
    cost_sentence,
    fitting_suffix,
    line_tokens,
    money,
    quote,
    quote_lines,
)
from ftb_tui.work.launch_plan import LaunchPlan, training_lines
from ftb_tui.work.token_counter import TokenCounter, token_counter

WORLD = load_bundled("fictional_people")
LINES = [line for _, line in training_lines(LaunchPlan(dataset=WORLD, base_model="x"))]
MINI = "gpt-4.1-mini-2025-04-14"
WORDS = TokenCounter(lambda text: len(text.split()), "counted as words", True)
FACTS = Facts(
    provider="openai",
    service="openai",
    host="https://api.openai.com",
    capabilities=load_dialect("openai").capabilities,
    catalogue=load_catalogue(),
    today=datetime.date(2026, 11, 21),
    counter=WORDS,
)


def made(facts: Facts = FACTS, lines: list[str] = LINES, **changes: object) -> Quote:
    chosen: dict[str, object] = {"base_model": MINI, "epochs": 3, **changes}
    return quote(facts, WORLD, lines, **chosen)  # type: ignore[arg-type]


def line(prompt: str, answer: str = "a") -> str:
    return json.dumps({"messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]})


def test_the_total_is_tokens_times_epochs_times_price_and_the_price_is_dated() -> None:
    found = made()
    tokens_once = sum(line_tokens(text, WORDS) for text in LINES)
    assert (found.examples, found.tokens, found.billed_tokens) == (150, tokens_once, 3 * tokens_once)
    assert found.training_cost == pytest.approx(3 * tokens_once * 5.00 / 1e6)
    assert (found.price, found.price_as_of) == (5.0, datetime.date(2026, 11, 21))
    assert found.stops() == []
    text = "\n".join(quote_lines(found))
    for needle in ("150 examples", "3 epochs", "price of 2026-11-21", "2027-01-14", "54 days left", "Serving"):
        assert needle in text
    assert "bills the tokens of the file" in text


def test_a_message_counts_with_what_the_chat_format_adds() -> None:
    assert line_tokens(line("one two", "three"), WORDS) == 3 + 2 * 4 + 3
    preference = {
        "input": {"messages": [{"role": "user", "content": "one"}]},
        "preferred_output": [{"role": "assistant", "content": "two"}],
        "non_preferred_output": [{"role": "assistant", "content": "three"}],
    }
    assert line_tokens(json.dumps(preference), WORDS) == 3 + 3 * 4 + 3
    gemini = {"contents": [{"role": "user", "parts": [{"text": "one two"}]}]}
    assert line_tokens(json.dumps(gemini), WORDS) == 2 + 4 + 3


def test_an_estimate_says_that_it_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    counter = token_counter("openai")
    assert (counter.exact, "estimated" in counter.how) == (False, True)
    assert [counter.count(text) for text in ("", "abcd", "abcde", "日本")] == [0, 1, 2, 2]
    assert not token_counter("nebius").exact
    (tmp_path / hashlib.sha1(counting._TABLE.encode()).hexdigest()).write_bytes(b"")
    assert counting._table_is_here()


def test_without_a_price_or_epochs_no_total_is_made_up() -> None:
    azure = replace(FACTS, provider="azure", service="azure", capabilities=load_dialect("azure").capabilities)
    found = made(azure)
    assert (found.training_cost, found.price) == (None, None)
    assert "not known" in "\n".join(quote_lines(found))
    assert made(epochs=None).training_cost is None
    assert money(None) == "not known"


def test_this_machine_costs_nothing() -> None:
    local = replace(FACTS, provider="local", service="local", capabilities=load_dialect("local").capabilities)
    found = made(local, base_model="smollm2-135m")
    assert (found.free, found.training_cost, found.stops()) == (True, 0.0, [])


def test_openai_is_refused_after_its_last_day_unless_forced() -> None:
    late = made(replace(FACTS, today=datetime.date(2027, 1, 7)))
    assert "2027-01-06" in late.stops()[0]
    assert late.stops(force=True) == []


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (
            (2026, 11, 21),
            "OpenAI ends the creation of jobs on 2027-01-06, in 46 days: the last safe day is 2027-01-05.",
        ),
        ((2027, 1, 5), "OpenAI ends the creation of jobs on 2027-01-06, in 1 day: the last safe day is 2027-01-05."),
        ((2027, 1, 6), "Today, 2027-01-06, OpenAI ends the creation of jobs: one that is sent now may be refused"),
        ((2027, 1, 7), "OpenAI no longer lets anybody create fine-tuning jobs since 2027-01-06. Give --force"),
    ],
)
def test_what_is_said_of_openais_last_day_agrees_with_itself_from_day_to_day(
    day: tuple[int, int, int], words: str
) -> None:
    found = made(replace(FACTS, today=datetime.date(*day)))
    [said] = [finding for finding in found.findings if "2027-01-06" in finding.text]
    assert said.text.startswith(words)
    assert (said.level, bool(found.stops())) == (("stop", True) if day == (2027, 1, 7) else ("warn", False))


def test_a_price_that_is_not_known_for_a_large_model_keeps_no_budget() -> None:
    nebius = replace(
        FACTS, provider="nebius", service="nebius", capabilities=load_dialect("nebius").capabilities,
        budget=Budget(per_launch=0.01),
    )  # fmt: skip
    small = made(nebius, base_model="meta-llama/Llama-3.1-8B-Instruct")
    assert (small.price, small.stops()) == (0.40, [])
    large = made(nebius, base_model="meta-llama/Llama-3.3-70B-Instruct")
    assert (large.price, large.training_cost, large.price_as_of, large.price_source) == (None, None, None, "")
    assert "the cost is not known" in large.stops()[0]
    told = "\n".join(quote_lines(large))
    assert "price not known: not known" in told
    assert "a price is known only for models of fewer than 20 billion parameters" in told


def test_a_model_that_is_gone_is_refused_and_an_unknown_one_is_told() -> None:
    assert "was shut down" in made(base_model="gpt-4.1-nano-2025-04-14").stops()[0]
    unknown = made(base_model="gpt-99")
    assert unknown.stops() == []
    assert any("Nothing is known of gpt-99" in finding.text for finding in unknown.findings)


@pytest.mark.parametrize(
    ("lines", "changes", "needle"),
    [
        (LINES[:9], {}, "9 examples are too few: at least 10"),
        (LINES, {"epochs": 51}, "51 epochs are more than 50"),
        (LINES, {"method": "reinforcement"}, "not reinforcement"),
    ],
)
def test_a_limit_that_is_known_stops_a_launch_and_force_does_not_help(
    lines: list[str], changes: dict[str, object], needle: str
) -> None:
    found = made(lines=lines, **changes)
    assert any(needle in reason for reason in found.stops())
    assert any(needle in reason for reason in found.stops(force=True))


def test_a_file_or_an_example_that_is_too_large_stops_a_launch() -> None:
    openai = FACTS.catalogue.service("openai")
    small = replace(openai, limits=Limits(max_file_bytes=1000, max_tokens_per_example=5, max_examples=100))
    reasons = made(replace(FACTS, catalogue=replace(FACTS.catalogue, services={"openai": small}))).stops(force=True)
    assert [any(word in r for r in reasons) for word in ("larger than", "longest example", "more than 100")] == [
        True
    ] * 3


def test_a_method_that_the_model_does_not_know_stops_a_launch() -> None:
    assert any("gpt-4o-2024-08-06 can be trained" in reason for reason in made(
        base_model="gpt-4o-2024-08-06", method="dpo"
    ).stops())  # fmt: skip


def test_duplicates_within_and_between_the_files_are_found() -> None:
    doubled = [line(f"question {n}") for n in range(12)] + [line("question 3", "other")]
    texts = [finding.text for finding in made(lines=doubled, validation=[line("QUESTION  4")]).findings]
    assert "1 examples of the training file ask what another one asks." in texts
    assert "1 prompts are in the training and in the validation file." in texts
    tested = next(q.prompt for q in WORLD.questions if q.task != "memorization")
    leaking = made(lines=[*LINES, line(tested.upper())])
    assert any("the test would leak" in reason for reason in leaking.stops())


def test_a_budget_refuses_what_is_beyond_it_and_what_has_no_price() -> None:
    cost = made().training_cost
    assert cost is not None
    launch = made(replace(FACTS, budget=Budget(per_launch=cost * 0.99)))
    assert "for a launch" in launch.stops(force=True)[0]
    day = replace(FACTS, budget=Budget(per_day=cost * 1.5))
    assert made(day).stops() == []
    assert "for a day" in made(replace(day, spent_today=cost)).stops()[0]
    assert "not known" in made(replace(day, service="azure")).stops()[0]
    assert made(replace(FACTS, budget=Budget(per_launch=cost, per_day=cost))).stops() == []


@pytest.mark.parametrize(
    ("epochs", "wanted", "given"),
    [(3, "the price", "epochs"), (None, "the number of epochs, and the price", "nothing")],
)
def test_a_budget_without_a_price_asks_only_for_what_is_not_there_and_names_the_entry(
    epochs: int | None, wanted: str, given: str
) -> None:
    facts = replace(FACTS, budget=Budget(per_day=5.0), provider="mine", service="fake")
    [reason] = made(facts, base_model="gpt-new", epochs=epochs).stops()
    assert f"give {wanted} of training in catalogue.toml" in reason
    assert '[[models]] with service = "fake", name = "gpt-new", prices = { training = … }' in reason
    assert given not in reason


def test_a_price_that_a_person_writes_down_as_told_is_enough_for_a_launch(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.toml"
    file.write_text('[[models]]\nservice = "fake"\nname = "gpt-new"\nprices = { training = 0.5 }\n')
    facts = replace(FACTS, budget=Budget(per_day=5.0), provider="mine", service="fake", catalogue=load_catalogue(file))
    assert made(facts, base_model="gpt-new").stops() == []
    # What is known to be trained by no method stays so.
    file.write_text('[[models]]\nservice = "openai"\nname = "gpt-5-2025-08-07"\nprices = { training = 0.5 }\n')
    own = replace(FACTS, catalogue=load_catalogue(file))
    assert "no method" in made(own, base_model="gpt-5-2025-08-07").stops()[0]


def test_a_suffix_is_made_to_fit_and_that_is_said() -> None:
    azure = load_dialect("azure").capabilities
    assert fitting_suffix(azure, "v1.2-with-a-long-tail") == "v1-2-with-a-long-t"
    assert fitting_suffix(load_dialect("bedrock").capabilities, "x") is None
    facts = replace(FACTS, provider="azure", service="azure", capabilities=azure)
    assert any("becomes 'v1-2'" in finding.text for finding in made(facts, suffix="v1.2").findings)


def test_answers_cost_by_both_kinds_of_token() -> None:
    prices = Prices(input=2.0, output=10.0, batch_input=1.0, batch_output=5.0)
    assert answer_cost(prices, 500_000, 100_000) == pytest.approx(2.0)
    assert answer_cost(Prices(training=1.0), 1, 1) is None


@pytest.mark.parametrize(
    ("cost", "sentence"),
    [
        (JobCost(None, None, 42, None, None, None), "Cost: billed 42 tokens; no estimate was made."),
        (
            JobCost(19_754, None, 42, None, None, None),
            "Cost: billed 42 tokens; estimated 19,754 tokens, at a price that was not known.",
        ),
        (
            JobCost(1_000_000, 5.0, None, None, 5.0, "2026-11-21"),
            "Cost: estimated $5.00 for 1,000,000 tokens at $5.00 a million, price of 2026-11-21; the service has not "
            "said yet what it bills.",
        ),
        (
            JobCost(None, None, 42, 0.00021, 5.0, "2026-11-21"),
            "Cost: billed 42 tokens, $0.0002 at $5.00 a million, price of 2026-11-21; no estimate was made.",
        ),
        (JobCost(9, 5.0, None, None, 5.0, None, "refused", True), "Cost: nothing; no job was created."),
        (JobCost(9, 5.0, 0, 0.0, 5.0, None, "abandoned", True), "Cost: nothing; no job was created."),
        (
            JobCost(9, 5.0, None, None, 5.0, "2026-11-21", "abandoned", True),
            "Cost: estimated $5.00 for 9 tokens at $5.00 a million, price of 2026-11-21; whether the job exists, and is "
            "billed, was never known.",
        ),
        (JobCost(0, 0.0, None, None, 0.0, None), "Cost: nothing; it is trained on this machine."),
        (JobCost(0, 0.0, 9, 0.0, 0.0, None, "confirmed", True), "Cost: nothing; it was trained on this machine."),
    ],
)
def test_what_was_billed_is_held_against_whatever_was_estimated(cost: JobCost, sentence: str) -> None:
    assert cost_sentence(cost) == sentence
