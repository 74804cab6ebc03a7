"""What is said below the table of results: of the score under the cursor, and of all figures that are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from textual.content import Content

from ftb_tui.benchmark.graders import DEFAULT_GRADER, GRADER_NAMES
from ftb_tui.benchmark.statistics import TrivialBaselines
from ftb_tui.report.heat import baseline_line
from ftb_tui.report.matrix import Place
from ftb_tui.report.numbers import counted, difference, interval, p_value, score
from ftb_tui.report.plain import one_line
from ftb_tui.report.reading import readings
from ftb_tui.report.tables import model_label
from ftb_tui.store.results import ResultRow

LEGEND = (
    "Beside a score its change from the base; a * is more than chance explains ({tests}, Holm over the table: p < .05)."
)
NO_ROOM = "A wider window shows the change from the base beside each score; for the chosen one it stands here."


def graders_of(rows: Iterable[ResultRow]) -> list[str]:
    """The graders that graded any of these, in the order in which graders are listed everywhere."""
    present = {row.grader for row in rows}
    known = [name for name in GRADER_NAMES if name in present]
    return [*known, *sorted(present - set(known))] or [DEFAULT_GRADER]


def figures_say(
    shown: Sequence[ResultRow],
    rows: Sequence[ResultRow],
    adjusted: Mapping[Place, float],
    grader: str,
    *,
    changes: bool,
) -> tuple[list[Content], Content]:
    """What the scores that are shown, of all `rows` by one grader, say line by line; and what the table's signs mean.

    `adjusted` is `adjusted_p` of `rows`, as the stars have it, whatever of them is shown. `changes` tells whether the table
    has room for the changes from the base.
    """
    tests = dict.fromkeys(row.test for row in shown if row.test)
    legend = (LEGEND.format(tests=" or ".join(tests)) if changes else NO_ROOM) if tests else ""
    said = []
    if grader != DEFAULT_GRADER:
        said.append(Content(f"As {one_line(grader)} grades; r shows the next way."))
    for each in readings(shown, adjusted, bases=rows):
        said += [Content.styled(each.head, "bold")] if each.head else []
        said += map(Content, each.sentences)
    return said, Content(legend)


def score_lines(row: ResultRow, rows: Sequence[ResultRow], adjusted: Mapping[Place, float]) -> list[str]:
    """What a score is made of; `rows` are all of its grader."""
    line = (
        f"{one_line(model_label(row))}, {row.task}: {row.correct} of {row.n} right, 95% {interval(row.low, row.high)}"
    )
    line += f", {row.abstained} abstained" if row.abstained else ""
    line += f", {row.failed} failed" if row.failed else ""
    lines = [line]
    if row.fixed is not None:
        both = (
            f"{score(row.base_score)} on the same questions"
            if row.paired == row.n
            else f"{score(row.paired_score)} to {score(row.base_score)} on the {row.paired} that both answered"
        )
        lines.append(
            f"Against its base ({both}): {row.fixed} fixed, {row.broken} broken, {row.test} p {p_value(row.p_value)}, "
            f"Holm over the table {p_value(adjusted.get((row.dataset_id, row.model_key, row.task)))}"
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
    name, dataset = one_line(model_label(model)), one_line(model.dataset)
    if model.provider == "imported":
        return f"{name} has no answer to {task} of {dataset}: ftb import-responses takes in answers that you have."
    how = "2, then v on its job, asks it." if model.kind != "base" else "5, then v, asks a model."
    return f"{name} was not asked {task} of {dataset}: {how}"


def _same_model(one: ResultRow, other: ResultRow) -> bool:
    return (one.dataset_id, one.model_key) == (other.dataset_id, other.model_key)
