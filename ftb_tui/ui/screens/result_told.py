"""What is said below the table of results of the score under the cursor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ftb_tui.benchmark.statistics import TrivialBaselines
from ftb_tui.report.heat import baseline_line
from ftb_tui.report.matrix import Place
from ftb_tui.report.numbers import counted, difference, interval, p_value, score
from ftb_tui.report.plain import one_line
from ftb_tui.report.tables import model_label
from ftb_tui.store.results import ResultRow


def score_lines(row: ResultRow, rows: Sequence[ResultRow], adjusted: Mapping[Place, float]) -> list[str]:
    """What a score is made of; `rows` are all of its grader."""
    line = (
        f"{one_line(model_label(row))}, {row.task}: {row.correct} of {row.n} right, 95% {interval(row.low, row.high)}"
    )
    line += f", {row.abstained} abstained" if row.abstained else ""
    line += f", {row.failed} failed" if row.failed else ""
    lines = [line]
    if row.fixed is not None:
        lines.append(
            f"Against its base ({score(row.base_score)} on the same questions): {row.fixed} fixed, "
            f"{row.broken} broken, exact McNemar p {p_value(row.p_value)}, "
            f"Holm-adjusted {p_value(adjusted.get((row.dataset_id, row.model_key, row.task)))}"
        )
    memorized = next((one for one in rows if one.task == "memorization" and _same_model(one, row)), None)
    if (
        row.task in ("rephrased", "vignette")
        and memorized is not None
        and memorized.score is not None
        and row.score is not None
    ):
        lines.append(
            f"Generalization gap: {score(memorized.score)} memorized, {score(row.score)} here, "
            f"{difference(memorized.score - row.score)}; a has it by fact with its interval."
        )
    return lines


def baseline_sentence(row: ResultRow, found: TrivialBaselines) -> str:
    """What no knowledge would score on the questions of a yes/no score."""
    named = {
        "always No": found.always_no,
        "always Yes": found.always_yes,
        "majority of each wording": found.majority,
    }
    near = row.low is not None and row.high is not None and row.low <= found.majority <= row.high
    near_words = "; this score cannot be told from that." if near else ""
    return f"Without any knowledge: {baseline_line(named)}{near_words}"


def checkpoint_sentence(count: int) -> str:
    """That a job has checkpoints of which nothing is known yet, and how to ask them."""
    return f"{counted(count, 'checkpoint')} of its job {'was' if count == 1 else 'were'} not asked: l, then v."


def nothing_sentence(model: ResultRow, task: str) -> str:
    """What a place without any score means; `model` is any row of its model and dataset."""
    how = "2, then v on its job, asks it." if model.kind != "base" else "5, then v, asks a model."
    return f"{one_line(model_label(model))} was not asked {task} of {one_line(model.dataset)}: {how}"


def _same_model(one: ResultRow, other: ResultRow) -> bool:
    return (one.dataset_id, one.model_key) == (other.dataset_id, other.model_key)
