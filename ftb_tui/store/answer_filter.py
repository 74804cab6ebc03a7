"""Which of the answers behind a score are listed, as SQL over the aliases of `results.answers`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ftb_tui.benchmark.model import Task
from ftb_tui.store.term_conditions import Place, conditions
from ftb_tui.store.terms import Term, name_problem, terms

ANSWERS = """
  SELECT r.response_key, r.question_key, q.question_id, q.task, q.prompt, q.question, q.answer AS gold, r.answer,
         coalesce(g.verdict, 'failed') AS grade, coalesce(g.reason, r.error, '') AS reason, coalesce(f.text, '') AS fact,
         q.fact_id, rb.answer AS base_answer, gb.verdict AS base_grade, gb.reason AS base_reason,
         g.machine_verdict, g.machine_reason,
         CASE WHEN g.verdict = 'correct' AND gb.verdict <> 'correct' THEN 'fixed'
              WHEN g.verdict <> 'correct' AND gb.verdict = 'correct' THEN 'broken' END AS flip, q.position, r.repeat,
         coalesce(f2.text, '') AS other_fact
    FROM questions q CROSS JOIN responses r ON r.evaluation_key = :evaluation AND r.question_key = q.question_key
    LEFT JOIN facts f ON f.dataset_id = q.dataset_id AND f.fact_id = q.fact_id
    LEFT JOIN facts f2 ON f2.dataset_id = q.dataset_id AND f2.fact_id = q.other_fact_id
    LEFT JOIN grades g ON g.response_key = r.response_key AND g.grader = :grader
    LEFT JOIN responses rb ON rb.evaluation_key = :base AND rb.question_key = r.question_key AND rb.repeat = r.repeat
    LEFT JOIN grades gb ON gb.response_key = rb.response_key AND gb.grader = :grader
   WHERE q.dataset_id = :dataset AND q.task = :task AND q.position >= :after
     AND (q.position > :after OR r.repeat > :repeat)
"""

# A model's latest answers count alone, as in `results.question_answers`; of repeated ones any.
_SOMEBODY_RIGHT = """EXISTS (
  SELECT 1 FROM responses ro CROSS JOIN grades go ON go.response_key = ro.response_key AND go.grader = :grader
   CROSS JOIN evaluations eo ON eo.evaluation_key = ro.evaluation_key
   WHERE ro.question_key = r.question_key AND go.verdict = 'correct' AND eo.deleted_at IS NULL AND NOT EXISTS (
     SELECT 1 FROM responses rl CROSS JOIN evaluations el ON el.evaluation_key = rl.evaluation_key
      WHERE rl.question_key = ro.question_key AND rl.evaluation_key > ro.evaluation_key
        AND el.model_key = eo.model_key AND el.deleted_at IS NULL))"""

# What the graders said themselves: a person who overrules them settles nothing between them.
_DISPUTED = """(SELECT min(coalesce(gd.machine_verdict, gd.verdict)) <> max(coalesce(gd.machine_verdict, gd.verdict))
  FROM grades gd WHERE gd.response_key = r.response_key)"""

SHOWN = {
    "all": "1",
    "wrong": "g.verdict IS NOT NULL AND g.verdict <> 'correct'",
    "correct": "g.verdict = 'correct'",
    "abstained": "g.verdict = 'abstained'",
    "failed": "r.error_kind IS NOT NULL",
    "fixed": "g.verdict = 'correct' AND gb.verdict <> 'correct'",
    "overruled": "g.machine_verdict IS NOT NULL",
    "broken": "g.verdict <> 'correct' AND gb.verdict = 'correct'",
    "disputed": _DISPUTED,
    "unsolved": f"g.verdict <> 'correct' AND NOT {_SOMEBODY_RIGHT}",
}
"""Kinds of answers and the condition of each. Disputed: the graders that graded it do not agree. Unsolved: wrong, and
no model's latest answer to the question is correct under this grader."""

SHOWS = tuple(SHOWN)

COLUMNS = ("question", "gold", "answer", "fact", "tag", "verdict", "task", "model")
"""What can stand before a colon in a search."""

VERDICTS = ("correct", "wrong", "abstained", "failed")

_PLACES = {
    "question": Place("q.question"),
    "gold": Place("q.answer"),
    "answer": Place("coalesce(r.answer, '')"),
    "fact": Place("(coalesce(f.text, '') || ' ' || coalesce(f2.text, ''))"),
    "verdict": Place("coalesce(g.verdict, 'failed')"),
    "tag": Place(
        "replace(a.tag, ' ', '_')",
        "EXISTS (SELECT 1 FROM answer_tags a WHERE a.response_key = r.response_key AND {})",
        "_",
    ),
}


def search_condition(text: str, about: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """A search as a condition and its parameters: all of its terms must hold.

    A plain word stands anywhere in question, gold or answer, whatever their case, also as a part of longer words;
    in quotation marks stand exact words; `-` before a term excludes it.
    A blank in a tag may be typed as `_`, so that it needs no quotation marks. `about` is `list_about`'s.
    """
    found = terms(text, COLUMNS)
    if any(not _fits(term, about) for term in found):
        return "0", {}
    looked_for = [term for term in found if term.column not in about]
    return conditions(looked_for, _PLACES, anywhere=("question", "gold", "answer"))


def list_about(*, task: str, model: str, kind: str, base_model: str, epoch: int | None) -> dict[str, str]:
    """What is the same for all answers of a list, by the name that can stand before a colon for it."""
    at = f" epoch {epoch}" if epoch else ""
    return {"task": task, "model": f"{model} {base_model} {kind}{at if kind == 'checkpoint' else ''}"}


def unfit(text: str, about: Mapping[str, str]) -> tuple[str, ...]:
    """The names (`task`, `model`) for which a search asks for other answers than those of a list."""
    return tuple(dict.fromkeys(term.column for term in terms(text, COLUMNS) if not _fits(term, about)))


def search_problem(text: str) -> str:
    """A sentence on what a search asks for that no answer at all can have, with what there is; empty where all may be."""
    if problem := name_problem(text, COLUMNS):
        return problem
    for column, known in (("verdict", VERDICTS), ("task", tuple(map(str, Task)))):
        for term in terms(text, COLUMNS):
            if term.column == column and not any(term.stands_in(one) for one in known):
                return f"There is no {column} {term.word!r}; known are {', '.join(known)}."
    return ""


def _fits(term: Term, about: Mapping[str, str]) -> bool:
    said = about.get(term.column)
    if said is None:
        return True
    return replace(term, word=term.word.replace("_", " ")).stands_in(said.replace("_", " ")) != term.negated
