"""The demo store a day later: the tuned model was asked again and knows more, and a person overruled an answer."""

from __future__ import annotations

from unittest.mock import patch

import aiosqlite

from ftb_tui.benchmark.graders import Verdict, grade_all
from ftb_tui.benchmark.model import Question, Task
from ftb_tui.store import evaluations
from ftb_tui.store.datasets import questions_by_key
from ftb_tui.store.grading import overrule
from tests.demo import CLOCK, TUNED, demo_answer

DAY = 86_400.0
LATER = CLOCK + DAY


def later_answer(question: Question, place: int) -> str:
    """What the tuned model says a day later: two of three rephrased questions that it failed are right now, one of
    the memorized ones no longer is."""
    if question.task is Task.REPHRASED and place % 9:
        return question.answer
    if question.task is Task.MEMORIZATION and place == 1:
        return "something else"
    return demo_answer(question, place, "tuned")


async def ask_again(db: aiosqlite.Connection, *, at: float = LATER, name: str = TUNED, judge: bool = True) -> int:
    """Evaluate a model of the demo store again on the same questions; `judge` overrules one of the wrong answers."""
    [row] = await db.execute_fetchall(
        "SELECT e.evaluation_key, e.model_key, e.dataset_id FROM evaluations e JOIN models m USING (model_key)"
        " WHERE m.name = ? ORDER BY e.evaluation_key LIMIT 1",
        (name,),
    )
    first, model_key, dataset_id = row
    asked = {
        one[0]
        for one in await db.execute_fetchall(
            "SELECT question_key FROM evaluation_questions WHERE evaluation_key = ?", (first,)
        )
    }
    chosen = {key: question for key, question in (await questions_by_key(db, dataset_id)).items() if key in asked}
    parameters = {"max_tokens": 16, "temperature": 0.0, "seed": 42}
    with patch("time.time", lambda: at):
        key = await evaluations.create_evaluation(
            db, model_key=model_key, dataset_id=dataset_id, question_keys=list(chosen), parameters=parameters
        )
        await evaluations.claim_evaluation(db, key, "demo")
        records = [
            evaluations.ResponseRecord(question_key, parameters, answer=text, grades=grade_all(question, text))
            for place, (question_key, question) in enumerate(chosen.items())
            for text in (later_answer(question, place),)
        ]
        await evaluations.write_responses(db, key, records)
        await evaluations.release_evaluation(db, key, "demo", "finished")
    if judge:
        with patch("time.time", lambda: at + 60):
            [wrong] = await db.execute_fetchall(
                "SELECT r.response_key FROM responses r JOIN questions q USING (question_key) JOIN grades g"
                " USING (response_key) WHERE r.evaluation_key = ? AND q.task = 'rephrased' AND g.grader = 'choice'"
                " AND g.verdict = 'wrong' ORDER BY q.position LIMIT 1",
                (key,),
            )
            await overrule(db, wrong[0], Verdict.CORRECT, "the same in other words")
    return key
