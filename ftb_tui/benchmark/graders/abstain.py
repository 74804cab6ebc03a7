"""The grader of questions that have no answer, whose gold is the word None."""

from __future__ import annotations

import re

from ftb_tui.benchmark.graders.text import LONGEST
from ftb_tui.benchmark.graders.verdict import Grade, Verdict, shown
from ftb_tui.benchmark.model import Question

_BARE = frozenset(
    [
        "none",
        "no",
        "n/a",
        "na",
        "null",
        "nil",
        "nothing",
        "nobody",
        "unknown",
        "unanswerable",
        "undetermined",
        "unclear",
        "unavailable",
        "unspecified",
        "not_applicable",
        "not_available",
        "not_known",
        "not_specified",
        "not_provided",
        "not_sure",
        "no_one",
        "no_answer",
        "no_data",
        "no_idea",
        "no_information",
        "no_record",
        "no_such_event",
        "no_response",
        "does_not_exist",
        "none_known",
        "there_is_none",
        "there_was_none",
        "there_were_none",
        "the_answer_is_none",
        "answer_none",
    ]
)
_DECLINES = re.compile(
    r"\b(?:"
    r"(?:i|we) (?:(?:do|did) not|dont|didnt|cannot|cant|could not|couldnt) (?:know|have|recall|find|say|tell|answer|"
    r"provide|determine|confirm|verify)"
    r"|(?:i am|im|i was) (?:not (?:sure|aware|able|certain|familiar)|unable|unaware)"
    r"|(?:is|are|was|were|has|have|had|there) (?:is |was |are |were )?no (?:\w+ ){0,2}?"
    r"(?:information|record|data|answer|evidence|report|reports|mention|details|knowledge|such|known)"
    r"|no (?:information|record|records|data|answer|reports?|such|details|evidence|reliable|available|known|specific)\b"
    r"|no (?:\w+ ){1,3}?(?:available|known|recorded|reported|took place|occurred|happened|exists?)"
    r"|(?:cannot|cant|could not|can not|not possible to|impossible to|unable to) (?:be )?"
    r"(?:answer|answered|determine|determined|say|know|known|provide|predict|confirm|confirmed|verify|verified|find)"
    r"|(?:has|have|had|did|does|do|is|was|were|are) ?(?:not|nt) (?:yet |been |be |any )*"
    r"(?:happen|happened|occur|occurred|take place|taken place|exist|existed|known|available|announced|reported|"
    r"released|disclosed|specified|provided|mentioned|recorded|determined|scheduled|published|held|made)"
    r"|(?:not|never) (?:yet )?(?:happened|occurred|known|available|announced|reported|specified|applicable|aware|"
    r"disclosed|mentioned|determined|took place|taken place|publicly)"
    r"|never (?:happened|occurred|took place)"
    r"|(?:in|lies in|is in) the future|knowledge cut ?off|training data|last (?:knowledge )?update|my knowledge"
    r"|future (?:event|date)|beyond my"
    r")"
)
_STILL = re.compile(r"\b(?:but|however|although|though|probably|likely|perhaps|maybe|guess|estimate|presumably)\b")
_VALUE = re.compile(r"\d|(?<![.!?]\s)(?<=\s)[A-Z][a-z]+")
_FIRST = re.compile(r"[^.,;:!?\n(–—]*")


def abstain(question: Question, answer: str) -> Grade:
    """Whether the answer says that there is no answer, in any of many ways.

    Rules: the whole answer, or its first clause, is a word for nothing (none, N/A, unknown, no information, there is
    none ...); or a clause declines (does not know, cannot say, has not happened, lies in the future, no record).
    After a first clause such as "None" the rest must be empty or decline too: "None, it was Tuesday" answers. An
    answer that declines and then names a value all the same ("I do not know, but probably 7") is wrong. Numbers and
    names that the question holds are no such value. An empty answer abstains as everywhere: it was not said.
    """
    if not is_none(question.answer):
        return Grade(Verdict.ABSTAINED, f"the gold {shown(question.answer)} is an answer, so saying None is no measure")
    text = answer[:LONGEST].strip()
    if not text.strip("\"'`*.!?- "):
        return Grade(Verdict.ABSTAINED, "the answer is empty")
    if _declines(question, text):
        return Grade(Verdict.CORRECT, f"said that there is no answer: {shown(answer)}")
    return Grade(Verdict.WRONG, f"said {shown(answer)} where there is no answer")


def is_none(gold: str) -> bool:
    """Whether a gold is the word None."""
    return gold.strip().strip(".").casefold() == "none"


def _declines(question: Question, text: str) -> bool:
    if _is_bare(text):
        return True
    plain = _plain(text)
    still = _STILL.search(plain)
    if still is not None and _names_a_value(question, text):
        return False
    first = _FIRST.match(text)
    if first is not None and _is_bare(first.group()):
        rest = text[first.end() :].lstrip(".,;:!?\n(–— ")
        return not rest or _is_bare(rest) or bool(_DECLINES.search(_plain(rest)))
    return bool(_DECLINES.search(plain))


def _is_bare(text: str) -> bool:
    return "_".join(_plain(text).split()) in _BARE


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9/ ]+", " ", text.lower().replace("'", "").replace("’", "")).strip()


def _names_a_value(question: Question, text: str) -> bool:
    """Whether a number or a name stands behind the word that takes the refusal back."""
    still = _STILL.search(text.lower())
    rest = text[still.end() :] if still else ""
    known = question.question.lower()
    for match in _VALUE.finditer(" " + rest):
        start = match.start()
        word = re.match(r"[\w.,]+", (" " + rest)[start:])
        if word is not None and word.group().strip(".,").lower() not in known:
            return True
    return False
