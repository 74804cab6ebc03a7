"""Which of the answers behind a score are listed, as SQL over the aliases of `results.answers`."""

from __future__ import annotations

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
