"""A model is asked at its own price, whoever it is and however it is asked; what is told before is what is counted."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import Ftb
from tests.fakes.openai_server import FakeOpenAI

MINI = "gpt-4.1-mini-2025-04-14"
TUNED = f"ft:{MINI}:org::abc"
ASKED = ("--provider", "mine", "--dataset", "fictional_people", "--tasks", "memorization", "--limit", "5")
OPENAI = pytest.mark.parametrize("service", ["openai"], indirect=True)


@OPENAI
@pytest.mark.parametrize(
    ("model", "more", "prices"),
    [
        (MINI, (), (0.4, 1.6)),
        (TUNED, (), (0.8, 3.2)),
        (MINI, ("--batch",), (0.2, 0.8)),
        (TUNED, ("--batch",), (0.4, 1.6)),
    ],
    ids=["base", "tuned", "base in batches", "tuned in batches"],
)
def test_a_base_model_is_not_asked_at_the_price_of_tuned_ones(
    ftb: Ftb, service: FakeOpenAI, model: str, more: tuple[str, ...], prices: tuple[float, float]
) -> None:
    quote = ftb("evaluate", "--model", model, *ASKED, *more, "--dry-run", "--json").json
    assert (quote["price_input"], quote["price_output"]) == prices
    assert quote["cost"] == pytest.approx(
        (quote["prompt_tokens"] * prices[0] + quote["answer_tokens"] * prices[1]) / 1_000_000
    )


@OPENAI
@pytest.mark.parametrize(("model", "prices"), [(MINI, (0.4, 1.6)), (TUNED, (0.8, 3.2))], ids=["base", "tuned"])
def test_what_a_run_costs_is_counted_at_the_price_that_was_told(
    ftb: Ftb, service: FakeOpenAI, home: Path, model: str, prices: tuple[float, float]
) -> None:
    assert ftb("evaluate", "--model", model, *ASKED, "--yes").code == 0
    with sqlite3.connect(home / "data" / "ftb.db") as db:
        kept = db.execute("SELECT price_input, price_output FROM evaluations").fetchall()
    assert kept == [prices]


def test_the_list_of_models_tells_both_what_training_and_what_the_model_itself_costs(ftb: Ftb) -> None:
    listed = {line["name"]: line for line in ftb("models", "list", "--provider", "openai", "--json").json}
    assert listed[MINI]["prices"]["training"] == 5.0
    assert (listed[MINI]["prices"]["input"], listed[MINI]["asking_prices"]["input"]) == (0.8, 0.4)
    [line] = [line for line in ftb("models", "list", "--provider", "openai").out.splitlines() if MINI in line]
    assert line.split()[4:7] == ["5.00", "0.40", "1.60"]
