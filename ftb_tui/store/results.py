"""Scores and the answers behind them. Every figure is counted from rows; nothing is kept as a counter."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import aiosqlite

from ftb_tui.benchmark.graders import DEFAULT_GRADER
from ftb_tui.benchmark.model import Task
from ftb_tui.benchmark.statistics import MCNEMAR, SIGN_TEST, mcnemar_exact, wilson
from ftb_tui.store.answer_filter import ANSWERS, SHOWN, list_about, search_condition
from ftb_tui.store.chosen import Chosen, choose, chosen_with_base
from ftb_tui.store.counts import Counts, Pair, Score, pair_counts, task_counts
from ftb_tui.store.repeats import repeated_evaluations, repeated_interval, repeated_p_value


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One model's score on one task by one grader. The base's figures are over the same questions."""

    dataset: str
    family: str
    provider: str
    model: str
    kind: str
    base_model: str
    epoch: int | None
    task: str
    grader: str
    n: int
    correct: int
    failed: int
    score: float | None
    low: float | None
    high: float | None
    base_score: float | None
    fixed: int | None
    broken: int | None
    p_value: float | None
    abstained: int
    planned: int
    model_key: int
    dataset_id: str
    evaluation_key: int
    paired: int | None = None
    """On how many answers the comparison with the base rests: those to questions that both answered."""
    test: str | None = None
    """Whose p-value it is: `exact McNemar`, or `sign test over facts` where questions were asked several times."""

    @property
    def difference(self) -> float | None:
        """The change from the base over the questions that both answered: (fixed - broken) / paired."""
        if self.fixed is None or self.broken is None or not self.paired:
            return None
        return (self.fixed - self.broken) / self.paired

    @property
    def paired_score(self) -> float | None:
        """The score over the questions that both answered, which is what stands beside `base_score`."""
        if self.base_score is None or self.difference is None:
            return None
        return self.base_score + self.difference


async def results(
    db: aiosqlite.Connection,
    *,
    dataset_id: str | None = None,
    grader: str | None = DEFAULT_GRADER,
    only: Collection[int] | None = None,
) -> list[ResultRow]:
    """The table: datasets x models x tasks x graders (all graders for `grader=None`), of the evaluations that count.

    With `only` of these evaluations and no others, each compared with the base's among them.

    A base model without a base of its own has no comparison; a tuned one is compared on the questions that both
    answered. A task that was planned but not yet answered has n = 0 and no score. With repeated sampling n counts answers,
    the interval holds answers to one fact together, and the p-value is the sign test over facts.
    """
    return await _table(db, choose(await task_counts(db, dataset_id=dataset_id), only=only), grader)


async def score_of(db: aiosqlite.Connection, chosen: Chosen, task: str, grader: str) -> ResultRow | None:
    """One row of `results`, at the price of one; None where there is no such score any more."""
    keys = [key for key in (chosen.evaluation_key, chosen.base_key) if key is not None]
    cells = [cell for key in keys for cell in await task_counts(db, evaluation_key=key, task=task)]
    rows = await _table(db, cells, grader)
    return next((row for row in rows if row.evaluation_key == chosen.evaluation_key), None)


async def _table(db: aiosqlite.Connection, cells: Sequence[Counts], grader: str | None) -> list[ResultRow]:
    models = {row["model_key"]: row for row in await db.execute_fetchall("SELECT * FROM models")}
    datasets = {
        row["dataset_id"]: row for row in await db.execute_fetchall("SELECT dataset_id, name, family FROM datasets")
    }
    bases = {
        (cell.dataset_id, cell.task, models[cell.model_key]["provider"], models[cell.model_key]["name"]): cell
        for cell in cells
        if models[cell.model_key]["kind"] == "base"
    }
    beside = {}
    for cell in cells:
        model = models[cell.model_key]
        base = bases.get((cell.dataset_id, cell.task, model["provider"], model["base_model"]))
        if model["kind"] != "base" and base is not None:
            beside[cell.evaluation_key, cell.task] = base
    compared = [
        (cell, beside[cell.evaluation_key, cell.task]) for cell in cells if (cell.evaluation_key, cell.task) in beside
    ]
    pairs = await pair_counts(db, compared)
    repeated = await repeated_evaluations(db)
    kept = _kept.setdefault(db, {})
    table = []
    for cell in sorted(cells, key=lambda cell: _order(cell, models[cell.model_key], datasets[cell.dataset_id])):
        base = beside.get((cell.evaluation_key, cell.task))
        place = (cell.evaluation_key, cell.task, grader)
        depends_on = (
            cell.created_at, cell.revision, cell.planned, base and (base.evaluation_key, base.revision),
            tuple(models[cell.model_key]), tuple(datasets[cell.dataset_id]),
        )  # fmt: skip
        if place not in kept or kept[place][0] != depends_on:
            pair = {} if base is None else pairs.get((cell.evaluation_key, base.evaluation_key, cell.task), {})
            rows = [
                _row(models[cell.model_key], datasets[cell.dataset_id], cell, pair.get(used), used)
                for used in sorted(cell.scores) or (grader or DEFAULT_GRADER,)
                if grader in (None, used)
            ]
            if cell.evaluation_key in repeated:
                rows = [await _by_fact(db, row, base) for row in rows]
            kept[place] = (depends_on, rows)
        table += kept[place][1]
    return table


