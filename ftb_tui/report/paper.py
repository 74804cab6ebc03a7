"""The paper's tables beside what the store holds.

The figures are those that the paper (arXiv 2411.05059) and its website give; `paper_figures.csv` has each with its
source. `n` is how many questions a figure rests on: given for news and people, inferred (from figures that are all
multiples of 1/50) for coding and medical.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib import resources
from statistics import fmean

from ftb_tui.benchmark.averages import BY_FAMILY
from ftb_tui.benchmark.statistics import newcombe
from ftb_tui.report.numbers import counted, difference, score, signed_interval
from ftb_tui.report.sheets import ReadTable, Sheet
from ftb_tui.store.results import ResultRow

MEANS = "mean of families"
_PUBLISHED = "finetunebench_"
_ANALYSIS = "_analysis"
_INFERRED_N = frozenset({"coding", "medical"})
_HEADLINES = {
    "new knowledge": {("latest_news", "rephrased"), ("fictional_people", "rephrased")},
    "updating knowledge": {("coding", "rephrased"), ("medical", "vignette")},
}
"""The abstract's two figures: means over the five models and these cells, which reproduces 0.366 and 0.190."""
_ALL = "mean of the paper's five"


@dataclass(frozen=True, slots=True)
class PaperFigure:
    """One figure of the paper. `n` is None for a mean over families or models."""

    family: str
    task: str
    model: str
    stage: str
    """`base` (before training) or `tuned` (the last checkpoint)."""
    n: int | None
    score: float
    source: str


@dataclass(frozen=True, slots=True)
class PaperCell:
    """The paper's figure and ours. The interval is of the difference, ours minus the paper's (Newcombe's method 10)."""

    family: str
    task: str
    model: str
    stage: str
    paper: float
    paper_n: int | None
    source: str
    ours: float | None
    n: int | None
    low: float | None
    high: float | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    stored_model: str
    dataset: str
    why: tuple[str, ...]


@cache
def paper_figures() -> tuple[PaperFigure, ...]:
    """Every figure, in the order of the paper's own."""
    text = (resources.files("ftb_tui.report") / "paper_figures.csv").read_text(encoding="utf-8")
    return tuple(
        PaperFigure(
            row["family"], row["task"], row["model"], row["stage"], int(row["n"]) if row["n"] else None,
            float(row["score"]), row["source"],
        )
        for row in csv.DictReader(io.StringIO(text))
    )  # fmt: skip


def model_name(name: str) -> str:
    """A model's name without what differs between its snapshots: `ft:` and after, provider, date, `-001`."""
    bare = name.removeprefix("ft:").split(":")[0].rsplit("/", 1)[-1].lower()
    return re.sub(r"(?:-\d{4}-\d{2}-\d{2}|-\d{4}|-\d{3})$", "", bare)


def paper_cells(
    rows: Sequence[ResultRow], means: Mapping[tuple[str, str, str], float], *, grader: str
) -> list[PaperCell]:
    """Every figure of the paper with ours, then the cells of other stored models beside the mean of the paper's five.

    `rows` are results by `grader`; `means` are the averages by family of stored models: (provider, model, kind of
    average) -> value.
    """
    cells = []
    used: set[tuple[int, str, str]] = set()
    for figure in paper_figures():
        if figure.family == MEANS:
            cells.append(_mean_cell(figure, means))
        elif figure.family in _HEADLINES:
            cells.append(_headline(figure, cells))
        else:
            row = _best([row for row in rows if _is_of(row, figure)])
            if row is not None:
                used.add((row.model_key, row.dataset_id, row.task))
            cells.append(_beside(figure, row, () if row is None else _reasons(figure, row, grader)))
    return cells + _others(rows, used, grader)


def held_figures(cells: Sequence[PaperCell]) -> str:
    """How many of the paper's figures have ours beside them, and how many means of its five: each once, however many
    models stand beside it. `cells` are all that `paper_cells` gives."""
    figures = len(paper_figures())
    held = sum(cell.ours is not None for cell in cells[:figures])
    means = len({(cell.family, cell.task, cell.stage) for cell in cells[figures:]})
    beside = f", {counted(means, 'mean')}" if means else ""
    return f"{held} of {figures} figures have ours{beside}"


def _others(rows: Sequence[ResultRow], used: set[tuple[int, str, str]], grader: str) -> list[PaperCell]:
    cells = []
    paper_models = {model_name(figure.model) for figure in paper_figures()}
    for row in rows:
        if (row.model_key, row.dataset_id, row.task) in used or not row.n or model_name(_base_of(row)) in paper_models:
            continue
        stage = "base" if row.kind == "base" else "tuned"
        theirs = [
            figure for figure in paper_figures()
            if (figure.family, figure.task, figure.stage) == (row.family, row.task, stage) and figure.n
        ]  # fmt: skip
        if theirs:
            mean = PaperFigure(
                row.family, row.task, _ALL, stage, None, fmean(figure.score for figure in theirs), theirs[0].source
            )
            why = ("another model than any of the paper's", *_reasons(theirs[0], row, grader))
            cells.append(_beside(mean, row, why))
    return cells


def _base_of(row: ResultRow) -> str:
    return row.model if row.kind == "base" else row.base_model


def _is_of(row: ResultRow, figure: PaperFigure) -> bool:
    if (row.family, row.task) != (figure.family, figure.task) or not row.n:
        return False
    names = {model_name(row.model), model_name(row.base_model)} if row.kind != "base" else {model_name(row.model)}
    # A column of answers that others collected is the trained model's, unless its base was named at the import.
    stage = "tuned" if row.provider == "imported" or row.kind != "base" else "base"
    return model_name(figure.model) in names and stage == figure.stage


