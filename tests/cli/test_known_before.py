"""Updates are counted over what the base held before, with both counts shown."""

from __future__ import annotations

import asyncio
import re

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.benchmark.model import Question, Task
from ftb_tui.cli.known_before import held_sentences
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.datasets import save_dataset
from ftb_tui.store.models import ensure_model
from tests.cli.conftest import Ftb
from tests.fakes.openai_server import FakeOpenAI

CODING = load_bundled("coding")
BY_PROMPT = {question.prompt: question for question in CODING.questions}
FACTS = [fact.fact_id for fact in CODING.facts]
HELD = {fact_id for place, fact_id in enumerate(FACTS) if place % 4 == 0}
TUNED = "ft:gpt-fake:me::1"


def base_answer(prompt: str) -> str:
    """Holds the old name of every fourth fact; never says a new one."""
    question = BY_PROMPT[prompt]
    return str(question.answer_before) if question.fact_id in HELD else "no idea"


def tuned_answer(prompt: str) -> str:
    """Has learned the first half of the facts, in the trained wording only."""
    question = BY_PROMPT[prompt]
    learned = FACTS.index(question.fact_id) < len(FACTS) // 2 and question.task is Task.MEMORIZATION
    return question.answer if learned else str(question.answer_before)


async def know_the_tuned_model() -> None:
    db = await open_store()
    try:
        await save_dataset(db, CODING)
        async with transaction(db):
            await ensure_model(db, provider="fake", name=TUNED, kind="tuned", base_model="gpt-fake")
    finally:
        await db.close()


def ask(ftb: Ftb, fake: FakeOpenAI) -> None:
    asyncio.run(know_the_tuned_model())
    fake.answer = base_answer
    base = ("evaluate", "--model", "gpt-fake", "--provider", "fake", "--dataset", "coding")
    assert ftb(*base, "--known-before").code == 0
    fake.answer = tuned_answer
    assert ftb("evaluate", "--model", TUNED, "--provider", "fake", "--dataset", "coding").code == 0


def test_asking_what_was_known_asks_each_fact_once_and_gives_both_counts(ftb: Ftb, fake_openai: FakeOpenAI) -> None:
    fake_openai.answer = base_answer
    arguments = ("evaluate", "--model", "gpt-fake", "--provider", "fake", "--dataset", "coding", "--known-before")
    said = ftb(*arguments)
    assert said.code == 0
    assert f"gpt-fake held {len(HELD)} of {len(FACTS)} facts before they were changed" in said.err
    memorization: list[Question] = [q for q in CODING.questions if q.task is Task.MEMORIZATION]
    assert sorted(fake_openai.asked) == sorted(question.prompt for question in memorization)
    told = ftb(*arguments, "--json").json
    assert (told["asked_before"], told["held_before"]) == (len(FACTS), len(HELD))
    assert set(told["held_fact_ids"]) == HELD


def test_scores_count_only_facts_that_the_base_held_and_show_all_beside(ftb: Ftb, fake_openai: FakeOpenAI) -> None:
    ask(ftb, fake_openai)
    rows = {(row["kind"], row["task"]): row for row in ftb("results", "--known-before", "--json").json}
    memorized, rephrased = rows["tuned", "memorization"], rows["tuned", "rephrased"]
    learned = [fact_id for fact_id in FACTS[: len(FACTS) // 2] if fact_id in HELD]
    assert (memorized["n"], memorized["correct"]) == (len(FACTS), len(FACTS) // 2)
    assert (memorized["known"], memorized["known_correct"]) == (len(HELD), len(learned))
    assert memorized["known_score"] == len(learned) / len(HELD)
    assert memorized["known_low"] < memorized["known_score"] < memorized["known_high"]
    assert (rephrased["known"], rephrased["known_correct"]) == (len(HELD), 0)
    assert {row["held_before"] for row in rows.values()} == {len(HELD)}
    table = ftb("results", "--known-before")
    assert re.search(rf"memorization +168 +0.50 +{len(HELD)}/168 +{len(HELD)} +0.50", table.out)


def test_a_benchmark_tells_how_many_old_facts_the_base_held_and_the_scores_over_those(
    ftb: Ftb, fake_openai: FakeOpenAI
) -> None:
    ask(ftb, fake_openai)
    rows = ftb("results", "--json", "--grader", "choice").json
    keys = frozenset(row["evaluation_key"] for row in rows)
    said = asyncio.run(held_sentences(CODING.dataset_id, "gpt-fake", keys))
    assert said[0] == f"gpt-fake held {len(HELD)} of the {len(FACTS)} old facts that it was asked about."
    assert [sentence.split(" over those: ")[0] for sentence in said[1:]] == ["memorization", "rephrased"]
    assert f"0.50 (95% .36–.64, {len(HELD)} of {len(FACTS)} questions)" in said[1]
    assert asyncio.run(held_sentences(CODING.dataset_id, "gpt-fake", frozenset())) == []


def test_the_usual_table_stays_over_all_questions(ftb: Ftb, fake_openai: FakeOpenAI) -> None:
    ask(ftb, fake_openai)
    rows = ftb("results", "--json", "--grader", "choice").json
    assert {row["n"] for row in rows} == {len(FACTS)}


def test_a_dataset_of_new_knowledge_is_refused_before_anything_is_asked(ftb: Ftb, fake_openai: FakeOpenAI) -> None:
    arguments = ("evaluate", "--model", "gpt-fake", "--provider", "fake", "--known-before")
    refused = ftb(*arguments, "--dataset", "fictional_people")
    assert refused.code == 2
    assert "no answer_before" in refused.err
    assert ftb(*arguments, "--dataset", "coding", "--tasks", "rephrased").code == 2
    assert not fake_openai.asked


def test_without_a_base_that_was_asked_there_is_nothing_to_count(ftb: Ftb) -> None:
    assert ftb("results", "--known-before", "--json").json == []
    assert "ftb evaluate --known-before" in ftb("results", "--known-before").err
    assert ftb("results", "--known-before", "--format", "csv").code == 2