# The rows of a cell, by connection, and all that they were made from: a screen that is filled again and again while
# answers come makes anew only what changed.
_Kept = dict[tuple[int, str, str | None], tuple[tuple[object, ...], list[ResultRow]]]
_kept: WeakKeyDictionary[aiosqlite.Connection, _Kept] = WeakKeyDictionary()


def _row(model: aiosqlite.Row, dataset: aiosqlite.Row, cell: Counts, pair: Pair | None, grader: str) -> ResultRow:
    score = cell.scores.get(grader, Score(0, 0, 0))
    low, high = wilson(score.correct, score.n) if score.n else (None, None)
    return ResultRow(
        dataset=dataset["name"],
        family=dataset["family"],
        provider=model["provider"],
        model=model["name"],
        kind=model["kind"],
        base_model=model["base_model"],
        epoch=model["epoch"],
        task=cell.task,
        grader=grader,
        n=score.n,
        correct=score.correct,
        failed=cell.failed,
        score=score.correct / score.n if score.n else None,
        low=low,
        high=high,
        base_score=pair.base_correct / pair.n if pair else None,
        fixed=pair.fixed if pair else None,
        broken=pair.broken if pair else None,
        paired=pair.n if pair else None,
        p_value=mcnemar_exact(pair.fixed, pair.broken) if pair else None,
        test=MCNEMAR if pair else None,
        abstained=score.abstained,
        planned=cell.planned,
        model_key=cell.model_key,
        dataset_id=cell.dataset_id,
        evaluation_key=cell.evaluation_key,
    )


async def _by_fact(db: aiosqlite.Connection, row: ResultRow, base: Counts | None) -> ResultRow:
    """The same with the interval and the test of answers that were given several times to each question."""
    if row.n:
        low, high = await repeated_interval(db, row.evaluation_key, row.task, row.grader)
        row = replace(row, low=low, high=high)
    if row.fixed is not None and base is not None:
        p_value = await repeated_p_value(db, row.evaluation_key, base.evaluation_key, row.task, row.grader)
        row = replace(row, p_value=p_value, test=SIGN_TEST)
    return row


_TASKS = {str(task): place for place, task in enumerate(Task)}
_KINDS = {"base": 0, "checkpoint": 1, "tuned": 2}


