"""What changed since a moment, as words and as objects: the same on the screen, in the command and in what is copied."""

from __future__ import annotations

import time
from dataclasses import asdict

from ftb_tui.report.certainty import certainty
from ftb_tui.report.numbers import counted, difference, interval, p_value, score
from ftb_tui.report.plain import one_line
from ftb_tui.report.sheets import ReadTable, Sheet
from ftb_tui.report.tables import model_label
from ftb_tui.store.history import History, Overruled, Regraded, ScoreChange

NOTHING_EVALUATED = "No evaluation has finished yet. Begin with: ftb bench --quick"


def moment(seconds: float) -> str:
    """A moment (seconds since 1970) in local time, to the minute."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def since_words(since: float | None) -> str:
    """From when on: `since 2026-11-20 09:15`, or from the beginning."""
    return "from the beginning" if since is None else f"since {moment(since)}"


def verdict(change: ScoreChange) -> str:
    """What a change of score comes to, in one sentence without an end."""
    found = change.compared
    if found is None:
        return "the first score of this model here"
    if not found.n:
        return "no question in common with the evaluation before"
    if not found.after and not found.before:
        return f"the same on all {found.n} questions that both answered"
    tested = f"{found.test} p {p_value(found.p_value)}: {certainty(found)}"
    return f"{found.after} fixed, {found.before} broken of {found.n}, {tested}"


def before_words(change: ScoreChange) -> str:
    """The score before, where from and when; empty for a first score."""
    if change.before is None or change.before_finished_at is None:
        return ""
    return (
        f"before {score(change.before.score)} ({change.before.correct} of {change.before.n}), evaluation "
        f"{change.before.evaluation_key}, {moment(change.before_finished_at)}"
    )


def judged_lines(found: History) -> list[str]:
    """A sentence for everything that people overruled and that graders graded anew."""
    return [*map(_overruled, found.overruled), *map(_regraded, found.regraded)]


def _overruled(one: Overruled) -> str:
    moved = [f"{n} {words}" for n, words in ((one.fixed, "now right"), (one.broken, "no longer right")) if n]
    judged = one.answers - one.taken_back
    what = [f"judged by hand: {counted(judged, 'answer')}"] if judged else []
    what += [f"verdicts taken back: {counted(one.taken_back, 'answer')}"] if one.taken_back else []
    return (
        f"{moment(one.at)}  {', '.join(what)} of {one_line(one.model, 60)} to {one_line(one.dataset, 40)}, "
        f"{one.task}: {', '.join(moved) or 'no score moved'}"
    )


def _regraded(one: Regraded) -> str:
    answers = "1 answer" if one.answers == 1 else f"{one.answers:,} answers"
    return (
        f"{moment(one.at)}  graded later: {answers} by {one_line(one.grader, 30)} version {one.version} "
        "(an earlier grade of it is not kept)"
    )


def difference_words(change: ScoreChange) -> str:
    """The difference over the questions that both answered; empty where there is none."""
    return difference(change.compared.difference) if change.compared is not None else ""


def change_object(change: ScoreChange) -> dict[str, object]:
    """One change of score with everything about it; the names are a promise to scripts."""
    now, before, found = change.now, change.before, change.compared
    return {
        "evaluation_key": now.evaluation_key, "finished_at": change.finished_at, "dataset": now.dataset,
        "family": now.family, "provider": now.provider, "model": now.model, "kind": now.kind,
        "base_model": now.base_model, "epoch": now.epoch, "task": now.task, "grader": now.grader, "n": now.n,
        "correct": now.correct, "failed": now.failed, "score": now.score, "low": now.low, "high": now.high,
        "before_evaluation_key": before and before.evaluation_key, "before_finished_at": change.before_finished_at,
        "before_n": before and before.n, "before_correct": before and before.correct,
        "before_score": before and before.score, "paired": found and found.n, "fixed": found and found.after,
        "broken": found and found.before, "difference": found and found.difference,
        "difference_low": found and found.low, "difference_high": found and found.high,
        "p_value": found and found.p_value, "test": found and found.test,
    }  # fmt: skip


def history_object(found: History) -> dict[str, object]:
    """All that changed, for scripts."""
    return {
        "since": found.since,
        "grader": found.grader,
        "changes": [change_object(change) for change in found.changes],
        "overruled": [asdict(one) for one in found.overruled],
        "regraded": [asdict(one) for one in found.regraded],
    }


def history_sheet(found: History) -> Sheet:
    """All that changed, for a file. In the rows `change` tells scores, people's verdicts and renewed grades apart."""
    lines = [
        (
            moment(change.finished_at), change.now.dataset, model_label(change.now), change.now.task,
            str(change.now.n), score(change.now.score), interval(change.now.low, change.now.high),
            score(change.before.score) if change.before else "first", difference_words(change), verdict(change),
        )
        for change in found.changes
    ]  # fmt: skip
    head = ("finished", "dataset", "model", "task", "n", "score", "95%", "before", "diff", "compared with before")
    table = ReadTable("Scores", head, lines, frozenset({"n", "score", "before", "diff"}))
    rows = [
        *({"change": "score", **change_object(change)} for change in found.changes),
        *({"change": "people's verdicts", **asdict(one)} for one in found.overruled),
        *({"change": "graded later", **asdict(one)} for one in found.regraded),
    ]
    title = f"What changed {since_words(found.since)}, by {found.grader}"
    return Sheet(title, judged_lines(found), [table] if lines else [], rows, history_object(found))
