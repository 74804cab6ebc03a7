"""`ftb regrade` and `ftb overrule` as a person types them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from ftb_tui.cli.main import run
from ftb_tui.store.database import open_store
from tests.demo import TUNED, fill_demo_store


@pytest.fixture(autouse=True)
def filled() -> None:
    async def fill() -> None:
        db = await open_store()
        await fill_demo_store(db)
        await db.execute("UPDATE grades SET version = 0 WHERE grader = 'choice'")
        await db.close()

    asyncio.run(fill())


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_an_old_grader_is_renewed_once(capsys: pytest.CaptureFixture[str]) -> None:
    [report] = printed(capsys, "regrade", "--grader", "choice", "--dataset", "fictional_people")
    assert (report["grader"], report["renewed"], report["changed"]) == ("choice", 192, 0)
    assert {r["renewed"] for r in printed(capsys, "regrade", "--model", TUNED)} == {0}
    assert run(["regrade"]) == 0
    assert "choice" in capsys.readouterr().out


def test_an_answer_is_overruled_by_the_number_that_wrong_shows(capsys: pytest.CaptureFixture[str]) -> None:
    where = ("wrong", "--model", TUNED, "--task", "memorization")
    [first, *rest] = printed(capsys, *where)
    printed(capsys, "overrule", str(first["response_key"]), "correct", "--note", "a synonym")
    assert [line["id"] for line in printed(capsys, *where)] == [line["id"] for line in rest]
    [line] = printed(capsys, *where, "--show", "overruled")
    assert (line["grade"], line["machine_grade"]) == ("correct", first["grade"])
    assert "a synonym" in line["reason"]
    printed(capsys, "overrule", str(first["response_key"]), "clear")
    assert printed(capsys, *where) == [first, *rest]


def test_what_a_person_had_said_before_is_told_when_it_is_overruled(capsys: pytest.CaptureFixture[str]) -> None:
    [first, *_] = printed(capsys, "wrong", "--model", TUNED, "--task", "memorization")
    key = str(first["response_key"])
    assert printed(capsys, "overrule", key, "wrong", "--note", "bad")["before"] is None
    assert run(["overrule", key, "correct"]) == 0
    assert "Before, a person had said wrong, with the note 'bad'." in capsys.readouterr().err
    said = printed(capsys, "overrule", key, "clear")
    assert said["before"] == {"verdict": "correct", "note": ""}


def test_a_number_that_is_not_there_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["overrule", "123456", "wrong"]) == 2
    assert run(["overrule", str(2**64), "wrong"]) == 2
    assert "There is no response 123456" in capsys.readouterr().err