def _order(cell: Counts, model: aiosqlite.Row, dataset: aiosqlite.Row) -> tuple[object, ...]:
    kind = _KINDS[model["kind"]]
    return (
        dataset["name"], cell.dataset_id, model["provider"], model["base_model"], kind > 0, model["job_key"] or 0,
        model["step"] or 0, kind, model["name"], _TASKS[cell.task],
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One answer with all that is needed to judge its grade. `flip` compares with the base: fixed or broken."""

    response_key: int
    question_key: int
    id: str
    task: str
    prompt: str
    question: str
    answer: str
    """The gold."""
    response: str | None
    grade: str
    """The verdict, or `failed` for a question without an answer."""
    reason: str
    fact: str
    fact_id: str
    base_response: str | None
    base_grade: str | None
    base_reason: str | None
    flip: str | None
    position: int
    machine_grade: str | None = None
    """What the grader said where a person overruled it; None where nobody did."""
    machine_reason: str | None = None
    repeat: int = 0


_LAST = 2**62


async def answers(
    db: aiosqlite.Connection,
    *,
    model_key: int,
    dataset_id: str,
    task: str,
    show: str = "wrong",
    search: str = "",
    grader: str = DEFAULT_GRADER,
    chosen: Chosen | None = None,
    after: int = -1,
    repeat: int = _LAST,
    limit: int = 200,
) -> list[AnswerRow]:
    """The answers behind one score, in the dataset's order; `show` is one of `SHOWS`, `search` as in `search_condition`.

    A page begins behind position `after`, or, given `repeat`, behind that answer to the question there. `chosen` keeps
    all pages to the same evaluations; else each is of those that count when it is read.
    """
    page = await _page(db, model_key, dataset_id, task, show, search, grader, chosen)
    return [] if page is None else await page(after, repeat, limit)


async def answer_pages(
    db: aiosqlite.Connection,
    *,
    model_key: int,
    dataset_id: str,
    task: str,
    show: str = "wrong",
    search: str = "",
    grader: str = DEFAULT_GRADER,
    chosen: Chosen | None = None,
    limit: int = 1_000,
) -> AsyncIterator[list[AnswerRow]]:
    """All that `answers` lists, page by page, as it is at one moment: whatever is written meanwhile is not in it.

    Reads in a transaction, so the connection must not be used to write, nor by others.
    """
    read = await _page(db, model_key, dataset_id, task, show, search, grader, chosen)
    if read is None:
        return
    await db.execute("BEGIN")
    try:
        page = await read(-1, _LAST, limit)
        while page:
            yield page
            page = await read(page[-1].position, page[-1].repeat, limit)
    finally:
        await db.execute("COMMIT")


async def _page(
    db: aiosqlite.Connection,
    model_key: int,
    dataset_id: str,
    task: str,
    show: str,
    search: str,
    grader: str,
    chosen: Chosen | None,
) -> Callable[[int, int, int], Awaitable[list[AnswerRow]]] | None:
    """What reads a page (position and repeat behind which it begins, most rows); None where nothing was asked."""
    chosen = chosen or await chosen_with_base(db, model_key, dataset_id, task)
    if chosen is None:
        return None
    [model] = await db.execute_fetchall(
        "SELECT name, kind, base_model, epoch FROM models WHERE model_key = ?", (model_key,)
    )
    about = list_about(
        task=task, model=model["name"], kind=model["kind"], base_model=model["base_model"], epoch=model["epoch"]
    )
    searched, words = search_condition(search, about)
    sql = f"{ANSWERS} AND {SHOWN[show]} AND {searched} ORDER BY q.position, r.repeat LIMIT :limit"
    where = {
        "grader": grader, "base": chosen.base_key, "evaluation": chosen.evaluation_key, "dataset": dataset_id,
        "task": task, **words,
    }  # fmt: skip

    async def read(after: int, repeat: int, limit: int) -> list[AnswerRow]:
        page = {**where, "after": after, "repeat": repeat, "limit": limit}
        return [_answer(row) for row in await db.execute_fetchall(sql, page)]

    return read


def _answer(row: aiosqlite.Row) -> AnswerRow:
    facts = " ".join(part for part in (row["fact"], row["other_fact"]) if part)
    return AnswerRow(
        response_key=row["response_key"],
        question_key=row["question_key"],
        id=row["question_id"],
        task=row["task"],
        prompt=row["prompt"],
        question=row["question"],
        answer=row["gold"],
        response=row["answer"],
        grade=row["grade"],
        reason=row["reason"],
        fact=facts,
        fact_id=row["fact_id"],
        base_response=row["base_answer"],
        base_grade=row["base_grade"],
        base_reason=row["base_reason"],
        flip=row["flip"],
        position=row["position"],
        machine_grade=row["machine_verdict"],
        machine_reason=row["machine_reason"],
        repeat=row["repeat"],
    )


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What one model said to one question."""

    model_key: int
    model: str
    kind: str
    epoch: int | None
    evaluation_key: int
    response: str | None
    grade: str
    reason: str


async def question_answers(
    db: aiosqlite.Connection, question_key: int, *, grader: str = DEFAULT_GRADER
) -> list[ModelAnswer]:
    """Every model's latest answer to one question, base models first."""
    return (await questions_answers(db, [question_key], grader=grader)).get(question_key, [])


async def questions_answers(
    db: aiosqlite.Connection, question_keys: Sequence[int], *, grader: str = DEFAULT_GRADER
) -> dict[int, list[ModelAnswer]]:
    """The same of several questions, by their keys."""
    rows = await db.execute_fetchall(
        "SELECT r.question_key, m.model_key, m.name, m.kind, m.epoch, max(r.evaluation_key), r.answer,"
        " coalesce(g.verdict, 'failed'), coalesce(g.reason, r.error, '')"
        " FROM json_each(?) w CROSS JOIN responses r ON r.question_key = w.value"
        " JOIN evaluations e USING (evaluation_key) JOIN models m USING (model_key)"
        " LEFT JOIN grades g ON g.response_key = r.response_key AND g.grader = ?"
        " WHERE e.deleted_at IS NULL GROUP BY r.question_key, m.model_key"
        " ORDER BY r.question_key, m.kind <> 'base', m.job_key, m.step, m.model_key",
        (json.dumps(list(dict.fromkeys(question_keys))), grader),
    )
    found: dict[int, list[ModelAnswer]] = {}
    for question_key, *answer in rows:
        found.setdefault(question_key, []).append(ModelAnswer(*answer))
    return found
