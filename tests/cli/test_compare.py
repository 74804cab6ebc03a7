"""Two models compared question by question, for people and for scripts."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from rich.cells import cell_len

from ftb_tui.benchmark.statistics import mcnemar_exact
from ftb_tui.store.database import open_store
from tests.cli.conftest import Ftb
from tests.demo import TUNED, change_store
from tests.demo_history import LATER, ask_again

pytestmark = pytest.mark.usefixtures("demo")


def test_a_model_is_compared_with_its_base_by_itself(ftb: Ftb) -> None:
    rows = ftb("results", "--json").json
    scores = {row["task"]: row for row in rows if (row["kind"], row["grader"]) == ("tuned", "choice")}
    found = ftb("compare", "tuned", "--json").json
    assert [one["task"] for one in found] == ["memorization", "rephrased", "secondary", "comparison"]
    for one in found:
        row = scores[one["task"]]
        assert (one["a"], one["b"], one["n"]) == (TUNED, "smollm2-135m", 24)
        assert (one["a_score"], one["b_score"]) == pytest.approx((row["score"], row["base_score"]))
        assert (one["fixed"], one["broken"]) == (row["fixed"], row["broken"])
        assert one["p_value"] == pytest.approx(mcnemar_exact(one["fixed"], one["broken"]))
        assert one["both"] + one["fixed"] + one["broken"] + one["neither"] == one["n"]
        assert one["difference_low"] < one["difference"] < one["difference_high"]


def test_the_other_way_round_what_was_fixed_is_broken(ftb: Ftb) -> None:
    [one] = ftb("compare", "tuned", "base", "--tasks", "rephrased", "--json").json
    [other] = ftb("compare", "base", "tuned", "--tasks", "rephrased", "--json").json
    assert (one["fixed"], one["broken"]) == (other["broken"], other["fixed"]) == (16, 0)


def test_the_questions_behind_a_count_are_as_many_as_it_says(ftb: Ftb) -> None:
    for cell in ("both", "fixed", "broken", "neither"):
        for one in ftb("compare", "tuned", "--show", cell, "--json").json:
            assert len(one["questions"]) == one[cell]
    [fixed] = ftb("compare", "tuned", "--tasks", "rephrased", "--show", "fixed", "--json").json
    for question in fixed["questions"]:
        assert (question["a_grade"], question["b_grade"]) != ("correct", "correct")
        assert question["a_grade"] == "correct"
    told = ftb("compare", "tuned", "--tasks", "rephrased", "--show", "fixed")
    assert told.out.count("[fixed: B wrong, A right]") == 16
    assert fixed["questions"][0]["question"] in told.out


def test_the_table_fits_a_screen_and_says_who_is_who(ftb: Ftb, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = ftb("compare", "tuned")
    assert "fictional_people, memorization: exact McNemar p <.001 (23 against 0 of 24): A is better." in wide.out
    assert re.search(r"fictional_people, secondary: exact McNemar p .*: not sure: this may be chance", wide.out)
    assert "A: smollm2-135m 0a1b2c3d (tuned)" in wide.err
    assert "B: smollm2-135m (base)" in wide.err
    monkeypatch.setenv("COLUMNS", "80")
    narrow = ftb("compare", "tuned")
    assert max(map(len, narrow.out.splitlines())) <= 80
    assert "--json has all" in narrow.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("tuned", "tuned"), "are the same model"),
        (("tuned", "--tasks", "date_changed"), "No task (date_changed) was answered by both"),
        (("tuned", "nobody"), "There is no model 'nobody' here"),
        (("tuned", ""), "Several models go by ''"),
        (("tuned", "--dataset", "nothing"), "There is no dataset 'nothing'"),
    ],
)
def test_what_cannot_be_compared_is_said_and_nothing_printed(ftb: Ftb, arguments: tuple[str, ...], said: str) -> None:
    done = ftb("compare", *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_the_name_of_a_model_that_cannot_be_compared_is_shown_never_obeyed(ftb: Ftb) -> None:
    name = "ft:\x1b]0;owned\x07smollm2"
    asyncio.run(change_store("UPDATE models SET name = ? WHERE kind = 'tuned'", (name,)))
    for arguments in (("tuned", "tuned"), ("tuned", "--tasks", "date_changed"), ("tuned", "nobody\x1b[2J")):
        done = ftb("compare", *arguments)
        assert done.code == 2
        assert not {"\x1b", "\x07"} & set(done.said)
        assert "␛" in done.err
        assert done.err.startswith("Usage: ftb compare [OPTIONS] A [B]\nTry 'ftb compare --help' for help.\n") == (
            "nobody\x1b[2J" not in arguments
        ), "click's words about the use stay as they are"


async def _answer(response_key: int, text: str) -> None:
    await change_store("UPDATE responses SET answer = ? WHERE response_key = ?", (text, response_key))


HOSTILE = f"\x1b[31mno{' ' * 60}  gold    42 {'x' * 300} 第三個答案 [correct]"


def test_an_answer_cannot_pretend_to_be_a_verdict_or_another_line(ftb: Ftb, monkeypatch: pytest.MonkeyPatch) -> None:
    [first, *_] = ftb("wrong", "--model", "tuned", "--task", "rephrased", "--json").json
    asyncio.run(_answer(first["response_key"], HOSTILE))
    monkeypatch.setenv("COLUMNS", "80")
    for arguments in (
        ("compare", "tuned", "--tasks", "rephrased", "--show", "neither"),
        ("fact", first["fact_id"]),
        ("wrong", "--model", "tuned", "--task", "rephrased"),
    ):
        lines = ftb(*arguments).out.splitlines()
        assert max(map(cell_len, lines)) <= 80
        assert not any("\x1b" in line or line.startswith("  gold    42") for line in lines)
        assert "x" * 300 in "".join(line.strip() for line in lines)
        if arguments[0] != "wrong":
            assert any("[wrong] ␛[31mno" in line for line in lines), "the verdict stands before what was said"


def test_a_base_alone_is_compared_with_one_model_or_with_none(ftb: Ftb) -> None:
    assert {one["b"] for one in ftb("compare", "base", "--json").json} == {TUNED}
    asyncio.run(_ask_a_checkpoint())
    done = ftb("compare", "base")
    assert (done.code, done.out) == (2, "")
    assert (
        f"Which model is smollm2-135m to be compared with? Give B. It can be: {TUNED}, {TUNED}:ckpt-step-10."
        in done.err
    )
    assert {one["b"] for one in ftb("compare", "tuned", "--json").json} == {"smollm2-135m"}


async def _ask_a_checkpoint() -> None:
    db = await open_store()
    await ask_again(db, name=TUNED, judge=False)
    await db.execute(
        "UPDATE evaluations SET model_key = (SELECT model_key FROM models WHERE name LIKE '%ckpt-step-10')"
        " WHERE finished_at = ?",
        (LATER,),
    )
    await db.commit()
    await db.close()


def test_what_does_not_differ_anywhere_is_not_called_chance(ftb: Ftb) -> None:
    asyncio.run(_alike())
    done = ftb("compare", "tuned")
    assert "fictional_people, secondary: exact McNemar p 1 (0 against 0 of 24): the same on every question." in done.out
    assert "p is not adjusted for the 4 tests; ftb statistics has p Holm" in done.err


async def _alike() -> None:
    await change_store(
        "UPDATE grades SET verdict = 'wrong' WHERE response_key IN (SELECT response_key FROM responses JOIN questions"
        " USING (question_key) WHERE task = 'secondary')"
    )


def test_a_fact_is_told_through_all_its_tasks_and_models(ftb: Ftb, demo: Path) -> None:
    [first, *_] = ftb("wrong", "--model", "tuned", "--task", "rephrased", "--json").json
    found = ftb("fact", first["fact_id"], "--json").json
    assert (found["fact_id"], found["text"]) == (first["fact_id"], first["fact"])
    assert {answer["task"] for answer in found["answers"]} >= {"memorization", "rephrased", "secondary", "comparison"}
    assert {answer["kind"] for answer in found["answers"]} == {"base", "tuned"}
    # By the name of a question the same.
    told = ftb("fact", first["id"])
    assert f"taught   {first['fact']}" in told.out
    assert f"tuned    [wrong] {first['response']}\n" in told.out
    assert f"tuned: {TUNED}" in told.err
    unknown = ftb("fact", f"{first['fact_id']}x")
    assert (unknown.code, unknown.out) == (2, "")
    assert f"Did you mean {first['fact_id']}?" in unknown.err


def test_a_long_name_of_a_tag_leaves_room_for_its_count(ftb: Ftb, monkeypatch: pytest.MonkeyPatch) -> None:
    key = str(ftb("wrong", "--model", "tuned", "--task", "rephrased", "--json").json[0]["response_key"])
    ftb("tag", key, "--add", "long " * 60)
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, ftb("tag").out.splitlines())) <= 80
    assert ftb("tag", "--json").json == [{"tag": " ".join(["long"] * 60), "answers": 1}]


def test_tags_are_put_on_taken_off_and_counted(ftb: Ftb) -> None:
    assert "No answer has a tag yet." in ftb("tag").err
    keys = [str(row["response_key"]) for row in ftb("wrong", "--model", "tuned", "--task", "rephrased", "--json").json]
    two = ftb("tag", *keys[:2], "--add", "format", "--add", " my   own ", "--json").json
    assert [row["tags"] for row in two] == [["format", "my own"]] * 2
    # What was there already stays, and putting it on twice is no error.
    assert ftb("tag", keys[0], "--add", "my own", "--remove", "format", "--json").json[0]["tags"] == ["my own"]
    assert ftb("tag", "--json").json == [{"tag": "my own", "answers": 2}, {"tag": "format", "answers": 1}]
    assert "my own        2" in ftb("tag").out
    found = ftb("wrong", "--model", "tuned", "--task", "rephrased", "--search", "tag:format", "--json").json
    assert [str(row["response_key"]) for row in found] == [keys[1]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--add", "format"), "Which answers?"),
        (("1", "--add", " "), "is no tag"),
        (("1", "--add", "a", "--remove", "a"), "cannot be put on and taken off at once"),
        (("1", "99999", "--add", "a"), "There is no response 99999"),
        (("1", str(2**64), "--add", "a"), "is not in the range"),
    ],
)
def test_a_wrong_change_of_tags_changes_nothing(ftb: Ftb, arguments: tuple[str, ...], said: str) -> None:
    done = ftb("tag", *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert ftb("tag", "--json").json == []