def _best(rows: Sequence[ResultRow]) -> ResultRow | None:
    """The row that is nearest to the paper's own questions; of equals the one with more answers, then the later."""
    return max(
        rows, key=lambda row: (_nearness(row.dataset), row.kind == "tuned", row.n, row.evaluation_key), default=None
    )


def _nearness(dataset: str) -> int:
    return dataset.startswith(_PUBLISHED) + (dataset.startswith(_PUBLISHED) and dataset.endswith(_ANALYSIS))


def _beside(figure: PaperFigure, row: ResultRow | None, why: tuple[str, ...]) -> PaperCell:
    low = high = None
    if row is not None and figure.n is not None:
        low, high = newcombe(row.correct, row.n, round(figure.score * figure.n), figure.n)
    ours = row.score if row is not None else None
    return PaperCell(
        family=figure.family, task=figure.task, model=figure.model, stage=figure.stage, paper=figure.score,
        paper_n=figure.n, source=figure.source, ours=ours, n=row.n if row else None, low=row.low if row else None,
        high=row.high if row else None, difference=None if ours is None else ours - figure.score,
        difference_low=low, difference_high=high, stored_model=f"{row.provider}/{row.model}" if row else "",
        dataset=row.dataset if row else "", why=why,
    )  # fmt: skip


def _headline(figure: PaperFigure, cells: Sequence[PaperCell]) -> PaperCell:
    """Ours only where all of its cells are held: a mean of some of them would be another figure."""
    parts = [c.ours for c in cells if (c.family, c.task) in _HEADLINES[figure.family] and c.stage == "tuned"]
    held = [score for score in parts if score is not None]
    ours = fmean(held) if held and len(held) == len(parts) else None
    why = () if ours is not None or not held else (f"{len(held)} of its {len(parts)} cells are in the store",)
    return replace(_beside(figure, None, why), ours=ours, difference=None if ours is None else ours - figure.score)


def _mean_cell(figure: PaperFigure, means: Mapping[tuple[str, str, str], float]) -> PaperCell:
    found = [
        (provider, model, value)
        for (provider, model, what), value in means.items()
        if what == figure.task and model_name(model) == model_name(figure.model)
    ]
    why = []
    if figure.model.startswith("gemini"):
        why.append("the paper's two Gemini rows match its figures only with the bars of one figure swapped")
    ours = found[-1][2] if found else None
    if found:
        why.append(f"ours is the average {BY_FAMILY} over the families that the store has")
    return PaperCell(
        figure.family, figure.task, figure.model, figure.stage, figure.score, None, figure.source, ours, None, None,
        None, None if ours is None else ours - figure.score, None, None,
        f"{found[-1][0]}/{found[-1][1]}" if found else "", "", tuple(why),
    )  # fmt: skip


def _reasons(figure: PaperFigure, row: ResultRow, grader: str) -> tuple[str, ...]:
    """Why ours may differ, the most important first. Only what holds for this cell."""
    why = []
    published = row.dataset.startswith(_PUBLISHED)
    if not published:
        why.append(f"other questions: {row.dataset} is not the published dataset")
    if row.n != figure.n:
        inferred = " (inferred)" if figure.family in _INFERRED_N else ""
        why.append(f"{row.n} answers here, {figure.n}{inferred} questions there")
    if row.task == "comparison" and published:
        why.append("55 of the 150 published golds contradict their questions, and which 25 were asked is not known")
    if row.task == "date_changed":
        why.append("the paper's low figures suggest that its gold None was read as a missing value")
    if row.task in ("secondary", "comparison") and row.n and row.abstained:
        why.append(f"{row.abstained} answers here are neither Yes nor No")
    if figure.family == "latest_news" and row.task == "rephrased":
        why.append(f"graded by {grader}; the paper's prompts hold a judge for the news, and equality fails sentences")
    elif grader != "exact":
        why.append(f"graded by {grader}; the paper's notebook compares for equality")
    if row.family in ("coding", "medical"):
        why.append("the paper counts only facts of which the model knew the old version")
    if row.epoch is not None and row.epoch < 30:
        why.append(f"epoch {row.epoch} here, up to 30 there")
    if row.failed:
        why.append(f"{row.failed} questions failed here")
    return tuple(why)


def why_different(cells: Sequence[PaperCell]) -> list[str]:
    """Every reason once with the figures that it is about: `other questions: … (latest_news rephrased, …)`."""
    reasons: dict[str, list[str]] = {}
    for cell in cells:
        for reason in cell.why if cell.ours is not None else ():
            reasons.setdefault(reason, []).append(f"{cell.family} {cell.task}")
    return [f"{why} ({', '.join(dict.fromkeys(where))})" for why, where in reasons.items()]


def paper_sheet(cells: Sequence[PaperCell], grader: str) -> Sheet:
    """The paper's figures and ours, for a file."""
    head = ("family", "task", "model", "stage", "paper", "ours", "diff", "95% of diff", "n there", "n here", "dataset")
    lines = [
        (
            cell.family, cell.task, cell.model, cell.stage, score(cell.paper), score(cell.ours),
            difference(cell.difference), signed_interval(cell.difference_low, cell.difference_high),
            _count(cell.paper_n), _count(cell.n), cell.dataset,
        )
        for cell in cells
    ]  # fmt: skip
    said = [f"They may differ: {reason}." for reason in why_different(cells)]
    right = frozenset({"paper", "ours", "diff", "n there", "n here"})
    objects = [asdict(cell) for cell in cells]
    rows = [{**told, "why": "; ".join(cell.why)} for told, cell in zip(objects, cells, strict=True)]
    title = f"The paper (arXiv 2411.05059) beside ours, by {grader}"
    return Sheet(title, said, [ReadTable("Figures", head, lines, right)], rows, objects)


def _count(n: int | None) -> str:
    return "" if n is None else str(n)
