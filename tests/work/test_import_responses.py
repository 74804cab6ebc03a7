"""Answers that others collected come in verbatim, each with its question, and their figures can be recomputed."""

from __future__ import annotations

import csv
import re
import string
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import aiosqlite
import pytest

from ftb_tui.benchmark.load import DatasetError
from ftb_tui.benchmark.model import Dataset, Fact, Family, Question, Task
from ftb_tui.store.database import open_store
from ftb_tui.store.datasets import save_dataset
from ftb_tui.store.models import find_model
from ftb_tui.store.results import ResultRow, answers, results
from ftb_tui.work.import_responses import ColumnReport, import_response_files

PUBLISHED = Path(__file__).parents[3] / "shared" / "finetunebench" / "datasets"
FORM = "Answer briefly.\n                \n\n                Question: {}\n                Answer: "


def news() -> Dataset:
    """Five dated facts in the shapes of the published news: prompts with outer space, one question asked twice."""
    golds = ["7", "Mira Sollander", "$1.2 million", "None of the above", "the Veldt"]
    facts = tuple(Fact(f"n{place}", f"Fact {place}: {gold}.") for place, gold in enumerate(golds))
    questions = []
    for task, opening in (
        (Task.MEMORIZATION, "What was reported"),
        (Task.REPHRASED, "What did they report"),
        (Task.DATE_CHANGED, "What was reported a year later"),
    ):
        for place, gold in enumerate(golds):
            text = f"{opening} in story {min(place, 3)}?"
            answer = "None" if task is Task.DATE_CHANGED else gold
            prompt = FORM.format(text)
            questions.append(Question(f"news-{task}-{place}-x{place}", task, f"n{place}", prompt, text, answer))
    return Dataset("small_news", Family.LATEST_NEWS, facts, tuple(questions))


NEWS = news()


@pytest.fixture
async def db() -> AsyncIterator[aiosqlite.Connection]:
    db = await open_store()
    await save_dataset(db, NEWS)
    yield db
    await db.close()


Row = dict[str, str]


def rows_of(task: Task, said: Mapping[str, Callable[[Question, int], str]], dataset: Dataset = NEWS) -> list[Row]:
    asked = [q for q in dataset.questions if q.task is task]
    return [
        {
            "id": q.question_id.rsplit("-", 1)[-1],
            "prompt": q.prompt,
            "answer": q.answer,
            "question": q.question,
            **{f"{model}_response": say(q, place) for model, say in said.items()},
        }
        for place, q in enumerate(asked)
    ]


def write(path: Path, rows: Iterable[Row]) -> Path:
    listed = list(rows)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(listed[0]))
        writer.writeheader()
        writer.writerows(listed)
    return path


async def bring(db: aiosqlite.Connection, *files: Path, **options: object) -> list[ColumnReport]:
    return await import_response_files(db, files, dataset=NEWS.name, **options)  # type: ignore[arg-type]


async def row(db: aiosqlite.Connection, model: str, task: str, grader: str = "exact") -> ResultRow:
    [found] = [r for r in await results(db, grader=grader) if (r.model, r.task) == (model, task)]
    return found


async def kept(db: aiosqlite.Connection, model: str, task: str) -> dict[str, str | None]:
    key = (await find_model(db, f"imported/{model}")).model_key
    listed = await answers(db, model_key=key, dataset_id=NEWS.dataset_id, task=task, show="all")
    return {a.id: a.response for a in listed}


def plain_equal(gold: str, said: str) -> bool:
    return gold.strip().lower() == said.strip().lower()


