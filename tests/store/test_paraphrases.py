"""Wordings in the store: each text of a question once, what was decided stays, and nothing is kept by halves."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiosqlite
import pytest

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.benchmark.model import Task
from ftb_tui.benchmark.training import Recipe
from ftb_tui.store.database import StoreError, open_store
from ftb_tui.store.datasets import save_dataset
from ftb_tui.store.paraphrases import (
    NewWording,
    WordingState,
    add_wordings,
    asked_for,
    decide,
    kept_wordings,
    list_wordings,
    wordings_for,
)

PEOPLE = load_bundled("fictional_people")
FIRST, SECOND, *_ = (question.question_id for question in PEOPLE.questions if question.task is Task.MEMORIZATION)


@pytest.fixture
async def db() -> AsyncIterator[aiosqlite.Connection]:
    db = await open_store()
    await save_dataset(db, PEOPLE)
    yield db
    await db.close()


async def add(
    db: aiosqlite.Connection, question_id: str, *texts: str, wanted: int = 2, model: str = "gpt", reason: str = ""
) -> None:
    await add_wordings(
        db, PEOPLE.dataset_id, question_id, [NewWording(text, reason) for text in texts], provider="fake", model=model,
        prompt_version=1, wanted=wanted,
    )  # fmt: skip


async def test_wordings_are_listed_in_the_order_of_their_questions_with_what_they_stand_for(
    db: aiosqlite.Connection,
) -> None:
    await add(db, SECOND, "c")
    await add(db, FIRST, "b", "a")
    await add(db, FIRST, "x", reason="It is empty.")
    rows = await list_wordings(db, dataset_id=PEOPLE.dataset_id)
    assert [(row.text, row.state, row.reason) for row in rows] == [
        ("b", "proposed", ""), ("a", "proposed", ""), ("x", "rejected", "It is empty."), ("c", "proposed", ""),
    ]  # fmt: skip
    question = next(question for question in PEOPLE.questions if question.question_id == FIRST)
    assert (rows[0].question, rows[0].answer) == (question.question, question.answer)
    assert await list_wordings(db, dataset_id="other@1") == []
    assert [row.text for row in await list_wordings(db, keys=[rows[1].paraphrase_key])] == ["a"]


async def test_a_text_that_comes_again_stays_as_it_was_decided(db: aiosqlite.Connection) -> None:
    await add(db, FIRST, "a")
    [row] = await list_wordings(db)
    await decide(db, [(row.paraphrase_key, WordingState.REJECTED, "by hand")])
    await add(db, FIRST, "a", model="other")
    [again] = await list_wordings(db)
    assert (again.state, again.model) == ("rejected", "gpt")
    await add(db, SECOND, "a")
    assert len(await list_wordings(db)) == 2


async def test_what_was_asked_for_is_known_by_model_and_prompt_and_never_shrinks(db: aiosqlite.Connection) -> None:
    await add(db, FIRST, "a", wanted=3)
    await add(db, FIRST, "b", wanted=2)
    assert await asked_for(db, PEOPLE.dataset_id, model="gpt", provider="fake", prompt_version=1) == {FIRST: 3}
    assert await asked_for(db, PEOPLE.dataset_id, model="gpt", provider="fake", prompt_version=2) == {}
    assert await asked_for(db, PEOPLE.dataset_id, model="other", provider="fake", prompt_version=1) == {}


async def test_only_kept_wordings_reach_a_recipe_and_only_one_that_asks_for_them(db: aiosqlite.Connection) -> None:
    await add(db, FIRST, "a", "b", "c")
    first, second, _ = await list_wordings(db)
    await decide(db, [(key.paraphrase_key, WordingState.KEPT, "") for key in (second, first)])
    assert await kept_wordings(db, PEOPLE.dataset_id) == {FIRST: ("a", "b")}
    recipe = Recipe(paraphrases=1, paraphrases_from="reviewed")
    assert await wordings_for(db, PEOPLE.dataset_id, recipe) == {FIRST: ("a", "b")}
    assert await wordings_for(db, PEOPLE.dataset_id, Recipe(paraphrases=1)) == {}


async def test_a_reply_is_kept_whole_or_not_at_all(db: aiosqlite.Connection) -> None:
    with pytest.raises(StoreError):
        await add_wordings(
            db, "nobody@1", FIRST, [NewWording("a", "")], provider="fake", model="gpt", prompt_version=1, wanted=1
        )
    assert await list_wordings(db) == []
    assert await asked_for(db, "nobody@1", provider="fake", model="gpt", prompt_version=1) == {}


async def test_half_a_character_from_a_model_can_be_stored(db: aiosqlite.Connection) -> None:
    await add(db, FIRST, "bad \ud800 text")
    [row] = await list_wordings(db)
    assert row.text == "bad \\ud800 text"
