"""The exported folder: whole or not at all, and enough to compute every figure again."""

from __future__ import annotations

import csv
import json
import resource
from collections import defaultdict
from pathlib import Path

import aiosqlite
import pytest

from ftb_tui.benchmark.graders import Verdict
from ftb_tui.benchmark.statistics import mcnemar_exact, wilson
from ftb_tui.report.bundle import FILES, already_there, write_bundle
from ftb_tui.report.collect import Report, collect
from ftb_tui.store.database import open_store
from ftb_tui.store.grading import overrule
from ftb_tui.work.gap import gaps
from ftb_tui.work.statistics import statistics
from tests.demo import CLOCK, fill_demo_store
from tests.demo_curve import fill_demo_curve


async def collected(db: aiosqlite.Connection) -> Report:
    averages = (await statistics(db)).averages
    return await collect(db, averages=averages, gaps=await gaps(db), version="0.1", now=CLOCK)


async def test_every_figure_of_the_table_can_be_computed_from_the_answers_alone(tmp_path: Path) -> None:
    db = await open_store()
    try:
        await fill_demo_store(db)
        [[key]] = await db.execute_fetchall("SELECT min(response_key) FROM responses WHERE answer IS NOT NULL")
        await overrule(db, key, Verdict.CORRECT, "close enough")
        await db.execute(
            "UPDATE responses SET answer = NULL, error_kind = 'server', error = '500' WHERE response_key = ?",
            (key + 1,),
        )
        await db.execute("DELETE FROM grades WHERE response_key = ?", (key + 1,))
        await db.commit()
        await write_bundle(db, tmp_path, await collected(db))
    finally:
        await db.close()
    with (tmp_path / "answers.csv").open(newline="", encoding="utf-8") as stream:
        answers = list(csv.DictReader(stream))
    figures = json.loads((tmp_path / "results.json").read_text())
    assert len(figures) > 20
    cells = defaultdict(dict)
    failures: dict[tuple[str, ...], int] = defaultdict(int)
    for answer in answers:
        place = tuple(answer[name] for name in ("dataset_id", "provider", "model", "task"))
        failures[place] += answer["error_kind"] != ""
        for grader in {figure["grader"] for figure in figures}:
            if answer[grader]:
                cells[(*place, grader)][answer["question_id"], answer["repeat"]] = answer[grader]
    for figure in figures:
        place = (figure["dataset_id"], figure["provider"], figure["model"], figure["task"])
        verdicts = cells[(*place, figure["grader"])]
        right = sum(verdict == "correct" for verdict in verdicts.values())
        assert (figure["n"], figure["correct"], figure["failed"]) == (len(verdicts), right, failures[place])
        assert figure["abstained"] == sum(verdict == "abstained" for verdict in verdicts.values())
        assert (figure["low"], figure["high"]) == pytest.approx(wilson(right, len(verdicts)))
        if figure["kind"] == "tuned":
            base = cells[(place[0], place[1], figure["base_model"], place[3], figure["grader"])]
            pairs = [(verdict == "correct", base[at] == "correct") for at, verdict in verdicts.items() if at in base]
            assert figure["fixed"] == pairs.count((True, False))
            assert figure["broken"] == pairs.count((False, True))
            assert figure["p_value"] == pytest.approx(mcnemar_exact(figure["fixed"], figure["broken"]))
    assert sum(failures.values()) == 1
    [people] = [answer for answer in answers if answer["choice_machine"]]
    assert people["choice"] == "correct"


async def test_all_files_are_there_and_the_page_has_all_parts(tmp_path: Path) -> None:
    await fill_demo_curve()
    db = await open_store()
    try:
        written = await write_bundle(db, tmp_path / "new" / "folder", await collected(db))
    finally:
        await db.close()
    assert [file.name for file in written] == list(FILES)
    assert already_there(tmp_path / "new" / "folder") == list(FILES)
    assert sorted(file.name for file in (tmp_path / "new" / "folder").iterdir()) == sorted(FILES)
    page = (tmp_path / "new" / "folder" / "report.html").read_text(encoding="utf-8")
    for heading in (
        "What the figures say", "Averages", "Generalization gap", "Learning curves", "Wrong answers", "How it was measured",
        "Dataset fictional_people", "Fine-tuning job 1", "Evaluation 1",
    ):  # fmt: skip
        assert f">{heading}" in page
    assert page.count("<polyline") == 4
    assert "always No = majority 0.50" in page
    assert "&quot;temperature&quot;: 0.0" in page
    assert r"\toprule" in (tmp_path / "new" / "folder" / "results.tex").read_text(encoding="utf-8")


async def test_hostile_answers_are_unchanged_in_the_lines_and_harmless_in_the_table(tmp_path: Path) -> None:
    hostile = '=cmd()\x1b[31m\x00\u202e,"\r\n<script>'
    db = await open_store()
    try:
        await fill_demo_store(db)
        await db.execute("UPDATE responses SET answer = ? WHERE response_key = 1", (hostile,))
        await db.commit()
        await write_bundle(db, tmp_path, await collected(db))
    finally:
        await db.close()
    lines = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["answer"] for line in lines if line["response_key"] == 1] == [hostile]
    with (tmp_path / "answers.csv").open(newline="", encoding="utf-8") as stream:
        [shown] = [row["answer"] for row in csv.DictReader(stream) if row["response_key"] == "1"]
    assert shown.startswith("'=cmd()")
    assert shown.isprintable()
    assert len(lines) == 192


async def test_a_failure_in_the_middle_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("the old one")
    db = await open_store()
    try:
        await fill_demo_store(db)
        report = await collected(db)

        # Every answer takes more room than the page: a disk that has no more of it.
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (120_000, hard))
        try:
            with pytest.raises(OSError, match="too large"):
                await write_bundle(db, tmp_path, report)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    finally:
        await db.close()
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["report.html"]
    assert (tmp_path / "report.html").read_text() == "the old one"


def test_a_file_where_the_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(NotADirectoryError, match="is a file"):
        already_there(tmp_path / "x")