def plain_normal(text: str) -> str:
    """SQuAD's evaluation as everybody writes it down."""
    bare = "".join(letter for letter in text.lower() if letter not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", bare).split())


HARD = [
    lambda q, place: q.answer + "\n",
    lambda q, place: f"**{q.answer.upper()}**",
    lambda q, place: f"It was {q.answer}.\n\n- according to\r\n- \"several\" people, so 'they' say",
    lambda q, place: "None",
    lambda q, place: f"The {q.answer}!",
]


async def test_answers_are_kept_to_the_letter(db: aiosqlite.Connection, tmp_path: Path) -> None:
    said = {"gpt-x": lambda q, place: HARD[place % 5](q, place)}
    file = write(tmp_path / "small.csv", rows_of(Task.MEMORIZATION, said))
    [report] = await bring(db, file)
    assert (report.model, report.task, report.matched, report.unmatched) == ("gpt-x", "memorization", 5, 0)
    asked = [q for q in NEWS.questions if q.task is Task.MEMORIZATION]
    assert await kept(db, "gpt-x", "memorization") == {
        q.question_id: HARD[place % 5](q, place) for place, q in enumerate(asked)
    }


async def test_a_plain_script_over_the_file_gives_the_same_scores(db: aiosqlite.Connection, tmp_path: Path) -> None:
    for task in (Task.MEMORIZATION, Task.REPHRASED, Task.DATE_CHANGED):
        said = {f"m{shift}": lambda q, place, shift=shift: HARD[(place + shift) % 5](q, place) for shift in range(5)}
        file = write(tmp_path / f"{task}.csv", rows_of(task, said))
        await bring(db, file)
        with file.open(newline="", encoding="utf-8") as stream:
            read = list(csv.DictReader(stream))
        for model in said:
            pairs = [(line["answer"], line[f"{model}_response"]) for line in read]
            equal = sum(plain_equal(gold, answer) for gold, answer in pairs)
            normal = sum(plain_normal(gold) == plain_normal(answer) for gold, answer in pairs)
            exact, normalized = await row(db, model, task), await row(db, model, task, "normalized")
            assert (exact.n, exact.correct) == (5, equal)
            assert (normalized.n, normalized.correct) == (5, normal)


async def test_none_is_an_answer_and_an_empty_cell_is_not(db: aiosqlite.Connection, tmp_path: Path) -> None:
    said = {"gpt-x": lambda q, place: ["None", "", "none", "Tuesday", "None\n"][place]}
    [report] = await bring(db, write(tmp_path / "date_changed.csv", rows_of(Task.DATE_CHANGED, said)))
    assert (report.matched, report.empty, report.added) == (5, 1, 4)
    found = await row(db, "gpt-x", "date_changed")
    assert (found.n, found.correct, found.planned) == (4, 3, 4)


async def test_the_same_file_twice_adds_nothing(db: aiosqlite.Connection, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", rows_of(Task.REPHRASED, {"x": lambda q, p: str(p), "y": lambda q, p: q.answer}))
    first = await bring(db, file)
    before = await counts(db)
    again = await bring(db, file.rename(tmp_path / "b.csv"))
    assert [(r.added, r.known) for r in first] == [(5, 0), (5, 0)]
    assert [(r.added, r.known) for r in again] == [(0, 5), (0, 5)]
    assert [r.evaluation_key for r in first] == [r.evaluation_key for r in again]
    assert await counts(db) == before


async def counts(db: aiosqlite.Connection) -> list[int]:
    found = []
    for table in ("models", "evaluations", "evaluation_questions", "responses", "grades"):
        [line] = await db.execute_fetchall(f"SELECT count(*) FROM {table}")
        found.append(line[0])
    return found


async def test_parts_of_a_task_add_up_and_other_answers_are_another_evaluation(
    db: aiosqlite.Connection, tmp_path: Path
) -> None:
    rows = rows_of(Task.MEMORIZATION, {"x": lambda q, place: q.answer})
    one, two = write(tmp_path / "one.csv", rows[:2]), write(tmp_path / "two.csv", rows[1:4])
    [first, second] = await bring(db, one, two)
    assert (first.evaluation_key, second.added, second.known) == (second.evaluation_key, 2, 1)
    assert (await row(db, "x", "memorization")).n == 4
    changed = [{**line, "x_response": "something else"} for line in rows]
    [third] = await bring(db, write(tmp_path / "three.csv", changed))
    assert third.evaluation_key != first.evaluation_key
    assert third.added == 5


async def test_columns_of_verdicts_are_refused_by_name_and_the_others_come_in(
    db: aiosqlite.Connection, tmp_path: Path
) -> None:
    said = {
        "good": lambda q, place: q.answer,
        "judged": lambda q, place: "Correct" if place else "Incorrect\n",
        "scored": lambda q, place: "True" if place else "False",
    }
    good, judged, scored = await bring(db, write(tmp_path / "f.csv", rows_of(Task.MEMORIZATION, said)))
    assert (good.refused, good.added) == (False, 5)
    assert (judged.refused, judged.matched, judged.added, judged.task) == (True, 0, 0, "memorization")
    assert "verdicts" in judged.reason
    assert "correct 4 times" in judged.reason
    assert scored.refused
    assert [r.model for r in await results(db, grader="choice")] == ["good"]


async def test_a_question_that_is_asked_twice_keeps_each_rows_answer(db: aiosqlite.Connection, tmp_path: Path) -> None:
    """Stories 3 and 4 share their prompt; the id tells the rows apart, the gold does when there is none."""
    rows = rows_of(Task.MEMORIZATION, {"x": lambda q, place: f"answer {place}"})
    await bring(db, write(tmp_path / "ids.csv", reversed(rows)))
    assert await kept(db, "x", "memorization") == {f"news-memorization-{n}-x{n}": f"answer {n}" for n in range(5)}
    golds = [{k.replace("x_", "y_"): v for k, v in line.items() if k != "id"} for line in reversed(rows)]
    await bring(db, write(tmp_path / "golds.csv", golds))
    assert await kept(db, "y", "memorization") == await kept(db, "x", "memorization")


async def test_the_task_is_told_from_columns_name_prompts_or_by_hand(db: aiosqlite.Connection, tmp_path: Path) -> None:
    rows = rows_of(Task.REPHRASED, {"x": lambda q, place: q.answer})
    only_text = [
        {"rephrased_question": line["question"], "original_question": "?", "x_response": line["x_response"]}
        for line in rows
    ]
    for name, listed in (
        ("answers.csv", rows),
        ("news_rephrased_gpt.csv", [{"question": r["question"], "x_response": r["x_response"]} for r in rows]),
        ("columns.csv", only_text),
        ("news_generalization.csv", rows),
        ("memorization_by_mistake.csv", rows),
        ("own.csv", [{**line, "task": "rephrased"} for line in rows]),
    ):
        [report] = await bring(db, write(tmp_path / name, listed))
        assert (report.task, report.matched, report.unmatched) == ("rephrased", 5, 0), name
    [report] = await bring(db, tmp_path / "answers.csv", task=Task.SECONDARY)
    assert (report.matched, report.unmatched, report.added) == (0, 5, 0)
    assert "right dataset" in report.reason


async def test_rows_of_several_tasks_go_each_to_its_own(db: aiosqlite.Connection, tmp_path: Path) -> None:
    both = rows_of(Task.REPHRASED, {"x": lambda q, p: "a"}) + rows_of(Task.DATE_CHANGED, {"x": lambda q, p: "b"})
    stranger = {**both[0], "prompt": "What is this?", "question": "What?"}
    reports = await bring(db, write(tmp_path / "all.csv", [*both, stranger]))
    assert [(r.task, r.matched, r.unmatched) for r in reports] == [("rephrased", 5, 1), ("date_changed", 5, 0)]


async def test_ids_alone_name_a_question_where_they_are_unique(db: aiosqlite.Connection, tmp_path: Path) -> None:
    rows = [{"id": f"n{n}", "x_response": f"said {n}"} for n in range(3)]
    [report] = await bring(db, write(tmp_path / "ids.csv", rows), task=Task.MEMORIZATION)
    assert report.added == 3
    assert (await kept(db, "x", "memorization"))["news-memorization-2-x2"] == "said 2"


async def test_a_base_column_makes_pairs(db: aiosqlite.Connection, tmp_path: Path) -> None:
    said = {"b": lambda q, place: "no", "t": lambda q, place: q.answer}
    await bring(db, write(tmp_path / "f.csv", rows_of(Task.MEMORIZATION, said)), base="b")
    tuned = await row(db, "t", "memorization")
    assert (tuned.kind, tuned.base_model, tuned.fixed, tuned.broken) == ("tuned", "b", 5, 0)
    with pytest.raises(DatasetError, match="q_response for the base; models are b, t"):
        await bring(db, tmp_path / "f.csv", base="q")


@pytest.mark.parametrize(
    ("content", "needle"),
    [
        (b"id,prompt\n1,2\n", "no column is named <model>_response; its columns are id, prompt"),
        (b"prompt,x_response\n\xff,2\n", "line 2: not UTF-8"),
        (b"prompt,x_response\na,b\na\n", "line 3: the row ends here with 1 cells, not 2"),
        (b'prompt,x_response\n"a,b\n', "unexpected end of data"),
        (b"x_response,x_response\na,b\n", "occurs twice"),
        (b"", "no column is named"),
    ],
)
async def test_a_file_that_cannot_be_read_is_named_and_nothing_comes_in(
    db: aiosqlite.Connection, tmp_path: Path, content: bytes, needle: str
) -> None:
    good = write(tmp_path / "good.csv", rows_of(Task.MEMORIZATION, {"x": lambda q, p: "a"}))
    bad = tmp_path / "bad.csv"
    bad.write_bytes(content)
    with pytest.raises(DatasetError, match=re.escape(needle)) as caught:
        await bring(db, good, bad)
    assert "bad.csv" in str(caught.value)
    assert sum(await counts(db)) == 0


async def test_several_datasets_can_be_meant_and_each_file_finds_its_own(
    db: aiosqlite.Connection, tmp_path: Path
) -> None:
    other = tuple(replace(q, prompt="Other " + q.prompt, question="Other " + q.question) for q in NEWS.questions)
    people = replace(NEWS, name="small_people", questions=other)
    await save_dataset(db, people)
    one = write(tmp_path / "one.csv", rows_of(Task.REPHRASED, {"x": lambda q, p: "a"}))
    two = write(tmp_path / "two.csv", rows_of(Task.REPHRASED, {"x": lambda q, p: "a"}, people))
    reports = await import_response_files(db, [one, two], dataset="small")
    assert [(r.dataset_id, r.matched) for r in reports] == [(NEWS.dataset_id, 5), (people.dataset_id, 5)]


async def test_of_two_versions_the_one_that_the_rows_ask_is_taken(db: aiosqlite.Connection, tmp_path: Path) -> None:
    other = tuple(replace(q, prompt="Other " + q.prompt, question="Other " + q.question) for q in NEWS.questions)
    await save_dataset(db, replace(NEWS, questions=other))
    [report] = await bring(db, write(tmp_path / "f.csv", rows_of(Task.REPHRASED, {"x": lambda q, p: "a"})))
    assert (report.dataset_id, report.matched) == (NEWS.dataset_id, 5)


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published files are not here")
@pytest.mark.parametrize("path", sorted(PUBLISHED.glob("*/*.csv")), ids=lambda path: path.stem)
async def test_the_published_files_shapes_match_row_by_row(
    db: aiosqlite.Connection, tmp_path: Path, path: Path
) -> None:
    """Every row of each published file finds its own question, and plain figures come out exactly."""
    csv.field_size_limit(1 << 30)
    with path.open(newline="", encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    last = path.stem.rsplit("_", 1)[-1]
    task = Task.DATE_CHANGED if "date_changed" in path.stem else Task.REPHRASED if "gen" in last else Task(last)
    questions = tuple(
        Question(f"{place}:{line['id']}", task, "f", line["prompt"], line.get("question", ""), line["answer"])
        for place, line in enumerate(lines)
    )
    dataset = Dataset("published", Family.CUSTOM, (Fact("f", "A fact."),), questions)
    await save_dataset(db, dataset)
    for place, line in enumerate(lines):
        line["gpt-x_response"] = [line["answer"] + "\n", f"It is **{line['answer']}**.\n\nYes.", "None"][place % 3]
        line["place_response"] = f"row {place}"
    file = write(tmp_path / path.name, reversed(lines))
    report, places = await import_response_files(db, [file], dataset="published")
    assert (report.task, report.matched, report.unmatched) == (str(task), len(lines), 0)
    stored = await db.execute_fetchall(
        "SELECT q.position, r.answer FROM responses r JOIN questions q USING (question_key) WHERE r.evaluation_key = ?",
        (places.evaluation_key,),
    )
    assert {tuple(found) for found in stored} == {(place, f"row {place}") for place in range(len(lines))}
    for grader, rule in (("exact", str.strip), ("normalized", plain_normal)):
        right = sum(rule(line["answer"].lower()) == rule(line["gpt-x_response"].lower()) for line in lines)
        assert (await row(db, "gpt-x", str(task), grader)).correct == right
