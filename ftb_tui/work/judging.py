"""Having a model judge stored answers, and measuring that judge against people."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiosqlite

from ftb_tui.benchmark import judge
from ftb_tui.benchmark.agreement import Agreement, agreement
from ftb_tui.benchmark.graders import JUDGE, Grade
from ftb_tui.benchmark.model import Question
from ftb_tui.providers.base import AskRequest, Provider, ProviderError
from ftb_tui.store.database import transaction
from ftb_tui.store.datasets import questions_by_key
from ftb_tui.store.grading import person_verdicts, put_grades
from ftb_tui.store.judgements import Judged, Judgement, answers_to_judge, keep_judgements, known_judgements
from ftb_tui.work.asking_quote import AskingQuote, quote_prompts, within_day
from ftb_tui.work.paid_asking import PaidRun, alone, paid_run

_BATCH = 64


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """What a judge did. `answers` = `cached` + `judged` + `unreadable` + `failed`; tokens are of this run's requests.

    `unreadable` replies were in no verdict's form, twice; such answers and failed ones keep the grade they had.
    """

    judge: str
    version: int
    answers: int
    cached: int
    judged: int
    unreadable: int
    failed: int
    correct: int
    requests: int
    prompt_tokens: int
    completion_tokens: int
    error: str
    tokens_estimated: bool = False
    """Whether the service left out the tokens of some replies, so that tokens and money are estimated."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """An answer that the judge and a person see otherwise."""

    response_key: int
    question_id: str
    model: str
    question: str
    gold: str
    answer: str
    person: str
    judge: str
    note: str
    reason: str


@dataclass(frozen=True, slots=True)
class JudgeCheck:
    """A judge beside people. The judge's `abstained` counts as wrong, as it does in every score."""

    report: JudgeReport
    agreement: Agreement
    disagreements: tuple[Disagreement, ...]


