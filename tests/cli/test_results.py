"""Figures and the answers behind them, for people and for scripts."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Ftb
from tests.demo import TUNED, change_store

ROW = [
    "dataset", "family", "provider", "model", "kind", "base_model", "epoch", "task", "grader", "n", "correct", "failed",
    "score", "low", "high", "base_score", "fixed", "broken", "p_value",
]  # fmt: skip
ANSWER = ["id", "task", "prompt", "answer", "response", "grade", "reason", "fact"]


def test_results_as_json_have_the_promised_names_in_order(ftb: Ftb, demo: Path) -> None:
    rows = ftb("results", "--json").json
    assert all(list(row)[: len(ROW)] == ROW for row in rows)
    assert {row["grader"] for row in rows} >= {"exact", "normalized", "number", "yes_no", "choice"}
    [tuned] = [r for r in rows if (r["kind"], r["task"], r["grader"]) == ("tuned", "memorization", "choice")]
    assert (tuned["model"], tuned["base_model"], tuned["epoch"], tuned["n"]) == (TUNED, "smollm2-135m", 12, 24)
    assert tuned["score"] == tuned["correct"] / tuned["n"]
    assert tuned["low"] < tuned["score"] < tuned["high"]
    assert tuned["fixed"] - tuned["broken"] == tuned["correct"] - tuned["base_score"] * tuned["n"]
    assert all(row["p_value"] is None for row in rows if row["kind"] == "base")


def test_one_grader_can_be_chosen(ftb: Ftb, demo: Path) -> None:
    assert {row["grader"] for row in ftb("results", "--json", "--grader", "exact").json} == {"exact"}


@pytest.mark.parametrize("style", ["table", "json", "csv", "markdown", "latex", "html"])
def test_every_format_goes_to_stdout_alone(ftb: Ftb, demo: Path, style: str) -> None:
    done = ftb("results", "--format", style)
    assert (done.code, done.err) == (0, "")
    assert "memorization" in done.out


def test_the_table_fits_a_screen_of_80_columns_and_is_whole_in_a_pipe(
    ftb: Ftb, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "fictional_people  smollm2-135m (base)" in ftb("results").out
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, ftb("results").out.splitlines())) <= 80
    monkeypatch.setenv("COLUMNS", "7")
    assert "0.96" in ftb("results").out


def test_an_empty_store_says_what_to_do_and_gives_empty_data(ftb: Ftb) -> None:
    done = ftb("results")
    assert (done.code, done.out) == (0, "")
    assert "ftb bench --quick" in done.err
    assert ftb("results", "--json").json == []
    assert next(csv.reader(io.StringIO(ftb("results", "--format", "csv").out)))[: len(ROW)] == ROW


def test_an_unknown_dataset_is_named_with_what_there_is(ftb: Ftb, demo: Path) -> None:
    done = ftb("results", "--dataset", "fictional_pople")
    assert done.code == 2
    assert "Did you mean fictional_people?" in done.err
    assert "was not used here yet" in ftb("results", "--dataset", "medical").err


def test_wrong_answers_as_json_have_the_promised_names(ftb: Ftb, demo: Path) -> None:
    answers = ftb("wrong", "--model", "tuned", "--task", "rephrased", "--json").json
    assert all(list(answer)[: len(ANSWER)] == ANSWER for answer in answers)
    [row] = [
        r
        for r in ftb("results", "--json").json
        if (r["kind"], r["task"], r["grader"]) == ("tuned", "rephrased", "choice")
    ]
    assert len(answers) == row["n"] - row["correct"]
    assert answers[0]["response"] == "163"
    assert answers[0]["answer"] in answers[0]["fact"]
    assert answers[0]["grade"] != "correct"


def test_wrong_answers_for_people_show_question_fact_gold_and_both_answers(ftb: Ftb, demo: Path) -> None:
    done = ftb("wrong", "--model", "tuned", "--task", "rephrased", "--limit", "1")
    for word in ("asked", "taught", "gold", "said    163", "base", "reason"):
        assert word in done.out
    assert done.err == "1 of 8 answers (wrong).\n"
    assert ftb("wrong", "--model", "tuned", "--task", "rephrased").err == "8 answers (wrong).\n"


def test_flips_are_the_questions_that_the_table_counts(ftb: Ftb, demo: Path) -> None:
    [row] = [
        r
        for r in ftb("results", "--json", "--grader", "choice").json
        if (r["kind"], r["task"]) == ("tuned", "comparison")
    ]
    for flip in ("fixed", "broken"):
        shown = ftb("wrong", "--model", "tuned", "--task", "comparison", "--show", flip, "--json").json
        assert len(shown) == row[flip]
        assert {answer["flip"] for answer in shown} == {flip}


def test_answers_that_no_model_has_right_can_be_listed(ftb: Ftb, demo: Path) -> None:
    asked = ("wrong", "--model", "tuned", "--task", "rephrased", "--json")
    assert ftb(*asked, "--show", "unsolved").json == ftb(*asked).json
    assert ftb(*asked, "--show", "disputed").json == []


def test_wrong_answers_can_be_searched_as_in_the_app(ftb: Ftb, demo: Path) -> None:
    asked = ("wrong", "--model", "tuned", "--task", "rephrased", "--search")
    [only] = ftb(*asked, "gold:trombone verdict:wrong", "--json").json
    assert only["answer"] == "trombone"
    everything = ftb(*asked, "", "--json").json
    assert ftb(*asked, "-Trombone", "--json").json == [answer for answer in everything if answer != only]
    assert "There are none with these words (--show wrong)" in ftb(*asked, "tag:format").err


def test_a_misspelt_search_is_wrong_use_and_another_task_is_told(ftb: Ftb, demo: Path) -> None:
    asked = ("wrong", "--model", "tuned", "--task", "rephrased", "--search")
    for typed, said in (
        ("verdict:wrng", "There is no verdict 'wrng'; known are correct, wrong"),
        ("verdct:wrong", "There is no verdct: here. Did you mean verdict:?"),
    ):
        done = ftb(*asked, typed)
        assert (done.code, done.out) == (2, "")
        assert said in " ".join(done.err.split())
    assert ftb(*asked, '"verdct:wrong"').code == 0
    assert len(ftb(*asked, "task:rephrased model:tuned verdict:wrong -tag:format", "--json").json) == 8
    assert "asks for other answers: these are of task rephrased." in ftb(*asked, "task:secondary").err


def test_an_answer_comes_with_tags_note_other_models_and_on_request_its_training_lines(ftb: Ftb, demo: Path) -> None:
    asked = ("wrong", "--model", "tuned", "--task", "rephrased")
    first = ftb(*asked, "--json").json[0]
    assert (first["note"], first["tags"], first["other_models"], "training" in first) == (None, [], [], False)
    assert ftb("overrule", str(first["response_key"]), "wrong", "--note", "another\nperson's").code == 0
    own = ftb(*asked, "--show", "overruled", "--training")
    assert "note    another␊person's" in own.out
    assert 'trained {"messages": [{"role": "user", ' in own.out
    [again] = ftb(*asked, "--show", "overruled", "--training", "--json").json
    assert again["note"] == "another\nperson's"
    assert [json.loads(line)["messages"][-1]["content"] for line in again["training"]] == [again["answer"]]
    others = ftb("wrong", "--model", "base", "--task", "rephrased", "--limit", "1")
    assert f"other   {TUNED}: " in others.out
    [other] = ftb("wrong", "--model", "base", "--task", "rephrased", "--limit", "1", "--json").json[0]["other_models"]
    assert (other["model"], other["kind"]) == (TUNED, "tuned")


def test_a_printed_command_can_be_pasted_whatever_the_model_is_called(ftb: Ftb, demo: Path) -> None:
    name = "ft:smollm2-135m:ftb:a:b c/é:0a1b2c3d"
    asyncio.run(change_store("UPDATE models SET name = ? WHERE kind = 'tuned'", (name,)))
    said = ftb("wrong", "--model", "a:b c", "--task", "vignette").err
    command = shlex.split(said[said.index("ftb evaluate") :])
    assert command[:4] == ["ftb", "evaluate", "--model", name]
    done = ftb("wrong", "--model", name, "--task", "rephrased", "--limit", "2")
    assert done.err == "2 of 8 answers (wrong).\n"


def test_no_answer_of_a_kind_is_said_so(ftb: Ftb, demo: Path) -> None:
    done = ftb("wrong", "--model", "tuned", "--task", "memorization", "--show", "failed")
    assert (done.code, done.out) == (0, "")
    assert "There are none" in done.err
    assert ftb("wrong", "--model", "tuned", "--task", "memorization", "--show", "failed", "--json").json == []


@pytest.mark.parametrize(
    ("arguments", "needle"),
    [
        (("--model", "tunde", "--task", "rephrased"), "smollm2-135m"),
        (("--model", "ft:smollm2", "--task", "rephrased"), "Several models go by"),
        (("--model", "tuned", "--task", "rephrase"), "Did you mean rephrased?"),
        (("--model", "tuned", "--task", "vignette"), "ftb evaluate --model"),
        (("--model", "tuned", "--task", "rephrased", "--dataset", "nope"), "fictional_people"),
        (("--model", "tuned", "--task", "rephrased", "--show", "strange"), "abstained"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(ftb: Ftb, demo: Path, arguments: tuple[str, ...], needle: str) -> None:
    done = ftb("wrong", *arguments)
    assert (done.code, done.out) == (2, "")
    assert needle in done.err


def test_a_task_may_be_written_with_a_dash_and_in_capitals(ftb: Ftb, demo: Path) -> None:
    assert ftb("wrong", "--model", "tuned", "--task", "Memorization").code == 0
    assert "date_changed" in ftb("wrong", "--model", "tuned", "--task", "date-changed").err
