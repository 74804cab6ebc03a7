"""Two models on the same questions, for readers: which two, what the four cells are called, and as an object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from ftb_tui.report.certainty import certainty
from ftb_tui.report.numbers import difference, p_value, score, signed_interval
from ftb_tui.report.sheets import ReadTable, Sheet
from ftb_tui.report.tables import model_label
from ftb_tui.store.comparing import ComparedAnswer, Comparison
from ftb_tui.store.results import ResultRow

SAYS = {
    "both": "both right",
    "after": "fixed: B wrong, A right",
    "before": "broken: B right, A wrong",
    "neither": "both wrong",
}
"""The cells of `ftb_tui.store.comparing.CELLS`, of A (the one after) and B (the one before)."""

CALLED = {"both": "both", "after": "fixed", "before": "broken", "neither": "neither"}
"""The same cells for scripts and options."""


def partner(row: ResultRow, rows: Sequence[ResultRow]) -> ResultRow | None:
    """What a result is compared with at first: its base, or else another model with answers to the same task."""
    others = [
        other for other in rows
        if (other.dataset_id, other.task) == (row.dataset_id, row.task) and other.model_key != row.model_key and other.n
    ]  # fmt: skip
    bases = [o for o in others if o.kind == "base" and (o.provider, o.model) == (row.provider, row.base_model)]
    return next(iter(bases or others), None)


def shares(found: Comparison) -> tuple[tuple[str, int, float | None], tuple[str, int, float | None]]:
    """`A` and `B`: how many of the answers that both have are right, and which share that is."""
    n = found.n
    a, b = found.both + found.after, found.both + found.before
    return ("A", a, a / n if n else None), ("B", b, b / n if n else None)


def difference_words(found: Comparison) -> str:
    """The difference with its interval; empty where they have nothing in common."""
    return f"{difference(found.difference)}, 95% {signed_interval(found.low, found.high)}" if found.n else ""


def conclusion(found: Comparison) -> str:
    """What the test says of the two, in a sentence without an end."""
    if not found.n:
        return "no question was answered by both"
    sure = certainty(found, better="A is better", worse="B is better")
    return f"{found.test} p {p_value(found.p_value)} ({found.after} against {found.before} of {found.n}): {sure}"


def comparison_object(a: ResultRow, b: ResultRow, found: Comparison) -> dict[str, object]:
    """A comparison for scripts. Scores are over the `n` answers that both have, so they may differ from the table's."""
    (_, _, a_score), (_, _, b_score) = shares(found)
    return {
        "dataset": a.dataset,
        "task": a.task,
        "grader": a.grader,
        "a": a.model,
        "a_provider": a.provider,
        "b": b.model,
        "b_provider": b.provider,
        "n": found.n,
        "a_score": a_score,
        "b_score": b_score,
        "both": found.both,
        "fixed": found.after,
        "broken": found.before,
        "neither": found.neither,
        "difference": found.difference,
        "difference_low": found.low if found.n else None,
        "difference_high": found.high if found.n else None,
        "p_value": found.p_value if found.n else None,
        "test": found.test,
    }


def question_object(row: ComparedAnswer) -> dict[str, object]:
    """A question with both answers, for scripts."""
    told = asdict(row)
    for name in ("question_key", "position"):
        del told[name]
    renamed = {"question_id": "id", "after": "a", "before": "b"}
    return {
        renamed.get(name, name.replace("after_", "a_").replace("before_", "b_")): value for name, value in told.items()
    }


def comparison_sheet(
    a: ResultRow, b: ResultRow, found: Comparison, cell: str, questions: Sequence[ComparedAnswer]
) -> Sheet:
    """A comparison and the questions of one of its cells, for a file. Every row has the figures, too; without any
    question one row has them alone."""
    whole = comparison_object(a, b, found) | {"cell": CALLED[cell]}
    objects = [question_object(row) for row in questions]
    said = [
        f"{name}: {model_label(row)}, {score(share)} ({right} of {found.n})"
        for row, (name, right, share) in zip((a, b), shares(found), strict=True)
    ]
    said.append(f"A − B {difference_words(found)}; {conclusion(found)}" if found.n else conclusion(found))
    grid = ReadTable(
        "Who was right",
        ("", "A right", "A wrong"),
        [("B right", str(found.both), str(found.before)), ("B wrong", str(found.after), str(found.neither))],
        frozenset({"A right", "A wrong"}),
    )
    listed = ReadTable(
        f"{SAYS[cell]} ({len(questions)})",
        ("question", "asked", "gold", "A", "A said", "B", "B said"),
        [
            (row.question_id, row.question, row.gold, row.after_grade, row.after, row.before_grade, row.before)
            for row in questions
        ],
    )
    # In a row beside the models' names, which are `a` and `b` there.
    renamed = {"id": "question_id", "a": "a_said", "b": "b_said"}
    rows = [whole | {renamed.get(name, name): value for name, value in row.items()} for row in objects]
    title = f"Two models on {a.dataset}, {a.task}, by {a.grader}"
    return Sheet(title, said, [grid, listed], rows or [whole], whole | {"questions": objects}, len(rows))