async def judge_stored(
    db: aiosqlite.Connection,
    provider: Provider,
    model: str,
    *,
    dataset_id: str | None = None,
    model_key: int | None = None,
    concurrency: int | None = None,
    max_cost: float | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> JudgeReport:
    """Grade stored answers by a model as the grader `judge`; equal content is never asked twice.

    Everything is kept as it comes, so that a run that was stopped goes on where it was. Blank answers are not sent.
    Raises `EvaluationStoppedError` on quota, key and model errors, and when `max_cost` (US dollars for this run) or the
    day's budget is reached or cannot be kept for want of a price.
    """
    answers = await answers_to_judge(db, dataset_id=dataset_id, model_key=model_key)
    async with _judging(db, provider, model, answers, concurrency, max_cost, on_progress) as run:
        await run.go(answers, keep_grades=True)
    return run.report(len(answers))


async def check_judge(
    db: aiosqlite.Connection,
    provider: Provider,
    model: str,
    *,
    dataset_id: str | None = None,
    concurrency: int | None = None,
    max_cost: float | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> JudgeCheck:
    """Have a model judge every answer that a person gave a verdict on, and compare. Grades are not touched."""
    people = {verdict.response_key: verdict for verdict in await person_verdicts(db, dataset_id=dataset_id)}
    answers = await answers_to_judge(db, dataset_id=dataset_id, response_keys=list(people))
    async with _judging(db, provider, model, answers, concurrency, max_cost, on_progress) as run:
        await run.go(answers, keep_grades=False)
    pairs, disagreements = [], []
    for answer in answers:
        grade = run.grades.get(answer.response_key)
        if grade is None:
            continue
        person, said = people[answer.response_key], "correct" if grade.verdict == "correct" else "wrong"
        pairs.append((str(person.verdict), said))
        if person.verdict != said:
            question = run.questions[answer.dataset_id][answer.question_key]
            disagreements.append(
                Disagreement(
                    answer.response_key, answer.question_id, answer.model, question.question, question.answer,
                    answer.answer, str(person.verdict), str(grade.verdict), person.note, grade.reason,
                )
            )  # fmt: skip
    return JudgeCheck(run.report(len(answers)), agreement(pairs), tuple(disagreements))


async def quote_judging(
    db: aiosqlite.Connection,
    provider: str,
    model: str,
    *,
    dataset_id: str | None = None,
    model_key: int | None = None,
    people: bool = False,
) -> AskingQuote:
    """What judging would cost (only what people gave verdicts on, with `people`). What is known is not asked again.

    A reply that cannot be read is asked for once more: that is in what it costs at most. Nothing is sent.
    """
    keys = [one.response_key for one in await person_verdicts(db, dataset_id=dataset_id)] if people else None
    answers = await answers_to_judge(db, dataset_id=dataset_id, model_key=model_key, response_keys=keys)
    return await within_day(db, await _quote(db, provider, model, answers))


async def _quote(db: aiosqlite.Connection, provider: str, model: str, answers: Sequence[Judged]) -> AskingQuote:
    questions = {one: await questions_by_key(db, one) for one in {answer.dataset_id for answer in answers}}
    contents: dict[str, str] = {}
    for answer in answers:
        question = questions[answer.dataset_id][answer.question_key]
        prompt = judge.judge_prompt(question, answer.fact, answer.answer)
        contents[judge.content_hash(provider, model, prompt)] = prompt
    known = await known_judgements(db, list(contents))
    prompts = [prompt for key, prompt in contents.items() if key not in known]
    most = len(prompts) * judge.MAX_TOKENS

    def made() -> AskingQuote:
        # With a reply as long as it is shown.
        again = [judge.repair_prompt(prompt, "." * judge.LONGEST_REPLY) for prompt in prompts]
        return quote_prompts(provider, model, prompts, answer_tokens=most, again=again, again_tokens=most)

    return await asyncio.to_thread(made)


@asynccontextmanager
async def _judging(
    db: aiosqlite.Connection,
    provider: Provider,
    model: str,
    answers: Sequence[Judged],
    concurrency: int | None,
    max_cost: float | None,
    on_progress: Callable[[int, int], None],
) -> AsyncIterator[_Judging]:
    """A run of a judge, while nobody else has the same one judge answers of these datasets."""
    datasets = {answer.dataset_id for answer in answers}
    async with alone(db, "judging", provider.name, model, datasets) as lost:
        paid = await paid_run(
            db, provider, model, quote=await _quote(db, provider.name, model, answers), concurrency=concurrency,
            max_cost=max_cost, spender="this run of the judge", kept="Everything judged", lost=lost,
        )  # fmt: skip
        yield _Judging(db, provider, model, paid, on_progress)


class _Judging:
    """One run over some answers: what is known is taken from the store, the rest is asked for, each content once."""

    def __init__(
        self,
        db: aiosqlite.Connection,
        provider: Provider,
        model: str,
        paid: PaidRun,
        on_progress: Callable[[int, int], None],
    ) -> None:
        self._db, self._provider, self._model, self._paid, self._on_progress = db, provider, model, paid, on_progress
        self._counts: Counter[str] = Counter()
        self._error = ""
        self.questions: dict[str, dict[int, Question]] = {}
        self.grades: dict[int, Grade] = {}

    async def go(self, answers: Sequence[Judged], *, keep_grades: bool) -> None:
        done = 0
        for start in range(0, len(answers), _BATCH):
            batch = answers[start : start + _BATCH]
            contents: dict[str, tuple[str, list[Judged]]] = {}
            for answer in batch:
                prompt = await self._prompt(answer)
                key = judge.content_hash(self._provider.name, self._model, prompt)
                contents.setdefault(key, (prompt, []))[1].append(answer)
            known = await known_judgements(self._db, list(contents))
            self._counts["cached"] += sum(len(contents[key][1]) for key in known)
            missing = [(key, prompt) for key, (prompt, _) in contents.items() if key not in known]
            found = await self._ask_all(missing, {key: len(contents[key][1]) for key, _ in missing})
            rows = []
            for key, judgement in {**known, **found}.items():
                for answer in contents[key][1]:
                    self.grades[answer.response_key] = judgement.grade
                    reason = f"{self._model}: {judgement.grade.reason}"
                    rows.append((answer.response_key, JUDGE, judge.VERSION, Grade(judgement.grade.verdict, reason)))
            if keep_grades and rows:
                await put_grades(self._db, rows)
            done += len(batch)
            self._on_progress(done, len(answers))

    def report(self, answers: int) -> JudgeReport:
        counts = self._counts
        return JudgeReport(
            judge=f"{self._provider.name}/{self._model}",
            version=judge.VERSION,
            answers=answers,
            cached=counts["cached"],
            judged=counts["judged"],
            unreadable=counts["unreadable"],
            failed=counts["failed"],
            correct=sum(grade.verdict == "correct" for grade in self.grades.values()),
            requests=self._paid.requests,
            prompt_tokens=self._paid.prompt_tokens,
            completion_tokens=self._paid.completion_tokens,
            error=self._error,
            tokens_estimated=self._paid.tokens_estimated,
        )

    async def _prompt(self, answer: Judged) -> str:
        if answer.dataset_id not in self.questions:
            self.questions[answer.dataset_id] = await questions_by_key(self._db, answer.dataset_id)
        question = self.questions[answer.dataset_id][answer.question_key]
        return judge.judge_prompt(question, answer.fact, answer.answer)

    async def _ask_all(self, missing: Sequence[tuple[str, str]], shared_by: dict[str, int]) -> dict[str, Judgement]:
        """Judgements of what could be judged. When one must stop everything, what came until then is kept first."""
        tasks = {key: asyncio.create_task(self._judge(key, prompt)) for key, prompt in missing}
        found: dict[str, Judgement] = {}
        try:
            await self._paid.carry_out(tasks.values())
        finally:
            for key, task in tasks.items():
                if not task.cancelled() and task.exception() is None:
                    outcome = task.result()
                    self._counts["judged" if isinstance(outcome, Judgement) else outcome] += shared_by[key]
                    if isinstance(outcome, Judgement):
                        found[key] = outcome
            async with transaction(self._db):
                await keep_judgements(self._db, found.values())
        return found

    async def _judge(self, key: str, prompt: str) -> Judgement | str:
        """A judgement, or what kept it from being one: `unreadable` or `failed`."""
        asked, prompt_tokens, completion_tokens = prompt, 0, 0
        for number in (1, 2):
            try:
                text, used, written = await self._ask(asked)
            except ProviderError as error:
                self._error = self._error or f"{error.host}: {error.message}"
                return "failed"
            prompt_tokens, completion_tokens = prompt_tokens + used, completion_tokens + written
            grade = judge.read_reply(prompt, text)
            if grade is not None:
                return Judgement(
                    key, self._provider.name, self._model, judge.VERSION, prompt, text, grade, number, prompt_tokens,
                    completion_tokens,
                )  # fmt: skip
            asked = judge.repair_prompt(prompt, text)
        return "unreadable"

    async def _ask(self, prompt: str) -> tuple[str, int, int]:
        request = AskRequest(model=self._model, prompt=prompt, max_tokens=judge.MAX_TOKENS, temperature=0.0, seed=42)
        answer = await self._paid.ask(request)
        return answer.text, answer.prompt_tokens or 0, answer.completion_tokens or 0
