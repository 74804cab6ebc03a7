"""Every kind of answer that can be listed, held against a count by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiosqlite
import pytest

from ftb_tui.benchmark.graders import Verdict, grade_all
from ftb_tui.benchmark.load import load_bundled
from ftb_tui.store import evaluations
from ftb_tui.store.answer_filter import list_about, search_problem, unfit
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.datasets import questions_by_key
from ftb_tui.store.grading import overrule
from ftb_tui.store.models import ensure_model, find_model
from ftb_tui.store.results import AnswerRow, answers
from ftb_tui.store.tags import change_tags
from tests.demo import fill_demo_store

WORLD = load_bundled("fictional_people")


@pytest.fixture
async def db() -> AsyncIterator[aiosqlite.Connection]:
    db = await open_store()
    await fill_demo_store(db)
    yield db
    await db.close()


async def listed(db: aiosqlite.Connection, show: str, task: str = "rephrased", search: str = "") -> list[AnswerRow]:
    tuned = await find_model(db, "tuned")
    return await answers(
        db, model_key=tuned.model_key, dataset_id=WORLD.dataset_id, task=task, show=show, search=search
    )


async def ask(db: aiosqlite.Connection, model: str, question_keys: list[int], said: str | None, *, n: int = 1) -> int:
    """An evaluation in which a model says the same to each of these (None: the gold, at the last time of asking)."""
    stored = await questions_by_key(db, WORLD.dataset_id)
    async with transaction(db):
        model_key = await ensure_model(db, provider="x", name=model, kind="base", base_model=model)
    key = await evaluations.create_evaluation(
        db, model_key=model_key, dataset_id=WORLD.dataset_id, question_keys=question_keys, parameters={}, repeats=n
    )
    records = []
    for question_key in question_keys:
        for repeat in range(n):
            question = stored[question_key]
            text = question.answer if said is None and repeat == n - 1 else said or "no idea"
            records.append(
                evaluations.ResponseRecord(
                    question_key, {}, answer=text, grades=grade_all(question, text), repeat=repeat
                )
            )
    await evaluations.write_responses(db, key, records)
    return key


async def test_disputed_are_the_answers_whose_graders_differ(db: aiosqlite.Connection) -> None:
    for task in ("memorization", "rephrased", "secondary", "comparison"):
        everything = await listed(db, "all", task)
        verdicts: dict[int, set[str]] = {}
        for key, verdict in await db.execute_fetchall("SELECT response_key, verdict FROM grades"):
            verdicts.setdefault(key, set()).add(verdict)
        expected = [row.id for row in everything if len(verdicts[row.response_key]) > 1]
        assert [row.id for row in await listed(db, "disputed", task)] == expected


async def test_an_answer_with_one_grade_is_not_disputed_and_a_person_settles_nothing(db: aiosqlite.Connection) -> None:
    [first, second, *_] = await listed(db, "all")
    key = first.response_key
    await db.execute("DELETE FROM grades WHERE response_key IN (?, ?)", (key, second.response_key))
    grade = "INSERT INTO grades (response_key, grader, version, verdict, reason, created_at) VALUES (?, ?, 1, ?, '', 0)"
    await db.execute(grade, (key, "choice", "wrong"))
    assert not {first.id, second.id} & {row.id for row in await listed(db, "disputed")}
    await db.execute(grade, (key, "judge", "correct"))
    await db.commit()
    assert first.id in {row.id for row in await listed(db, "disputed")}
    await overrule(db, key, Verdict.CORRECT)
    assert first.id in {row.id for row in await listed(db, "disputed")}


async def test_unsolved_are_wrong_answers_that_no_models_latest_answer_gets_right(db: aiosqlite.Connection) -> None:
    wrong = [row.id for row in await listed(db, "wrong")]
    assert [row.id for row in await listed(db, "unsolved")] == wrong
    assert len(wrong) == 8
    first, second, *_ = await listed(db, "wrong")
    both = [first.question_key, second.question_key]
    solving = await ask(db, "other", both, None)
    assert [row.id for row in await listed(db, "unsolved")] == wrong[2:]
    # What a model says later counts instead, for the questions that it was asked again.
    forgetting = await ask(db, "other", both[:1], "no idea")
    assert [row.id for row in await listed(db, "unsolved")] == [wrong[0], *wrong[2:]]
    await db.execute("UPDATE evaluations SET deleted_at = 1 WHERE evaluation_key = ?", (forgetting,))
    assert [row.id for row in await listed(db, "unsolved")] == wrong[2:]
    await db.execute("UPDATE evaluations SET deleted_at = 1 WHERE evaluation_key = ?", (solving,))
    await db.commit()
    assert [row.id for row in await listed(db, "unsolved")] == wrong


async def test_of_repeated_answers_one_right_one_solves_a_question(db: aiosqlite.Connection) -> None:
    first, second, *rest = await listed(db, "wrong")
    await ask(db, "other", [first.question_key], None, n=3)
    assert [row.id for row in await listed(db, "unsolved")] == [second.id, *(row.id for row in rest)]


async def test_pages_of_repeated_answers_follow_each_other_without_gap_or_overlap(db: aiosqlite.Connection) -> None:
    keys = [row.question_key for row in await listed(db, "all")]
    await ask(db, "other", keys, None, n=3)
    other = await find_model(db, "other")
    where = {"model_key": other.model_key, "dataset_id": WORLD.dataset_id, "task": "rephrased", "show": "all"}
    whole = await answers(db, **where)  # type: ignore[arg-type]
    assert len(whole) == 3 * len(keys)
    paged = page = await answers(db, **where, limit=7)  # type: ignore[arg-type]
    while page := await answers(db, **where, limit=7, after=page[-1].position, repeat=page[-1].repeat):  # type: ignore[arg-type]
        paged = [*paged, *page]
    assert paged == whole


async def ids(db: aiosqlite.Connection, search: str, show: str = "all") -> list[str]:
    return [row.id for row in await listed(db, show, search=search)]


async def test_plain_words_stand_anywhere_in_question_gold_or_answer_and_all_must(db: aiosqlite.Connection) -> None:
    everything = await listed(db, "all")

    def having(*words: str) -> list[str]:
        texts = {row.id: f"{row.question}\0{row.answer}\0{row.response}".lower() for row in everything}
        return [name for name, text in texts.items() if all(word in text for word in words)]

    assert await ids(db, "TROMBONE") == having("trombone") != []
    assert await ids(db, "what 163") == having("what", "163") != having("what")
    two = " ".join(everything[0].question.split()[:2])
    assert await ids(db, f'"{two}"') == having(two.lower())
    assert await ids(db, "-what") == [row.id for row in everything if row.id not in having("what")]


async def test_a_term_looks_only_where_its_column_says(db: aiosqlite.Connection) -> None:
    everything = await listed(db, "all")
    assert await ids(db, "answer:163") == [row.id for row in everything if "163" in (row.response or "")]
    assert await ids(db, "gold:163") == [row.id for row in everything if "163" in row.answer]
    assert await ids(db, "question:163") == [row.id for row in everything if "163" in row.question]
    assert await ids(db, "verdict:wrong") == await ids(db, "", "wrong")
    assert await ids(db, "-verdict:wrong") == await ids(db, "", "correct")


async def test_in_quotation_marks_stand_exact_words_so_that_who_said_no_can_be_asked(db: aiosqlite.Connection) -> None:
    everything = await listed(db, "all")
    keys = [row.question_key for row in everything[:4]]
    other = {}
    for model, said in (
        ("a", "I am not sure about that."),
        ("b", "No"),
        ("c", "Não, no."),
        ("d", "Unknown, é"),
        ("e", "NO!"),
    ):
        await ask(db, model, keys, said)
        other[model] = {"model_key": (await find_model(db, model)).model_key, "show": "all", "task": "rephrased"}

    async def saying(search: str) -> str:
        found = [
            model
            for model, where in other.items()
            if await answers(db, dataset_id=WORLD.dataset_id, search=search, **where)  # type: ignore[arg-type]
        ]
        return "".join(found)

    assert await saying("answer:no") == "abcde", "letters as before"
    assert await saying('answer:"no"') == "bce"
    assert await saying('answer:"no') == "abcde", "while it is being typed"
    assert await saying('-answer:"no"') == "ad"
    assert await saying('answer:"am not"') == "a"
    assert await saying('answer:"am no"') == ""
    assert await saying('answer:"não"') == "c"
    assert await saying('answer:"É"') == "d"
    assert await ids(db, 'answer:"16"') == []
    assert await ids(db, 'answer:"163"') == await ids(db, "answer:163") != []


async def test_tags_are_found_and_excluded_with_their_blanks_typed_as_they_are_or_not(db: aiosqlite.Connection) -> None:
    first, second, third, *_ = await listed(db, "wrong")
    await change_tags(db, [first.response_key], on=["format", "Wrong value"], off=[])
    await change_tags(db, [second.response_key], on=["format"], off=[])
    assert await ids(db, "tag:format") == [first.id, second.id]
    assert await ids(db, "tag:format -tag:wrong_value") == [second.id]
    assert await ids(db, 'tag:"wrong value"') == [first.id]
    assert await ids(db, 'tag:"value"') == [first.id]
    assert await ids(db, 'tag:"val"') == []
    assert (await ids(db, "-tag:format", "wrong"))[0] == third.id


async def test_the_filter_of_the_manual_works_and_other_tasks_and_models_have_no_answers_here(
    db: aiosqlite.Connection,
) -> None:
    first, *others = await listed(db, "wrong")
    await change_tags(db, [first.response_key], on=["format"], off=[])
    asked = "task:rephrased model:tuned verdict:wrong -tag:format"
    assert await ids(db, asked) == [row.id for row in others]
    assert await ids(db, "task:reph model:smollm2 -task:secondary -model:base") == await ids(db, "")
    for other in ("task:secondary", "-task:rephrased", "model:base", "-model:smollm2", "model:epoch"):
        assert await ids(db, other) == []
    about = list_about(task="rephrased", model="ft:a:1", kind="checkpoint", base_model="a", epoch=3)
    assert unfit("task:secondary -model:epoch_3 word", about) == ("task", "model")
    assert unfit('task:rephrased model:"Epoch 3"', about) == ()


async def test_facts_can_be_searched_for(db: aiosqlite.Connection) -> None:
    everything = await listed(db, "all")
    word = everything[0].fact.split()[0]
    expected = [row.id for row in everything if word in row.fact]
    assert await ids(db, f"fact:{word.lower()}") == expected != [row.id for row in everything]


def test_what_no_answer_can_have_is_told_with_what_there_is() -> None:
    assert "There is no verdct: here. Did you mean verdict:?" in search_problem("verdct:wrong")
    assert search_problem("verdict:wrng") == (
        "There is no verdict 'wrng'; known are correct, wrong, abstained, failed."
    )
    assert "There is no task 'rephrasd'; known are memorization, rephrased" in search_problem("x -task:rephrasd")
    assert search_problem('verdict:wro task:re tag:anything model:any "verdct:wrong"') == ""


@pytest.mark.parametrize(
    ("said", "found", "missed"),
    [
        ("100% sure", "100%", "1%e"),
        ("snake_case", "e_c", "snake-case"),
        (r"back\slash", r"k\s", r"k\\s"),
        ("it's'; DROP TABLE responses; --", "it's';", "it''s"),
        ("ÉLAN Ünal", "élan", "elan"),
        ("before\x00behind", "behind", "behinds"),
        ("lone \ud800 surrogate", "\ud800", "\ud801"),
        ("x" * 1_000_000 + "needle", "needle", "haystack"),
    ],
)
async def test_what_is_searched_for_is_taken_to_the_letter(
    db: aiosqlite.Connection, said: str, found: str, missed: str
) -> None:
    key = (await listed(db, "all"))[0].question_key
    await ask(db, "other", [key], said)
    other = await find_model(db, "other")
    where = {"model_key": other.model_key, "dataset_id": WORLD.dataset_id, "task": "rephrased", "show": "all"}
    assert len(await answers(db, **where, search=f"answer:{found}")) == 1  # type: ignore[arg-type]
    assert await answers(db, **where, search=f"answer:{missed}") == []  # type: ignore[arg-type]
    assert len(await answers(db, **where, search=f"-answer:{missed}")) == 1  # type: ignore[arg-type]


async def test_a_whole_page_of_words_can_be_pasted_into_the_search(db: aiosqlite.Connection) -> None:
    assert await ids(db, "word " * 20_000) == []
    assert await ids(db, "-é " * 20_000) == await ids(db, "-é")
