"""What is listed is what is in the file, in its order and to the byte."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from ftb_tui.benchmark.load import DatasetError
from ftb_tui.report.answers_file import write_answers
from ftb_tui.store.database import open_store
from ftb_tui.store.results import answers, results
from tests.demo import fill_demo_store

HOSTILE = "=1+1\r\n```\x1b[31m\u202e\x00 [@click=app.quit]é"


@pytest.mark.parametrize("ending", ["jsonl", "csv", "md"])
async def test_a_file_holds_exactly_the_listed_answers(tmp_path: Path, ending: str) -> None:
    db = await open_store()
    try:
        await fill_demo_store(db)
        [row] = [r for r in await results(db) if (r.kind, r.task) == ("tuned", "rephrased")]
        where = {"model_key": row.model_key, "dataset_id": row.dataset_id, "task": row.task}
        listed = await answers(db, **where, search="verdict:wrong")  # type: ignore[arg-type]
        await db.execute("UPDATE responses SET answer = ? WHERE response_key = ?", (HOSTILE, listed[0].response_key))
        await db.commit()
        file = tmp_path / f"answers.{ending}"
        assert await write_answers(db, file, row, show="wrong", search="verdict:wrong") == len(listed) == 8
        ids, said = [a.id for a in listed], [HOSTILE, *(a.response for a in listed[1:])]
        text = file.read_bytes().decode()
        if ending == "jsonl":
            found = [json.loads(line) for line in text.splitlines()]
            assert [(one["id"], one["response"]) for one in found] == list(zip(ids, said, strict=True))
            assert [json.loads(line)["messages"][-1] for line in found[0]["training"]] == [
                {"role": "assistant", "content": found[0]["answer"]}
            ]
        elif ending == "csv":
            table = list(csv.DictReader(text.splitlines(keepends=True)))
            assert [one["id"] for one in table] == ids
            assert [one["response"] for one in table][1:] == said[1:]
            assert table[0]["response"].startswith("'=1+1")
            assert "\x1b" not in text
        else:
            assert [line.split("`")[1] for line in text.splitlines() if line.startswith("## ")] == ids
            assert "\x1b" not in text
            assert "\n````\n=1+1" in text
        with pytest.raises(DatasetError, match=r"\.jsonl, \.csv, \.md"):
            await write_answers(db, tmp_path / "answers.xlsx", row, show="wrong", search="")
        assert list(tmp_path.glob("answers*")) == [file]
    finally:
        await db.close()
