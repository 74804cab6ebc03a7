"""Which of the answers behind a score are listed, as SQL over the aliases of `results.answers`."""

from __future__ import annotations

import re

from ftb_tui.store.terms import quoted_terms

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

COLUMNS = ("question", "gold", "answer", "tag", "verdict")
"""What can stand before a colon in a search."""

VERDICTS = ("correct", "wrong", "abstained", "failed")

_PLACES = {
    "question": "q.question",
    "gold": "q.answer",
    "answer": "coalesce(r.answer, '')",
    "verdict": "coalesce(g.verdict, 'failed')",
}
_MOST = 200
_ANYWHERE = ("question", "gold", "answer")


def search_condition(text: str) -> tuple[str, dict[str, str]]:
    """A search as a condition and its parameters: all of its terms must hold.

    A plain word stands anywhere in question, gold or answer, whatever their case; `-` before a term excludes it.
    A blank in a tag may be typed as `_`, so that it needs no quotation marks. Terms past the first 200 are left out:
    SQLite takes no expression of any depth.
    """
    conditions = ["1"]
    parameters: dict[str, str] = {}
    for term in quoted_terms(text, COLUMNS)[:_MOST]:
        word = term.word.replace(" ", "_") if term.column == "tag" else term.word
        names = []
        for spelling in _spellings(word):
            names.append(f"term{len(parameters)}")
            parameters[names[-1]] = spelling
        if term.column == "tag":
            holds = (
                "EXISTS (SELECT 1 FROM answer_tags a WHERE a.response_key = r.response_key AND"
                f" {_holds('''replace(a.tag, ' ', '_')''', names, parameters)})"
            )
        else:
            places = (term.column,) if term.column else _ANYWHERE
            holds = " OR ".join(_holds(_PLACES[place], names, parameters) for place in places)
        conditions.append(f"{'NOT ' if term.negated else ''}({holds})")
    return " AND ".join(conditions), parameters


def unknown_verdicts(text: str) -> list[str]:
    """What a search asks for as a verdict and no answer can have."""
    asked = [term.word for term in quoted_terms(text, COLUMNS) if term.column == "verdict"]
    return [word for word in asked if not any(word.casefold() in verdict for verdict in VERDICTS)]


def _holds(text: str, names: list[str], parameters: dict[str, str]) -> str:
    """Whether a text holds one of these spellings; for long texts, of which a hundred thousand may be looked through.

    `instr` reads on behind a NUL, but wants a copy in lower case of every text; LIKE takes no longer than to read them.
    What LIKE makes of letters outside ASCII depends on how SQLite was built, so there `instr` has the last word.
    """
    found = []
    for name in names:
        word, there = parameters[name], f"instr(lower({text}), :{name})"
        if "\0" not in word and len(word) <= _LONGEST_PATTERN:
            parameters[f"{name}_like"] = "%" + re.sub("([%_^])", r"^\1", word) + "%"
            like = f"{text} LIKE :{name}_like ESCAPE '^'"
            there = f"({like}{'' if word.isascii() else f' AND {there}'} OR {_has_nul(text)} AND {there})"
        found.append(there)
    return f"({' OR '.join(found)})"


def _has_nul(text: str) -> str:
    # The one length is in bytes, the other in letters before a NUL: where they are equal, nothing need be looked for.
    return f"length(CAST({text} AS BLOB)) <> length({text}) AND instr({text}, char(0))"


_LONGEST_PATTERN = 1_000
"""SQLite takes no longer patterns than 50,000 bytes."""


def _spellings(word: str) -> list[str]:
    """The ways to write a word that a search has to try: SQLite's `lower` knows no letters but those of ASCII."""
    # As answers with lone surrogates are stored.
    storable = word.encode("utf-8", "backslashreplace").decode()
    tried = (storable, storable.lower(), storable.upper(), storable.capitalize())
    return list(dict.fromkeys(re.sub("[A-Z]+", lambda found: found.group().lower(), one) for one in tried))
