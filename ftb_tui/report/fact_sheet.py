"""What every model said about one fact, to be written to a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from ftb_tui.report.sheets import ReadTable, Sheet
from ftb_tui.report.tables import model_label
from ftb_tui.store.drilldown import FactAnswer


def taught(fact: str) -> str:
    """What training teaches, in words: the fact's sentence, where the dataset has one."""
    return fact if fact.strip() else "the gold answer; the dataset has no sentence for the fact"


def fact_sheet(title: str, fact: str, answers: Sequence[FactAnswer]) -> Sheet:
    """These answers, with what was taught above them."""
    rows = [{**asdict(answer), "name": model_label(answer)} for answer in answers]
    head = ("task", "question", "gold", "model", "grade", "answer", "reason")
    lines = [
        (one.task, one.question, one.gold, model_label(one), one.grade, one.answer or "", one.reason) for one in answers
    ]
    return Sheet(
        title, [f"Taught: {taught(fact)}"], [ReadTable("Answers", head, lines)], rows, {"fact": fact, "answers": rows}
    )
